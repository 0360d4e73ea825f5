"""Bringing back a file of a run: where it goes, and when it need not be fetched.

Where recorded runs are read is none of recording's affair: whoever can read them says so with
`reads_with`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol, TextIO

from airtape.below import folder_below, parts_of_path
from airtape.errors import UsageError
from airtape.file_copy import write_all


class Places(NamedTuple):
    """Where recorded runs are looked for.

    Attributes:
        folder: The folder of run directories.
        target: Name or URL of the target, None if none is set.
    """

    folder: Path
    target: str | None


class Fetch(Protocol):
    """Reads a file of a recorded run."""

    def __call__(
        self, run_path: str, name: str, places: Places, take: Callable[[Iterable[bytes]], None]
    ) -> bool:
        """Hand over the content of a file; tell whether the run has it.

        Args:
            run_path: ``entity/project/id``, ``project/id`` or ``id``.
            name: The file's path among the run's files.
            places: Where to look.
            take: Is handed the content, piece by piece.

        Raises:
            UsageError: There is no such run, or nobody has the content.
            CommError: The target does not answer.
        """


_fetches: list[Fetch] = []


def reads_with(fetch: Fetch) -> None:
    """Say who reads recorded runs."""
    _fetches[:] = [fetch]


def bring_back(
    name: str, run_path: str, places: Places, *, root: Path, replace: bool
) -> TextIO | None:
    """Bring back a file of a run, and return it, open for reading; None if the run has none.

    Args:
        name: Its path among the run's files, and below the root.
        run_path: Which run.
        places: Where to look for it.
        root: The folder that it goes to.
        replace: Whether to fetch it although there is a file already.

    Raises:
        UsageError: There is no such run, or nobody has the content, or the name leads out of the
            folder.
        CommError: The target does not answer.
        OSError: The file cannot be written.
    """
    try:
        *folders, last = parts_of_path(name)
    except ValueError as error:
        raise UsageError(str(error)) from None
    path = Path(root, *folders, last)
    if not replace and path.is_file():
        return path.open(encoding="utf-8")

    def take(content: Iterable[bytes]) -> None:
        with folder_below(root, folders, make=0o777) as folder:
            _write(folder, last, content)

    if not any(fetch(run_path, name, places, take) for fetch in _fetches):
        return None
    return path.open(encoding="utf-8")


def _write(folder: int, name: str, content: Iterable[bytes]) -> None:
    """Write a file, whole or not at all."""
    aside = f".{os.urandom(8).hex()}.part"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(aside, flags, 0o666, dir_fd=folder)
    try:
        for data in content:
            write_all(fd, data)
        os.replace(aside, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(aside, dir_fd=folder)
        raise
    finally:
        os.close(fd)
