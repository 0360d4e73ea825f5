"""Text as it stands in HTML."""

from __future__ import annotations

from typing import Final

_ESCAPES: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"}
)


def escaped(text: str) -> str:
    """Return text as it stands in HTML, in attributes as well."""
    return text.translate(_ESCAPES)
