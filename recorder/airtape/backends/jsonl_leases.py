"""Who is bringing which run to a directory of JSON lines at the moment.

A run's leases are numbered files in its folder, and the one with the highest number counts. The
next number is taken with a hard link, which one of several succeeds in; so whoever finds a lease
out of date cannot throw away the one that somebody else has just put in its place.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Final

from airtape.backends.jsonl_files import aside_of, give_name
from airtape.backends.lease import Lease

_LEASE: Final = re.compile(r"lease-(\d{8,})\.json")


def take(folder: Path, lease: Lease) -> Lease | None:
    """Put a run into somebody's hands; None if that was done, else in whose hands it is.

    Raises:
        OSError: The folder cannot be read or written.
    """
    while True:
        number = _highest(folder)
        held = _read(_path(folder, number))
        if held is not None and held.owner == lease.owner:
            _replace(_path(folder, number), lease)
            return None
        if held is not None and not held.gives_way_to(lease):
            return held
        if _put(_path(folder, number + 1), lease):
            _sweep(folder, number + 1)
            return None


def drop(folder: Path, owner: str) -> None:
    """Take a run out of somebody's hands.

    Raises:
        OSError: The folder cannot be read or written.
    """
    path = _path(folder, _highest(folder))
    held = _read(path)
    if held is not None and held.owner == owner:
        # The file stays: its number must not be given again.
        _replace(path, None)


def _path(folder: Path, number: int) -> Path:
    return folder / f"lease-{number:08d}.json"


def _highest(folder: Path) -> int:
    try:
        names = os.listdir(folder)  # noqa: PTH208 - thousands of names, of which few become paths
    except FileNotFoundError:
        return 0
    return max((int(match[1]) for name in names if (match := _LEASE.fullmatch(name))), default=0)


def _read(path: Path) -> Lease | None:
    """Return the lease in a file; None if there is none, or a power loss has cut it."""
    try:
        return Lease(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _write(path: Path, lease: Lease | None) -> Path:
    aside = aside_of(path)
    aside.write_text(json.dumps(None if lease is None else asdict(lease)), encoding="utf-8")
    return aside


def _replace(path: Path, lease: Lease | None) -> None:
    _write(path, lease).replace(path)


def _put(path: Path, lease: Lease) -> bool:
    aside = _write(path, lease)
    try:
        return give_name(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def _sweep(folder: Path, number: int) -> None:
    """Remove the leases before one; a number below it is never looked at again."""
    with suppress(OSError):
        for name in os.listdir(folder):  # noqa: PTH208 - thousands of names, of which few become paths
            match = _LEASE.fullmatch(name)
            if match and int(match[1]) < number:
                (folder / name).unlink()
