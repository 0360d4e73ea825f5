"""What the records of a writer amount to in numbers, whatever order they came in."""

from __future__ import annotations

from typing import Final, NamedTuple

_MODULUS: Final = 1 << 128
_SPREAD: Final = 0x9E3779B97F4A7C15


class Tally(NamedTuple):
    """Size and digest of some records; those of two sets of records are added to those of both.

    The digest of a record comes from its number and the checksum of its frame's body, and is spread
    over 128 bits so that two errors do not make up for each other. It tells whether a target was
    given what the logs hold; it is no protection against somebody who wants to deceive.

    Attributes:
        size: Number of bytes that the records take in logs.
        digest: The sum of their digests, below 2 to the power of 128.
    """

    size: int = 0
    digest: int = 0

    def plus(self, other: Tally) -> Tally:
        """Return the tally of both."""
        return Tally(self.size + other.size, (self.digest + other.digest) % _MODULUS)

    @property
    def text(self) -> str:
        """The digest in hexadecimal."""
        return f"{self.digest:032x}"


def digest_of(seq: int, body_crc: int) -> int:
    """Return the digest of a record, to be added up; the sum is taken modulo 2 to the 128."""
    spread = body_crc * _SPREAD + seq
    return spread * spread


def tally_of(size: int, digests: int) -> Tally:
    """Return a tally of a sum of digests."""
    return Tally(size, digests % _MODULUS)
