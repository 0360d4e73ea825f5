"""Taking secrets out of a text that comes piece by piece."""

from __future__ import annotations

import re
from typing import Final

from airtape.redaction import LONGEST_KEY, Redaction
from airtape.secret_shapes import KEY_BEGINS, KEY_ENDS, KEY_SIGN

_LONG: Final = 1 << 14


class PiecewiseRedaction:
    """Takes secrets out of what one stream puts out.

    A private key may come in several pieces, line by line; any other secret is found in one alone.

    Args:
        redaction: Knows the secrets.
        where: What the stream is called in the list of what was taken out.
    """

    def __init__(self, redaction: Redaction, where: str) -> None:
        self._redaction = redaction
        self._where = where
        self._key_lines = 0
        self._key_mark = ""

    def __call__(self, piece: str) -> str:
        """Return the next piece without the secrets in it."""
        if self._key_lines or KEY_SIGN in piece:
            return "".join(map(self._line, piece.splitlines(keepends=True)))
        if len(piece) > _LONG:
            return self._redaction.lines(piece, self._where)
        return self._redaction(piece, self._where)

    def _line(self, line: str) -> str:
        if self._key_lines:
            self._key_lines = 0 if re.search(KEY_ENDS, line) else self._key_lines - 1
            return self._key_mark + line[len(line.rstrip("\r\n")) :]
        cleaned = self._redaction(line, self._where)
        # Where nothing is to be taken out the line is what it was.
        if cleaned != line and re.search(KEY_BEGINS, line) and not re.search(KEY_ENDS, line):
            self._key_lines, self._key_mark = LONGEST_KEY, cleaned.rstrip("\r\n")
        return cleaned
