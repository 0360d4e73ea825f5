from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from airtape.errors import InvalidDataError
from airtape.steps import MAX_STEP, dropped_text, step_number


@pytest.mark.parametrize(
    ("given", "expected"), [(0, 0), (-3, -3), (MAX_STEP, MAX_STEP), (np.int64(4), 4)]
)
def test_a_step_becomes_an_integer(given: Any, expected: int) -> None:  # noqa: ANN401 - any integer
    """Whatever stands for an integer is a step, and comes out as a plain one."""
    number = step_number(given)
    assert number == expected
    assert type(number) is int


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (1.0, "'float' object cannot be interpreted as an integer"),
        ("3", "'str' object cannot be interpreted as an integer"),
        (None, "'NoneType' object cannot be interpreted as an integer"),
        (np.float32(1), "'numpy.float32' object cannot be interpreted as an integer"),
        (True, "a step must be an integer, got a boolean"),
        (MAX_STEP + 1, "Value out of range: 9223372036854775808"),
    ],
)
def test_what_is_no_step_is_refused(given: object, message: str) -> None:
    """The error says what it was given."""
    with pytest.raises(InvalidDataError) as raised:
        step_number(given)
    assert raised.value.what == message


def test_a_dropped_step_is_explained() -> None:
    """The warning names both steps, and says that the data are not gone."""
    text = dropped_text(3, 5)
    assert text.startswith("Tried to log to step 3 that is less than the current step 5.")
    assert "kept in the log but not in the history" in text
