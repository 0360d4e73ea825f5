from __future__ import annotations

import math

import yaml
from hypothesis import given
from hypothesis import strategies as st

from airtape.records import Plain
from airtape.yaml_text import yaml_text

TEXTS = st.text(st.characters(codec="utf-8")) | st.sampled_from(
    ["yes", "1e5", "0x1f", "2026-01-01", "~", "- a", "a: b", "#", "\x85", "\u2028", "1_000", ".5"]
)
SCALARS = st.none() | st.booleans() | st.integers() | TEXTS | st.floats(allow_nan=False)
VALUES: st.SearchStrategy[Plain] = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=10
)


@given(st.dictionaries(TEXTS, VALUES))
def test_every_value_is_read_back_as_it_was(values: dict[str, Plain]) -> None:
    """A parser finds the same values, of the same types."""
    read = yaml.safe_load(yaml_text(values))
    assert read == values
    assert repr(read) == repr(values)


def test_values_that_parsers_trip_over() -> None:
    """Not-a-numbers, enormous integers, long keys and lone surrogates are read back too."""
    values: dict[str, Plain] = {"inf": -math.inf, "int": 1 << 20_000, "k" * 2000: [{}, []]}
    assert yaml.safe_load(yaml_text(values)) == values
    assert math.isnan(yaml.safe_load(yaml_text({"nan": math.nan}))["nan"])
    assert yaml.safe_load(yaml_text({"text": "\ud800"})) == {"text": "\ud800"}


def test_text_is_pleasant_to_read() -> None:
    """What needs no quotes has none."""
    values: dict[str, Plain] = {"lr": {"value": 1e-05}, "layers": {"value": ["conv", 2, "a b"]}}
    assert yaml_text(values) == (
        'lr:\n  value: 1.0e-05\nlayers:\n  value:\n    - conv\n    - 2\n    - "a b"\n'
    )
