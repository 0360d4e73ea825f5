"""Plain values for tests: a strategy, exact comparison, and tables of conversions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgpack
import pytest
from hypothesis import strategies as st

from airtape.records import Plain, pack_big_ints
from airtape.values import config_value, history_value, summary_value

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
PLAIN: st.SearchStrategy[Plain] = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)
CONVERSIONS = [history_value, config_value, summary_value]


def cases(*tables: Mapping[str, Any]) -> pytest.MarkDecorator:
    """Run a test on every row of some tables; the rows' names are the tests'."""
    rows = [pytest.param(*row, id=name) for table in tables for name, row in table.items()]
    return pytest.mark.parametrize(("given_value", "expected"), rows)


def encoded(value: Plain) -> bytes:
    """Write a value as a log does: types, signs of zero and NaN all make a difference."""
    data: bytes = msgpack.packb(value, default=pack_big_ints, strict_types=True)
    return data
