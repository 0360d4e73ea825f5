"""Contents of files in a folder: each in a file that is named by its digest and never changes."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from airtape.backends.contents import is_digest
from airtape.below import open_below
from airtape.file_copy import Digest, chunks_of, write_all
from airtape.whole_file import sync_folder

FILES: Final = "files"
"""What the folder is called in a target that is a directory."""
_LEFT_AFTER_S: Final = 86_400.0
"""After so many seconds without a change, what somebody was writing is taken for left behind."""


class ContentFolder:
    """Keeps contents below a folder, which is made with the first of them.

    Every method raises OSError when the system fails.

    Args:
        folder: The folder; the one above it exists by then.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def missing(self, files: Collection[Digest]) -> set[Digest]:
        """Return those of some contents that are not there as a whole."""
        return {file for file in files if not self._has(file)}

    def place_of(self, file: Digest) -> Path | None:
        """Return where a content is, None if it is not there as a whole."""
        return self._path(file) if self._has(file) else None

    def put(self, file: Digest, content: Iterable[bytes]) -> bool:
        """Keep a content, all of it or nothing; tell whether it was what its digest says."""
        if self._has(file):
            return True
        path = self._path(file)
        for folder in (self._folder, path.parent):
            with suppress(FileExistsError):
                folder.mkdir()
                sync_folder(folder.parent)
        _sweep(path.parent)
        aside = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
        fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
        try:
            if _write(fd, content) != file:
                aside.unlink()
                return False
            os.fsync(fd)
            aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        finally:
            os.close(fd)
        sync_folder(path.parent)
        return True

    def read(self, file: Digest) -> Iterator[bytes]:
        """Yield a content, piece by piece.

        Raises:
            LookupError: It is not there.
        """
        try:
            fd = open_below(self._folder, f"{file.sha256[:2]}/{file.sha256}")
        except FileNotFoundError:
            raise LookupError(file.sha256) from None
        try:
            yield from chunks_of(fd)
        finally:
            os.close(fd)

    def forget(self, file: Digest) -> None:
        """Remove a content; gone already is as good."""
        self._path(file).unlink(missing_ok=True)

    def take_over(self, other: ContentFolder) -> None:
        """Have what another folder has, too; where the file system can, it takes no space."""
        for path in other._folder.glob("??/*"):
            if is_digest(path.name):
                file = Digest(path.lstat().st_size, path.name)
                if not self._has(file) and not self._links(path, file):
                    self.put(file, other.read(file))

    def _links(self, path: Path, file: Digest) -> bool:
        place = self._path(file)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, place, follow_symlinks=False)
        except OSError:
            return False
        return True

    def _has(self, file: Digest) -> bool:
        try:
            status = self._path(file).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return stat.S_ISREG(status.st_mode) and status.st_size == file.size

    def _path(self, file: Digest) -> Path:
        if not is_digest(file.sha256):
            raise ValueError(f"{file.sha256!r} is no digest")
        return self._folder / file.sha256[:2] / file.sha256


def _write(fd: int, content: Iterable[bytes]) -> Digest:
    digest, size = sha256(), 0
    for data in content:
        digest.update(data)
        write_all(fd, data)
        size += len(data)
    return Digest(size, digest.hexdigest())


def _sweep(folder: Path) -> None:
    """Remove what others were writing there when they were killed."""
    with suppress(OSError):
        for left in folder.glob(".*"):
            if time.time() - left.lstat().st_mtime > _LEFT_AFTER_S:
                left.unlink()
