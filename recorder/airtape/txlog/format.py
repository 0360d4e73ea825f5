"""The frame of a transaction log, and its header; no I/O happens here.

One frame is one msgpack ext 32 object, so any msgpack library can walk the file::

    C9 | length u32 | code 41 | seq u64 | head_crc u32 | body_crc u32 | body
                              '--------------- length bytes --------------'

All numbers are big-endian. ``head_crc`` is the crc32 of length, code and seq: a wrong length, or a
chance ``C9``, is refused without looking further. ``body_crc`` is the crc32 of seq and body. Both
start from the crc32 of the writer's uuid (the salt; 1 where that is 0), so a frame of another log
is never taken for one of this log; header and checkpoint frames start from 0 and carry the uuid.

The whole format, with a worked example: ``docs/LOG_FORMAT.md``.
"""

from __future__ import annotations

from struct import Struct
from typing import Any, Literal, NamedTuple, TypeAlias, TypeGuard
from zlib import crc32

from airtape.errors import LogFormatError

FORMAT_NAME = "airtape"
FORMAT_VERSION = (1, 0)
"""Major and minor version; a reader refuses a later major version and reads any minor one."""

MARKER = 0xC9
CODE = 0x41
HEAD = Struct(">BIBQII")
"""Marker, length, code, seq, head_crc, body_crc."""
HEAD_SIZE = HEAD.size
HEAD_CHECKED = Struct(">IBQ")
"""The part of the head that head_crc covers: length, code, seq."""
SEQ = Struct(">Q")
CRC_OF_HEAD_AT = 1 + HEAD_CHECKED.size
SEQ_AT = CRC_OF_HEAD_AT - SEQ.size
LENGTH_EXTRA = HEAD_SIZE - 6
"""What the msgpack length counts beside the body: seq and both checksums."""

MAX_FRAME = 1 << 20
"""Longest frame in bytes; what is larger is split or goes to ``blobs/``."""
MAX_BODY = MAX_FRAME - HEAD_SIZE
MAX_NUMBER = 2**63 - 1
"""Largest sequence number, and largest integer of a header: what stores can hold too."""
UNSALTED = 0
UUID_SIZE = 16
LOG_SUFFIX = ".txlog"

Role: TypeAlias = Literal["primary", "shared", "child", "amend"]


class Head(NamedTuple):
    """The head of a frame whose head_crc is right.

    Attributes:
        seq: The record's place in its writer's sequence.
        body_crc: The checksum that seq and body must have.
        body_size: Length of the body in bytes.
    """

    seq: int
    body_crc: int
    body_size: int


def salt_of(writer: bytes) -> int:
    """Return the number that all checksums of this writer's frames start from; never 0."""
    return crc32(writer) or 1


def encode_frame(seq: int, body: bytes, salt: int) -> bytes:
    """Return one whole frame.

    Args:
        seq: Place in the writer's sequence.
        body: A msgpack array, at most `MAX_BODY` bytes.
        salt: `salt_of` the writer, or `UNSALTED` for header and checkpoint frames.
    """
    length = len(body) + LENGTH_EXTRA
    return (
        HEAD.pack(
            MARKER,
            length,
            CODE,
            seq,
            crc32(HEAD_CHECKED.pack(length, CODE, seq), salt),
            crc32(body, crc32(SEQ.pack(seq), salt)),
        )
        + body
    )


def seq_of(frame: bytes) -> int:
    """Return the place in the writer's sequence that a whole frame has."""
    seq: int = SEQ.unpack_from(frame, CRC_OF_HEAD_AT - SEQ.size)[0]
    return seq


def decode_head(data: bytes | bytearray, at: int, salt: int) -> Head | None:
    """Return the head that starts at this place, or None if none with a right checksum does.

    Args:
        data: At least `HEAD_SIZE` bytes from ``at`` on.
        at: Place of the marker.
        salt: The salt that head_crc must start from.
    """
    marker, length, code, seq, head_crc, body_crc = HEAD.unpack_from(data, at)
    if (
        marker != MARKER
        or code != CODE
        or not LENGTH_EXTRA <= length <= MAX_BODY + LENGTH_EXTRA
        or seq > MAX_NUMBER
        or crc32(data[at + 1 : at + CRC_OF_HEAD_AT], salt) != head_crc
    ):
        return None
    return Head(seq, body_crc, length - LENGTH_EXTRA)


def body_is_whole(head: Head, body: bytes | bytearray, salt: int) -> bool:
    """Tell whether this is the body that the head announces."""
    return crc32(body, crc32(SEQ.pack(head.seq), salt)) == head.body_crc


class Header(NamedTuple):
    """What a log says of itself in its first frame.

    Attributes:
        run_id: The run that the records belong to.
        writer: 16 bytes, the uuid of the recording process's writer.
        first_seq: The seq of this header; above 0 when the file continues another.
        continues: Name of the file that this one continues, if any.
        repairs: Name of the damaged file that this one is a clean copy of, if any.
        parents: ``[writer, last seq read]`` of each writer this one resumes or forks.
        root: Writer that began this incarnation of the run; its own uuid when it began it.
        resumed: Whether the run was opened to resume.
        start_step: First step this writer may write.
        rewind_to: Last step of the parents that still counts, when the run was rewound.
        role: ``primary``, ``shared``, ``child`` or ``amend``.
        label: Name of this writer among several, such as ``rank-3``.
        host: Host name.
        boot_id: The kernel's boot id; with pid and start_ticks it tells whether it still runs.
        pid: Process id.
        start_ticks: Start time of the process in clock ticks since boot.
        heartbeat_s: Seconds between heartbeats; 0 when there are none.
        library: Version of airtape that writes.
        monotonic_ns: Monotonic clock at the start, for durations.
        version: ``[major, minor]`` of the format.
    """

    run_id: str
    writer: bytes
    first_seq: int = 0
    continues: str | None = None
    repairs: str | None = None
    parents: tuple[tuple[bytes, int], ...] = ()
    root: bytes = b""
    resumed: bool = False
    start_step: int = 0
    rewind_to: int | None = None
    role: Role = "primary"
    label: str | None = None
    host: str = ""
    boot_id: str = ""
    pid: int = 0
    start_ticks: int = 0
    heartbeat_s: float = 0
    library: str = ""
    monotonic_ns: int = 0
    version: tuple[int, int] = FORMAT_VERSION

    def to_fields(self) -> dict[str, Any]:
        """Return the map that stands in the header frame."""
        return {"format": FORMAT_NAME, **self._asdict()}


_TYPES: dict[str, type | tuple[type, ...]] = {
    "run_id": str,
    "writer": bytes,
    "first_seq": int,
    "continues": (str, type(None)),
    "repairs": (str, type(None)),
    "parents": list,
    "root": bytes,
    "resumed": bool,
    "start_step": int,
    "rewind_to": (int, type(None)),
    "role": str,
    "label": (str, type(None)),
    "host": str,
    "boot_id": str,
    "pid": int,
    "start_ticks": int,
    "heartbeat_s": (int, float),
    "library": str,
    "monotonic_ns": int,
    "version": list,
}


def header_from_fields(said: object) -> Header | None:
    """Return the header that a header or checkpoint frame carries, or None if it is none.

    Fields that this version does not know are ignored.

    Raises:
        LogFormatError: The log is of a later major version.
    """
    if not isinstance(said, dict) or said.get("format") != FORMAT_NAME:
        return None
    version = said.get("version")
    if not _is_version(version):
        return None
    # Before anything else is looked at: a later version may have changed the rest.
    if version[0] > FORMAT_VERSION[0]:
        raise LogFormatError(
            f"the log is of format version {version[0]}.{version[1]}",
            because=f"this airtape reads up to version {FORMAT_VERSION[0]}",
            hint="install a later airtape to read it",
        )
    values = {name: said[name] for name in Header._fields if name in said}
    if not all(_fits(name, value) for name, value in values.items()):
        return None
    if not values.get("run_id") or len(values.get("writer", b"")) != UUID_SIZE:
        return None
    values["version"] = (version[0], version[1])
    values["parents"] = tuple((writer, seq) for writer, seq in values.get("parents", ()))
    return Header(**values)


def _is_version(value: object) -> TypeGuard[list[int]]:
    return (
        isinstance(value, list)
        and len(value) >= 2  # noqa: PLR2004 - major and minor
        and type(value[0]) is int
        and type(value[1]) is int
    )


def _fits(name: str, value: object) -> bool:
    if not isinstance(value, _TYPES[name]) or not _is_storable(value):
        return False
    return not isinstance(value, list) or name != "parents" or all(map(_is_parent, value))


def _is_parent(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2  # noqa: PLR2004 - writer and last seq read
        and type(value[0]) is bytes
        and type(value[1]) is int
        and _is_storable(value[1])
    )


def _is_storable(value: object) -> bool:
    """Tell whether a number is neither negative nor larger than stores can hold."""
    return not isinstance(value, int | float) or 0 <= value <= MAX_NUMBER
