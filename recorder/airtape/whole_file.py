"""Writing a file so that it is there as a whole or not at all, whatever ends the program."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def whole_file(
    path: Path, check: Callable[[Path], object] = lambda _: None, *, by: str = ""
) -> Iterator[IO[bytes]]:
    """Give a file to write, which takes the place of `path` when all of it is on the disk.

    Args:
        path: The file, in a folder that is there.
        check: Looks at what was written, under another name, and raises if it is not to be used.
        by: Who writes, as part of that name: ``.NAME.`` and this and eight digits. It is left when
            they are killed.

    Raises:
        OSError: It cannot be written; what stood at `path` still does.
    """
    aside = path.with_name(f".{path.name}.{by}{os.urandom(4).hex()}")
    try:
        with aside.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        check(aside)
        aside.replace(path)
    except BaseException:
        with suppress(OSError):
            aside.unlink()
        raise


def sync_folder(folder: Path) -> None:
    """Have the names in a folder outlive a loss of power.

    Raises:
        OSError: It cannot be opened, or the disk refuses.
    """
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
