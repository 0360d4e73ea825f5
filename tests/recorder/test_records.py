from __future__ import annotations

import struct

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.records import (
    EXT_BIG_INT,
    MAX_DEPTH,
    HistoryFlag,
    Kind,
    Plain,
    closes_row,
    pack_big_ints,
    unpack_body,
    unpack_ext,
)
from tests.plain_values import PLAIN, encoded

START = b"\x93\x01\x00"
"""An array of three: kind 1, time 0, and whatever follows."""


def nested_lists(depth: int) -> bytes:
    """Encode lists inside lists, so many of them."""
    return b"\x91" * (depth - 1) + b"\x90"


@given(st.integers(0, 2**31 - 1), st.integers(-(2**63), 2**63 - 1), PLAIN)
def test_body_comes_back_exactly(kind: int, wall_ns: int, value: Plain) -> None:
    """Every plain value survives, with its type, the sign of zero, and NaN."""
    body = encoded([kind, wall_ns, value])
    assert encoded(unpack_body(body)) == body


@given(st.integers())
def test_integers_of_any_size_come_back(number: int) -> None:
    """What 64 bits cannot hold becomes an ext object, and an integer again."""
    assert unpack_body(encoded([1, 0, number])) == [1, 0, number]


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, 10**10_000], ids=["64", "-63", "many"])
def test_large_integers_stand_as_hexadecimal_digits(number: int) -> None:
    """The ext object holds what every language can parse."""
    packed = pack_big_ints(number)
    assert (packed.code, packed.data) == (EXT_BIG_INT, format(number, "x").encode())


def test_only_integers_become_ext_objects() -> None:
    """A value that no log may hold is refused when it is packed."""
    with pytest.raises(TypeError, match="cannot encode object"):
        pack_big_ints(object())


@pytest.mark.parametrize("digits", [b"", b"g", b" 1", b"1_0", b"0x1", b"01", b"-", b"F"])
def test_big_integer_has_one_spelling(digits: bytes) -> None:
    """Whatever else Python would take for digits is refused."""
    with pytest.raises(ValueError, match="unexpected ext object 1"):
        unpack_ext(EXT_BIG_INT, digits)


def test_other_ext_objects_are_refused() -> None:
    """Only our own ext code stands for a value."""
    with pytest.raises(ValueError, match="unexpected ext object 5 of 1 bytes"):
        unpack_body(START + msgpack.packb(msgpack.ExtType(5, b"a")))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xc1", id="the code that msgpack never uses"),
        pytest.param(b"\xc0", id="no array"),
        pytest.param(b"\x91\x01", id="no time"),
        pytest.param(b"\x92\xc3\x00", id="a boolean kind"),
        pytest.param(b"\x92\x01\xc3", id="a boolean time"),
        pytest.param(b"\x92\xff\x00", id="a negative kind"),
        pytest.param(encoded([2**31, 0]), id="a kind beyond 31 bits"),
        pytest.param(encoded([1, 2**63]), id="a time beyond 64 bits"),
        pytest.param(encoded([1, 2**80]), id="a time as big integer"),
        pytest.param(b"\x92\x01\x00\x00", id="something behind"),
        pytest.param(START, id="something missing"),
        pytest.param(START + b"\xdd\xff\xff\xff\xff", id="an array of four billion"),
        pytest.param(START + b"\xdf\xff\xff\xff\xff", id="a map of four billion"),
        pytest.param(START + b"\xdb\xff\xff\xff\xff", id="a string of four gigabytes"),
        pytest.param(START + b"\xd5\xff\x00\x00", id="a timestamp of two bytes"),
        pytest.param(START + b"\xd7\xff" + b"\xff" * 8, id="a timestamp of too many nanoseconds"),
        pytest.param(START + b"\x81\x01\x01", id="an integer as key"),
        pytest.param(START + b"\x81\x90\x01", id="a list as key"),
        pytest.param(START + b"\xa1\xff", id="text that is not UTF-8"),
        pytest.param(START + b"\xa3\xed\xa0\x80", id="a lone surrogate"),
        pytest.param(START + nested_lists(MAX_DEPTH), id="one level too deep"),
        pytest.param(START + nested_lists(1000), id="deeper than a log holds"),
        pytest.param(START + nested_lists(100_000), id="deeper than msgpack reads"),
        pytest.param(START + b"\x81\xa0" * MAX_DEPTH + b"\x90", id="maps that are too deep"),
    ],
)
def test_what_is_no_record_is_refused(body: bytes) -> None:
    """A body that no writer makes raises ValueError, and nothing else."""
    with pytest.raises(ValueError):  # noqa: PT011 - each says it in its own words
        unpack_body(body)


def test_the_deepest_record_is_read() -> None:
    """The limit itself is allowed."""
    body = START + nested_lists(MAX_DEPTH - 1)
    assert msgpack.packb(unpack_body(body)) == body


def test_many_shallow_containers_are_not_deep() -> None:
    """A body with more containers than the limit is read if they stand side by side."""
    rows: list[Plain] = [[number, {"a": number}] for number in range(MAX_DEPTH)]
    assert unpack_body(encoded([1, 0, rows])) == [1, 0, rows]


def test_announced_lengths_take_no_memory() -> None:
    """A thousand arrays that each announce a million items are refused at once."""
    size = 1 << 20
    body = START + (b"\xdd" + struct.pack(">I", size - 6000)) * 1000 + b"\x00" * (size - 6000)
    with pytest.raises(ValueError, match="Unpack failed"):
        unpack_body(body)


def test_timestamp_of_msgpack_is_a_number() -> None:
    """Whoever writes a timestamp object says nanoseconds."""
    assert unpack_body(START + b"\xd6\xff\x00\x00\x00\x01") == [1, 0, 10**9]


@pytest.mark.parametrize(
    ("flags", "closes"),
    [
        (0, True),
        (HistoryFlag.STEP_GIVEN, False),
        (HistoryFlag.COMMIT_GIVEN, False),
        (HistoryFlag.COMMIT_GIVEN | HistoryFlag.COMMIT_TRUE, True),
        (HistoryFlag.STEP_GIVEN | HistoryFlag.COMMIT_GIVEN, False),
        (HistoryFlag.STEP_GIVEN | HistoryFlag.COMMIT_GIVEN | HistoryFlag.COMMIT_TRUE, True),
    ],
)
def test_commit_decides_and_without_it_the_step(flags: int, *, closes: bool) -> None:
    """A call completes its row if it says so, or if it says neither step nor commit."""
    assert closes_row(flags) is closes


def test_numbers_of_kinds_stay() -> None:
    """A kind's number stands in every log ever written."""
    assert {kind.name: kind.value for kind in Kind} == {
        "HEADER": 0,
        "HISTORY": 1,
        "RUN": 2,
        "CONFIG": 3,
        "SUMMARY": 4,
        "METRIC": 5,
        "CHECKPOINT": 6,
        "EXIT": 7,
        "GAP": 8,
        "HEARTBEAT": 9,
        "CONSOLE": 10,
        "SYSTEM": 11,
        "FILES": 12,
        "METADATA": 13,
        "ALERT": 14,
        "PREEMPTING": 15,
        "ARTIFACT": 16,
        "INHERITED": 17,
        "LOST_CONTENT": 18,
    }
