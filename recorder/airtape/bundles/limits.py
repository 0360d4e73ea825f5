"""How large a bundle may be that somebody else has made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a bundle may be; what goes beyond is refused before anything is written.

    Attributes:
        size: Bytes of all entries together.
        entries: Number of entries.
        ratio: How many bytes one byte of the file may stand for, on average.
        manifest: Bytes of what the bundle says of itself.
        names: Bytes that the names of all entries, and of the folders above them, take in memory.
    """

    size: int = 100 * 10**9
    entries: int = 250_000
    ratio: int = 300
    manifest: int = 64 << 20
    names: int = 128 << 20
