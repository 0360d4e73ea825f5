"""The content of a run's files on its way into a target, where a target keeps it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from os import SEEK_SET, close, fstat, lseek
from pathlib import Path
from typing import Any, Final, Literal

from airtape.backends.contents import is_digest
from airtape.below import open_below
from airtape.file_copy import Digest, chunks_of, digest_of
from airtape.fold.merge import Part, in_order
from airtape.sync.lease import Hold
from airtape.sync.target import Target

MOST_TOLD: Final = 20
"""How many files of a run are put into words."""
OTHER: Final = "it is not what was recorded"


class _UnreadableError(Exception):
    """A file cannot be read while it is sent; not an OSError, which would be the target's."""


@dataclass(slots=True)
class ContentCounts:
    """What became of the files of a run directory, or of its large values.

    Attributes:
        folder: Where below the run directory they are.
        named: Number of files whose content the logs name by its digest.
        held: Number of these that the target holds.
        sent: Number of contents that were sent.
        size: Their bytes.
        missing: What cannot be sent and the target does not hold: path and reason.
        accepted: The same of what somebody has said is lost for good; nobody waits for it.
    """

    folder: Literal["files", "blobs"] = "files"
    named: int = 0
    held: int = 0
    sent: int = 0
    size: int = 0
    missing: dict[str, str] = field(default_factory=dict)
    accepted: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "named": self.named,
            "held": self.held,
            "sent": self.sent,
            "bytes": self.size,
            "missing": _told(self.missing),
            "accepted": _told(self.accepted),
        }

    def told(self) -> Iterator[str]:
        """Yield sentences on what is missing."""
        for path, why in list(self.missing.items())[:MOST_TOLD]:
            yield f"{self.folder}/{path} is missing in the target: {why}"
        if len(self.missing) > MOST_TOLD:
            what = "files" if self.folder == "files" else "large values"
            yield f"and {len(self.missing) - MOST_TOLD} more {what}"


def _told(paths: dict[str, str]) -> list[dict[str, str]]:
    return [{"path": path, "reason": why} for path, why in paths.items()]


def named_files(parts: Sequence[Part]) -> dict[str, Digest]:
    """Return the files that writers have recorded last, by path; those without a digest are not."""
    by_writer = {part.header.writer: part.fold for part in parts}
    headers = [part.header for part in parts]
    said = {
        path: file
        for header in in_order(headers)
        for path, file in by_writer[header.writer].files.items()
    }
    return {
        path: Digest(file["size"], file["sha256"])
        for path, file in said.items()
        if type(file.get("size")) is int and is_digest(file.get("sha256"))
    }


@dataclass(frozen=True)
class FileContents:
    """Sends the content of one directory's files, or of its large values.

    Only regular files below their folder are opened, and nothing is sent that is not
    what a record of the run says: neither a link nor a file that somebody swaps makes it send
    anything else.

    Attributes:
        run_dir: The run directory.
        target: The target.
        holds: Hold the runs of the directory.
        accepted: Returns the SHA-256 of each content that is accepted as lost; asked only when
            something is missing.
        counts: What has become of it so far.
    """

    run_dir: Path
    target: Target
    holds: Iterable[Hold]
    accepted: Callable[[], frozenset[str]] = frozenset
    counts: ContentCounts = field(default_factory=ContentCounts)

    def plan(self, files: dict[str, Digest]) -> None:
        """Find out what the target does not hold.

        Raises:
            TargetError: The target does not answer.
        """
        counts = self.counts
        missing = self.target.missing_files(set(files.values()))
        counts.named = len(files)
        for path in sorted(files):
            if files[path] not in missing:
                counts.held += 1
                continue
            why = self._open(path, files[path])
            if isinstance(why, int):
                close(why)
            elif files[path].sha256 in self._lost:
                counts.accepted[path] = why

    def send(self, files: dict[str, Digest]) -> None:
        """Send what the target does not hold.

        Args:
            files: What the logs name, by path.

        Raises:
            HeldElsewhere: Another sync holds a run of the directory.
            Halted: The sync is to end.
            TargetError: The target does not answer or cannot be written.
        """
        counts = self.counts
        missing = self.target.missing_files(set(files.values()))
        counts.named = len(files)
        for path in sorted(files):
            file = files[path]
            if file not in missing:
                counts.held += 1
                continue
            self.target.brake.check()
            why = self._send_one(path, file)
            if why is None:
                missing.discard(file)
                counts.held += 1
                counts.sent += 1
                counts.size += file.size
            elif file.sha256 in self._lost:
                counts.accepted[path] = why
            else:
                counts.missing[path] = why

    @cached_property
    def _lost(self) -> frozenset[str]:
        return self.accepted()

    def _send_one(self, path: str, file: Digest) -> str | None:
        """Send one content; None if it has arrived, else why not."""
        fd = self._open(path, file)
        if isinstance(fd, str):
            return fd
        try:
            # Looked at before a single byte is sent: it may be any file by now.
            if digest_of(fd, file.size) != file:
                return OTHER
            for hold in self.holds:
                hold.keep()
            return None if self._put(fd, file) else OTHER
        except _UnreadableError as error:
            return str(error)
        except OSError as error:
            return error.strerror or type(error).__name__
        finally:
            close(fd)

    def _open(self, path: str, file: Digest) -> int | str:
        """Open a file of the right size and return its descriptor, else why that cannot be."""
        try:
            fd = open_below(self.run_dir, f"{self.counts.folder}/{path}")
        except ValueError as error:
            return str(error)
        except OSError as error:
            return error.strerror or type(error).__name__
        if fstat(fd).st_size == file.size:
            return fd
        close(fd)
        return OTHER

    def _put(self, fd: int, file: Digest) -> bool:
        def content() -> Iterator[bytes]:
            try:
                lseek(fd, 0, SEEK_SET)
                yield from chunks_of(fd, file.size)
            except OSError as error:
                raise _UnreadableError(error.strerror or type(error).__name__) from error

        return self.target.put_file(file, content)
