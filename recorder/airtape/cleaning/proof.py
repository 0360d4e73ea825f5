"""Whether a target has all of a run: every record, with its digest, and the bytes of every file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from airtape.accepted_losses import accepted_by
from airtape.backends.base import Backend
from airtape.backends.contents import KeepsFiles
from airtape.backends.cursor import Cursor, RunKey
from airtape.backends.tally import Tally
from airtape.file_copy import Digest
from airtape.query.lost_contents import files_by_directory
from airtape.receipts.taking import digest_of_file, files_named, files_of, held_of, large_named
from airtape.sync.batches import large_in
from airtape.sync.log_file import LogFile
from airtape.sync.receipt import Receipt, receipt_of
from airtape.sync.source import Gap, WriterReader
from airtape.sync.target_names import TargetNames
from airtape.txlog.seqset import SeqSet
from airtape.writers import WriterFiles


@runtime_checkable
class HoldsFiles(Protocol):
    """A target that can say which files of a run it has the bytes of; none has to."""

    def held_files(self, run: RunKey) -> frozenset[tuple[str, str]] | None:
        """Return path and SHA-256 of each, such as ``("files/a.txt", "5f…")``.

        None where that is not known.

        Raises:
            TargetError: The target does not answer.
        """


class WriterHere(NamedTuple):
    """What the logs of a writer hold.

    Attributes:
        log: The first of them.
        writer: Its header and files.
        received: Its records.
        tally: What they amount to.
        lost: What is damaged or missing, in words.
        large: The values too large for a record that its records refer to.
    """

    log: Path
    writer: WriterFiles
    received: SeqSet
    tally: Tally | None
    lost: Sequence[str]
    large: frozenset[Digest]


def read_here(writer: WriterFiles, dropped: Iterable[Gap]) -> WriterHere:
    """Read all logs of a writer.

    Args:
        writer: The writer.
        dropped: What it had to drop itself.

    Raises:
        OSError: One cannot be read.
    """
    files = [
        LogFile(path, ends.header or writer.header, ends.size, path.lstat().st_mtime_ns)
        for path, ends in writer.files
    ]
    reader = WriterReader(files, Cursor())
    large: set[Digest] = set()
    for record in reader:
        large.update(large_in(record))
    lost = [str(loss) for loss in reader.losses(dropped)]
    return WriterHere(
        writer.paths[0], writer, reader.received, reader.tally, lost, frozenset(large)
    )


class Proof:
    """Compares runs with what one target has of them.

    Args:
        backend: The target.
        target: What it is called.

    Attributes:
        backend: The target.

    Raises:
        TargetError: The target does not answer; likewise from every method.
    """

    def __init__(self, backend: Backend, target: str) -> None:
        self.backend = backend
        self._names = TargetNames(backend)
        self.target = target

    def lacks(
        self,
        writers: Sequence[WriterHere],
        files: Mapping[str, str],
        gone: AbstractSet[tuple[str, str]] = frozenset(),
    ) -> Iterator[str]:
        """Yield what the target lacks of a run, or may lack, in sentences.

        Args:
            writers: Its writers.
            files: The digest of each of its files, by path.
            gone: What `gone_from` has found.
        """
        runs = []
        for here in writers:
            run = self._names.run_of(here.log, here.writer.header)
            runs.append(run)
            yield from self._lacks_of(here, self.backend.read_cursor(run, _uuid(here)))
        held = self._files_held(dict.fromkeys(runs), writers)
        missing = [path for path, digest in files.items() if (path, digest) not in held]
        if missing:
            more = f" and {len(missing) - 1} more" if missing[1:] else ""
            yield f"{self.target} does not have the bytes of {missing[0]}{more}"
        lost = sorted(path for path, _ in gone - held if path not in missing)
        if lost:
            more = f" and {len(lost) - 1} more" if lost[1:] else ""
            yield (
                f"{lost[0]}{more}: the content is gone, and {self.target} does not have it "
                "(put it back, or say that it is lost for good: tracker edit --accept-lost)"
            )

    def _files_held(
        self, runs: Iterable[RunKey], writers: Sequence[WriterHere]
    ) -> set[tuple[str, str]]:
        """Return path and digest of each file whose bytes the target has, and of which it knows."""
        if isinstance(self.backend, HoldsFiles):
            return {file for run in runs for file in self.backend.held_files(run) or ()}
        if not isinstance(self.backend, KeepsFiles):
            return set()
        named = {file for here in writers for file in files_named(here.writer.fold())}
        large = (file for here in writers for file in here.large)
        held = held_of(self.backend, named | large_named(large))
        # What is about to be the only copy is read to its end.
        return {(path, file.sha256) for path, file in held if _reads_well(self.backend, file)}

    def runs_of(self, writers: Iterable[WriterFiles]) -> list[RunKey]:
        """Return what the target calls the run of some writers; one, unless it was renamed."""
        keys = (self._names.run_of(one.paths[0], one.header) for one in writers)
        return [*dict.fromkeys(keys)]

    def receipt(self, writers: Iterable[WriterFiles]) -> Receipt:
        """Return what the target has of a run."""
        cursors = []
        for writer in writers:
            (run,) = self.runs_of([writer])
            cursors.append(self.backend.read_cursor(run, writer.header.writer) or Cursor())
        return receipt_of(cursors)

    def _lacks_of(self, here: WriterHere, cursor: Cursor | None) -> Iterator[str]:
        if cursor is None:
            yield f"{self.target} has nothing of it"
            return
        missing = _count_missing(here.received, cursor.received)
        if missing:
            yield f"{self.target} lacks {missing} of its records"
        elif _count_missing(cursor.received, here.received):
            yield f"{self.target} has records of it that are not here"
        elif cursor.tally is None or cursor.tally != here.tally:
            yield (
                f"{self.target} does not say what its records amount to"
                if cursor.tally is None
                else f"the records that {self.target} has are not these"
            )


def _reads_well(backend: KeepsFiles, file: Digest) -> bool:
    found = sha256()
    with suppress(LookupError):
        for part in backend.read_file(file):
            found.update(part)
    return found.hexdigest() == file.sha256


def _uuid(here: WriterHere) -> bytes:
    return here.writer.header.writer


def _count_missing(wanted: SeqSet, there: SeqSet) -> int:
    return sum(
        last - first + 1
        for low, high in wanted.intervals()
        for first, last in there.missing(low, high)
    )


def gone_from(writers: Sequence[WriterHere], files: Mapping[str, str]) -> set[tuple[str, str]]:
    """Return path and digest of what was recorded and is not there, nor accepted as lost.

    Args:
        writers: All writers of a run.
        files: The digest of each of its files, by path.

    Raises:
        OSError: A log cannot be read.
    """
    logs = [here.writer for here in writers]
    named = {item for found in files_by_directory(logs).values() for item in found.items()}
    named |= large_named(file for here in writers for file in here.large)
    accepted = accepted_by(logs)
    return {
        (path, file.sha256)
        for path, file in named
        if files.get(path) != file.sha256 and file.sha256 not in accepted
    }


def digests_of(run_dirs: Iterable[Path]) -> dict[str, str]:
    """Return the digest of each file of a run by path; of two under one path both are compared.

    Raises:
        OSError: One cannot be read.
    """
    found: dict[str, str] = {}
    for run_dir in run_dirs:
        for path in files_of(run_dir):
            digest = digest_of_file(run_dir / path)
            if found.setdefault(path, digest) != digest:
                # No target holds two of one name, so that this one stays missing.
                found[path] = f"{found[path]} {digest}"
    return found
