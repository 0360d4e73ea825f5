"""Reading the archive of a bundle: a gzipped tar of regular files, and nothing else.

Only what `airtape.bundles.writing` writes is read: ustar headers, and pax headers that give a long
name or a large size. So there is no link, device or sparse file that could be meant, and a header
never makes anybody hold more than a few kilobytes.

gzip, because every Python has it, and logs, whose floats hardly repeat, are a tenth smaller with
zstd: so a bundle can be made and applied where nothing can be installed.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, NoReturn

from airtape.bundles.limits import Limits
from airtape.errors import LogFormatError

BLOCK: Final = 512
_CHUNK: Final = 1 << 18
_GZIP: Final = 16 + zlib.MAX_WBITS
_LARGEST_PAX: Final = 1 << 16
_MOST_DIGITS: Final = 5
_LONGEST_PATH: Final = 1 << 13
_LONGEST_NUMBER: Final = 20
_UNJUDGED: Final = 64 << 20
"""Bytes up to which it does not matter how well they were packed."""
_MAGIC: Final = b"ustar\x0000"
_KINDS: Final = {
    b"1": "a hard link",
    b"2": "a link",
    b"3": "a device",
    b"4": "a device",
    b"5": "a folder",
    b"6": "a pipe",
    b"S": "a sparse file",
}


class Entry:
    """One file of the archive, whose bytes come once.

    Attributes:
        name: Its name, unchecked.
        size: Its size in bytes.
    """

    def __init__(self, name: str, size: int, archive: Archive) -> None:
        self.name = name
        self.size = size
        self._archive = archive
        self._left = size

    def chunks(self) -> Iterator[bytes]:
        """Yield its bytes, or what is left of them.

        Raises:
            LogFormatError: The archive ends before them, or is damaged.
        """
        while self._left:
            part = self._archive.take(min(self._left, _CHUNK))
            self._left -= len(part)
            yield part


class Archive:
    """The entries of a bundle's archive, in order.

    Args:
        file: The bundle, open at its start.
        path: Its path, for what is said of it.
        limits: How large it may be.
    """

    def __init__(self, file: BinaryIO, path: Path, limits: Limits) -> None:
        self._file = file
        self._path = path
        self._limits = limits
        self._packed = zlib.decompressobj(_GZIP)
        self._ready = b""
        self._at = 0
        self._read = self._unpacked = 0
        self._entry = ""

    def entries(self) -> Iterator[Entry]:
        """Yield each entry; what is left of one is passed over before the next.

        Raises:
            LogFormatError: The archive is damaged, too large, or holds what no bundle does.
        """
        count = 0
        while (entry := self._next()) is not None:
            count += 1
            self._entry = entry.name
            if count > self._limits.entries:
                self.refuse(f"it has more than {self._limits.entries} entries")
            yield entry
            for _ in entry.chunks():
                pass
            padding = -entry.size % BLOCK
            if padding and any(self._exactly(padding)):
                self.refuse("there are bytes between its entries")
        self._entry = ""
        self._expect_end()

    def refuse(self, because: str) -> NoReturn:
        """Refuse the bundle because of the entry that was read last.

        Raises:
            LogFormatError: Always.
        """
        entry = f"entry {self._entry!r}: " if self._entry else ""
        raise LogFormatError(
            "the bundle is refused",
            where=str(self._path),
            because=entry + because,
            hint="Nothing of it was written. Bring it over again, or ask who made it.",
        )

    def take(self, size: int) -> bytes:
        """Return the next bytes, at least one and at most so many.

        Raises:
            LogFormatError: There is none, or the archive is damaged or too large.
        """
        if self._at == len(self._ready):
            self._fill()
        if self._at == len(self._ready):
            self.refuse("the bundle was cut")
        part = self._ready[self._at : self._at + size]
        self._at += len(part)
        return part

    def _exactly(self, size: int) -> bytes:
        found = bytearray()
        while len(found) < size:
            found += self.take(size - len(found))
        return bytes(found)

    def _fill(self) -> None:
        """Unpack some more, unless the end has come; what was unpacked before is taken."""
        self._ready, self._at = b"", 0
        while not self._ready and not self._packed.eof:
            packed = self._packed.unconsumed_tail
            if not packed:
                packed = self._file.read(_CHUNK)
                self._read += len(packed)
            if not packed:
                return
            try:
                self._ready = self._packed.decompress(packed, _CHUNK)
            except zlib.error as error:
                self.refuse(f"the bundle was changed ({error})")
        self._unpacked += len(self._ready)
        self._judge()

    def _judge(self) -> None:
        limits = self._limits
        if self._unpacked > limits.size + BLOCK * 4 * limits.entries:
            self.refuse(f"it holds more than {limits.size} bytes")
        if self._unpacked > _UNJUDGED and self._unpacked > limits.ratio * self._read:
            self.refuse(f"it holds more than {limits.ratio} bytes for each of its own")

    def _next(self) -> Entry | None:
        """Return the next entry, None at the end."""
        said: dict[bytes, bytes] = {}
        header = self._exactly(BLOCK)
        if header[156:157] == b"x":
            self._entry = "pax header"
            self._check(header, b"x")
            said = self._pax(_size_in(header, self))
            header = self._exactly(BLOCK)
        if not any(header):
            if said or any(self._exactly(BLOCK)):
                self.refuse("there are bytes behind its end")
            return None
        name = _text_of(said[b"path"], self) if b"path" in said else _name_in(header, self)
        self._entry = name
        self._check(header, b"0")
        size = said.get(b"size", b"")
        if size and not size.isdigit():
            self.refuse("it has no size")
        return Entry(name, int(size) if size else _size_in(header, self), self)

    def _check(self, header: bytes, expected: bytes) -> None:
        kind = header[156:157]
        if _checksum_of(header) != _number_in(header[148:156]):
            self.refuse("its header is damaged")
        if kind != expected:
            self.refuse(f"it is {_KINDS.get(kind, 'no regular file')}")
        if header[257:265] != _MAGIC or any(header[157:257]):
            self.refuse("it is none that a bundle holds")

    def _pax(self, size: int) -> dict[bytes, bytes]:
        """Return what a pax header says of the entry behind it: its path, its size, or both."""
        if size > _LARGEST_PAX:
            self.refuse(f"it has {size} bytes")
        body = self._exactly(size + -size % BLOCK)[:size]
        said: dict[bytes, bytes] = {}
        while body:
            length = body.partition(b" ")[0]
            end = int(length) if length.isdigit() and len(length) <= _MOST_DIGITS else 0
            key, _, value = body[len(length) + 1 : end].partition(b"=")
            if key not in {b"path", b"size"} or key in said or value[-1:] != b"\n":
                self.refuse("it says what no bundle does")
            said[key] = value[:-1][: _LONGEST_PATH if key == b"path" else _LONGEST_NUMBER]
            body = body[end:]
        return said

    def _expect_end(self) -> None:
        while self._at < len(self._ready) or not self._packed.eof:
            if any(self._ready[self._at :]):
                self.refuse("there are bytes behind its end")
            self._fill()
            if not (self._ready or self._packed.eof):
                self.refuse("the bundle was cut")
        if self._packed.unused_data or self._file.read(1):
            self.refuse("there are bytes behind its end")


def _name_in(header: bytes, archive: Archive) -> str:
    name, prefix = header[:100].rstrip(b"\0"), header[345:500].rstrip(b"\0")
    return _text_of(prefix + b"/" + name if prefix else name, archive)


def _text_of(name: bytes, archive: Archive) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        archive.refuse(f"the name {name!r} is no text")


def _size_in(header: bytes, archive: Archive) -> int:
    size = _number_in(header[124:136])
    if size is None:
        archive.refuse("it has no size")
    return size


def _number_in(octal: bytes) -> int | None:
    digits = octal.strip(b" \0")
    return int(digits, 8) if digits.isdigit() and not set(digits) - set(b"01234567") else None


def _checksum_of(header: bytes) -> int:
    return sum(header[:148]) + 8 * ord(" ") + sum(header[156:])
