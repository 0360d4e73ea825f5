"""Values too large for a frame: kept as files beside the log, named by their digest.

The log then holds a reference, ``{"_type": "airtape/large", "sha256": ..., "size": ...}``; the file
below ``blobs/`` holds the value as msgpack.
"""

from __future__ import annotations

import os
import secrets
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgpack

from airtape.records import Plain, pack_big_ints, unpack_ext

LARGE = "airtape/large"
REFERENCE_KEYS = frozenset({"_type", "sha256", "size"})


def store_large(blobs: Path, value: Plain) -> dict[str, Plain]:
    """Write a value to a file and return the reference that stands for it.

    Raises:
        OSError: The file cannot be written.
    """
    data: bytes = msgpack.packb(value, default=pack_big_ints)
    digest = sha256(data).hexdigest()
    path = blobs / digest
    if not path.exists():
        blobs.mkdir(exist_ok=True)
        partial = blobs / f".{digest}.{secrets.token_hex(4)}"
        with partial.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.chmod(0o444)
        partial.replace(path)
    return {"_type": LARGE, "sha256": digest, "size": len(data)}


def is_large(value: object) -> bool:
    """Tell whether a value is a reference to a file of the run."""
    return type(value) is dict and value.get("_type") == LARGE and set(value) == REFERENCE_KEYS


def load_large(blobs: Path, reference: dict[str, Any]) -> Plain:
    """Return the value that a reference stands for.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: The file is not what the reference says.
    """
    digest = str(reference["sha256"])
    if len(digest) != 64 or not digest.isalnum():  # noqa: PLR2004 - hexadecimal digits of sha256
        message = f"{digest!r} is no digest"
        raise ValueError(message)
    fd = os.open(blobs / digest, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        data = file.read()
    if sha256(data).hexdigest() != digest:
        message = f"{blobs / digest} was changed"
        raise ValueError(message)
    value: Plain = msgpack.unpackb(data, ext_hook=unpack_ext, timestamp=2)
    return value


def packed_size(value: object) -> int:
    """Return how many bytes a value takes in a record."""
    return len(msgpack.packb(value, default=pack_big_ints))


def split_values(values: list[Any], limit: int, blobs: Path) -> list[list[Any]]:
    """Split ``[name, value]`` pairs into lists of at most ``limit`` packed bytes.

    No value is split; one that is too large alone goes to a file.

    Raises:
        OSError: A file cannot be written.
    """
    if packed_size(values) <= limit:
        return [values]
    if len(values) > 1:
        half = len(values) // 2
        halves = values[:half], values[half:]
        return [part for one in halves for part in split_values(one, limit, blobs)]
    ((name, value),) = values
    return [[[name, store_large(blobs, value)]]]


def parts_of(data: dict[str, Plain], limit: int, blobs: Path) -> list[dict[str, Plain]]:
    """Split data of a row into parts of at most ``limit`` packed bytes that merge to the same.

    A single value that is too large goes to a file.

    Raises:
        OSError: A file cannot be written.
    """
    if packed_size(data) <= limit:
        return [data]
    items = list(data.items())
    if len(items) > 1:
        half = len(items) // 2
        halves = dict(items[:half]), dict(items[half:])
        return [part for one in halves for part in parts_of(one, limit, blobs)]
    (name, value), *_ = items
    if type(value) is dict:
        inner = parts_of(value, limit - packed_size(name) - 1, blobs)
        return [{name: part} for part in inner]
    return [{name: store_large(blobs, value)}]
