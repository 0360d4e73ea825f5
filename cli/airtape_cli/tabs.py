"""The tabs of a run: what `tracker show` reads for each, and hands to be shown."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Final, NamedTuple, TypeVar

from airtape.console_lines import output_chunks, output_lines
from airtape.errors import LogFormatError
from airtape.fold.keys import Key, dotted
from airtape.overview import Overview
from airtape.query.joined import writers_in
from airtape.query.whole_values import from_directories, with_large_values
from airtape.rows import Report, history_of
from airtape.system_samples import system_of
from airtape.writers import WriterFiles
from airtape_cli.locate import files_of
from airtape_cli.render.artifacts import artifacts_lines, artifacts_shape
from airtape_cli.render.files import files_lines, files_shape
from airtape_cli.render.history import history_lines, history_shape
from airtape_cli.render.lines import echo_lines
from airtape_cli.render.notes import echo_note
from airtape_cli.render.output import chunks_shape, echo_chunks, echo_output, lines_shape
from airtape_cli.render.overview import overview_lines
from airtape_cli.render.shapes import echo_json, full_shape
from airtape_cli.render.system import system_lines, system_shape

ROWS: Final = 20
"""Rows of the history that are shown when nobody says how many."""

T = TypeVar("T")


class Wanted(NamedTuple):
    """What of a tab is to be shown, and how.

    Attributes:
        as_json: Whether as JSON.
        raw: Whether output is shown as it was written.
        tail: How many of the last rows, samples or lines; all, or a few, if that is None.
        keys: Names of the metrics; all where there are none.
        report: Told in a sentence what is damaged or cannot be read.
    """

    as_json: bool
    raw: bool
    tail: int | None
    keys: frozenset[str]
    report: Report

    def last(self, items: Iterable[T], unsaid: int | None = None) -> tuple[list[T], int]:
        """Return the last items, as many as are wanted, and how many there are."""
        count = 0

        def counted() -> Iterable[T]:
            nonlocal count
            for item in items:
                count += 1
                yield item

        tail = unsaid if self.tail is None else self.tail
        return list(deque(counted(), maxlen=tail)), count


def _read(items: Iterable[T], run: Overview) -> Iterator[T]:
    """Yield what is read from a run's logs.

    Raises:
        LogFormatError: They cannot be read.
    """
    try:
        yield from items
    except OSError as error:
        what = "the log cannot be read to its end"
        raise LogFormatError(what, where=str(run.directory), because=str(error)) from error


def _having(
    items: Iterable[T], wanted: Wanted, keys_of: Callable[[T], Iterable[Key]]
) -> Iterator[T]:
    """Yield items; behind the last one, note which of the wanted metrics none of them has."""
    known: set[Key] = set()
    for item in items:
        if wanted.keys:
            known.update(keys_of(item))
        yield item
    names = sorted(map(dotted, known))
    for name in sorted(wanted.keys.difference(names)):
        near = get_close_matches(name, names, n=1)
        echo_note(f"there is no metric {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))


def _overview(run: Overview, wanted: Wanted) -> None:
    files = files_of(run)
    if wanted.as_json:
        echo_json(full_shape(run, files))
    else:
        echo_lines(overview_lines(run, files))


def _history(run: Overview, wanted: Wanted) -> None:
    read = _read(history_of(_writers(run, wanted), wanted.report), run)
    rows = _having(read, wanted, lambda row: row.data)
    if wanted.as_json:
        load = from_directories(run.directories)
        shown, total = wanted.last(with_large_values(rows, load, wanted.report))
        echo_json(history_shape(shown, total, wanted.keys))
    else:
        shown, total = wanted.last(rows, ROWS)
        echo_lines(history_lines(run, shown, total, wanted.keys), crop=True)


def _system(run: Overview, wanted: Wanted) -> None:
    read = _read(system_of(_writers(run, wanted), wanted.report), run)
    samples, _ = wanted.last(_having(read, wanted, lambda sample: sample.values))
    if wanted.as_json:
        echo_json(system_shape(samples, wanted.keys))
    else:
        echo_lines(system_lines(samples, wanted.keys))


def _logs(run: Overview, wanted: Wanted) -> None:
    writers = _writers(run, wanted)
    if wanted.raw:
        chunks = _read(output_chunks(writers, wanted.report), run)
        kept = chunks if wanted.tail is None else wanted.last(chunks)[0]
        if wanted.as_json:
            echo_json(chunks_shape(kept))
        else:
            echo_chunks(kept)
        return
    lines = _read(output_lines(writers, wanted.report), run)
    shown = lines if wanted.tail is None else wanted.last(lines)[0]
    if wanted.as_json:
        echo_json(lines_shape(shown))
    else:
        echo_output(shown, [writer.header for writer in writers])


def _files(run: Overview, wanted: Wanted) -> None:
    files = files_of(run)
    if wanted.as_json:
        echo_json(files_shape(run, files))
    else:
        echo_lines(files_lines(run, files))


def _artifacts(_: Overview, wanted: Wanted) -> None:
    if wanted.as_json:
        echo_json(artifacts_shape())
    else:
        echo_lines(artifacts_lines())


def _writers(run: Overview, wanted: Wanted) -> list[WriterFiles]:
    return writers_in(run.directories, {header.writer for header, _ in run.writers}, wanted.report)


TABS: Final[Mapping[str, Callable[[Overview, Wanted], None]]] = {
    "overview": _overview,
    "history": _history,
    "system": _system,
    "logs": _logs,
    "files": _files,
    "artifacts": _artifacts,
}
"""What shows each tab of a run, by its name."""
