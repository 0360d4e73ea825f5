"""Values as a PostgreSQL store holds them: a number, a text, and the kind that tells which.

======= ============================ ==========================================
kind    value                        text
======= ============================ ==========================================
float   the number                   NULL
int     the number, maybe rounded    the digits, where it was rounded
bool    0 or 1                       NULL
text    NULL                         the text
null    NULL                         NULL
json    NULL                         JSON, see `airtape.exactjson`
======= ============================ ==========================================

``json`` are lists, empty dictionaries, bytes, and texts that PostgreSQL cannot hold.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from airtape import exactjson
from airtape.backends.sqlite_values import key_from, pointer
from airtape.fold.keys import Key, Tree, dotted, leaves

EXACT = 1 << 53
"""Every integer up to here, and its negative, is a float."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_MARKED = re.compile("[\x00\x1b\ud800-\udfff]")
_ESCAPED = re.compile("\x1b([0-9a-f]{4})")


class Stored(NamedTuple):
    """A value as three columns hold it."""

    value: float | None
    text: str | None
    kind: str


def encode(value: object) -> Stored:
    """Return a value of a log as columns; the inverse of `decode`."""
    if isinstance(value, bool):
        return Stored(float(value), None, "bool")
    if isinstance(value, float):
        return Stored(value, None, "float")
    if isinstance(value, int):
        exact = -EXACT <= value <= EXACT
        return Stored(_rounded(value), None if exact else exactjson.number_text(value), "int")
    if isinstance(value, str) and not has_unstorable(value):
        return Stored(None, value, "text")
    return Stored(None, None, "null") if value is None else _as_json(value)


def _as_json(value: object) -> Stored:
    text = exactjson.dumps(value)
    # JSON has its own escapes for these: they stand in texts, as JSON itself is ASCII around them.
    return Stored(None, _UNSTORABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text), "json")


def _rounded(value: int) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None


def decode(value: float | None, text: str | None, kind: str) -> Any:  # noqa: ANN401 - what it was
    """Return what `encode` was given."""
    if kind in {"float", "null"}:
        return value
    if kind == "int":
        return int(value) if text is None and value is not None else int(text or "", 0)
    if kind == "bool":
        return bool(value)
    return exactjson.loads(text or "") if kind == "json" else text


def has_unstorable(text: str) -> bool:
    """Tell whether PostgreSQL cannot hold a text as it is."""
    return _UNSTORABLE.search(text) is not None


def storable(text: str) -> str:
    """Return a text without what PostgreSQL cannot hold; the inverse of `as_said`."""
    return _MARKED.sub(lambda found: f"\x1b{ord(found[0]):04x}", text)


def as_said(stored: str) -> str:
    """Return the text that `storable` was given."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), stored)


def path_text(key: Key) -> str:
    """Return a key as a JSON pointer that PostgreSQL can hold."""
    return storable(pointer(key))


def key_of_path(stored: str) -> Key:
    """Return the key that `path_text` was given."""
    return key_from(as_said(stored))


class Leaves(NamedTuple):
    """The values of a tree as columns, each with its path and the name that is shown."""

    paths: Sequence[str]
    names: Sequence[str]
    values: Sequence[float | None]
    texts: Sequence[str | None]
    kinds: Sequence[str]


def leaves_of(tree: Tree) -> Leaves:
    """Return the values of nested dictionaries as columns."""
    found = [(path_text(key), storable(dotted(key)), *encode(value)) for key, value in leaves(tree)]
    return Leaves(*map(list, zip(*found, strict=True))) if found else Leaves([], [], [], [], [])
