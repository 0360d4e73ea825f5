"""The SHA-256 that files and large values are known by."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

SHORT = 64 << 10
"""Bytes up to which a digest is not worth loading `hashlib`, and with it 4 MiB of OpenSSL.

Python's own SHA-256 is slower, and others wait meanwhile; with so few bytes for 0.3 ms at most.
"""


class RunningDigest(Protocol):
    """A digest of bytes that come one after the other."""

    def update(self, data: bytes, /) -> None:
        """Take in more bytes."""

    def hexdigest(self) -> str:
        """Return the digest of all of them in hexadecimal digits."""


def running_sha256() -> RunningDigest:
    """Return the SHA-256 of no bytes yet."""
    from hashlib import sha256  # noqa: PLC0415 - see `SHORT`

    return sha256()


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of some bytes in hexadecimal digits."""
    if len(data) <= SHORT and "hashlib" not in sys.modules and (short := _of_short()) is not None:
        return short(data).hexdigest()
    from hashlib import sha256  # noqa: PLC0415 - see `SHORT`

    return sha256(data).hexdigest()


def _of_short() -> Callable[[bytes], RunningDigest] | None:
    """Return Python's own SHA-256, which knows nothing of OpenSSL; None where it has none."""
    for name in ("_sha2", "_sha256"):
        with suppress(ImportError):
            made: Callable[[bytes], RunningDigest] = importlib.import_module(name).sha256
            return made
    return None
