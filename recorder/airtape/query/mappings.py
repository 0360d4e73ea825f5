"""Filters as nested dictionaries, the way W&B's ``Api.runs(filters={...})`` takes them.

They mean what they mean in W&B, where they are MongoDB's: ``$ne``, ``$nin`` and ``$not`` are also
true of runs that lack the value, and a time is a point in time, not a whole day.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from airtape.errors import UsageError
from airtape.query.columns import STATES, Column, Sort, advice_on, column_of, near_names
from airtape.query.conditions import All, Among, AnyOf, Condition, Filter, Like, Not, Ordered
from airtape.query.filters import MAX_DEPTH
from airtape.query.moments import Period, instant_of, read_period
from airtape.query.operands import During, Exactly, Null, Operand, is_number

MAX_PATTERN: Final = 1000
"""Longest regular expression."""

_ORDERS: Final = {"$lt": "<", "$lte": "<=", "$gt": ">", "$gte": ">="}
_JOINED: Final[Mapping[str, Callable[[tuple[Condition, ...]], Condition]]] = {
    "$and": All,
    "$or": AnyOf,
}
_OPERATORS: Final = ("$eq", "$ne", *_ORDERS, "$in", "$nin", "$exists", "$regex", "$not")
_OPTIONS: Final = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}
_NAMES: Final = Column("names", Sort.TEXTS)
_MICROSECOND: Final = 1000
_NS: Final = 1_000_000_000


def filter_of(said: Mapping[str, Any]) -> Filter:
    """Return the filter that nested dictionaries mean; an empty one means every run.

    Raises:
        UsageError: It cannot be understood; says at which place, and what may stand there.
    """
    return Filter(_all_of(said, "filters", 0))


def _all_of(said: object, where: str, depth: int) -> Condition:
    conditions = [
        _entry(key, value, f"{where}[{key!r}]", depth + 1)
        for key, value in _mapping(said, where, depth).items()
    ]
    return conditions[0] if len(conditions) == 1 else All(tuple(conditions))


def _entry(key: object, value: object, where: str, depth: int) -> Condition:
    if not isinstance(key, str):
        raise _refusal(where, f"expected the name of a column, found {key!r}")
    join = _JOINED.get(key)
    if join is not None:
        parts = enumerate(_list(value, where))
        return join(tuple(_all_of(one, f"{where}[{at}]", depth) for at, one in parts))
    if key == "$not":
        return Not(_all_of(value, where, depth))
    # W&B keeps a run's id under `name`; its users mean that, or the name that is displayed.
    column = _NAMES if key == "name" else column_of(key)
    if column is None:
        is_operator = key.startswith("$")
        advice = near_names(key, [*_JOINED, "$not"]) if is_operator else advice_on(key)
        raise _refusal(
            where, f"there is no {'operator' if is_operator else 'column'} {key!r}", advice
        )
    return _condition_on(column, value, where, depth)


def _condition_on(column: Column, said: object, where: str, depth: int) -> Condition:
    if not isinstance(said, Mapping) or not any(str(key).startswith("$") for key in said):
        return Among(column, (_operand(column, said, where),))
    operators = dict(_mapping(said, where, depth))
    options = operators.pop("$options", "")
    conditions = [
        _like(column, value, options, where)
        if name == "$regex"
        else _compared(column, name, value, f"{where}[{name!r}]", depth + 1)
        for name, value in operators.items()
    ]
    return conditions[0] if len(conditions) == 1 else All(tuple(conditions))


def _compared(column: Column, name: object, value: object, where: str, depth: int) -> Condition:
    if name in {"$in", "$nin"}:
        values = _list(value, where)
        operands = (_operand(column, one, f"{where}[{at}]") for at, one in enumerate(values))
        among = Among(column, tuple(operands))
        return among if name == "$in" else Not(among)
    if name in {"$eq", "$ne"}:
        among = Among(column, (_operand(column, value, where),))
        return among if name == "$eq" else Not(among)
    if isinstance(name, str) and name in _ORDERS:
        if value is None:
            raise _refusal(where, "expected a value that has an order, found None")
        return Ordered(column, _ORDERS[name], _operand(column, value, where))
    if name == "$exists":
        return Among(column, (Null(),), negated=bool(value))
    if name == "$not":
        return Not(_condition_on(column, value, where, depth))
    advice = near_names(str(name), _OPERATORS) or f"Operators are {', '.join(_OPERATORS)}."
    raise _refusal(where, f"there is no operator {name!r}", advice)


def _like(column: Column, pattern: object, options: object, where: str) -> Condition:
    place = f"{where}['$regex']"
    if not isinstance(pattern, str) or len(pattern) > MAX_PATTERN:
        raise _refusal(place, f"expected a text of at most {MAX_PATTERN} characters")
    flags = re.RegexFlag(0)
    for letter in str(options):
        if letter not in _OPTIONS:
            raise _refusal(
                f"{where}['$options']", f"expected some of {''.join(_OPTIONS)}, found {options!r}"
            )
        flags |= _OPTIONS[letter]
    try:
        return Like(column, re.compile(pattern, flags))
    except (re.error, RecursionError, OverflowError) as error:
        raise _refusal(place, f"this is no regular expression: {error}") from error


def _operand(column: Column, value: object, where: str) -> Operand:
    if value is None:
        return Null()
    operand = _READERS[column.sort](value)
    if operand is None:
        states = f"States are {', '.join(STATES)}." if column.sort is Sort.STATE else ""
        near = near_names(str(value), STATES) if column.sort is Sort.STATE else ""
        raise _refusal(where, f"expected {column.sort.value}, found {value!r}", near or states)
    return operand


def _state(value: object) -> Operand | None:
    known = isinstance(value, str) and value.lower() in STATES
    return Exactly(str(value).lower()) if known else None


def _text(value: object) -> Operand | None:
    return Exactly(value) if isinstance(value, str) else None


def _texts(value: object) -> Operand | None:
    return Exactly(value) if isinstance(value, str | list | tuple) else None


def _number(value: object) -> Operand | None:
    return Exactly(value) if is_number(value) else None


def _instant(value: object) -> Operand | None:
    if isinstance(value, str):
        period = read_period(value)
        start = None if period is None else period.start_ns
    elif isinstance(value, datetime):
        start = instant_of(value)
    elif isinstance(value, int | float) and abs(value) < _NS * _NS:
        start = int(value * _NS)
    else:
        start = None
    return None if start is None else During(Period(start, start + _MICROSECOND))


_READERS: Final[Mapping[Sort, Callable[[object], Operand | None]]] = {
    Sort.STATE: _state,
    Sort.TEXT: _text,
    Sort.TEXTS: _texts,
    Sort.NUMBER: _number,
    Sort.SPAN: _number,
    Sort.TIME: _instant,
    Sort.ANY: Exactly,
}


def _mapping(said: object, where: str, depth: int) -> Mapping[Any, Any]:
    if not isinstance(said, Mapping):
        raise _refusal(where, f"expected a dictionary, found {said!r}")
    if depth > MAX_DEPTH:
        raise _refusal(where, f"more than {MAX_DEPTH} levels are too many")
    return said


def _list(said: object, where: str) -> list[Any]:
    if not isinstance(said, list | tuple | set | frozenset):
        raise _refusal(where, f"expected a list, found {said!r}")
    return list(said)


def _refusal(where: str, because: str, hint: str = "") -> UsageError:
    return UsageError(
        "the filter cannot be understood", where=where, because=because, hint=hint or None
    )
