"""What somebody saw of a program's output: what was written over is gone, the last state stands.

A program draws a progress bar by going back over it, with a carriage return or by moving the cursor
up. `Screen` follows that, and yields lines. Each stream has a cursor of its own, so that what one
writes does not end up in the middle of another's line. Colours stay; whatever else a terminal would
obey is carried out here or left out, so nothing of it is in the lines.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from itertools import groupby
from typing import Final, NamedTuple

WINDOW: Final = 64
"""Lines that the cursor can go back to; what stands above them does not change any more."""

LONGEST_LINE: Final = 1 << 15
"""Characters after which a line goes on in a further one, as on a terminal."""

LONGEST_SEQUENCE: Final = 1 << 16
"""Characters that the end of an escape sequence may be away from its beginning."""

_LONGEST_STYLE: Final = 80
_DIGITS: Final = 9

_STRING: Final = r"(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*"
_CSI: Final = r"(?:\x1b\[|\x9b)"
_PIECE: Final = re.compile(
    r"(?P<text>[^\x00-\x08\x0a-\x1f\x7f-\x9f]+)"
    rf"|{_CSI}(?P<numbers>[0-?]*)[ -/]*(?P<command>[@-~])"
    rf"|(?P<string>{_STRING}(?:\x07|\x1b\\|\x9c))"
    r"|(?P<short>\x1b[ -/]*[0-OQ-WYZ\\`-~])"
    rf"|(?P<unfinished>(?:{_CSI}[0-?]*[ -/]*|{_STRING}\x1b?|\x1b[ -/]*)\Z)"
    r"|(?P<control>.)",
    re.DOTALL,
)
"""Text, an escape sequence, the beginning of one, or a single control character."""

_COLOURS: Final = re.compile(r"[0-9;:]*")
_RESET: Final = "\x1b[0m"


class ScreenLine(NamedTuple):
    """A line of output.

    Attributes:
        source: Which stream it is of, as `Screen.feed` was told.
        wall_ns: When it was last changed, in nanoseconds since 1970.
        text: What stands in it, with colours.
    """

    source: Hashable
    wall_ns: int
    text: str


class Screen:
    """The lines that chunks of output make, in the order in which they began.

    A line that is written over moves behind those that others have written since: a progress bar
    stands where it was last seen. A line that was wiped away is none.
    """

    def __init__(self) -> None:
        self._lines: list[_Line] = []
        self._pens: dict[Hashable, _Pen] = {}

    def feed(
        self, source: Hashable, chunk: str | bytes, *, wall_ns: int = 0, dropped: int = 0
    ) -> Iterator[ScreenLine]:
        """Take a chunk of output, and yield the lines that cannot change any more.

        Args:
            source: The stream that it is of.
            chunk: What was written: text, or bytes that are none.
            wall_ns: When it was written, in nanoseconds since 1970.
            dropped: Characters before it that were not recorded; a line says so.
        """
        pen = self._pens.get(source)
        if pen is None:
            pen = self._pens[source] = _Pen(self, source)
        pen.wall_ns = wall_ns
        if dropped:
            pen.remark(f"[airtape: {dropped} characters of output are not recorded here]")
        text = chunk if isinstance(chunk, str) else chunk.decode("utf-8", "replace")
        for piece in _PIECE.finditer(pen.unread + text if pen.unread else text):
            pen.unread = ""
            pen.take(piece)
            while len(self._lines) > WINDOW:
                line = self._lines.pop(0)
                line.pen.forget_first()
                if not line.is_wiped:
                    yield line.shown()

    def rest(self) -> Iterator[ScreenLine]:
        """Yield the lines that may still change."""
        return (line.shown() for line in self._lines if not line.is_wiped)

    def append(self, line: _Line) -> None:
        """Begin a line below all others."""
        self._lines.append(line)

    def bring_down(self, group: list[_Line]) -> None:
        """Move lines of one stream, in order, below all others."""
        if self._lines[-1] is not group[-1] or self._lines[-len(group)] is not group[0]:
            moved = set(map(id, group))
            self._lines = [line for line in self._lines if id(line) not in moved] + group


class _Line:
    """A line, and the colour of each of its characters if it has any."""

    __slots__ = ("_styles", "_text", "_was_changed", "pen", "wall_ns")

    def __init__(self, pen: _Pen) -> None:
        self.pen = pen
        self.wall_ns = pen.wall_ns
        self._text = ""
        self._styles: list[str] | None = None
        self._was_changed = False

    @property
    def is_wiped(self) -> bool:
        """Whether something stood there and does not any more."""
        return self._was_changed and not self._text.strip(" ")

    def put(self, column: int, text: str, style: str) -> bool:
        """Write text, and tell whether something stood there."""
        self._text = self._text.ljust(column)
        end = column + len(text)
        is_over = column < len(self._text)
        if style or self._styles is not None:
            styles = self._styles or []
            styles += [""] * (len(self._text) - len(styles))
            styles[column:end] = [style] * len(text)
            self._styles = styles
        self._text = (
            f"{self._text[:column]}{text}{self._text[end:]}" if is_over else self._text + text
        )
        self._was_changed |= is_over
        return is_over

    def erase(self, first: int, last: int | None) -> None:
        """Erase the characters from `first` to before `last`; to the end if that is None."""
        self._was_changed |= bool(self._text)
        if last is None:
            self._text = self._text[:first]
            if self._styles is not None:
                del self._styles[first:]
        else:
            self.put(first, " " * (last - first), "")

    def shown(self) -> ScreenLine:
        """Return the line as it is now."""
        text, styles = self._text, self._styles
        if self._was_changed:
            text = text.rstrip(" ")
        if styles is not None:
            text = "".join(_coloured(text, styles))
        return ScreenLine(self.pen.source, self.wall_ns, text)


def _coloured(text: str, styles: list[str]) -> Iterator[str]:
    at = 0
    for style, run in groupby(styles[: len(text)]):
        end = at + sum(1 for _ in run)
        yield f"{style}{text[at:end]}{_RESET}" if style else text[at:end]
        at = end
    yield text[at:]


class _Pen:
    """Where one stream writes: a line of its own, a column, a colour.

    Attributes:
        source: The stream.
        unread: The beginning of an escape sequence whose end has not come yet.
        wall_ns: When it writes.
    """

    def __init__(self, screen: Screen, source: Hashable) -> None:
        self.source = source
        self.unread = ""
        self.wall_ns = 0
        self._screen = screen
        self._lines: list[_Line] = []
        self._row = 0
        self._column = 0
        self._style = ""

    def forget_first(self) -> None:
        """Let go of the first line, which is out of reach by now."""
        del self._lines[0]
        if self._row:
            self._row -= 1
        else:
            self._column = 0

    def remark(self, text: str) -> None:
        """Write a line of our own below all of the stream's."""
        self.unread = self._style = ""
        self._row, self._column = len(self._lines), 0
        self._write(text)
        self._new_line()

    def take(self, piece: re.Match[str]) -> None:
        """Write text or do what a control character or an escape sequence says."""
        kind = piece.lastgroup
        if kind == "text":
            self._write(piece[0])
        elif kind == "command":
            self._obey(piece["command"], piece["numbers"])
        elif kind == "unfinished":
            self.unread = piece[0] if len(piece[0]) <= LONGEST_SEQUENCE else ""
        elif kind == "control":
            self._control(piece[0])

    def _write(self, text: str) -> None:
        while text:
            room = LONGEST_LINE - self._column
            if room <= 0:
                self._new_line()
                continue
            part, text = text[:room], text[room:]
            line = self._line()
            if line.put(self._column, part, self._style):
                self._screen.bring_down(self._lines[self._row :])
            self._column += len(part)

    def _line(self) -> _Line:
        """Return the line that the cursor is in; begin it, if it has not been begun."""
        if self._row == len(self._lines):
            line = _Line(self)
            self._lines.append(line)
            self._screen.append(line)
        line = self._lines[self._row]
        line.wall_ns = self.wall_ns
        return line

    def _new_line(self) -> None:
        self._line()
        self._row += 1
        self._column = 0

    def _control(self, character: str) -> None:
        if character == "\n":
            self._new_line()
        elif character == "\r":
            self._column = 0
        elif character == "\b":
            self._column = max(0, self._column - 1)

    def _obey(self, command: str, said: str) -> None:
        if command == "m":
            self._colour(said)
        elif command in "AF":
            self._row = max(0, self._row - _count(said))
        elif command in "BE":
            self._row = min(len(self._lines), self._row + _count(said))
        elif command == "C":
            self._column = min(LONGEST_LINE, self._column + _count(said))
        elif command == "D":
            self._column = max(0, self._column - _count(said))
        elif command == "G":
            self._column = min(LONGEST_LINE, _count(said) - 1)
        elif command in "JK":
            self._erase(command, said)
        if command in "EF":
            self._column = 0

    def _colour(self, said: str) -> None:
        if not said.strip("0;"):
            self._style = ""
        elif _COLOURS.fullmatch(said):
            added = f"\x1b[{said}m"
            goes_on = not said.startswith("0;") and len(self._style) < _LONGEST_STYLE
            self._style = self._style + added if goes_on else added

    def _erase(self, command: str, said: str) -> None:
        # Of a whole screen one does not know what stands on it: it stays.
        if self._row == len(self._lines) or (command == "J" and said not in {"", "0"}):
            return
        first, last = {"1": (0, self._column + 1), "2": (0, None)}.get(said, (self._column, None))
        self._line().erase(first, last)
        if command == "J":
            for line in self._lines[self._row + 1 :]:
                line.erase(0, None)


def _count(said: str) -> int:
    """Return the number of an escape sequence; 1 where none is said."""
    is_number = said.isascii() and said.isdigit()
    return max(1, min(int(said[:_DIGITS]), LONGEST_LINE)) if is_number else 1
