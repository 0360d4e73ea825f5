"""The batches of a run in a directory of JSON lines, by the names of their files.

Every function raises OSError when the system fails.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Final

_TAIL: Final = 64 << 10
_BATCH: Final = re.compile(r"([0-9a-f]{32})-(\d{8,})\.jsonl")
_ASIDE: Final = re.compile(r"\.([0-9a-f]{32})-(\d{8,})\.jsonl\.[0-9a-f]{16}")


def batch_path(folder: Path, writer: bytes, version: int) -> Path:
    """Return where a batch of a writer stands."""
    return folder / f"{writer.hex()}-{version:08d}.jsonl"


def batches_in(folder: Path) -> dict[bytes, list[Path]]:
    """Return the batches of each writer in a folder, in order."""
    found: dict[bytes, list[tuple[int, Path]]] = {}
    try:
        names = os.listdir(folder)  # noqa: PTH208 - thousands of names, of which few become paths
    except (FileNotFoundError, NotADirectoryError):
        return {}
    for name in names:
        match = _BATCH.fullmatch(name)
        if match:
            numbered = found.setdefault(bytes.fromhex(match[1]), [])
            numbered.append((int(match[2]), folder / name))
    return {writer: [path for _, path in sorted(found[writer])] for writer in sorted(found)}


def first_line(path: Path) -> bytes:
    """Return the first line of a batch, which says whose it is."""
    with path.open("rb") as file:
        return file.readline()


def last_line(path: Path) -> bytes:
    """Return the last line of a batch, which holds the cursor behind it."""
    size = _TAIL
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        while True:
            file.seek(max(0, end - size))
            lines = file.read().splitlines()
            if len(lines) > 1 or size >= end:
                return lines[-1]
            size *= 8


def sweep(folder: Path, writer: bytes, version: int) -> None:
    """Remove what was written aside and can never be linked: its name is taken."""
    with suppress(OSError):
        for name in os.listdir(folder):  # noqa: PTH208 - thousands of names, of which few become paths
            match = _ASIDE.fullmatch(name)
            if match and match[1] == writer.hex() and int(match[2]) <= version:
                (folder / name).unlink()
