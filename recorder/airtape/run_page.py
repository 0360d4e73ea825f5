"""A run as a small page of HTML, for notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from airtape.records import Plain

MAX_ROWS: Final = 100
"""Rows of each table; more would make a cell slow to draw."""

MAX_VALUE: Final = 200
_ESCAPES: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"}
)
_STYLE: Final = "body{font:14px sans-serif}td{padding:0 1em 0 0;vertical-align:top}"


def page(title: str, facts: Mapping[str, str], tables: Mapping[str, Mapping[str, Plain]]) -> str:
    """Return a page that says what a run is at this moment.

    Args:
        title: Its heading.
        facts: Lines below the heading, by what they say.
        tables: Values by name, by the heading of their table; empty ones are left out.
    """
    body = [f"<h3>{escaped(title)}</h3>", _table(facts.items())]
    for heading, values in tables.items():
        if values:
            body += [f"<h4>{escaped(heading)}</h4>", _table(values.items())]
    return f'<meta charset="utf-8"><style>{_STYLE}</style>{"".join(body)}'


def frame(html: str, *, height: int, hidden: bool) -> str:
    """Return a frame that holds a page.

    Args:
        html: The page.
        height: The height of the frame in pixels.
        hidden: Whether a button stands there until somebody presses it.
    """
    style = f"border:none;width:100%;height:{int(height)}px;"
    button = ""
    if hidden:
        show = "this.nextSibling.style.display='block';this.style.display='none';"
        button = f'<button onClick="{show}">Display run</button>'
        style += "display:none;"
    return f'{button}<iframe srcdoc="{escaped(html)}" style="{style}"></iframe>'


def escaped(text: str) -> str:
    """Return text as it stands in HTML, in attributes as well."""
    return text.translate(_ESCAPES)


def _table(rows: Iterable[tuple[str, object]]) -> str:
    cells = [f"<tr><td>{escaped(name)}</td><td>{_value(value)}</td></tr>" for name, value in rows]
    if len(cells) > MAX_ROWS:
        cells[MAX_ROWS:] = [f"<tr><td>and {len(cells) - MAX_ROWS} more</td></tr>"]
    return f"<table>{''.join(cells)}</table>"


def _value(value: object) -> str:
    text = str(value)
    return escaped(text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}…")
