"""The SHA-256 that files and large values are known by."""

from __future__ import annotations

from typing import Protocol


class RunningDigest(Protocol):
    """A digest of bytes that come one after the other."""

    def update(self, data: bytes, /) -> None:
        """Take in more bytes."""

    def hexdigest(self) -> str:
        """Return the digest of all of them in hexadecimal digits."""


def running_sha256() -> RunningDigest:
    """Return the SHA-256 of no bytes yet."""
    from hashlib import sha256  # noqa: PLC0415 - as below

    return sha256()


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of some bytes in hexadecimal digits."""
    # Loads OpenSSL: what has to be digested is large, or is written beside the training.
    from hashlib import sha256  # noqa: PLC0415 - see above

    return sha256(data).hexdigest()
