"""Arrays and tensors as plain Python objects: numbers, nested lists, histograms, statistics.

Nothing here imports numpy: an object that needs it comes from a process that has it. PyTorch's
tensors are known by the names of their classes, those of JAX and TensorFlow by ``__array__``.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from typing import Any, TypeAlias

from airtape.errors import InvalidDataError

Array: TypeAlias = Any
"""A ``numpy.ndarray`` or an instance of a subclass."""

LIST_SIZE = 32
"""An array of at most this many elements is recorded as a list, wherever it is given."""

BINS = 32
"""Bins of the histogram that stands for a larger array in the history."""

_BLOCK = 1 << 20
"""Elements that are converted at once, so that a huge array is never copied as a whole."""

_QUANTILES = {"10%": 10, "25%": 25, "75%": 75, "90%": 90}


def scalar_or_list(array: Array) -> object:
    """Turn an array into its only element, or into nested lists; masked elements become None."""
    if _is_masked(array):
        values: object = array.reshape(-1).tolist()[0] if array.size == 1 else array.tolist()
        return values
    array = array.__array__()  # a matrix stays two-dimensional however it is indexed
    if array.size == 1:
        return array.reshape(-1)[0]
    return _nested(array) if array.dtype.kind in "mM" else array.tolist()


def history_array(array: Array) -> object:
    """Turn an array into what the history keeps of it: beyond 32 numbers, their histogram."""
    return _histogram(array) if _is_large(array) else scalar_or_list(array)


def summary_array(array: Array) -> object:
    """Turn an array into what the summary keeps of it: beyond 32 numbers, their statistics."""
    return _statistics(array) if _is_large(array) else scalar_or_list(array)


def numpy_scalar(scalar: Any) -> object:  # noqa: ANN401 - a numpy.generic
    """Turn a numpy scalar into the Python object of the same value.

    Times become ISO 8601 text at their own resolution, "NaT" included; extended precision, which
    Python lacks, becomes float.
    """
    kind = scalar.dtype.kind
    if kind == "M":
        return str(scalar)
    if kind == "c":
        return complex(scalar)
    item = scalar.item()
    if kind == "m" and item is None:
        return "NaT"
    return float(item) if type(item) is type(scalar) else item


def tensor_value(tensor: Any) -> object:  # noqa: ANN401 - a torch.Tensor
    """Turn a PyTorch tensor into a number or nested lists, a large one into a numpy array.

    Raises:
        InvalidDataError: The tensor has no values that can be read (sparse, on "meta", traced).
    """
    try:
        tensor = tensor.detach().cpu()
        size = tensor.numel()
        if size <= LIST_SIZE:
            values: object = tensor.item() if size == 1 else tensor.tolist()
            return values
        return _tensor_array(tensor)
    except (TypeError, ValueError, RuntimeError) as error:
        raise _unreadable(tensor, error) from error


def is_foreign_array(value: object) -> bool:
    """Tell whether a value is an array of JAX or TensorFlow."""
    root = type(value).__module__.partition(".")[0]
    return root in {"jax", "jaxlib", "tensorflow"} and hasattr(value, "__array__")


def foreign_array(value: Any) -> Array:  # noqa: ANN401 - whatever has __array__
    """Turn an array of another library into numpy's.

    Raises:
        InvalidDataError: The library refuses, for instance while it traces a function.
    """
    try:
        return value.__array__()
    except (TypeError, ValueError, RuntimeError) as error:
        raise _unreadable(value, error) from error


def _unreadable(value: object, error: Exception) -> InvalidDataError:
    name = type(value).__name__
    return InvalidDataError(f"Object of type {name} is not JSON serializable", because=str(error))


def _tensor_array(tensor: Any) -> Array:  # noqa: ANN401 - a torch.Tensor
    try:
        return tensor.numpy()
    except TypeError:  # bfloat16 and the 8-bit floats have no type in numpy
        return tensor.float().numpy()


def _is_masked(array: Array) -> bool:
    """Tell by name, because looking at ``numpy.ma`` imports it."""
    return any(cls.__name__ == "MaskedArray" for cls in type(array).__mro__)


def _nested(array: Array) -> list[object]:
    """Nest as lists, keeping the elements as numpy scalars, which know their unit of time."""
    return [_nested(row) for row in array] if array.ndim > 1 else list(array)


def _is_large(array: Array) -> bool:
    """Tell whether an array is summed up; text, times, complex numbers and objects never are."""
    dtype = array.dtype
    is_numeric = dtype.kind in "biuf" or dtype.type.__module__ == "ml_dtypes"
    return array.size > LIST_SIZE and is_numeric


def _elements(array: Array) -> Array:
    """Flatten an array, without the elements that a mask hides."""
    if _is_masked(array):
        array = array.compressed()
    return array.__array__().reshape(-1)


def _histogram(array: Array) -> dict[str, object]:
    """Count the finite values in 32 bins of equal width; count NaN and infinities by name."""
    numpy: Any = sys.modules["numpy"]
    elements = _elements(array)
    low, high = math.inf, -math.inf
    beyond = {"nan": 0, "inf": 0, "-inf": 0}
    with numpy.errstate(all="ignore"):
        for block in _blocks(elements):
            finite = block[numpy.isfinite(block)]
            low = min(low, float(finite.min(initial=math.inf)))
            high = max(high, float(finite.max(initial=-math.inf)))
            beyond["nan"] += int(numpy.isnan(block).sum())
            beyond["inf"] += int(numpy.isposinf(block).sum())
            beyond["-inf"] += int(numpy.isneginf(block).sum())
        histogram: dict[str, object] = {"_type": "histogram", "bins": [], "values": []}
        if low <= high:
            scale = 0.25 if max(-low, high) > sys.float_info.max / 4 else 1.0  # else high-low: inf
            span = _bin_span(low * scale, high * scale)
            counts: Any = 0
            edges: Any = None
            for block in _blocks(elements):
                finite = block[numpy.isfinite(block)] * scale
                found, edges = numpy.histogram(finite, bins=BINS, range=span)
                counts += found
            histogram |= {"bins": (edges / scale).tolist(), "values": counts.tolist()}
    return histogram | {name: count for name, count in beyond.items() if count}


def _blocks(elements: Array) -> Iterator[Array]:
    for start in range(0, elements.size, _BLOCK):
        yield elements[start : start + _BLOCK].astype("float64")


def _bin_span(low: float, high: float) -> tuple[float, float]:
    """Give the range that the bins divide: numpy's, but wide enough for 33 distinct edges."""
    if low == high:
        low, high = low - 0.5, high + 0.5
    least = max(2 * BINS * math.ulp(max(-low, high)), 1e-300)
    if high - low >= least:
        return low, high
    return (high - least, high) if high > 0 else (low, low + least)


def _statistics(array: Array) -> dict[str, object]:
    """Sum up numbers as W&B's summary does; NaN among them shows in every figure."""
    numpy: Any = sys.modules["numpy"]
    elements = _elements(array)
    statistics: dict[str, object] = {"_type": "numpy.ndarray", "size": int(array.size)}
    if not elements.size:  # every element is masked
        return statistics
    with numpy.errstate(all="ignore"):
        values = elements.astype("float64")
        quantiles = numpy.percentile(values, list(_QUANTILES.values()))
        return statistics | {
            "min": elements.min(),
            "max": elements.max(),
            "mean": values.mean(),
            "var": values.var(),
            **dict(zip(_QUANTILES, quantiles, strict=True)),
        }
