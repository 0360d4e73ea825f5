"""What filters are made of: comparisons of columns, joined by and, or and not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from airtape.query.columns import Column, RunColumns
from airtape.query.operands import Null, Operand, Value

_ORDERS: Final[dict[str, Callable[[int], bool]]] = {
    "<": lambda side: side < 0,
    "<=": lambda side: side <= 0,
    ">": lambda side: side > 0,
    ">=": lambda side: side >= 0,
}


class Condition(Protocol):
    """Something that a run fulfils or not."""

    def matches(self, run: RunColumns) -> bool:
        """Tell whether the run fulfils it."""


@dataclass(frozen=True, slots=True)
class Among:
    """The column has one of some values; with ``negated``, it has a value, and none of them.

    A list has each value in it. Missing is null, and nothing else.
    """

    column: Column
    operands: tuple[Operand, ...]
    negated: bool = False

    def matches(self, run: RunColumns) -> bool:
        """Tell whether the run has one of the values, or none if negated."""
        value = self.column.value_in(run)
        asks_for_null = any(isinstance(operand, Null) for operand in self.operands)
        if value is None:
            return asks_for_null and not self.negated
        # No tags are null when that is asked for; else they are a value that is unlike all others.
        is_among = (value == () and asks_for_null) or any(
            operand.equals(item) for operand in self.operands for item in (value, *_items(value))
        )
        return is_among != self.negated


@dataclass(frozen=True, slots=True)
class Ordered:
    """The column has a value, or a list with a value, on one side of another one."""

    column: Column
    relation: str
    operand: Operand

    def matches(self, run: RunColumns) -> bool:
        """Tell whether the run's value lies on the right side."""
        value = self.column.value_in(run)
        holds = _ORDERS[self.relation]
        sides = (self.operand.side_of(item) for item in _items(value) or (value,))
        return any(side is not None and holds(side) for side in sides)


@dataclass(frozen=True, slots=True)
class Like:
    """The column has a text, or a list with a text, in which a regular expression is found."""

    column: Column
    pattern: re.Pattern[str]

    def matches(self, run: RunColumns) -> bool:
        """Tell whether the expression is found."""
        value = self.column.value_in(run)
        return any(
            isinstance(item, str) and self.pattern.search(item) is not None
            for item in _items(value) or (value,)
        )


@dataclass(frozen=True, slots=True)
class All:
    """Every one of some conditions."""

    conditions: tuple[Condition, ...]

    def matches(self, run: RunColumns) -> bool:
        """Tell whether the run fulfils all of them."""
        return all(condition.matches(run) for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of some conditions."""

    conditions: tuple[Condition, ...]

    def matches(self, run: RunColumns) -> bool:
        """Tell whether the run fulfils one of them."""
        return any(condition.matches(run) for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class Not:
    """The contrary of a condition."""

    condition: Condition

    def matches(self, run: RunColumns) -> bool:
        """Tell whether the run does not fulfil it."""
        return not self.condition.matches(run)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which runs are meant.

    Attributes:
        condition: What they fulfil.
    """

    condition: Condition

    def matches(self, run: RunColumns) -> bool:
        """Tell whether a run is meant.

        Args:
            run: Its columns, as `airtape.query.columns.columns_of` returns them.
        """
        return self.condition.matches(run)


def _items(value: Value) -> tuple[Value, ...]:
    return tuple(value) if isinstance(value, list | tuple) else ()
