"""What a process under the fault shim did, and faults that come and go while it runs."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from tests.shim.build import Kind, Kinds

_KINDS: tuple[Kind, ...] = get_args(Kind)
_COUNTS = struct.Struct(f"={2 + len(_KINDS)}Q")


@dataclass(frozen=True)
class Counts:
    """The counted calls of one process: all, and those of each kind that occurred."""

    pid: int
    total: int
    of: Mapping[Kind, int]


def read_counts(path: Path) -> Counts:
    """Read a count file; the process may be running, ended or killed.

    Raises:
        FileNotFoundError: no process under the shim has started with it.
    """
    pid, total, *each = _COUNTS.unpack(path.read_bytes())
    return Counts(pid, total, {kind: n for kind, n in zip(_KINDS, each, strict=True) if n})


def read_other_counts(path: Path) -> list[Counts]:
    """Read the counts of the processes that came after the first one of this count file."""
    return [read_counts(other) for other in sorted(path.parent.glob(f"{path.name}.*"))]


class Control:
    """Makes and ends faults in processes that run with `controlled_by(path)`; one state at a time.

    Each method replaces what held before, and holds for every call that starts after it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clear()

    def refuse(self, error: int, *kinds: Kinds) -> None:
        """Fail all calls of these kinds, or of those that a full disk refuses."""
        self._say(*(f"{kind}:{error}" for kind in kinds or ("disk",)))

    def refuse_calls(self, error: int, kind: Kinds, first: int, last: int) -> None:
        """Fail the `first` to `last` call of a kind, counted from the start of each process."""
        self._say(f"{kind}:{first}-{last}:{error}")

    def hang(self, *kinds: Kinds) -> None:
        """Let no call of these kinds return until another method says so."""
        self._say(*(f"{kind}:HANG" for kind in kinds))

    def hang_from(self, kind: Kinds, first: int) -> None:
        """Let no call of a kind return from the `first` on; those before it go on."""
        self._say(f"{kind}:{first}-:HANG")

    def shift_clock(self, seconds: float) -> None:
        """Move the wall clock by so much, besides what `clock_ahead` says."""
        self._say(f"clock:{seconds}")

    def clear(self) -> None:
        """End all faults of this control."""
        self._say()

    def _say(self, *words: str) -> None:
        fresh = self.path.with_name(self.path.name + ".fresh")
        fresh.write_text(" ".join(words))
        fresh.replace(self.path)
