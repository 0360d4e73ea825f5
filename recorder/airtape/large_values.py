"""Values too large for a frame: kept as files beside the log, named by their digest.

The log then holds a reference, ``{"_type": "airtape/large", "sha256": ..., "size": ...}``; the file
below ``blobs/`` holds the value as msgpack.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeGuard

import msgpack

from airtape.digest import sha256_hex
from airtape.errors import InvalidDataError
from airtape.new_rundir import make_folder
from airtape.records import Plain, pack_big_ints, unpack_ext

Keep: TypeAlias = Callable[[Plain], dict[str, Plain]]
"""Keeps a value as a file and returns the reference that stands for it."""

BLOBS: Final = "blobs"
"""What the folder is called in a run directory."""
LARGE = "airtape/large"
REFERENCE_KEYS = frozenset({"_type", "sha256", "size"})
_REFERENCE_ROOM = 128
"""Bytes that are enough for a reference."""


class LargeValues:
    """Keeps the large values of a run that goes on; threads and signal handlers may use it.

    Args:
        folder: Where the files are; made with the first of them.
        file_mode: Permissions of files, instead of the umask's; nobody may ever write to one.
        report: Told in words when a value cannot be kept.
        at_once: Whether a value survives a power loss as soon as it is kept, not from `sync` on.

    Attributes:
        lost: Number of values that could not be kept.
        unsynced: Files that may not survive a power loss yet.
    """

    def __init__(
        self,
        folder: Path,
        *,
        file_mode: int | None,
        report: Callable[[str], None],
        at_once: bool = False,
    ) -> None:
        self.lost = 0
        self._at_once = at_once
        self._folder = folder
        self._file_mode = file_mode
        self._report = report
        self.unsynced: list[Path] = []

    def keep(self, value: Plain) -> dict[str, Plain]:
        """Write a value to a file and return the reference that stands for it.

        The reference is the same when the disk refuses: a reader then finds that the file is
        missing, and what it was.
        """
        data, reference = _packed(value)
        path = self._folder / str(reference["sha256"])
        try:
            if _write_once(path, data, self._file_mode):
                self.unsynced.append(path)
                if self._at_once:
                    self.sync()
        except OSError as error:
            self.lost += 1
            cause = error.strerror or str(error)
            self._report(f"a value of {len(data)} bytes could not be kept ({cause}) and is lost")
        return reference

    def whole(self, value: Plain) -> Plain:
        """Return what a reference stands for, if that can be read; any other value as it is."""
        if not is_large(value):
            return value
        with suppress(OSError, ValueError):
            return load_large(self._folder, value)
        return value

    def sync(self) -> None:
        """Wait until the values kept so far survive a power loss, as far as the disk lets them."""
        while self.unsynced:
            paths = self.unsynced.copy()
            del self.unsynced[: len(paths)]
            for path in (*paths, self._folder):
                with suppress(OSError):
                    _sync(path)


def store_large(folder: Path, value: Plain, *, file_mode: int | None = None) -> dict[str, Plain]:
    """Write a value to a file, durably, and return the reference that stands for it.

    Args:
        folder: Where the file is; made when it is missing.
        value: A plain value.
        file_mode: As for `LargeValues`.

    Raises:
        OSError: The file cannot be written.
    """
    data, reference = _packed(value)
    path = folder / str(reference["sha256"])
    if _write_once(path, data, file_mode):
        _sync(path)
        _sync(folder)
    return reference


def _packed(value: Plain) -> tuple[bytes, dict[str, Plain]]:
    data: bytes = msgpack.packb(value, default=pack_big_ints)
    return data, {"_type": LARGE, "sha256": sha256_hex(data), "size": len(data)}


def _write_once(path: Path, data: bytes, file_mode: int | None) -> bool:
    """Write a file whose name tells what is in it; return False if it is there already.

    Raises:
        OSError: It cannot be written; nothing of it stays.
    """
    if path.exists():
        return False
    folder = path.parent
    if not folder.is_dir():
        make_folder(folder, file_mode)
    partial = folder / f".{path.name}.{os.urandom(4).hex()}"
    fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            if file_mode is not None:
                os.fchmod(fd, file_mode & 0o444)
        partial.replace(path)
    except OSError:
        with suppress(OSError):
            partial.unlink()
        raise
    return True


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def is_large(value: object) -> TypeGuard[dict[str, Any]]:
    """Tell whether a value is a reference to a file of the run."""
    return type(value) is dict and value.get("_type") == LARGE and set(value) == REFERENCE_KEYS


def references_in(values: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """Yield the references that stand anywhere in some values, such as the fields of a record."""
    waiting = [*values]
    while waiting:
        value = waiting.pop()
        if type(value) is dict:
            if is_large(value):
                yield value
            else:
                waiting += value.values()
        elif type(value) is list:
            waiting += (item for item in value if type(item) in {dict, list})


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
    return unpack_large(data, digest, where=str(blobs / digest))


def unpack_large(data: bytes, sha256: str, *, where: str) -> Plain:
    """Return the value that some bytes hold.

    Args:
        data: The bytes.
        sha256: What their digest must be.
        where: Where they come from, for what is said of them.

    Raises:
        ValueError: They are not what the digest says.
    """
    if sha256_hex(data) != sha256:
        message = f"{where} was changed"
        raise ValueError(message)
    value: Plain = msgpack.unpackb(data, ext_hook=unpack_ext, timestamp=2)
    return value


def packed_size(value: object) -> int:
    """Return how many bytes a value takes in a record."""
    return len(msgpack.packb(value, default=pack_big_ints))


def in_parts(fields: tuple[Any, ...], limit: int, keep: Keep) -> list[tuple[Any, ...]]:
    """Return the fields of one record, or of several where ``limit`` packed bytes are too few.

    The first field is a map, or a list of ``[name, value]`` pairs; the others may be empty.

    Raises:
        InvalidDataError: A name is too long.
    """
    if packed_size(fields) <= limit:
        return [fields]
    first, *others = fields
    is_map = type(first) is dict
    parts = split_values(list(first.items()) if is_map else first, limit, keep)
    nothing = [type(other)() for other in others]
    return [
        (dict(part) if is_map else part, *(nothing if at else others))
        for at, part in enumerate(parts)
    ]


def split_values(values: list[Any], limit: int, keep: Keep) -> list[list[Any]]:
    """Split ``[name, value]`` pairs into lists of at most ``limit`` packed bytes.

    No value is split; one that is too large alone is kept as a file.

    Raises:
        InvalidDataError: A name is too long.
    """
    if packed_size(values) <= limit:
        return [values]
    if len(values) > 1:
        half = len(values) // 2
        halves = values[:half], values[half:]
        return [part for one in halves for part in split_values(one, limit, keep)]
    ((name, value),) = values
    _check_name(name, limit)
    return [[[name, keep(value)]]]


def parts_of(data: dict[str, Plain], limit: int, keep: Keep) -> list[dict[str, Plain]]:
    """Split data of a row into parts of at most ``limit`` packed bytes that merge to the same.

    A single value that is too large is kept as a file.

    Raises:
        InvalidDataError: A name is too long.
    """
    if packed_size(data) <= limit:
        return [data]
    items = list(data.items())
    if len(items) > 1:
        half = len(items) // 2
        halves = dict(items[:half]), dict(items[half:])
        return [part for one in halves for part in parts_of(one, limit, keep)]
    ((name, value),) = items
    _check_name(name, limit)
    if type(value) is dict:
        inner = parts_of(value, limit - packed_size(name) - 1, keep)
        return [{name: part} for part in inner]
    return [{name: keep(value)}]


def _check_name(name: object, limit: int) -> None:
    """Make sure that a name fits into a frame, together with a reference.

    Raises:
        InvalidDataError: It does not.
    """
    size = packed_size(name)
    if size + _REFERENCE_ROOM > limit:
        raise InvalidDataError(
            f"a name of {size} bytes is too long", hint="values may be that long, names may not"
        )
