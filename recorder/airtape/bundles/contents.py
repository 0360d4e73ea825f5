"""What goes into a bundle: of each run directory what a receipt does not have yet."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from airtape.backends.cursor import Cursor, FileMark
from airtape.bundles.names import why_not
from airtape.errors import Error
from airtape.receipts.document import ReceiptDocument
from airtape.receipts.taking import digest_of_file, files_of
from airtape.rundir import log_files
from airtape.sync.log_file import LogFile, continues, header_of
from airtape.sync.renames import Renames
from airtape.txlog.format import Header
from airtape.txlog.reader import LogReader

_OWN_LOGS = ("logs/debug.log",)
"""What the recorder says of itself and somebody may ask for."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file that goes into a bundle, from one place on.

    Attributes:
        file: The file.
        path: Its path in the run directory, with slashes.
        start: Where it begins.
        end: Where it ends; None for all that is there.
        frame: Start and checksum of the frame that ends where it begins.
    """

    file: Path
    path: str
    start: int = 0
    end: int | None = None
    frame: tuple[int, int] | None = None


class Contents:
    """What run directories have that a receipt does not.

    Args:
        since: The receipt, None for everything.

    Attributes:
        notes: What was left out, and why, in sentences.
    """

    def __init__(self, since: ReceiptDocument | None) -> None:
        self.notes: list[str] = []
        self._cursors: Mapping[bytes, Cursor] = {}
        self._files: set[tuple[str, str]] | None = None
        if since is not None:
            self._cursors = {one.writer: one.cursor for one in since.writers}
        self._receipt = since

    def parts_of(self, run_dir: Path) -> tuple[str, list[Part]]:
        """Return the id of the run in a directory, and what of it goes into the bundle.

        Logs come up to the end of their last whole record, and before files are looked at: every
        file that they name is there.

        Raises:
            OSError: The directory cannot be read.
        """
        logs = [log for path in log_files(run_dir) for log in self._opened(path)]
        if not logs:
            self.notes.append(f"{run_dir}: nothing is recorded in it")
            return "", []
        grown = [part for log in logs for part in self._new_of(log)]
        parts = [*self._files_of(run_dir, logs, has_grown=bool(grown)), *grown]
        named = []
        for part in parts:
            wrong = why_not(f"{run_dir.name}/{part.path}")
            if wrong is None:
                named.append(part)
            else:
                self.notes.append(f"{str(part.file)!a} is left out: {wrong}")
        return logs[0].header.run_id, named

    def _opened(self, path: Path) -> Iterator[LogFile]:
        try:
            header, status = header_of(path), path.lstat()
        except (OSError, Error) as error:
            self.notes.append(f"{path} is left out: {error}".replace("\n", "; "))
            return
        if header is not None:
            yield LogFile(path, header, status.st_size, status.st_mtime_ns)

    def _new_of(self, log: LogFile) -> Iterator[Part]:
        """Yield what the receipt lacks of a log: all of it, where it may lack something before."""
        mark = self._mark_of(log)
        if mark is None:
            end = _whole_end(log.path, 0, None)
            yield Part(log.path, log.name, 0, end)
            return
        end = _whole_end(log.path, mark.offset, log.header)
        if end > mark.offset:
            frame = mark.frame_start, mark.frame_crc
            yield Part(log.path, log.name, mark.offset, end, frame)

    def _mark_of(self, log: LogFile) -> FileMark | None:
        cursor = self._cursors.get(log.header.writer)
        mark = None if cursor is None else cursor.files.get(log.name)
        if cursor is None or mark is None or not mark.offset or not continues(log, mark):
            return None
        # A copy that was damaged on the way is healed by the whole log.
        return None if any(loss.file == log.name for loss in cursor.losses) else mark

    def _files_of(
        self, run_dir: Path, logs: Iterable[LogFile], *, has_grown: bool
    ) -> Iterator[Part]:
        held = None
        if self._receipt is not None:
            held = self._receipt.files.get(Renames().key_of(next(iter(logs)).header))
            if held is None and not has_grown and self._has_ended(logs):
                # They came with the records that name them, or before.
                return
        own = [path for path in _OWN_LOGS if has_grown and (run_dir / path).is_file()]
        for path in [*files_of(run_dir), *own]:
            file = run_dir / path
            try:
                if held is None or (path, digest_of_file(file)) not in held:
                    yield Part(file, path)
            except OSError as error:
                self.notes.append(f"{file} is left out: {error.strerror}")

    def _has_ended(self, logs: Iterable[LogFile]) -> bool:
        cursors = [self._cursors.get(log.header.writer) for log in logs]
        return all(cursor is not None and cursor.ended for cursor in cursors)


def _whole_end(path: Path, start: int, header: Header | None) -> int:
    """Return where the last whole record of a log ends that begins behind a place."""
    reader = LogReader(path, offset=start, header=header)
    for _ in reader:
        pass
    return max(start, min(reader.offset, os.stat(path).st_size))  # noqa: PTH116 - a plain number
