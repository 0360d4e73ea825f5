"""What a user gives, as the plain values that a log holds.

A value that is not plain is replaced by a simpler one until it is; the rules stand in
``values_rules``. The result never shares a list or a dict with the caller's objects, and msgpack
can write it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TypeGuard

from airtape.errors import InvalidDataError
from airtape.records import Plain
from airtape.values_rules import CONFIG, HISTORY, SUMMARY, Given, Rules

PLAIN_SCALARS: frozenset[type] = frozenset({float, int, str, bool, type(None)})
"""The types of values that need no conversion, provided that their text can be encoded."""

MAX_DEPTH = 200
"""Deepest nesting that is recorded: msgpack itself stops at 511, readers need their own stack."""

NUMBERS: frozenset[type] = PLAIN_SCALARS - {str}
"""Those of them that hold no text, and so no secret."""

_STRINGS: frozenset[type] = frozenset({str})


def is_flat_plain(data: object) -> TypeGuard[dict[str, Plain]]:
    """Tell, at the speed of C, whether a value is a dict of names to scalars, no subclasses.

    Such a dict can be encoded at once, unless there is a lone surrogate in its text: then the
    encoder raises UnicodeEncodeError, and `history_data` is needed after all.
    """
    return (
        type(data) is dict
        and PLAIN_SCALARS.issuperset(map(type, data.values()))
        and _STRINGS.issuperset(map(type, data))
    )


def history_data(data: object) -> dict[str, Plain]:
    """Turn what ``log()`` was given into the data of a history record.

    Raises:
        InvalidDataError: It is no mapping, a key is no string, or a value cannot be recorded; a
            note on the error names the key.
        UnicodeDecodeError: A value is bytes that are no UTF-8 text; with such a note too.
    """
    if not isinstance(data, Mapping):
        raise InvalidDataError("wandb.log must be passed a dictionary")
    items = list(data.items())
    if not all(isinstance(key, str) for key, _ in items):
        raise InvalidDataError("Key values passed to `wandb.log` must be strings.")
    return {_text(str.__str__(key)): _logged(key, value) for key, value in items}


def history_value(value: Given) -> Plain:
    """Turn a logged value into a plain one.

    Numeric arrays of more than 32 elements become histograms, enum members their values, durations
    ISO 8601 text.

    Raises:
        InvalidDataError: The value, or one in it, cannot be recorded.
        UnicodeDecodeError: The value has bytes that are no UTF-8 text.
    """
    return _convert(value, HISTORY)


def config_value(value: Given) -> Plain:
    """Turn a config value into a plain one.

    Arrays of any size become nested lists, enum members their names, unknown objects ``str()``.

    Raises:
        InvalidDataError: The value contains itself or is nested too deep, or a key in it is a
            container.
        UnicodeDecodeError: The value has bytes that are no UTF-8 text.
    """
    return _convert(value, CONFIG)


def text_in_utf8(said: dict[str, Plain]) -> dict[str, Plain]:
    """Return plain data with U+FFFD for what no encoding has: arguments and paths may be any bytes.

    Raises:
        InvalidDataError: The data are nested too deep.
    """
    return {key: _convert(value, CONFIG) for key, value in said.items()}


def summary_value(value: Given) -> Plain:
    """Turn a value that was set in the summary into a plain one.

    As `history_value`, but numeric arrays of more than 32 elements become their statistics.

    Raises:
        InvalidDataError: The value, or one in it, cannot be recorded.
        UnicodeDecodeError: The value has bytes that are no UTF-8 text.
    """
    return _convert(value, SUMMARY)


def _logged(key: str, value: Given) -> Plain:
    try:
        return _convert(value, HISTORY)
    except (InvalidDataError, UnicodeDecodeError) as error:
        # Tracebacks show notes from Python 3.11 on; the message itself stays W&B's.
        vars(error).setdefault("__notes__", []).append(f"It was logged as {key!r}.")
        raise


def _convert(value: Given, rules: Rules) -> Plain:
    try:
        return _Conversion(rules)(value)
    except RecursionError as error:
        raise InvalidDataError(
            "The data are nested too deep for what is left of the stack",
            hint="Nest them less, or pass them from a call that is less deep.",
        ) from error


class _Conversion:
    """Converts one value with all that is in it."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._open: set[int] = set()

    def __call__(self, value: Given) -> Plain:
        kind = type(value)
        plain: Plain
        if kind in NUMBERS:
            plain = value
            return plain
        if kind is str:
            return _text(value)
        mark = id(value)
        if mark in self._open:
            raise InvalidDataError(f"The data contain themselves: a {kind.__name__} is inside it")
        if len(self._open) == MAX_DEPTH:
            raise InvalidDataError(f"The data are nested more than {MAX_DEPTH} levels deep")
        self._open.add(mark)
        if kind is list or kind is tuple:
            plain = list(value)  # first, so that another thread's change is seen whole or not
            if not NUMBERS.issuperset(map(type, plain)):
                plain = [self(item) for item in plain]
        elif kind is dict:
            plain = {self._key(key): self(item) for key, item in list(value.items())}
        else:
            plain = self(self._rules.simpler(value))
        self._open.discard(mark)
        return plain

    def _key(self, key: Given) -> str:
        """Turn a key of a nested mapping into text, as W&B writes it."""
        if type(key) is str:
            return _text(key)
        if isinstance(key, tuple):
            return ",".join(map(self._key, key))
        if isinstance(key, Enum):
            return self._key(key.value)
        plain = self(key)
        if isinstance(plain, bool):
            return str(plain).lower()
        if isinstance(plain, list | dict):
            name = type(key).__name__
            raise InvalidDataError(f"keys must be str, int, float, bool or None, not {name}")
        return str(plain)


def _text(value: str) -> str:
    """Join surrogate pairs and replace lone surrogates, which no encoding has, by U+FFFD."""
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return value
