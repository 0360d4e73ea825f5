"""The order of runs: ``+created_at``, ``-summary.loss``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from airtape.errors import UsageError
from airtape.query.columns import Column, RunColumns, advice_on, column_of
from airtape.query.operands import Value, is_number

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Order:
    """By which column runs are ordered.

    Attributes:
        column: The column.
        descending: Whether the greatest value comes first.
    """

    column: Column
    descending: bool = False

    def applied(self, runs: Iterable[tuple[RunColumns, T]]) -> list[tuple[RunColumns, T]]:
        """Return runs in this order, numbers before texts; those without a value come last.

        Runs with the same value stand in the order of their start and their ids.
        """
        valued, rest = [], []
        for run in sorted(runs, key=_by_age):
            rank = _rank(self.column.value_in(run[0]))
            if rank is None:
                rest.append(run)
            else:
                valued.append((rank, run))
        valued.sort(key=lambda pair: pair[0], reverse=self.descending)
        return [run for _, run in valued] + rest


def parse_order(text: str) -> Order:
    """Return the order that a text means: a column, with ``-`` before it the greatest first.

    Raises:
        UsageError: There is no such column.
    """
    said = text.strip()
    name = said[1:] if said[:1] in {"+", "-"} else said
    column = column_of(name)
    if column is None:
        raise UsageError(
            f"there is no column {name!r} to order by", where=text, hint=advice_on(name)
        )
    return Order(column, descending=said.startswith("-"))


def _by_age(run: tuple[RunColumns, Any]) -> tuple[int, str]:
    columns = run[0]
    return columns.get("created_at") or 0, columns.get("id") or ""


def _rank(value: Value) -> tuple[int, Value] | None:
    """Return what to compare a value by, None for one that has no place in an order."""
    if isinstance(value, bool) or is_number(value):
        return None if value != value else (0, value)  # noqa: PLR0124 - NaN
    if value is None or value == ():
        return None
    return (1, value) if isinstance(value, str) else (2, repr(value))
