"""The words, signs and brackets of a filter, each with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from airtape.errors import UsageError

MAX_TEXT: Final = 10_000
_BLANK: Final = re.compile(r"\s*")
_SIGN: Final = re.compile(r"==|!=|<=|>=|[=<>≠≤≥(),]")
_BARE: Final = re.compile(r"[^\s=<>!≠≤≥(),\"'`]+")
_QUOTED: Final = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'|`([^`]*)`", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\([\"'\\])")
_SPELLED: Final = {"==": "=", "≠": "!=", "≤": "<=", "≥": ">="}
_SHOWN: Final = 60


class Token(NamedTuple):
    """A piece of a filter.

    Attributes:
        at: Its place in the text, from 0.
        text: What it says, without quotes.
        quoted: Whether some of it stood in quotes, so that it is no keyword and no number.
        sign: The sign or bracket that it is, in its usual spelling; empty for words and the end.
    """

    at: int
    text: str
    quoted: bool = False
    sign: str = ""

    @property
    def keyword(self) -> str:
        """The word in lower case when it may be a keyword, else empty."""
        return "" if self.quoted or self.sign else self.text.lower()

    @property
    def is_word(self) -> bool:
        """Whether it is a name or a value."""
        return not self.sign and (self.quoted or bool(self.text))

    def __str__(self) -> str:
        return f"{self.text!r}" if self.sign or self.is_word else "the end"


def tokens_of(text: str) -> list[Token]:
    """Return the pieces of a filter, with an empty one at the end.

    Raises:
        UsageError: It is too long, a quote is not closed, or a character belongs nowhere.
    """
    if len(text) > MAX_TEXT:
        raise UsageError(f"the filter is longer than {MAX_TEXT} characters")
    return [*_tokens(text), Token(len(text), "")]


def refusal(text: str, at: int, because: str, hint: str = "") -> UsageError:
    """Return the error for a place in a filter."""
    begin = max(0, at - _SHOWN // 2)
    part = "".join(char if char.isprintable() else " " for char in text[begin : begin + _SHOWN])
    pointed = f"  {part}\n  {' ' * (at - begin)}^"
    return UsageError(
        "the filter cannot be understood",
        where=f"character {at + 1}",
        because=because,
        hint=f"{pointed}\n{hint}" if hint else pointed,
    )


def _tokens(text: str) -> Iterator[Token]:
    at = _skipped(text, 0)
    while at < len(text):
        sign = _SIGN.match(text, at)
        if sign is not None:
            yield Token(at, sign[0], sign=_SPELLED.get(sign[0], sign[0]))
            end = sign.end()
        else:
            said, quoted, end = _word(text, at)
            yield Token(at, said, quoted)
        at = _skipped(text, end)


def _word(text: str, begin: int) -> tuple[str, bool, int]:
    """Return a word that begins somewhere, whether some of it is quoted, and its end."""
    said, quoted, at = "", False, begin
    while at < len(text):
        bare = _BARE.match(text, at)
        inside = None if bare else _QUOTED.match(text, at)
        if bare is not None:
            said, at = said + bare[0], bare.end()
        elif inside is not None:
            said, at, quoted = said + _unquoted(inside), inside.end(), True
        elif text[at] in "\"'`":
            raise refusal(text, at, f"the quote {text[at]} is not closed")
        else:
            break
    if at == begin:
        raise refusal(text, at, f"{text[at]!r} is no sign", "Put texts with such in quotes.")
    return said, quoted, at


def _unquoted(inside: re.Match[str]) -> str:
    double, single, name = inside.groups()
    return name if name is not None else _ESCAPED.sub(r"\1", double or single or "")


def _skipped(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    return at if blank is None else blank.end()
