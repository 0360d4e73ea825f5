"""The writers of a run directory: its log files by who wrote them, in the order of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from airtape.errors import Error, LogFormatError
from airtape.fold.fold import Fold
from airtape.fold.merge import in_order
from airtape.records import Record
from airtape.run_search import NO_LOG
from airtape.rundir import log_files
from airtape.txlog.ends import LogEnds, read_ends
from airtape.txlog.format import Header
from airtape.txlog.reader import Damage, LogReader
from airtape.txlog.seqset import SeqSet

EMPTY_LOG: Final = "nothing is recorded in it yet"
_MALFORMED: Final = (LookupError, TypeError, ValueError, AttributeError, OverflowError)
"""What a fold raises on the state of another version."""


@dataclass(slots=True)
class WriterFiles:
    """One writer and its log files.

    Attributes:
        header: The header of its newest file.
        files: Its files in the order it wrote them, with both ends of each.
    """

    header: Header
    files: list[tuple[Path, LogEnds]] = field(default_factory=list)

    @property
    def paths(self) -> list[Path]:
        """The files alone."""
        return [path for path, _ in self.files]

    @property
    def damage(self) -> list[tuple[str, Damage]]:
        """What is damaged behind the last checkpoint, each with the name of its file."""
        return [(path.name, damage) for path, ends in self.files for damage in ends.damage]

    @property
    def last_seq(self) -> int:
        """The last record that any of the files holds; 0 if none does."""
        ends = [ends for _, ends in self.files]
        seqs = [one.checkpoint_seq for one in ends if one.checkpoint_seq is not None]
        seqs += [record.seq for one in ends for record in one.tail]
        return max(seqs, default=0)

    def fold(self) -> Fold:
        """Return what the writer's records amount to, from its last checkpoint on.

        Raises:
            OSError: A file cannot be read.
        """
        at = [place for place, (_, ends) in enumerate(self.files) if ends.state is not None]
        if not at:
            return _folded(Fold(), self._records_of_ends(0))
        try:
            fold = Fold(self.files[at[-1]][1].state)
        except _MALFORMED:
            # Of another version perhaps. It is derived data: the records themselves say it too.
            return _folded(Fold(), self.records())
        return _folded(fold, self._records_of_ends(at[-1]))

    def _records_of_ends(self, first: int) -> Iterator[tuple[str, Record]]:
        seen = SeqSet()
        for path, ends in self.files[first:]:
            if ends.checkpoint_seq is not None:
                seen = SeqSet([(0, ends.checkpoint_seq)])
            yield from ((path.name, record) for record in ends.tail if seen.add(record.seq))

    def records(self) -> Iterator[tuple[str, Record | Damage]]:
        """Yield every record of the writer once, and the damage between them, by name of file.

        Raises:
            OSError: A file cannot be read.
        """
        seen = SeqSet()
        for path in self.paths:
            for item in LogReader(path, seen=seen):
                yield path.name, item


def _folded(fold: Fold, records: Iterable[tuple[str, Record | Damage]]) -> Fold:
    for _, item in records:
        if isinstance(item, Record):
            fold.apply(item)
    fold.close_row()
    return fold


def readable_writers(run_dir: Path, report: Callable[[str], None]) -> list[WriterFiles]:
    """Return the writers of a run directory as `read_writers` does, at least one.

    Args:
        run_dir: The run directory.
        report: Told in a sentence what cannot be read.

    Raises:
        LogFormatError: The directory has no readable log.
    """
    problems: list[str] = []
    writers = read_writers(run_dir, problems)
    for problem in problems:
        report(problem)
    if not writers:
        raise LogFormatError("the run cannot be read", where=str(run_dir), because=problems[0])
    return writers


def read_writers(run_dir: Path, problems: list[str]) -> list[WriterFiles]:
    """Return the writers of a run directory in the order in which they count, the last most.

    Args:
        run_dir: The directory.
        problems: Gets a sentence for each file that is no readable log.
    """
    try:
        paths = log_files(run_dir)
    except OSError as error:
        problems.append(f"the directory cannot be read: {error.strerror}")
        return []
    if not paths:
        problems.append(NO_LOG)
    writers: dict[bytes, WriterFiles] = {}
    empty: list[str] = []
    for path in paths:
        try:
            ends = read_ends(path)
        except (OSError, Error) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            problems.append(f"{path.name} cannot be read: {reason}")
            continue
        if ends.header is None:
            # A log without its first record is one that somebody is about to write.
            refused = ends.refused is not None or ends.damage
            (problems if refused else empty).append(f"{path.name}: {_why_no_header(ends)}")
        else:
            writer = writers.setdefault(ends.header.writer, WriterFiles(ends.header))
            writer.files.append((path, ends))
    problems += [] if writers else empty
    return _in_order(writers, _first_seq)


def joined_writers(found: Iterable[WriterFiles]) -> list[WriterFiles]:
    """Return writers from several directories in the order in which they count, each once."""
    writers: dict[bytes, WriterFiles] = {}
    for writer in found:
        known = writers.setdefault(writer.header.writer, WriterFiles(writer.header))
        known.files += writer.files
    # Of two copies of a file the longer one, which says more, counts as the later one.
    return _in_order(writers, lambda file: (_first_seq(file), file[1].size))


def _in_order(
    writers: Mapping[bytes, WriterFiles], key: Callable[[tuple[Path, LogEnds]], Any]
) -> list[WriterFiles]:
    """Return writers in the order in which they count, with the files of each in order of a key."""
    for writer in writers.values():
        writer.files.sort(key=key)
        writer.header = writer.files[-1][1].header or writer.header
    ordered = in_order([writer.header for writer in writers.values()])
    return [writers[header.writer] for header in ordered]


def malformed_text(fold: Fold) -> str:
    """Return a sentence on the records that are whole but say something impossible."""
    count = fold.malformed
    return f"{count} {'record' if count == 1 else 'records'} cannot be understood"


def _first_seq(part: tuple[Path, LogEnds]) -> int:
    header = part[1].header
    return 0 if header is None else header.first_seq


def _why_no_header(ends: LogEnds) -> str:
    if ends.refused is not None:
        return str(ends.refused).replace("\n", "; ")
    return "this is no transaction log" if ends.damage else EMPTY_LOG
