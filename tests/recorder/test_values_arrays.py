from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from airtape.errors import InvalidDataError
from airtape.records import Plain
from airtape.values import config_value, history_value, summary_value
from tests.plain_values import CONVERSIONS, cases, encoded

NUMBERS = st.one_of(
    npst.arrays(np.float64, st.integers(33, 99), elements=st.floats()),
    npst.arrays(np.float32, st.integers(33, 99), elements=st.floats(width=32)),
    npst.arrays(np.uint64, st.integers(33, 99), elements=st.integers(0, 2**64 - 1)),
    npst.arrays(np.int8, (6, 6)),
    npst.arrays(np.bool_, (3, 4, 5)),
)

SCALARS: dict[str, tuple[object, Plain]] = {
    "int64": (np.int64(7), 7),
    "uint64": (np.uint64(2**64 - 1), 2**64 - 1),
    "float64": (np.float64(0.1), 0.1),
    "float32": (np.float32(0.1), 0.10000000149011612),
    "float16": (np.float16(0.1), 0.0999755859375),
    "longdouble": (np.longdouble(1.5), 1.5),
    "whole float": (np.float32(2), 2.0),
    "nan": (np.float32("nan"), math.nan),
    "minus zero": (np.float64(-0.0), -0.0),
    "bool": (np.bool_(1), True),
    "str": (np.str_("s"), "s"),
    "bytes": (np.bytes_(b"s"), "s"),
    "complex64": (np.complex64(1 + 2j), "1+2j"),
    "longcomplex": (np.clongdouble(1 + 2j), "1+2j"),
    "day": (np.datetime64("2020-01-02"), "2020-01-02"),
    "nanosecond": (np.datetime64(1, "ns"), "1970-01-01T00:00:00.000000001"),
    "no time": (np.datetime64("NaT", "s"), "NaT"),
    "no duration": (np.timedelta64("NaT", "s"), "NaT"),
    "duration without a calendar": (np.timedelta64(90, "ns"), 90),
    "structured": (np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])[0], [1, 2.0]),
}

SMALL: dict[str, tuple[object, Plain]] = {
    "no dimension": (np.array(3.5), 3.5),
    "one element": (np.array([[4]]), 4),
    "no element": (np.zeros((2, 0)), [[], []]),
    "shape": (np.arange(6).reshape(2, 3), [[0, 1, 2], [3, 4, 5]]),
    "32 elements": (np.zeros(32), [0.0] * 32),
    "not finite": (np.array([np.nan, np.inf, -0.0]), [math.nan, math.inf, -0.0]),
    "longdouble": (np.ones(2, dtype=np.longdouble), [1.0, 1.0]),
    "text": (np.array(["a", "bc"]), ["a", "bc"]),
    "bytes": (np.array([b"a", b"bc"]), ["a", "bc"]),
    "complex": (np.array([1 + 2j, 3]), ["1+2j", "3+0j"]),
    "days": (np.array([["2020-01-02", "NaT"]], dtype="M8[D]"), [["2020-01-02", "NaT"]]),
    "objects": (np.array([1, "a", {2}], dtype=object), [1, "a", [2]]),
    "one object": (np.array([{"a": 1}], dtype=object), {"a": 1}),
    "structured": (np.zeros(2, dtype=[("a", "i4"), ("b", "?")]), [[0, False], [0, False]]),
    "masked": (np.ma.masked_equal([[1, 0, 3]], 0), [[1, None, 3]]),
    "one masked": (np.ma.masked_equal([7], 7), None),
    "a masked constant": (np.ma.masked, None),
    "matrix": (np.array([[1, 2], [3, 4]]).view(np.matrix), [[1, 2], [3, 4]]),
    "many words": (np.array(["a"] * 40), ["a"] * 40),
    "many objects": (np.array([None] * 40), [None] * 40),
    "many days": (np.zeros(40, dtype="M8[D]"), ["1970-01-01"] * 40),
}


def logged(array: object) -> dict[str, Any]:
    """Convert an array that becomes a dict in the history."""
    value = history_value(array)
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize("convert", CONVERSIONS)
@cases(SCALARS)
def test_numpy_scalar_becomes_a_python_one(
    convert: Callable[[object], Plain], given_value: object, expected: Plain
) -> None:
    """A numpy scalar becomes the Python value that equals it, everywhere."""
    assert encoded(convert(given_value)) == encoded(expected)


@pytest.mark.parametrize("convert", CONVERSIONS)
@cases(SMALL)
def test_array_becomes_nested_lists(
    convert: Callable[[object], Plain], given_value: object, expected: Plain
) -> None:
    """Small arrays and those that hold no numbers become lists of the same shape, everywhere."""
    assert encoded(convert(given_value)) == encoded(expected)


@pytest.mark.parametrize(
    "duration", [np.timedelta64(90, "s"), np.array([90_000], dtype="m8[ms]")], ids=["one", "array"]
)
def test_numpy_durations_are_durations(duration: object) -> None:
    """Durations of numpy are written as Python's are."""
    assert history_value(duration) == "PT1M30S"
    assert config_value(duration) == "0:01:30"


def test_an_array_that_contains_itself_is_refused() -> None:
    """A cycle through an array of objects is an error that says so."""
    array = np.empty((), dtype=object)
    array[()] = array
    with pytest.raises(InvalidDataError, match="contain themselves"):
        history_value(array)


def test_a_large_array_becomes_the_histogram_that_numpy_makes() -> None:
    """More than 32 numbers become 32 counts between 33 edges."""
    array = np.random.default_rng(1).normal(size=(50, 50))
    counts, edges = np.histogram(array, bins=32)
    assert logged(array) == {
        "_type": "histogram",
        "bins": edges.tolist(),
        "values": counts.tolist(),
    }


def test_a_huge_array_is_counted_in_blocks() -> None:
    """Every element of an array of several blocks is counted once."""
    array = np.arange(3_000_000)
    counts, edges = np.histogram(array, bins=32)
    assert logged(array) == {
        "_type": "histogram",
        "bins": edges.tolist(),
        "values": counts.tolist(),
    }


def test_values_that_are_not_finite_are_counted_by_name() -> None:
    """NaN and infinities are counted beside the histogram of the others."""
    odd = [math.nan, math.nan, math.inf, -math.inf, -math.inf, -math.inf]
    histogram = logged(np.array([*range(40), *odd]))
    assert histogram == logged(np.arange(40.0)) | {"nan": 2, "inf": 1, "-inf": 3}


def test_without_a_finite_value_there_are_no_bins() -> None:
    """An array of NaN alone is counted, and has an empty histogram."""
    expected = {"_type": "histogram", "bins": [], "values": [], "nan": 40}
    assert logged(np.full(40, math.nan)) == expected


def test_masked_elements_are_not_counted() -> None:
    """What a mask hides is in no bin and in no statistic."""
    array = np.ma.array(np.arange(60.0), mask=[True] * 20 + [False] * 40)
    assert logged(array) == logged(np.arange(20.0, 60))
    summary = summary_value(array)
    assert isinstance(summary, dict)
    assert (summary["size"], summary["min"]) == (60, 20.0)


@given(array=NUMBERS)
def test_any_numbers_have_a_histogram(array: np.ndarray[Any, Any]) -> None:
    """Every element is counted once, and the edges are finite and ascend."""
    histogram = logged(array)
    beyond = sum(histogram.get(name, 0) for name in ("nan", "inf", "-inf"))
    assert sum(histogram["values"]) + beyond == array.size
    edges = histogram["bins"]
    assert all(map(math.isfinite, edges))
    assert all(low < high for low, high in pairwise(edges))
    assert encoded(history_value(array))


@pytest.mark.parametrize(
    "extremes",
    [
        (-1.7976931348623157e308, 1.7976931348623157e308),
        (1.7976931348623157e308, 1.7976931348623157e308),
        (-1.7976931348623157e308, -1.7976931348623155e308),
        (0.0, 5e-324),
        (1.0, 1.0000000000000002),
    ],
    ids=["widest", "largest", "narrow", "denormal", "neighbours"],
)
def test_extreme_numbers_are_all_counted(extremes: tuple[float, float]) -> None:
    """Ranges that overflow, or have no room for 32 bins, lose no element."""
    histogram = logged(np.array(extremes * 20))
    assert sum(histogram["values"]) == 40
    assert histogram["bins"][0] <= extremes[0] <= extremes[1] <= histogram["bins"][-1]
    assert len(set(histogram["bins"])) == 33


def test_the_summary_keeps_statistics_of_a_large_array() -> None:
    """More than 32 numbers become the figures that W&B shows."""
    assert summary_value({"a": np.arange(100)}) == {
        "a": {
            "_type": "numpy.ndarray",
            "size": 100,
            "min": 0,
            "max": 99,
            "mean": 49.5,
            "var": 833.25,
            "10%": 9.9,
            "25%": 24.75,
            "75%": 74.25,
            "90%": 89.10000000000001,
        }
    }


@given(array=NUMBERS)
def test_any_numbers_have_statistics(array: np.ndarray[Any, Any]) -> None:
    """The summary takes any array of numbers, NaN and infinities included."""
    summary = summary_value(array)
    assert isinstance(summary, dict)
    assert encoded(summary["max"]) == encoded(array.max().item())


def test_an_array_without_visible_elements_has_no_statistics() -> None:
    """If a mask hides everything, only the size is left."""
    array = np.ma.array(np.zeros(40), mask=True)
    assert summary_value(array) == {"_type": "numpy.ndarray", "size": 40}


def test_the_config_keeps_a_large_array_whole() -> None:
    """A config has every element of an array, whatever its size."""
    array = np.random.default_rng(1).normal(size=(5, 20))
    assert config_value(array) == array.tolist()


class _Tensor:
    """Has of PyTorch's tensor what conversion uses; numpy holds the numbers."""

    def __init__(self, array: np.ndarray[Any, Any], *, bfloat16: bool = False) -> None:
        self._array = array
        self._bfloat16 = bfloat16

    def detach(self) -> _Tensor:
        return self

    cpu = detach

    def float(self) -> _Tensor:
        return _Tensor(self._array)

    def numel(self) -> int:
        return self._array.size

    def item(self) -> object:
        return self._array.item()

    def tolist(self) -> object:
        return self._array.tolist()

    def numpy(self) -> np.ndarray[Any, Any]:
        if self._bfloat16:
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self._array


class _MetaTensor(_Tensor):
    def tolist(self) -> object:
        raise NotImplementedError("Cannot copy out of meta tensor; no data!")


class _JaxArray:
    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self._array = array

    def __array__(self) -> np.ndarray[Any, Any]:
        if self._array.size == 0:
            raise TypeError("Traced array")
        return self._array


_Tensor.__module__, _Tensor.__qualname__ = "torch", "Tensor"
_JaxArray.__module__ = "jaxlib.xla_extension"


@pytest.mark.parametrize("wrap", [_Tensor, _JaxArray], ids=["torch", "jax"])
@pytest.mark.parametrize("convert", CONVERSIONS)
@pytest.mark.parametrize("shape", [(), (1, 1), (2, 3), (5, 20)], ids=str)
def test_arrays_of_other_libraries_become_what_numpy_arrays_do(
    wrap: Callable[[np.ndarray[Any, Any]], object],
    convert: Callable[[object], Plain],
    shape: tuple[int, ...],
) -> None:
    """A tensor of PyTorch or an array of JAX is recorded as the same array of numpy."""
    array = np.random.default_rng(1).normal(size=shape)
    assert encoded(convert(wrap(array))) == encoded(convert(array))


def test_a_type_that_numpy_lacks_is_widened() -> None:
    """A large bfloat16 tensor has a histogram."""
    array = np.arange(40.0)
    assert logged(_Tensor(array, bfloat16=True)) == logged(array)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (_MetaTensor(np.zeros(2)), "type _MetaTensor is not .*: Cannot copy out of meta tensor"),
        (_JaxArray(np.zeros(0)), "type _JaxArray is not JSON serializable: Traced array"),
    ],
    ids=["torch", "jax"],
)
def test_values_that_cannot_be_read_are_refused(value: object, message: str) -> None:
    """A tensor without readable values is an error that tells the library's reason."""
    with pytest.raises(InvalidDataError, match=message):
        history_value(value)
