"""The files that a run makes of itself or is given: written below ``files/`` and recorded."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path, PurePosixPath
from typing import Final, Literal, TypeAlias

from airtape.digest import sha256_hex
from airtape.records import Plain

FileType: TypeAlias = Literal["run", "code"]
"""``run``: made by the recorder; ``code``: a copy of the user's code."""

_FILE_MODE: Final = 0o664
_FOLDER_MODE: Final = 0o775
"""Whatever the umask says, never writable for everybody."""

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class RunFiles:
    """Writes files below a folder; nothing outside of it, also by way of a link.

    Args:
        folder: The run's ``files``, which exists.
        record: Records what is known of files, a list of maps.
        file_mode: Permissions of files, instead of the umask's.

    Attributes:
        folder: The folder.
    """

    def __init__(
        self,
        folder: Path,
        record: Callable[[list[dict[str, Plain]]], None],
        *,
        file_mode: int | None = None,
    ) -> None:
        self.folder = folder
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
        *folders, name = parts_of_path(path)
        with ExitStack() as stack:
            at = self._open(stack, str(self.folder), None)
            for folder in folders:
                with suppress(FileExistsError):
                    os.mkdir(folder, self._folder_mode, dir_fd=at)
                at = self._open(stack, folder, at)
            self._write(at, name, data)
        return {
            "path": path,
            "size": len(data),
            "sha256": sha256_hex(data),
            "type": kind,
        }

    def record(self, files: list[dict[str, Plain]]) -> None:
        """Record files that `write` has written."""
        self._record(files)

    @property
    def _folder_mode(self) -> int:
        mode = self._file_mode
        # Who may read may also enter.
        return _FOLDER_MODE if mode is None else mode | (mode & 0o444) >> 2

    @staticmethod
    def _open(stack: ExitStack, name: str, above: int | None) -> int:
        fd = os.open(name, _FOLDER, dir_fd=above)
        stack.callback(os.close, fd)
        return fd

    def _write(self, folder: int, name: str, data: bytes) -> None:
        partial = f".{os.urandom(8).hex()}.part"
        fd = os.open(partial, _NEW, _FILE_MODE, dir_fd=folder)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(data)
                if self._file_mode is not None:
                    os.fchmod(fd, self._file_mode)
            os.replace(partial, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(OSError):
                os.unlink(partial, dir_fd=folder)
            raise


def parts_of_path(path: str) -> tuple[str, ...]:
    """Return the names that a path below a folder is made of.

    Raises:
        ValueError: It is none: it is absolute, empty, or goes up.
    """
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\0" in path:
        raise ValueError(f"{path!r} is no path below the run's files")
    return parts
