"""JSON that keeps every value exact."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape import exactjson
from airtape.records import Plain
from tests.plain_values import PLAIN, encoded

pytestmark = pytest.mark.timeout(60)

NANS = st.integers(0, 2**52 - 2).map(
    lambda bits: struct.unpack(">d", struct.pack(">Q", 0x7FF << 52 | bits + 1))[0]
)
SPECIAL = st.dictionaries(st.sampled_from(["$float", "$int", "$bytes", "$dict", "$"]), PLAIN)


@given(value=PLAIN | NANS | SPECIAL)
def test_every_value_comes_back_exactly(value: Plain) -> None:
    """Types, signs of zero and the bits of a NaN stay what they are."""
    assert encoded(exactjson.loads(exactjson.dumps(value))) == encoded(value)


@given(value=PLAIN | SPECIAL)
def test_it_is_strict_json(value: Plain) -> None:
    """Any other reader of JSON can read it."""
    json.loads(exactjson.dumps(value), parse_constant=pytest.fail)


@given(value=st.binary() | st.dictionaries(st.binary(max_size=3), st.binary(max_size=3)))
def test_bytes_come_back_too(value: object) -> None:
    """Writers' uuids are bytes."""
    assert exactjson.loads(exactjson.dumps(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-0.0, "-0.0"),
        (1e400, '{"$float":"inf"}'),
        (-1e400, '{"$float":"-inf"}'),
        (float("nan"), '{"$float":"NaN"}'),
        (
            struct.unpack(">d", bytes.fromhex("fff8000000000001"))[0],
            '{"$float":"NaN:fff8000000000001"}',
        ),
        (2**70, "1180591620717411303424"),
        (b"hi", '{"$bytes":"aGk="}'),
        ({"$float": 1}, '{"$dict":[["$float",1]]}'),
        ({"$float": 1, "b": (2,)}, '{"$float":1,"b":[2]}'),
        ("é\u2028\n", '"é\u2028\\n"'),
    ],
    ids=ascii,
)
def test_the_documented_forms(value: object, text: str) -> None:
    """What stands in files that others read does not change."""
    assert exactjson.dumps(value) == text


@pytest.mark.parametrize("sign", [1, -1])
def test_very_long_integers_are_hexadecimal(sign: int) -> None:
    """Parsers refuse thousands of digits."""
    value = sign * 10**5000
    assert exactjson.dumps(value) == f'{{"$int":"{hex(value)}"}}'
    assert exactjson.loads(exactjson.dumps(value)) == value
    assert int(exactjson.number_text(value), 0) == value
    assert exactjson.number_text(12) == "12"


def test_other_types_are_refused() -> None:
    """The error names the type."""
    with pytest.raises(TypeError, match="set"):
        exactjson.dumps([{1}])


def test_what_is_nested_too_deeply_is_refused() -> None:
    """It is an error, not the end of the process."""
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(ValueError, match="nested too deeply"):
        exactjson.dumps(value)
    with pytest.raises(ValueError, match="nested too deeply"):
        exactjson.loads("[" * 100_000)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("NaN", "NaN is no JSON"),
        ("[Infinity]", "Infinity is no JSON"),
        ('{"$float":"x"}', "could not convert"),
        ('{"$bytes":"?"}', "base64|padding"),
        ('{"$int":"z"}', "invalid literal"),
        ("{", "Expecting"),
    ],
)
def test_what_is_no_exact_json_is_refused(text: str, why: str) -> None:
    """A file that somebody has changed is noticed."""
    with pytest.raises(ValueError, match=why):
        exactjson.loads(text)
