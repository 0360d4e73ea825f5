"""The files that a run makes of itself or is given: written below ``files/`` and recorded."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias, TypeVar

from airtape.below import Looks, folder_below, looks_of, open_below, open_regular, parts_of_path
from airtape.digest import sha256_hex
from airtape.file_copy import Digest, copy_file, digest_of, write_all
from airtape.file_list import PARTIAL
from airtape.records import Plain

T = TypeVar("T")
FileType: TypeAlias = Literal["run", "code", "saved"]
"""``run``: made by the recorder; ``code``: a copy of the user's code; ``saved``: any other."""

_FILE_MODE: Final = 0o664
_FOLDER_MODE: Final = 0o775
"""Whatever the umask says, never writable for everybody."""

_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Copied(NamedTuple):
    """A file that was copied to the run's files, or lies there.

    Attributes:
        digest: What is in the copy.
        looks: What the file looked like before it was read.
        is_steady: Whether it looked the same afterwards.
    """

    digest: Digest
    looks: Looks
    is_steady: bool


class RunFiles:
    """Writes files below a folder; nothing outside of it, also by way of a link.

    Args:
        folder: The run's ``files``, which exists.
        record: Records what is known of files, a list of maps.
        file_mode: Permissions of files, instead of the umask's.

    Attributes:
        folder: The folder.
        known: What the files that were written or looked at looked like then, by path.
        moved: Number of bytes that were copied or looked at so far.
    """

    def __init__(
        self,
        folder: Path,
        record: Callable[[list[dict[str, Plain]]], None],
        *,
        file_mode: int | None = None,
    ) -> None:
        self.folder = folder
        self.known: dict[str, Looks] = {}
        self.moved = 0
        self._record = record
        self._file_mode = file_mode

    def put(self, path: str, data: bytes, kind: FileType = "run") -> None:
        """Write a file, whole or not at all, and record it.

        Args:
            path: Its path below the folder, with slashes.
            data: What is in it.
            kind: What sort of file it is.

        Raises:
            ValueError: The path leads out of the folder.
            OSError: The file cannot be written.
        """
        self._record([self.write(path, data, kind)])

    def write(self, path: str, data: bytes, kind: FileType) -> dict[str, Plain]:
        """Write a file, whole or not at all, and return what is to be recorded of it.

        Raises:
            ValueError: The path leads out of the folder.
            OSError: The file cannot be written.
        """
        self._publish(path, lambda fd: write_all(fd, data))
        return record_of(path, Digest(len(data), sha256_hex(data)), kind)

    def copy(self, path: str, source: Path, *, any_state: bool = True) -> Copied:
        """Copy a file to the run's files, whole or not at all.

        Args:
            path: Where it goes, below the folder.
            source: The file, which may be a link to it.
            any_state: Whether to keep also a copy of a file that has changed meanwhile.

        Raises:
            ValueError: The path leads out of the folder.
            OSError: The file cannot be read, is no regular one, or the copy cannot be written.
        """
        fd = open_regular(source)

        def fill(target: int) -> Copied:
            before = looks_of(os.fstat(fd))
            digest = copy_file(fd, target, before.size, moved=self._count)
            return Copied(digest, before, looks_of(os.fstat(fd)) == before)

        try:
            return self._publish(path, fill, is_wanted=lambda it: it.is_steady or any_state)
        finally:
            os.close(fd)

    def look_at(self, path: str) -> Copied:
        """Return what is in a file that lies in the folder.

        Raises:
            ValueError: The path leads out of the folder.
            OSError: It cannot be read, or is no regular file.
        """
        fd = open_below(self.folder, path)
        try:
            before = looks_of(os.fstat(fd))
            digest = digest_of(fd, before.size, take=self._count)
            self.known[path] = before
            return Copied(digest, before, looks_of(os.fstat(fd)) == before)
        finally:
            os.close(fd)

    def _count(self, data: bytes) -> None:
        self.moved += len(data)

    def record(self, files: list[dict[str, Plain]]) -> None:
        """Record files that have been written; see `record_of`."""
        self._record(files)

    @property
    def _folder_mode(self) -> int:
        mode = self._file_mode
        # Who may read may also enter.
        return _FOLDER_MODE if mode is None else mode | (mode & 0o444) >> 2

    def _publish(
        self, path: str, fill: Callable[[int], T], is_wanted: Callable[[T], bool] = lambda _: True
    ) -> T:
        """Fill a file aside and give it its name, if it is wanted then."""
        *folders, name = parts_of_path(path)
        with folder_below(self.folder, folders, make=self._folder_mode) as folder:
            partial = f".{os.urandom(8).hex()}{PARTIAL}"
            fd = os.open(partial, _NEW, _FILE_MODE, dir_fd=folder)
            try:
                filled = fill(fd)
                if self._file_mode is not None:
                    os.fchmod(fd, self._file_mode)
                if is_wanted(filled):
                    self.known[path] = looks_of(os.fstat(fd))
                    os.replace(partial, name, src_dir_fd=folder, dst_dir_fd=folder)
                else:
                    os.unlink(partial, dir_fd=folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(partial, dir_fd=folder)
                raise
            finally:
                os.close(fd)
        return filled


def record_of(
    path: str, digest: Digest, kind: FileType, policy: str | None = None
) -> dict[str, Plain]:
    """Return what is recorded of a file of a run.

    Args:
        path: Its path below the folder.
        digest: What is in it.
        kind: What sort of file it is.
        policy: When it is brought up to date, if somebody has said.
    """
    said: dict[str, Plain] = {"path": path, "size": digest.size, "sha256": digest.sha256}
    return {**said, "type": kind, **({"policy": policy} if policy else {})}
