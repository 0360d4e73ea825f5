"""The rows that log() returned for, kept where no fault of the trial reaches."""

from __future__ import annotations

import os
from pathlib import Path


def value_of(place: int) -> float:
    """Return the value that is logged in a row, so that a wrong one is noticed."""
    return place * 0.5 + 0.25


class Acks:
    """Notes rows of which log() has returned; what was noted outlives any death of the process.

    Args:
        side: Path without suffix.
    """

    def __init__(self, side: str) -> None:
        self._fd = os.open(f"{side}.acks", os.O_RDWR | os.O_CREAT)

    def add(self, place: int) -> None:
        """Note a row."""
        os.pwrite(self._fd, b"\1", place)


def acknowledged(side: str | Path) -> set[int]:
    """Return the rows that were noted."""
    try:
        noted = Path(f"{side}.acks").read_bytes()
    except FileNotFoundError:
        return set()
    found, at = set(), noted.find(1)
    while at >= 0:
        found.add(at)
        at = noted.find(1, at + 1)
    return found
