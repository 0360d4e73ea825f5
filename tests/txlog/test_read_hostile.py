from __future__ import annotations

import json
import struct
import time
from pathlib import Path
from zlib import crc32

import msgpack
import pytest

from airtape.txlog.format import CODE, MAX_BODY, UNSALTED, encode_frame, salt_of
from tests.processes import RunPython
from tests.txlog.bytes_of import HEADER, Read, row_frame, seqs, small_log

LOG = small_log()
COUNT = len(LOG.frames)
SALT = salt_of(HEADER.writer)
MIB = 1 << 20

READ_IN_A_PROCESS = """
import json, re, sys, time
from pathlib import Path
from airtape.txlog.reader import Damage, LogReader

def memory(name):
    return int(re.search(name + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

began = time.process_time()
records = sum(map(lambda item: not isinstance(item, Damage), LogReader(sys.argv[1])))
print(json.dumps([time.process_time() - began, memory("VmHWM"), records]))
"""

START = b"\x93\x01\x00"
HUGE = struct.pack(">I", MAX_BODY - 8)
BOMBS = {
    "lists, 100,000 deep": START + b"\x91" * 100_000 + b"\x90",
    "lists, 1,000 deep": START + b"\x91" * 1000 + b"\x90",
    "maps, 1,000 deep": START + b"\x81\xa0" * 1000 + b"\x90",
    "an array of four billion": START + b"\xdd\xff\xff\xff\xff",
    "a map of four billion": START + b"\xdf\xff\xff\xff\xff",
    "a string of four gigabytes": START + b"\xdb\xff\xff\xff\xff",
    "an ext object of four gigabytes": START + b"\xc9\xff\xff\xff\xff\x01",
    "arrays of a million in each other": START + (b"\xdd" + HUGE) * 1000,
    "an unknown ext object": START + b"\xd4\x05a",
    "digits that are none": START + b"\xd4\x01z",
    "a bad timestamp": START + b"\xd5\xff\x00\x00",
    "an integer as key": START + b"\x81\x01\x01",
    "a list as key": START + b"\x81\x90\x01",
    "text that is not UTF-8": START + b"\xa1\xff",
    "nothing": b"",
    "no array": b"\xc0",
}
LARGE = {
    "a million lists": START + b"\xdd" + HUGE + b"\x90" * (MAX_BODY - 8),
    "a million maps": START + b"\xdd" + HUGE + b"\x80" * (MAX_BODY - 8),
    "maps of one": START
    + b"\xdd"
    + struct.pack(">I", MAX_BODY // 3 - 3)
    + b"\x81\xa0\x90" * (MAX_BODY // 3 - 3),
}


def head(length: int, seq: int, salt: int) -> bytes:
    """Return a head with a right checksum that announces any length."""
    checked = struct.pack(">IBQ", length, CODE, seq)
    return b"\xc9" + checked + struct.pack(">II", crc32(checked, salt), 7)


HEADS_OF_OURS = head(MAX_BODY + 16, 1, SALT)
HEADS_OF_HEADERS = head(MAX_BODY + 16, 1, UNSALTED)
PATTERNS = {
    "markers": b"\xc9",
    "huge lengths": b"\xc9\xff\xff\xff\xff\x41" + bytes(16),
    "zeros": b"\x00",
}
CRAFTED = {
    "possible lengths": b"\xc9\x00\x0f\xff\xff\x41" + bytes(16),
    "heads of ours": HEADS_OF_OURS,
    "short heads of ours": head(17, 1, SALT),
    "heads of headers": HEADS_OF_HEADERS,
    "heads of both": HEADS_OF_OURS + HEADS_OF_HEADERS,
}


def filled(pattern: bytes, size: int) -> bytes:
    """Return about so many bytes of a pattern, between the frames of a log."""
    return LOG.frames[0] + pattern * (size // len(pattern)) + b"".join(LOG.frames[1:])


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", [*PATTERNS, *CRAFTED])
def test_searching_takes_linear_time(read: Read, name: str) -> None:
    """Four times the bytes take no more than about four times as long."""
    pattern = (PATTERNS | CRAFTED)[name]
    took = []
    for size in (MIB, 4 * MIB):
        data = filled(pattern, size)
        before = time.process_time()
        contents = read(data)
        took.append(time.process_time() - before)
        assert len(contents.records) >= 1
    assert took[1] <= 6 * took[0] + 0.1
    assert took[1] < 5


@pytest.mark.faults
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("name", "limit"), [*((n, 3) for n in PATTERNS), *((n, 15) for n in CRAFTED)]
)
@pytest.mark.parametrize("with_header", [True, False])
def test_a_hundred_mebibytes_of_nothing(
    tmp_path: Path, run_python: RunPython, name: str, limit: float, *, with_header: bool
) -> None:
    """They are read in seconds and in little memory, with and without a header in front."""
    pattern = (PATTERNS | CRAFTED)[name]
    path = tmp_path / "log"
    path.write_bytes((LOG.data if with_header else b"") + pattern * (100 * MIB // len(pattern)))
    seconds, kib, records = json.loads(run_python(READ_IN_A_PROCESS, str(path)).stdout)
    assert records == (COUNT if with_header else 0)
    assert seconds <= limit
    assert kib <= 150 << 10


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS)
def test_a_body_that_no_writer_makes_costs_itself(read: Read, body: bytes) -> None:
    """It is refused without an exception, and what follows is read."""
    contents = read(LOG.data + encode_frame(COUNT, body, SALT) + row_frame(COUNT + 1, 9, a=1))
    (damage,) = contents.damage
    assert seqs(contents) == [*range(COUNT), COUNT + 1]
    assert (damage.reason, damage.missing) == ("the body is no record", 1)


def test_the_last_of_two_equal_keys_counts(read: Read) -> None:
    """As in every reader of msgpack."""
    body = START + b"\x82\xa1a\x01\xa1a\x02"
    contents = read(LOG.data + encode_frame(COUNT, body, SALT))
    assert contents.records[-1].fields == ({"a": 2},)


@pytest.mark.faults
@pytest.mark.timeout(120)
@pytest.mark.parametrize("body", [*BOMBS.values(), *LARGE.values()], ids=[*BOMBS, *LARGE])
def test_bombs_take_no_memory(tmp_path: Path, run_python: RunPython, body: bytes) -> None:
    """However large what bodies decode to, a reader that keeps nothing stays small."""
    path = tmp_path / "log"
    frames = [encode_frame(COUNT + n, body, SALT) for n in range(30)]
    path.write_bytes(LOG.data + b"".join(frames))
    _, kib, records = json.loads(run_python(READ_IN_A_PROCESS, str(path)).stdout)
    assert records >= COUNT
    assert kib <= 150 << 10


def test_a_checkpoint_may_hold_anything(read: Read) -> None:
    """Its state is not looked at here."""
    fields = [6, 0, HEADER.writer, [{"x": [b"1"]}], HEADER.to_fields(), "no offset"]
    contents = read(LOG.data + encode_frame(COUNT, msgpack.packb(fields), UNSALTED))
    assert (seqs(contents)[-1], contents.damage) == (COUNT, [])


@pytest.mark.parametrize(
    "fields",
    [
        [6, 0],
        [6, 0, HEADER.writer, {}],
        [0, 0],
        [0, 0, None],
        [6, 0, b"", {}, {}],
        [1, 0, 5, 7, {}],
    ],
)
def test_a_frame_without_salt_must_carry_the_header(read: Read, fields: list[object]) -> None:
    """Its checksums prove nothing, so without the uuid it is nobody's."""
    frame = encode_frame(COUNT, msgpack.packb(fields), UNSALTED)
    contents = read(LOG.data + frame + row_frame(COUNT + 1, 9, a=1))
    assert seqs(contents) == [*range(COUNT), COUNT + 1]
    assert [damage.reason for damage in contents.damage] == ["not a frame"]
