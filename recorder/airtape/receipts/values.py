"""Values of a document that somebody else may have written."""

from __future__ import annotations

from airtape.txlog.format import MAX_NUMBER


def text_of(said: object) -> str:
    """Return a text.

    Raises:
        TypeError: It is none.
    """
    if not isinstance(said, str):
        message = f"{said!r} is no text"
        raise TypeError(message)
    return said


def number_of(said: object) -> int:
    """Return a number that stores can hold.

    Raises:
        TypeError: It is none.
    """
    if type(said) is not int or not 0 <= said <= MAX_NUMBER:
        message = f"{said!r} is no number"
        raise TypeError(message)
    return said
