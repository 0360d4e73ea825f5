"""Reading event files of TensorBoard, byte by byte and as a library writes them."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorboardX import SummaryWriter

from airtape import tfevents
from airtape.tfevents import EventFile, Scalars, fields_of, masked_crc32c


def varint(number: int) -> bytes:
    """Encode a number as Protocol Buffers do."""
    out = bytearray()
    number &= (1 << 64) - 1
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: bytes | float, kind: str = "") -> bytes:
    """Encode a field: a varint, bytes, or with a format a number of fixed size."""
    if kind:
        packed = struct.pack(f"<{kind}", value)
        return varint(number << 3 | {8: 1, 4: 5}[len(packed)]) + packed
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(int(value))


def event(step: int, *values: bytes, at: float = 100.5) -> bytes:
    """Encode an event with a summary."""
    return field(1, at, "d") + field(2, step) + field(5, b"".join(field(1, v) for v in values))


def scalar(tag: str, value: float) -> bytes:
    """Encode a value as the first version of TensorFlow does."""
    return field(1, tag.encode()) + field(2, value, "f")


def tensor(tag: str, *fields: bytes, plugin: bytes = b"scalars") -> bytes:
    """Encode a value as the second version does."""
    metadata = field(9, field(1, field(1, plugin))) if plugin else b""
    return field(1, tag.encode()) + metadata + field(8, b"".join(fields))


def framed(data: bytes) -> bytes:
    """Return a record."""
    head = struct.pack("<Q", len(data))
    checksums = [struct.pack("<I", masked_crc32c(part)) for part in (head, data)]
    return head + checksums[0] + data + checksums[1]


def scalars_in(path: Path, content: Iterable[bytes]) -> tuple[list[Scalars], EventFile]:
    """Write an event file and read it."""
    path.write_bytes(b"".join(content))
    file = EventFile()
    with path.open("rb") as opened:
        return list(file.read(opened)), file


def test_the_checksum_is_the_one_of_the_format() -> None:
    """As the reference implementation has it."""
    assert masked_crc32c(b"") == 0xA282EAD8
    crc = (masked_crc32c(b"123456789") - 0xA282EAD8) & 0xFFFFFFFF
    assert (crc << 15 | crc >> 17) & 0xFFFFFFFF == 0xE3069283


def test_scalars_of_both_kinds_are_read(tmp_path: Path) -> None:
    """Simple values, and tensors with one number; everything else is passed over."""
    version = field(1, 1.0, "d") + field(3, b"brain.Event:2")
    values = [
        scalar("loss", 0.5),
        tensor("acc", field(1, 1), field(4, struct.pack("<f", 0.25))),
        tensor("double", field(1, 2), field(6, struct.pack("<d", 0.1))),
        tensor("single", field(1, 1), field(5, 2.0, "f")),
        tensor("count", field(1, 9), field(10, varint(-3))),
        tensor("whole", field(1, 3), field(7, -7)),
        tensor("bytes", field(1, 3), field(4, struct.pack("<i", -8))),
        tensor("several", field(1, 1), field(4, struct.pack("<2f", 1, 2))),
        tensor("many", field(1, 9), field(10, varint(1) + varint(2))),
        tensor("text", field(1, 7), field(8, b"hello")),
        tensor("empty", field(1, 1)),
        tensor("histogram", field(1, 1), field(4, struct.pack("<f", 1)), plugin=b"histograms"),
        field(1, b"image") + field(4, b"png"),
    ]
    found, file = scalars_in(tmp_path / "e", [framed(version), framed(event(7, *values))])
    assert found == [
        Scalars(
            7,
            100.5,
            {
                "loss": 0.5,
                "acc": 0.25,
                "double": 0.1,
                "single": 2.0,
                "count": -3,
                "whole": -7,
                "bytes": -8,
            },
        )
    ]
    assert (file.problem, file.damaged) == (None, 0)


def test_a_plugin_is_said_once(tmp_path: Path) -> None:
    """Later values of the tag belong to it too."""
    one = (field(1, 1), field(4, struct.pack("<f", 1)))
    found, _ = scalars_in(
        tmp_path / "e",
        [
            framed(event(1, tensor("h", *one, plugin=b"histograms"))),
            framed(event(2, tensor("h", *one, plugin=b""), scalar("x", 1))),
        ],
    )
    assert [scalars.values for scalars in found] == [{"x": 1.0}]


@pytest.mark.parametrize("size", [7, 40])
def test_a_torn_tail_waits_for_the_rest(tmp_path: Path, size: int) -> None:
    """However the bytes come, each record is read once."""
    content = b"".join(framed(event(step, scalar("x", step))) for step in range(5))
    path, file, steps = tmp_path / "e", EventFile(), []
    for end in [*range(0, len(content), size), len(content)]:
        path.write_bytes(content[:end])
        with path.open("rb") as opened:
            steps += [scalars.step for scalars in file.read(opened)]
    assert steps == [0, 1, 2, 3, 4]


def test_a_damaged_record_costs_itself(tmp_path: Path) -> None:
    """Its length is right; it is counted."""
    records = [framed(event(step, scalar("x", step))) for step in range(3)]
    records[1] = records[1][:20] + b"\xff" + records[1][21:]
    found, file = scalars_in(tmp_path / "e", records)
    assert [scalars.step for scalars in found] == [0, 2]
    assert (file.damaged, file.problem) == (1, None)


def test_what_is_no_event_costs_itself(tmp_path: Path) -> None:
    """Whatever the bytes are."""
    nonsense = [b"\xff", b"\x0b", field(5, b"\xff")]
    records = [framed(data) for data in nonsense]
    found, file = scalars_in(tmp_path / "e", [*records, framed(event(1, scalar("x", 1)))])
    assert (len(found), file.damaged) == (1, len(nonsense))


def test_a_damaged_length_ends_the_file(tmp_path: Path) -> None:
    """Nobody can tell where the next record begins."""
    good = framed(event(1, scalar("x", 1)))
    found, file = scalars_in(tmp_path / "e", [good, b"\0" * 40, good])
    assert len(found) == 1
    assert file.problem == f"byte {len(good)} begins no record"


def test_a_huge_record_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not even read."""
    monkeypatch.setattr(tfevents, "LONGEST", 100)
    large = event(1, scalar("x" * 200, 1))
    found, file = scalars_in(tmp_path / "e", [framed(large), framed(event(2, scalar("y", 2)))])
    assert ([scalars.step for scalars in found], file.damaged) == ([2], 1)


def test_a_large_record_is_read_without_its_checksum(tmp_path: Path) -> None:
    """It would take long; a message that is none shows all the same."""
    values = [scalar(f"tag/{number}", number) for number in range(2000)]
    found, _ = scalars_in(tmp_path / "e", [framed(event(1, *values))])
    assert len(found[0].values) == 2000


@given(st.binary(max_size=200))
def test_no_bytes_do_harm(data: bytes) -> None:
    """Reading ends, and raises nothing but what it says."""
    with suppress(ValueError, IndexError):
        list(fields_of(data))


@given(st.integers(-(2**63), 2**63 - 1))
def test_numbers_come_back(number: int) -> None:
    """Of 64 bits with their signs."""
    assert list(fields_of(field(2, number))) == [(2, number & (2**64 - 1))]


def test_a_file_of_a_library_is_read(tmp_path: Path) -> None:
    """Scalars, beside histograms and text."""
    writer: Any = SummaryWriter(str(tmp_path))
    for step in range(3):
        writer.add_scalar("loss/train", 1 / (step + 1), step)
        writer.add_histogram("weights", [1.0, 2.0, 3.0], step)
    writer.add_text("note", "hello")
    writer.close()
    (path,) = tmp_path.iterdir()
    with path.open("rb") as opened:
        found = list(EventFile().read(opened))
    assert [scalars.step for scalars in found] == [0, 1, 2]
    assert [scalars.values["loss/train"] for scalars in found] == pytest.approx([1, 0.5, 1 / 3])


def test_an_empty_file_is_no_error() -> None:
    """It has just been made."""
    with open("/dev/null", "rb") as nothing:  # noqa: PTH123 - no path of ours
        assert list(EventFile().read(nothing)) == []
