"""The one filter language: ``state = finished and (config.lr < 0.1 or tags in (best, "to do"))``.

`parse` understands it, `airtape.query.mappings` understands the same as nested dictionaries, the
way W&B takes it. ``docs/FILTERS.md`` describes both.
"""

from __future__ import annotations

from typing import Final

from airtape.query.columns import COLUMNS, STATES, Column, Sort, advice_on, column_of, near_names
from airtape.query.conditions import All, Among, AnyOf, Condition, Filter, Not, Ordered
from airtape.query.moments import read_period, read_span
from airtape.query.operands import Bare, During, Exactly, Null, Operand, read_number
from airtape.query.tokens import Token, refusal, tokens_of

MAX_DEPTH: Final = 50
"""How many brackets and nots may stand inside one another."""

_KEYWORDS: Final = frozenset({"and", "or", "not", "in"})
_RELATIONS: Final = frozenset({"=", "!=", "<", "<=", ">", ">="})
_UNORDERED: Final = frozenset({Sort.STATE, Sort.TEXTS})


def parse(text: str) -> Filter:
    """Return the filter that a text means; the empty text means every run.

    Raises:
        UsageError: It cannot be understood; says at which character, and what may stand there.
    """
    return Filter(_Parser(text).everything())


class _Parser:
    """Reads a filter from left to right, one method for each thing that may stand there."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens_of(text)
        self._place = 0
        self._depth = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _takes(self, *wanted: str) -> bool:
        """Take the next token if it is one of some signs or keywords; tell whether it was."""
        token = self._next
        if (token.sign or token.keyword) in wanted:
            self._place += 1
            return True
        return False

    def _expected(self, what: str, hint: str = "") -> Exception:
        token = self._next
        return refusal(self._text, token.at, f"expected {what}, found {token}", hint)

    def everything(self) -> Condition:
        """Read the whole text."""
        if len(self._tokens) == 1:
            return All(())
        condition = self._either()
        if self._next.sign or self._next.is_word:
            raise self._expected("'and', 'or' or the end", self._advice_on_rest())
        return condition

    def _advice_on_rest(self) -> str:
        return "Put a text of several words in quotes." if self._next.is_word else ""

    def _either(self) -> Condition:
        conditions = [self._both()]
        while self._takes("or"):
            conditions.append(self._both())
        return conditions[0] if len(conditions) == 1 else AnyOf(tuple(conditions))

    def _both(self) -> Condition:
        conditions = [self._one()]
        while self._takes("and"):
            conditions.append(self._one())
        return conditions[0] if len(conditions) == 1 else All(tuple(conditions))

    def _one(self) -> Condition:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise refusal(self._text, self._next.at, f"more than {MAX_DEPTH} levels are too many")
        if self._takes("not"):
            condition: Condition = Not(self._one())
        elif self._takes("("):
            condition = self._either()
            if not self._takes(")"):
                raise self._expected("'and', 'or' or ')'", self._advice_on_rest())
        else:
            condition = self._comparison()
        self._depth -= 1
        return condition

    def _comparison(self) -> Condition:
        column = self._column()
        if self._takes("not"):
            if not self._takes("in"):
                raise self._expected("'in'")
            return Among(column, self._list_for(column), negated=True)
        if self._takes("in"):
            return Among(column, self._list_for(column))
        relation = self._next.sign
        if relation not in _RELATIONS:
            raise self._expected("one of = != < <= > >= in, not in")
        if relation not in {"=", "!="} and column.sort in _UNORDERED:
            raise self._expected(f"= != in or not in, as {column} has no order")
        self._place += 1
        if relation not in {"=", "!="} and self._next.keyword == "null":
            raise self._expected("a value that has an order")
        operand = self._operand_for(column)
        if relation in {"=", "!="}:
            return Among(column, (operand,), negated=relation == "!=")
        return Ordered(column, relation, operand)

    def _column(self) -> Column:
        token = self._next
        if not token.is_word or token.keyword in _KEYWORDS:
            raise self._expected("a column", f"Columns: {', '.join(COLUMNS)}.")
        column = column_of(token.text)
        if column is None:
            raise refusal(
                self._text, token.at, f"there is no column {token}", advice_on(token.text)
            )
        self._place += 1
        return column

    def _list_for(self, column: Column) -> tuple[Operand, ...]:
        if not self._takes("("):
            raise self._expected("'('", f"Write the values as {column} in (this, that).")
        operands = [self._operand_for(column)]
        while self._takes(","):
            operands.append(self._operand_for(column))
        if not self._takes(")"):
            raise self._expected("',' or ')'", self._advice_on_rest())
        return tuple(operands)

    def _operand_for(self, column: Column) -> Operand:
        token = self._next
        if not token.is_word or token.keyword in _KEYWORDS:
            hint = "Put it in quotes if it is a text." if token.keyword else ""
            raise self._expected("a value", hint)
        if token.keyword == "null":
            operand: Operand | None = Null()
        else:
            operand = operand_for(column.sort, token.text, quoted=token.quoted)
        if operand is None:
            hint = near_names(token.text, STATES) if column.sort is Sort.STATE else ""
            if column.sort is Sort.STATE:
                hint = hint or f"States are {', '.join(STATES)}."
            raise self._expected(f"{column.sort.value} for {column}", hint)
        self._place += 1
        return operand


def operand_for(sort: Sort, text: str, *, quoted: bool) -> Operand | None:
    """Return what a written value means for a sort of column, None if it can mean nothing."""
    if sort is Sort.ANY:
        return Exactly(text) if quoted else Bare(text)
    if sort is Sort.STATE:
        return Exactly(text.lower()) if text.lower() in STATES else None
    if sort is Sort.TIME:
        period = read_period(text)
        return None if period is None else During(period)
    if sort in {Sort.TEXT, Sort.TEXTS}:
        return Exactly(text)
    number = read_number(text)
    if number is None and sort is Sort.SPAN:
        number = read_span(text)
    return None if number is None else Exactly(number)
