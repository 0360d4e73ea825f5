"""Contents of files in a folder: each in a file that is named by its digest and never changes."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from airtape.backends.content_batch import ASIDE, ContentBatch, clear_aside
from airtape.backends.contents import is_digest
from airtape.below import open_below
from airtape.file_copy import Digest, chunks_of
from airtape.whole_file import sync_folder

FILES: Final = "files"
"""What the folder is called in a target that is a directory."""


class ContentFolder:
    """Keeps contents below a folder, which is made with the first of them.

    Every method raises OSError when the system fails.

    Args:
        folder: The folder; the one above it exists by then.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._is_clear = False

    def missing(self, files: Collection[Digest]) -> set[Digest]:
        """Return those of some contents that are not there as a whole."""
        return {file for file in files if not self._has(file)}

    def place_of(self, file: Digest) -> Path | None:
        """Return where a content is, None if it is not there as a whole."""
        return self._path(file) if self._has(file) else None

    def put(self, file: Digest, content: Iterable[bytes]) -> bool:
        """Keep a content, all of it or nothing; tell whether it was what its digest says."""
        return self._has(file) or file in self.put_all([(file, content)])

    def put_all(self, files: Iterable[tuple[Digest, Iterable[bytes]]]) -> set[Digest]:
        """Keep contents, each all of it or nothing; return those that were what their digest says.

        An exception that `files` or a content raises is passed on; what had come by then is kept.
        """
        kept: set[Digest] = set()
        self._make_folder()
        with closing(ContentBatch(self._folder)) as batch:
            try:
                for file, content in files:
                    if file in batch or self._has(file) or batch.add(file, content):
                        kept.add(file)
            except BaseException:
                with suppress(OSError):
                    batch.settle()
                raise
            batch.settle()
        return kept

    def _make_folder(self) -> None:
        """Make the folder, and clear away what others were writing when they were killed."""
        for folder in (self._folder, self._folder / ASIDE):
            with suppress(FileExistsError):
                folder.mkdir()
                sync_folder(folder.parent)
        if not self._is_clear:
            clear_aside(self._folder)
            self._is_clear = True

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
