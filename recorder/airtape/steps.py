"""What ``log()`` accepts as a step, and what it says when it drops one."""

from __future__ import annotations

from operator import index

from airtape.errors import InvalidDataError

MAX_STEP = (1 << 63) - 1
_HINT = "pass step=int(...), or no step"


def step_number(step: object) -> int:
    """Return a step as an integer.

    Raises:
        InvalidDataError: It is no integer, or does not fit into 64 bits.
    """
    if type(step) is int and -MAX_STEP <= step <= MAX_STEP:  # as nearly always, at less cost
        return step
    if isinstance(step, bool):
        raise InvalidDataError("a step must be an integer, got a boolean", hint=_HINT)
    try:
        number = index(step)  # type: ignore[arg-type]  # whatever has no __index__ raises
    except TypeError as error:
        raise InvalidDataError(str(error), hint=_HINT) from error
    if not -MAX_STEP - 1 <= number <= MAX_STEP:
        raise InvalidDataError(f"Value out of range: {number}")
    return number


def dropped_text(step: int, current: int) -> str:
    """Return the warning for data whose step is over."""
    return (
        f"Tried to log to step {step} that is less than the current step {current}. Steps must be "
        "monotonically increasing, so this data is kept in the log but not in the history. "
        "Use define_metric to log data out of order."
    )
