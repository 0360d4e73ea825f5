"""Comparing what a target holds of a run with what its logs say, record by record."""

from __future__ import annotations

import math
import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from airtape.accepted_losses import accepted_in
from airtape.backends.base import Backend, Held
from airtape.backends.contents import KeepsFiles
from airtape.backends.cursor import Cursor, RunKey, unpack_state
from airtape.backends.replica import Replica
from airtape.errors import Error
from airtape.exactjson import dumps
from airtape.file_copy import Digest
from airtape.fold.keys import Key, dotted
from airtape.fold.merge import Part
from airtape.records import Point
from airtape.rundir import log_files
from airtape.sync.batches import BatchBuilder
from airtape.sync.file_contents import named_files
from airtape.sync.log_file import LogFile, header_of
from airtape.sync.receipt import Receipt, receipt_of
from airtape.sync.renames import Names
from airtape.sync.source import WriterReader
from airtape.sync.target_names import TargetNames
from airtape.txlog.seqset import SeqSet

MOST_TOLD: Final = 10
"""How many differences of a run are put into words."""

Verdict: TypeAlias = Literal["equal", "behind", "ahead", "different", "absent", "unreadable"]
"""``behind`` lacks records that the logs hold, ``ahead`` holds records that these logs do not."""
_WORST: Final[tuple[Verdict, ...]] = ("unreadable", "different", "absent", "behind", "ahead")


@dataclass(slots=True)
class Comparison:
    """How a target and the logs of a run compare.

    Attributes:
        run: The run, as the target knows it.
        directories: Where its logs stand.
        verdict: In one word.
        missing: Number of records that the logs hold and the target lacks.
        extra: Number of records that the target holds and the logs do not.
        differences: Number of values, times and records that are not the same in both.
        told: The first of them, and what else there is to say, in sentences.
        receipt: What the target has.
    """

    run: RunKey
    directories: list[Path] = field(default_factory=list)
    verdict: Verdict = "equal"
    missing: int = 0
    extra: int = 0
    differences: int = 0
    told: list[str] = field(default_factory=list)
    receipt: Receipt = field(default_factory=Receipt)

    def judge(self, verdict: Verdict) -> None:
        """Let the worst verdict count."""
        said = {self.verdict, verdict}
        self.verdict = next((one for one in _WORST if one in said), "equal")

    def differ(self, sentence: str) -> None:
        """Count a difference."""
        self.differences += 1
        self.judge("different")
        if self.differences <= MOST_TOLD:
            self.told.append(sentence)


def compare(run_dirs: Iterable[Path], backend: Backend) -> Iterator[Comparison]:
    """Compare each run with the target, under the name that it has there.

    Args:
        run_dirs: The run directories; what of several directories is one run is compared as one.
        backend: The target.

    Raises:
        TargetError: The target does not answer.
    """
    names = TargetNames(backend)
    runs: dict[RunKey, tuple[Comparison, defaultdict[bytes, list[LogFile]]]] = {}
    for run_dir in run_dirs:
        unreadable = Comparison(RunKey("", b""), [run_dir], "unreadable")
        for file in _files_in(run_dir, unreadable):
            run = names.run_of(file.path, file.header)
            comparison, writers = runs.setdefault(run, (Comparison(run), defaultdict(list)))
            writers[file.header.writer].append(file)
            if run_dir not in comparison.directories:
                comparison.directories.append(run_dir)
        if unreadable.told:
            yield unreadable
    for comparison, writers in runs.values():
        _compare_run(comparison, writers, backend)
        yield comparison


def _files_in(run_dir: Path, unreadable: Comparison) -> Iterator[LogFile]:
    """Yield the logs of a directory; what cannot be read is told."""
    try:
        paths = log_files(run_dir)
    except OSError as error:
        unreadable.told.append(error.strerror or str(error))
        return
    for path in paths:
        file = _opened(path, unreadable)
        if file is not None:
            yield file


def _opened(path: Path, unreadable: Comparison) -> LogFile | None:
    try:
        header, status = header_of(path), path.lstat()
    except (OSError, Error) as error:
        unreadable.told.append(f"{path.name}: {error}".replace("\n", "; "))
        return None
    return None if header is None else LogFile(path, header, status.st_size, status.st_mtime_ns)


def _compare_run(
    comparison: Comparison, writers: Mapping[bytes, Sequence[LogFile]], backend: Backend
) -> None:
    held = {one.header.writer: one for one in backend.dump(comparison.run)}
    comparison.receipt = receipt_of(one.cursor for one in held.values())
    accepted = accepted_in(comparison.directories, comparison.run.root)
    large = _compare_files(comparison, list(held.values()), backend, accepted)
    for writer, files in writers.items():
        in_order = sorted(files, key=lambda file: file.header.first_seq)
        try:
            large |= _compare_writer(comparison, in_order, held.pop(writer, None))
        except OSError as error:
            comparison.judge("unreadable")
            comparison.told.append(f"{error.filename}: {error.strerror}")
    if held:
        comparison.judge("ahead")
        comparison.extra += sum(len(one.cursor.received) for one in held.values())
        comparison.told.append(f"it has {len(held)} writers of which no log is here")
    by_digest = {file.sha256: file for file in large}
    _compare_held(comparison, by_digest, backend, "large values", accepted)
    if comparison.verdict == "behind" and not comparison.receipt.records:
        comparison.judge("absent")


def _compare_files(
    comparison: Comparison, held: Sequence[Held], backend: Backend, accepted: frozenset[str]
) -> set[Digest]:
    """Look for the files that a target knows of, and return the large values that it knows of."""
    said = [(one.header, one.cursor.said()) for one in held]
    named = named_files([Part(header, one.fold) for header, one in said])
    _compare_held(comparison, named, backend, "files", accepted)
    return {file for _, one in said for file in one.large}


def _compare_held(
    comparison: Comparison,
    named: Mapping[str, Digest],
    backend: Backend,
    what: str,
    accepted: frozenset[str],
) -> None:
    """See whether a target that keeps content has these, but for what is accepted as lost."""
    if not named or not isinstance(backend, KeepsFiles):
        return
    missing = backend.missing_files(set(named.values()))
    gone = sorted(path for path, file in named.items() if file in missing)
    lacking = [path for path in gone if named[path].sha256 not in accepted]
    if len(lacking) < len(gone):
        comparison.told.append(f"{len(gone) - len(lacking)} {what} are accepted as lost")
    if lacking:
        comparison.judge("behind")
        first = ", ".join(lacking[:MOST_TOLD])
        comparison.told.append(f"it lacks the content of {len(lacking)} {what}: {first}")


def _compare_writer(
    comparison: Comparison, files: Sequence[LogFile], held: Held | None
) -> set[Digest]:
    """Fold those records of a writer that the target has, and compare what they amount to.

    Returns:
        The large values that they refer to.
    """
    here = files[0].header
    taken = SeqSet() if held is None else held.cursor.received
    builder = BatchBuilder(comparison.run, here, None, names=Names())
    reader = WriterReader(files, Cursor())
    with closing(iter(reader)) as records:
        for record in records:
            if record.seq in taken:
                builder.take(record)
    missing = _count_missing(reader.received, taken)
    extra = _count_missing(taken, reader.received)
    comparison.missing += missing
    comparison.extra += extra
    if missing:
        comparison.judge("behind")
    if extra:
        comparison.judge("ahead")
        comparison.told.append(
            f"writer {here.writer.hex()}: {extra} records of the target are not in these logs"
        )
    elif held is not None:
        if not missing and held.cursor.tally not in {None, reader.tally}:
            comparison.differ(f"writer {here.writer.hex()}: the digest of its records is another")
        _compare_contents(comparison, _expected(comparison.run, builder, reader, held), held)
    return builder.large


def _count_missing(wanted: SeqSet, there: SeqSet) -> int:
    return sum(
        last - first + 1
        for low, high in wanted.intervals()
        for first, last in there.missing(low, high)
    )


def _expected(run: RunKey, builder: BatchBuilder, reader: WriterReader, held: Held) -> Held:
    """Return what the target must hold.

    When its last row is open, the values in it may have been sent, or wait for the rest of it.
    """
    there = unpack_state(held.cursor.state, None)
    waits = there.fold.history.open_row is not None and not there.provisional
    batch = builder.build(reader, last=not waits)
    replica = Replica(run, held.header, batch.cursor)
    replica.apply(batch.changes, batch.events)
    return replica.held()


def _compare_contents(comparison: Comparison, said: Held, held: Held) -> None:
    _compare_points(comparison, said.points, held.points)
    for step in sorted(said.rows.keys() | held.rows.keys()):
        if said.rows.get(step) != held.rows.get(step):
            comparison.differ(
                f"step {step}: the time is {said.rows.get(step)} in the log, "
                f"{held.rows.get(step)} in the target"
            )
    ours, theirs = ({event.seq: event for event in one.events} for one in (said, held))
    for seq in sorted(ours.keys() | theirs.keys()):
        if _in_order(ours.get(seq)) != _in_order(theirs.get(seq)):
            comparison.differ(f"record {seq} is not the same")
    about, other = (_about(one.cursor) for one in (said, held))
    for part, value in about.items():
        if dumps(value) != dumps(other[part]):
            comparison.differ(f"the {part} is not the same")


def _in_order(event: object) -> str:
    """Return a record in words: in what order the names of a map stand means nothing."""
    return dumps(_sorted(event))


def _sorted(value: Any) -> Any:  # noqa: ANN401 - whatever a record holds
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    if isinstance(value, list | tuple):
        return [_sorted(item) for item in value]
    return value


def _compare_points(comparison: Comparison, said: Sequence[Point], held: Sequence[Point]) -> None:
    if len(said) == len(held) and all(map(_same, said, held)):
        return
    ours, theirs = ({(point.step, point.key): point for point in one} for one in (said, held))
    for place in sorted(ours.keys() | theirs.keys(), key=_place):
        mine, other = ours.get(place), theirs.get(place)
        if mine is None or other is None or not _same(mine, other):
            comparison.differ(
                f"step {place[0]}, {dotted(place[1])}: {_shown(mine)} in the log, "
                f"{_shown(other)} in the target"
            )


def _same(mine: Point, other: Point) -> bool:
    """Tell whether two points are the same to the last bit."""
    if mine[:2] != other[:2] or mine.seq != other.seq or type(mine.value) is not type(other.value):
        return False
    if type(mine.value) is float and (not mine.value or math.isnan(mine.value)):
        return struct.pack(">d", mine.value) == struct.pack(">d", other.value)
    if type(mine.value) in {float, int, str, bool, type(None)}:
        return bool(mine.value == other.value)
    return dumps(mine.value) == dumps(other.value)


def _place(place: tuple[int, Key]) -> tuple[int, str]:
    return place[0], dotted(place[1])


def _shown(point: Point | None) -> str:
    return "nothing" if point is None else f"{dumps(point.value)} (record {point.seq})"


def _about(cursor: Cursor) -> dict[str, Any]:
    fold = cursor.fold()
    return {
        "config": fold.config,
        "summary": fold.summary,
        "metadata": fold.metadata,
        "end": fold.exit,
    }
