"""Runs by what their logs say: one id and one beginning are one run, in however many folders."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from airtape.errors import LogFormatError
from airtape.fold.row import Row
from airtape.overview import Overview, overview_of
from airtape.rows import Report, history_of
from airtape.states import Vantage
from airtape.txlog.format import Header
from airtape.writers import WriterFiles, joined_writers, read_writers


class Incarnation(NamedTuple):
    """Which run is meant: two that took the same id are two runs.

    Attributes:
        run_id: The run's id.
        root: Uuid of the writer that began it.
    """

    run_id: str
    root: bytes


@dataclass(frozen=True, slots=True)
class JoinedRun:
    """A run in its run directories.

    Attributes:
        incarnation: Which run it is.
        directories: The directories that hold a log of it, the newest one last.
        writers: Its writers in the order in which they count.
        problems: What is wrong with the directories, in sentences.
    """

    incarnation: Incarnation
    directories: Sequence[Path]
    writers: Sequence[WriterFiles]
    problems: Sequence[str] = ()

    def overview(self, vantage: Vantage) -> Overview:
        """Return what the run is; its directory is the newest one.

        Args:
            vantage: When and where one looks from.
        """
        problems = [*self.problems]
        overview = overview_of(self.directories[-1], self.writers, vantage, problems)
        overview.directories = list(self.directories)
        return overview


def read_runs(run_dirs: Iterable[Path]) -> tuple[list[JoinedRun], dict[Path, list[str]]]:
    """Read some run directories; each run comes once.

    Returns:
        The runs, and sentences on each directory that holds none that can be read.
    """
    writers: dict[Incarnation, list[WriterFiles]] = {}
    problems: dict[Path, list[str]] = {}
    unreadable: dict[Path, list[str]] = {}
    for run_dir in run_dirs:
        wrong: list[str] = []
        found = read_writers(run_dir, wrong)
        ids = sorted({writer.header.run_id for writer in found})
        if len(ids) > 1:
            wrong.append(f"its logs belong to different runs: {', '.join(ids)}")
        (problems if found else unreadable)[run_dir] = wrong
        for writer, run in zip(found, _incarnations(found), strict=True):
            writers.setdefault(run, []).append(writer)
    return [_joined(run, found, problems) for run, found in writers.items()], unreadable


def writers_of(
    run: Incarnation, run_dirs: Iterable[Path], problems: list[str]
) -> list[WriterFiles]:
    """Return the writers of a run, as they are now, in the order in which they count.

    Args:
        run: The run.
        run_dirs: Its directories.
        problems: Gets a sentence for each file that is no readable log.
    """
    found: list[WriterFiles] = []
    for run_dir in run_dirs:
        writers = read_writers(run_dir, problems)
        found += [
            writer
            for writer, owner in zip(writers, _incarnations(writers), strict=True)
            if owner == run
        ]
    return joined_writers(found)


def history_in(
    run_dirs: Sequence[Path], wanted: Collection[bytes], report: Report
) -> Iterator[Row]:
    """Yield the rows of a run in order of their steps.

    Args:
        run_dirs: The directories of the run, at least one.
        wanted: Uuids of its writers.
        report: Told in a sentence what is damaged or cannot be understood.

    Raises:
        LogFormatError: The directories have no readable log of it.
        OSError: A log cannot be read.
    """
    yield from history_of(writers_in(run_dirs, wanted, report), report)


def writers_in(
    run_dirs: Sequence[Path], wanted: Collection[bytes], report: Report
) -> list[WriterFiles]:
    """Return writers of a run in the order in which they count; see `history_in`."""
    problems: list[str] = []
    found = [writer for run_dir in run_dirs for writer in read_writers(run_dir, problems)]
    for problem in problems:
        report(problem)
    writers = joined_writers(writer for writer in found if writer.header.writer in wanted)
    if not writers:
        because = problems[0] if problems else "its logs are gone"
        raise LogFormatError("the run cannot be read", where=str(run_dirs[-1]), because=because)
    return writers


def _joined(
    run: Incarnation, found: Iterable[WriterFiles], problems: Mapping[Path, Sequence[str]]
) -> JoinedRun:
    writers = joined_writers(found)
    directories = dict.fromkeys(path.parent for writer in writers for path in writer.paths)
    primaries = [writer for writer in writers if writer.header.role == "primary"]
    newest = (primaries or writers)[-1].paths[-1].parent
    directories.pop(newest)
    ordered = [*directories, newest]
    several = len(ordered) > 1
    wrong = [
        f"{directory.name}: {problem}" if several else problem
        for directory in ordered
        for problem in problems.get(directory, ())
    ]
    return JoinedRun(run, ordered, writers, wrong)


def _incarnations(writers: Sequence[WriterFiles]) -> Iterator[Incarnation]:
    """Yield the run of each writer of one directory.

    A rank or child whose header does not say what run it is part of belongs to the primary beside.
    """
    primaries: dict[str, Header] = {}
    for writer in writers:
        if writer.header.role == "primary":
            primaries.setdefault(writer.header.run_id, writer.header)
    for writer in writers:
        header = writer.header
        if not header.root and header.role != "primary":
            header = primaries.get(header.run_id, header)
        yield Incarnation(header.run_id, header.root or header.writer)
