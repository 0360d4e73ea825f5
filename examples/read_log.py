"""Read a transaction log with struct, zlib and msgpack alone: python examples/read_log.py FILE.

It shares nothing with airtape: it does what docs/LOG_FORMAT.md says in the shortest way, as a start
for a reader in another language. It keeps the whole file in memory.
"""

import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack

HEAD = struct.Struct(">BIBQII")  # marker, length, code, seq, head_crc, body_crc


def frame(data: bytes, at: int, salt: int) -> tuple[int, list[Any], int] | None:
    """Return seq, fields and end of the frame at an offset, None if no whole one starts there."""
    if len(data) - at < HEAD.size:
        return None
    marker, length, code, seq, head_crc, body_crc = HEAD.unpack_from(data, at)
    body = data[at + 22 : at + 6 + length]
    if (marker, code) != (0xC9, 0x41) or len(body) != length - 16 or length > 2**20 - 6:
        return None
    if zlib.crc32(data[at + 1 : at + 14], salt) != head_crc:
        return None
    if zlib.crc32(data[at + 6 : at + 14] + body, salt) != body_crc:
        return None
    return seq, msgpack.unpackb(body, ext_hook=lambda _, digits: int(digits, 16)), at + 6 + length


def uuid_in(fields: list[Any]) -> bytes | None:
    """Return the writer's uuid that a header (kind 0) or a checkpoint (kind 6) carries."""
    header = {0: fields[2:3], 6: fields[4:5]}.get(fields[0])
    return header[0]["writer"] if header and header[0]["version"][0] == 1 else None


def salt_under(checked: bytes, crc: int) -> int:
    """Return the salt with which these bytes have this checksum: crc32, run backwards."""
    crc ^= 0xFFFFFFFF
    for byte in reversed(checked):
        for _ in range(8):
            crc = (crc ^ 0xEDB88320) << 1 | 1 if crc >> 31 else crc << 1
        crc ^= byte
    return crc ^ 0xFFFFFFFF


def first_salt(data: bytes) -> int:
    """Return the salt of the first whole frame that has one, 0 if none has."""
    at = 0
    while at <= len(data) - HEAD.size:
        marker, _, code, _, head_crc, _ = HEAD.unpack_from(data, at)
        is_head = (marker, code) == (0xC9, 0x41)
        salt = salt_under(data[at + 1 : at + 14], head_crc) if is_head else 0
        found = frame(data, at, salt) if is_head else None
        if found and salt:
            return salt
        at = found[2] if found else at + 1
    return 0


def owner(data: bytes) -> bytes:
    """Return the uuid of the log's writer: its first frame's or, if damaged, one with its salt."""
    first = frame(data, 0, 0)
    if first and first[1][0] in {0, 6}:
        return uuid_in(first[1]) or b""
    salt = first_salt(data)
    unsalted = (frame(data, at, 0) for at in range(1, len(data)))
    uuids = (uuid for found in unsalted if found and (uuid := uuid_in(found[1])))
    return next((uuid for uuid in uuids if salt in {0, zlib.crc32(uuid) or 1}), b"")


def records(data: bytes) -> Iterator[tuple[int, list[Any]]]:
    """Yield seq and fields (kind, time, and so on) of every record that is whole, each once."""
    writer = owner(data)
    salt, at, seen = zlib.crc32(writer) or 1, 0, set()
    while at < len(data):
        found = frame(data, at, salt)
        if found is None and (found := frame(data, at, 0)) and uuid_in(found[1]) != writer:
            found = None
        if found and found[0] not in seen:
            seen.add(found[0])
            yield found[:2]
        at = found[2] if found else at + 1


if __name__ == "__main__":
    for number, said in records(Path(sys.argv[1]).read_bytes()):
        print(number, *said)
