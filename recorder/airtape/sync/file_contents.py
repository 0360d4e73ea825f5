"""The content of a run's files on its way into a target, where a target keeps it."""

from __future__ import annotations

import time
from collections import deque
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
from airtape.sync.target import Offer, Target
from airtape.value_text import shortened

MOST_TOLD: Final = 20
"""How many files of a run are put into words."""
LONGEST_TOLD: Final = 250
"""How many characters of the name of one; whoever wrote the log may have called it anything."""
MOST_FILES: Final = 1000
"""How many files are sent together at most: a target may be quicker so."""
MOST_BYTES: Final = 64 << 20
"""How many bytes of them; a larger file is sent alone."""
MOST_S: Final = 5.0
"""For how many seconds they are gathered: so much of the work may be lost when one is killed."""
OTHER: Final = "it is not what was recorded"


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
            name = shortened(f"{self.folder}/{path}", LONGEST_TOLD)
            yield f"{name} is missing in the target: {shortened(why, LONGEST_TOLD)}"
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
        others: Returns the directories that have logs of the same writers; likewise.
        counts: What has become of it so far.
        clock: A clock in seconds that never goes back.
    """

    run_dir: Path
    target: Target
    holds: Iterable[Hold]
    accepted: Callable[[], frozenset[str]] = frozenset
    others: Callable[[], Sequence[Path]] = tuple
    counts: ContentCounts = field(default_factory=ContentCounts)
    clock: Callable[[], float] = time.monotonic

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
            why = self.open(path, files[path])
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
        missing = self.target.missing_files(set(files.values()))
        self.counts.named = len(files)
        waiting = deque(path for path in sorted(files) if files[path] in missing)
        self.counts.held += len(files) - len(waiting)
        taken: set[Digest] = set()
        while waiting:
            self.target.brake.check()
            self._send_some(waiting, files, taken)

    def _send_some(self, waiting: deque[str], files: dict[str, Digest], taken: set[Digest]) -> None:
        """Send the first of some files together; add what was taken, and leave those to come.

        It looks at no others, so that many batches do not take many times as long.
        """
        counts = self.counts
        batch = _Batch(self, waiting, files, taken)
        taken |= self.target.put_files(batch.offer)
        for path, why in batch.offered.items():
            file = files[path]
            if why is None and file in taken:
                counts.held += 1
                counts.sent += 1
                counts.size += file.size
            elif file.sha256 in self._lost:
                counts.accepted[path] = why or OTHER
            else:
                counts.missing[path] = why or OTHER
        for _ in range(len(batch.offered) + len(batch.repeated)):
            waiting.popleft()
        left = [path for path in batch.repeated if files[path] not in taken]
        counts.held += len(batch.repeated) - len(left)
        waiting.extendleft(reversed(left))

    @cached_property
    def _lost(self) -> frozenset[str]:
        return self.accepted()

    def open(self, path: str, file: Digest, *, reads: bool = False) -> int | str:
        """Open a file of the right size and return its descriptor, else why that cannot be.

        Args:
            path: The file.
            file: What it has to be.
            reads: Whether to look into it, too, for it may be any file by now.
        """
        found = self._open_in(self.run_dir, path, file, reads=reads)
        if isinstance(found, int):
            return found
        elsewhere = (self._open_in(place, path, file, reads=reads) for place in self.others())
        return next((fd for fd in elsewhere if isinstance(fd, int)), found)

    def _open_in(self, run_dir: Path, path: str, file: Digest, *, reads: bool) -> int | str:
        try:
            fd = open_below(run_dir, f"{self.counts.folder}/{path}")
        except ValueError as error:
            return str(error)
        except OSError as error:
            return error.strerror or type(error).__name__
        is_right = False
        try:
            is_right = fstat(fd).st_size == file.size and not (reads and self._differs(fd, file))
        except OSError as error:
            return error.strerror or type(error).__name__
        finally:
            if not is_right:
                close(fd)
        return fd if is_right else OTHER

    def _differs(self, fd: int, file: Digest) -> bool:
        return digest_of(fd, file.size, take=lambda _: self.target.brake.check()) != file


class _Batch:
    """Files that are sent together.

    Args:
        contents: What they belong to.
        waiting: Their paths; the first of them are taken.
        files: Their digests.
        taken: What the target has by now.

    Attributes:
        offered: The paths that were looked at, and why one cannot be sent; None if it was.
        repeated: Those between them whose content another one has brought, or may have.
    """

    def __init__(
        self,
        contents: FileContents,
        waiting: Iterable[str],
        files: dict[str, Digest],
        taken: set[Digest],
    ) -> None:
        self._contents = contents
        self._waiting = waiting
        self._files = files
        self._taken = taken
        self.offered: dict[str, str | None] = {}
        self.repeated: list[str] = []

    def offer(self) -> Offer:
        """Hand the files over, from the first on."""
        contents = self._contents
        self.offered, self.repeated = {}, []
        at_hand: set[Digest] = set()
        size, ends_at = 0, contents.clock() + MOST_S
        for path in self._waiting:
            file = self._files[path]
            if file in at_hand or file in self._taken:
                self.repeated.append(path)  # whether it arrives is known behind this batch
                continue
            is_full = len(at_hand) >= MOST_FILES or size + file.size > MOST_BYTES
            if at_hand and (is_full or contents.clock() >= ends_at):
                return
            contents.target.brake.check()
            fd = contents.open(path, file, reads=True)
            self.offered[path] = fd if isinstance(fd, str) else None
            if isinstance(fd, str):
                continue
            try:
                for hold in contents.holds:
                    hold.keep()
                at_hand.add(file)
                size += file.size
                yield file, self._content(path, fd)
            finally:
                close(fd)

    def _content(self, path: str, fd: int) -> Iterator[bytes]:
        try:
            lseek(fd, 0, SEEK_SET)
            yield from chunks_of(fd, self._files[path].size)
        except OSError as error:
            # Of the file that is read, not of the target: it is the only one that is not sent.
            self.offered[path] = error.strerror or type(error).__name__
