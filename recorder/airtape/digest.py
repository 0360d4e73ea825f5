"""The SHA-256 that files and large values are known by."""

from __future__ import annotations


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of some bytes in hexadecimal digits."""
    # Loads OpenSSL: what has to be digested is large, or is written beside the training.
    from hashlib import sha256  # noqa: PLC0415 - see above

    return sha256(data).hexdigest()
