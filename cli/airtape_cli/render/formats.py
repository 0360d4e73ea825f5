"""The formats that a history is exported in; every value keeps exactly what was logged."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from airtape.exactjson import dumps, nan_text, number_text
from airtape.fold.keys import Key, dotted, nested
from airtape.fold.row import RUNTIME, STEP, TIMESTAMP, Row
from airtape.records import Plain

_QUOTED_TITLE: Final = re.compile(r'[",\r\n]')


def jsonl_line(row: Row) -> str:
    """Return a row as one JSON object, nested as it was logged."""
    times = {STEP: row.step, TIMESTAMP: row.timestamp, RUNTIME: row.runtime}
    return dumps({**times, **nested(row.data)})


def csv_lines(columns: list[Key], rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of a CSV table, titles first.

    Text stands in quotes, everything else does not; a cell without a value is empty. So
    ``"true"`` is text and ``true`` is not. Lists and dictionaries are JSON in quotes.
    """
    yield ",".join((STEP, TIMESTAMP, RUNTIME, *_titles(columns)))
    for row in rows:
        cells = (_cell(row.data[key]) if key in row.data else "" for key in columns)
        yield ",".join((str(row.step), repr(row.timestamp), repr(row.runtime), *cells))


def table_lines(rows: Sequence[Mapping[str, Plain]]) -> Iterator[str]:
    """Yield the lines of a CSV table of flat rows, titles first, with cells as in `csv_lines`."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    yield ",".join(_quoted(name) if _QUOTED_TITLE.search(name) else name for name in columns)
    for row in rows:
        yield ",".join(_cell(row[name]) if name in row else "" for name in columns)


def _titles(columns: list[Key]) -> Iterator[str]:
    """Yield the title of each column; where two would be alike, a dot in a name is escaped."""
    names = [dotted(key) for key in columns]
    alike = {name for name in names if names.count(name) > 1}
    for key, name in zip(columns, names, strict=True):
        title = name.replace(".", "\\.") if name in alike and isinstance(key, str) else name
        yield _quoted(title) if _QUOTED_TITLE.search(title) else title


def _cell(value: Plain) -> str:
    return _WRITTEN.get(type(value), _as_json)(value)


def _as_json(value: object) -> str:
    return _quoted(dumps(value))


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _float(value: float) -> str:
    return repr(value) if value == value else nan_text(value)  # noqa: PLR0124 - false for a NaN


_WRITTEN: Final[dict[type, Callable[..., str]]] = {
    float: _float,
    int: number_text,
    bool: lambda value: "true" if value else "false",
    type(None): lambda _: "null",
    str: _quoted,
}
