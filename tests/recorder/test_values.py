from __future__ import annotations

import argparse
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import functools
import pathlib
import re
import subprocess
import sys
import types
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.errors import InvalidDataError
from airtape.records import Plain
from airtape.values import MAX_DEPTH, config_value, history_data, history_value, summary_value
from tests.plain_values import CONVERSIONS, PLAIN, cases, encoded


class _Color(enum.Enum):
    RED = 1
    PAIR = (1, 2)


class _Split(str, enum.Enum):
    TRAIN = "train"


class _Level(enum.IntEnum):
    ONE = 1


class _Access(enum.Flag):
    READ = 1
    WRITE = 2


@dataclasses.dataclass
class _Batch:
    size: int = 1
    rest: object = None


class _Text(str):
    __slots__ = ()


class _Whole(int):
    pass


class _Real(float):
    pass


class _Scorer:
    def __call__(self) -> None: ...

    def __repr__(self) -> str:
        return "a scorer"


class _Opaque:
    def __repr__(self) -> str:
        return "an opaque object"


_Pair = collections.namedtuple("_Pair", "a b")  # noqa: PYI024 - the plainest kind there is

EVERYWHERE: dict[str, tuple[object, Plain]] = {
    "str subclass": (_Text("x"), "x"),
    "int subclass": (_Whole(3), 3),
    "float subclass": (_Real(1.5), 1.5),
    "complex": (1 + 2j, "1+2j"),
    "imaginary": (1j, "1j"),
    "bytes": ("é".encode(), "é"),
    "bytearray": (bytearray(b"abc"), "abc"),
    "tuple": ((1, (2.0, "x")), [1, [2.0, "x"]]),
    "namedtuple": (_Pair(1, 2), [1, 2]),
    "deque": (collections.deque([1, 2]), [1, 2]),
    "set": ({3, 1, 2}, [1, 2, 3]),
    "frozenset": (frozenset("b"), ["b"]),
    "OrderedDict": (collections.OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
    "mappingproxy": (types.MappingProxyType({"a": 1}), {"a": 1}),
    "dataclass": (_Batch(rest=(_Batch(), 2)), {"size": 1, "rest": [{"size": 1, "rest": None}, 2]}),
    "date": (dt.date(2020, 1, 2), "2020-01-02"),
    "datetime": (dt.datetime(2020, 1, 2, 3, tzinfo=dt.timezone.utc), "2020-01-02T03:00:00+00:00"),
    "time": (dt.time(1, 2, 3), "01:02:03"),
    "Decimal": (decimal.Decimal("1.50"), "1.50"),
    "Fraction": (fractions.Fraction(1, 3), "1/3"),
    "UUID": (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    "Path": (pathlib.Path("a", "b"), "a/b"),
    "function": (re.match, "re.match"),
    "builtin": (len, "builtins.len"),
    "method of an object": ([].append, "list.append"),
    "class": (_Batch, f"{__name__}._Batch"),
    "callable object": (_Scorer(), "a scorer"),
    "partial": (functools.partial(int), "functools.partial(<class 'int'>)"),
    "empty dict": ({"a": {}}, {"a": {}}),
}

IN_HISTORY: dict[str, tuple[object, Plain]] = {
    "enum": (_Color.RED, 1),
    "enum of a tuple": (_Color.PAIR, [1, 2]),
    "enum of text": (_Split.TRAIN, "train"),
    "enum of numbers": (_Level.ONE, 1),
    "flags": (_Access.READ | _Access.WRITE, 3),
    "duration": (dt.timedelta(seconds=90), "PT1M30S"),
}

IN_CONFIG: dict[str, tuple[object, Plain]] = {
    "enum": (_Color.RED, "RED"),
    "enum of text": (_Split.TRAIN, "TRAIN"),
    "enum of numbers": (_Level.ONE, "ONE"),
    "flag": (_Access.READ, "READ"),
    "no flag": (_Access(0), str(_Access(0))),
    "duration": (dt.timedelta(seconds=90), "0:01:30"),
    "range": (range(3), [0, 1, 2]),
    "slice": (slice(1, 9, 2), {"slice_start": 1, "slice_step": 2, "slice_stop": 9}),
    "pure path": (pathlib.PurePosixPath("a/b"), "a/b"),
    "object": (_Opaque(), "an opaque object"),
    "namespace": (argparse.Namespace(a=1), "Namespace(a=1)"),
    "ellipsis": (..., "Ellipsis"),
}

REFUSED: dict[str, tuple[object, str]] = {
    "object": (object(), "object"),
    "ellipsis": (..., "ellipsis"),
    "range": (range(3), "range"),
    "pure path": (pathlib.PurePosixPath("a"), "PurePosixPath"),
    "module": (re, "module"),
    "namespace": (argparse.Namespace(), "Namespace"),
    "memoryview": (memoryview(b"abc"), "memoryview"),
    "deep inside": ({"a": [1, (_Opaque(),)]}, "_Opaque"),
}

DURATIONS = {
    "PT0S": dt.timedelta(),
    "PT1.5S": dt.timedelta(milliseconds=1500),
    "PT0.000001S": dt.timedelta(microseconds=1),
    "PT1M": dt.timedelta(minutes=1),
    "PT2H3S": dt.timedelta(hours=2, seconds=3),
    "P1D": dt.timedelta(days=1),
    "P400DT1H6M40.000005S": dt.timedelta(days=400, seconds=4000, microseconds=5),
    "-PT1M30S": dt.timedelta(seconds=-90),
    "-P999999999D": dt.timedelta.min,
}

KEYS: dict[str, tuple[object, str]] = {
    "int": (1, "1"),
    "float": (2.0, "2.0"),
    "NaN": (float("nan"), "nan"),
    "bool": (True, "true"),
    "None": (None, "None"),
    "bytes": (b"b", "b"),
    "tuple": ((1, "x"), "1,x"),
    "date": (dt.date(2020, 1, 2), "2020-01-02"),
    "enum": (_Color.RED, "1"),
    "enum of text": (_Split.TRAIN, "train"),
    "lone surrogate": ("\ud800", "\ufffd"),
}


def containers(value: object) -> Iterator[object]:
    """Give each list and dict in a value."""
    if isinstance(value, list | dict):
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from containers(item)


def nested(depth: int) -> list[Any]:
    """Make a list with lists in it, ``depth`` in all."""
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize("convert", CONVERSIONS)
@given(value=PLAIN)
def test_plain_values_stay_exactly_as_they_are(
    convert: Callable[[object], Plain], value: Plain
) -> None:
    """A plain value comes back with the same types, bits and order."""
    assert encoded(convert(value)) == encoded(value)


@given(value=PLAIN)
def test_no_list_or_dict_is_shared_with_the_caller(value: Plain) -> None:
    """What the caller changes later does not change what was logged."""
    given_ids = {id(container) for container in containers(value)}
    assert given_ids.isdisjoint(map(id, containers(history_value(value))))


@given(value=st.dictionaries(st.text(), PLAIN))
def test_the_callers_data_are_left_alone(value: dict[str, Plain]) -> None:
    """Converting changes nothing in the given objects."""
    before = encoded(value)
    history_data(value)
    assert encoded(value) == before


@given(value=st.text(st.characters()))
def test_any_text_can_be_encoded_after_conversion(value: str) -> None:
    """Whatever characters a string has, its conversion is valid UTF-8."""
    assert encoded(history_value(value))


@pytest.mark.parametrize("convert", CONVERSIONS)
@cases(EVERYWHERE)
def test_type_becomes_the_same_plain_value_everywhere(
    convert: Callable[[object], Plain], given_value: object, expected: Plain
) -> None:
    """Most types become the same in history, config and summary."""
    assert encoded(convert(given_value)) == encoded(expected)


@pytest.mark.parametrize("convert", CONVERSIONS)
def test_iterators_become_lists(convert: Callable[[object], Plain]) -> None:
    """What a generator or another iterator still has to give is kept as a list."""
    squares = (i * i for i in range(3))
    assert convert([squares, map(str, [1, 2])]) == [[0, 1, 4], ["1", "2"]]


@pytest.mark.parametrize("convert", [history_value, summary_value])
@cases(IN_HISTORY)
def test_type_becomes_this_in_history_and_summary(
    convert: Callable[[object], Plain], given_value: object, expected: Plain
) -> None:
    """Enum members are logged by value and durations as ISO 8601."""
    assert encoded(convert(given_value)) == encoded(expected)


@cases(IN_CONFIG)
def test_type_becomes_this_in_the_config(given_value: object, expected: Plain) -> None:
    """The config names enum members and describes what it does not know."""
    assert encoded(config_value(given_value)) == encoded(expected)


@pytest.mark.parametrize("convert", [history_value, summary_value])
@cases(REFUSED)
def test_unknown_objects_are_refused(
    convert: Callable[[object], Plain], given_value: object, expected: str
) -> None:
    """History and summary refuse what they cannot keep, naming its type."""
    with pytest.raises(InvalidDataError) as caught:
        convert(given_value)
    assert str(caught.value) == f"Object of type {expected} is not JSON serializable"


@pytest.mark.parametrize(("expected", "duration"), DURATIONS.items())
def test_durations_are_iso_8601(duration: dt.timedelta, expected: str) -> None:
    """A duration is written in days, hours, minutes and seconds, without those that are zero."""
    assert history_value(duration) == expected


@cases(KEYS)
def test_keys_of_nested_dicts_become_text(given_value: object, expected: str) -> None:
    """Keys below the first level may be anything that has one text."""
    assert history_value({"n": {given_value: 1}}) == {"n": {expected: 1}}


def test_a_container_is_no_key() -> None:
    """A key that would become a list is refused."""
    with pytest.raises(InvalidDataError, match=r"keys must be str.* not frozenset"):
        history_value({frozenset([1]): 1})


def test_sets_that_cannot_be_sorted_are_lists_too() -> None:
    """A set of values that cannot be compared keeps all its members."""
    value = history_value({1, "a", None})
    assert isinstance(value, list)
    assert {str(item) for item in value} == {"1", "a", "None"}


def test_integers_stay_exact_at_any_size() -> None:
    """No integer is rounded to a float."""
    big = 2**70_000 + 1
    assert history_value([big, -big, 2**64]) == [big, -big, 2**64]


@pytest.mark.parametrize(
    ("given_value", "expected"),
    [
        ("\ud800", "\ufffd"),
        ("a\udc80é", "a\ufffdé"),
        ("\udcff\udcfe", "\ufffd\ufffd"),
        ("\ud83d\ude00", "\U0001f600"),
        ("é\x00日", "é\x00日"),
    ],
    ids=["alone", "between", "two", "a pair", "none"],
)
def test_lone_surrogates_are_replaced(given_value: str, expected: str) -> None:
    """Each lone surrogate becomes U+FFFD, and a pair the character it stands for."""
    assert history_value([given_value]) == [expected]


@pytest.mark.parametrize("convert", CONVERSIONS)
def test_bytes_that_are_no_text_raise_a_decode_error(convert: Callable[[object], Plain]) -> None:
    """Bytes that are no UTF-8 raise what decoding them raises."""
    with pytest.raises(UnicodeDecodeError, match="invalid start byte"):
        convert(b"\xff")


@pytest.mark.parametrize("convert", CONVERSIONS)
def test_data_that_contain_themselves_are_refused(convert: Callable[[object], Plain]) -> None:
    """A cycle is an error that says so."""
    inner: dict[str, object] = {}
    cycle = [1, (inner,)]
    inner["again"] = cycle
    with pytest.raises(InvalidDataError, match="contain themselves: a list"):
        convert(cycle)


def test_the_same_object_twice_is_no_cycle() -> None:
    """An object that stands in two places is recorded in both."""
    shared = [1]
    assert history_value([shared, {"a": shared}, shared]) == [[1], {"a": [1]}, [1]]


def test_nesting_is_kept_up_to_the_limit() -> None:
    """The deepest permitted data come back and can be encoded."""
    assert encoded(history_value(nested(MAX_DEPTH))) == encoded(nested(MAX_DEPTH))


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 100_000])
@pytest.mark.parametrize("convert", CONVERSIONS)
def test_deeper_data_are_refused(convert: Callable[[object], Plain], depth: int) -> None:
    """Data that are nested too deep are an error that says so, however deep they are."""
    with pytest.raises(InvalidDataError, match=f"more than {MAX_DEPTH} levels"):
        convert(nested(depth))


def test_a_call_near_the_end_of_the_stack_says_so() -> None:
    """Where the stack is used up, the error is ours and not a RecursionError."""

    def convert_deep_down() -> Plain:
        try:
            return convert_deep_down()
        except RecursionError:
            return history_value(nested(MAX_DEPTH))

    with pytest.raises(InvalidDataError, match="left of the stack"):
        convert_deep_down()


def test_no_numpy_is_imported() -> None:
    """Converting what needs no numpy leaves it unloaded."""
    program = (
        "import sys; from airtape.values import config_value, history_data;"
        "history_data({'a': 1, 'b': [{'c': {2}}]}); config_value(object());"
        "sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
