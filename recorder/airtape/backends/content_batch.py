"""Bringing contents into a folder together: a disk takes little longer for many than for one.

Each content is written aside and brought onto the disk by one of several threads. Those that are
there whole get their names together, so that a name never stands for half a content.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from threading import BoundedSemaphore
from typing import Final

from airtape.file_copy import Digest, write_all
from airtape.process import process_runs, this_process
from airtape.whole_file import sync_folder

ASIDE: Final = ".new"
"""The folder, in that of the contents, where they are written."""
THREADS: Final = 16
"""How many files a disk is asked to take at the same time."""
_OPEN: Final = 64
"""How many files may be open meanwhile."""
_LEFT_AFTER_S: Final = 86_400.0
"""After so many seconds without a change, what somebody was writing is taken for left behind."""
_NAME: Final = re.compile(r"[0-9a-f]{64}\.(?P<where>[0-9a-f]{16})-(?P<pid>\d+)-(?P<ticks>\d+)-.*")


class ContentBatch:
    """Some contents on their way into a folder.

    Every method but `close` raises OSError when the system fails.

    Args:
        folder: The folder of the contents; it exists.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mine = f"{_where()}-{'-'.join(map(str, this_process()[2:]))}"
        self._pool = ThreadPoolExecutor(THREADS, "airtape-contents")
        self._open = BoundedSemaphore(_OPEN)
        self._written: dict[Digest, tuple[Path, Future[None]]] = {}

    def __contains__(self, file: Digest) -> bool:
        return file in self._written

    def add(self, file: Digest, content: Iterable[bytes]) -> bool:
        """Write a content aside, and tell whether it was what its digest says; if not, drop it.

        An exception that `content` raises is passed on, and nothing stays of it.
        """
        aside = self._folder / ASIDE / f"{file.sha256}.{self._mine}-{os.urandom(8).hex()}"
        fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
        is_whole = False
        try:
            is_whole = _write(fd, content) == file
        finally:
            if not is_whole:
                os.close(fd)
                aside.unlink(missing_ok=True)
        if is_whole:
            self._open.acquire()
            self._written[file] = aside, self._pool.submit(self._bring, fd)
        return is_whole

    def _bring(self, fd: int) -> None:
        """Wait until a file is on the disk, and close it."""
        try:
            os.fsync(fd)
        finally:
            # Over a network it is this that takes the time.
            os.close(fd)
            self._open.release()

    def settle(self) -> None:
        """Name what has been added; then it is there, whatever becomes of the power.

        What the disk refuses is dropped, and the first refusal raised in the end.
        """
        folders: set[Path] = set()
        refusals: list[BaseException | None] = [
            self._refusal(file, folders) for file in list(self._written)
        ]
        names = [self._pool.submit(sync_folder, folder) for folder in folders]
        refusals += [done.exception() for done in names]
        for refusal in filter(None, refusals):
            raise refusal

    def _refusal(self, file: Digest, folders: set[Path]) -> OSError | None:
        """Name a content; return why that cannot be, or None."""
        aside, brought = self._written[file]
        try:
            brought.result()
            folders |= self._name(aside, file)
        except OSError as error:
            return error
        del self._written[file]
        return None

    def _name(self, aside: Path, file: Digest) -> set[Path]:
        """Give a content its name, and return the folders that have got new names."""
        folder = self._folder / file.sha256[:2]
        changed = {folder}
        with suppress(FileExistsError):
            folder.mkdir()
            changed.add(self._folder)
        aside.replace(folder / file.sha256)
        return changed

    def close(self) -> None:
        """Drop what was not named."""
        self._pool.shutdown()
        for aside, _ in self._written.values():
            with suppress(OSError):
                aside.unlink(missing_ok=True)


def _write(fd: int, content: Iterable[bytes]) -> Digest:
    digest, size = sha256(), 0
    for data in content:
        digest.update(data)
        write_all(fd, data)
        size += len(data)
    return Digest(size, digest.hexdigest())


def clear_aside(folder: Path) -> None:
    """Remove what was written aside by those who were killed.

    Of processes that cannot be seen from here that is known only a day later.

    Args:
        folder: The folder of the contents.
    """
    where, latest = _where(), time.time() - _LEFT_AFTER_S
    with suppress(OSError):
        for path in (folder / ASIDE).iterdir():
            said = _NAME.fullmatch(path.name)
            is_near = said is not None and said["where"] == where
            if is_near and said is not None:
                is_left = not process_runs(int(said["pid"]), int(said["ticks"]))
            else:
                is_left = path.lstat().st_mtime < latest
            if is_left:
                path.unlink(missing_ok=True)


def _where() -> str:
    """Return from where the same processes can be seen, as a part of a name."""
    identity = this_process()
    seen = ""
    with suppress(OSError):
        seen = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - the text is the identity; it leads to no path
    return sha256(f"{identity.host} {identity.boot_id} {seen}".encode()).hexdigest()[:16]
