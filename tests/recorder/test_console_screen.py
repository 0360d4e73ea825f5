from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.console_screen import LONGEST_LINE, LONGEST_SEQUENCE, WINDOW, Screen, ScreenLine

Said = tuple[str, str | bytes]


def _seen(*said: str | bytes | Said) -> list[str]:
    """Return the lines that chunks make; a chunk alone is of stdout."""
    screen = Screen()
    lines: list[ScreenLine] = []
    for chunk in said:
        source, text = chunk if isinstance(chunk, tuple) else ("out", chunk)
        lines += screen.feed(source, text)
    return [line.text for line in (*lines, *screen.rest())]


@pytest.mark.parametrize(
    ("said", "lines"),
    [
        ("a\nb", ["a", "b"]),
        ("a\n\nb\n", ["a", "", "b"]),
        ("10%\r50%\r100%\n", ["100%"]),
        ("long line\rnew\n", ["newg line"]),
        ("abc\b\bX\n", ["aXc"]),
        ("a\tb \n", ["a\tb "]),
        ("windows\r\nlines\r\n", ["windows", "lines"]),
        ("bell\a, null\0, escape\x1bc\n", ["bell, null, escape"]),
        ("bar\r   \r", []),
        ("bar\r   \rtext\n", ["text"]),
        ("   \n", ["   "]),
    ],
)
def test_control_characters_do_what_they_do_on_a_terminal(said: str, lines: list[str]) -> None:
    """What is written over is gone; what is no text is left out."""
    assert _seen(said) == lines


@pytest.mark.parametrize(
    ("said", "lines"),
    [
        ("a\nb\n\x1b[2AX\nY\n", ["X", "Y"]),
        ("a\nb\n\x1b[1F\x1b[2Kc\n", ["a", "c"]),
        ("abc\x1b[2DX\x1b[2CY\n", ["aXc Y"]),
        ("abc\x1b[1GX\n", ["Xbc"]),
        ("abc\rX\x1b[K\n", ["X"]),
        ("abc\b\x1b[1KX\n", ["  X"]),
        ("a\nb\nc\n\x1b[3A\x1b[JX\n", ["X"]),
        ("a\n\x1b[9AX\x1b[9BY\x1b[1EZ\n", ["X", " Y", "Z"]),
        ("a\x1b[2J\x1b[Hb\n", ["ab"]),
        ("a\x1b[?25l\x1b[0Ab\n", ["ab"]),
        ("\x1b[9999999999999999999999CX\n", ["", "X"]),
    ],
)
def test_escape_sequences_move_the_cursor_and_erase(said: str, lines: list[str]) -> None:
    """Bars of several lines come down to their last state."""
    assert _seen(said) == lines


def test_colours_stay_and_each_line_is_complete() -> None:
    """A colour that goes on is begun anew in the next line, and ended in each."""
    assert _seen("\x1b[31mred\x1b[0m plain\n") == ["\x1b[31mred\x1b[0m plain"]
    assert _seen("\x1b[1m\x1b[4ma\nb\x1b[m\n") == [
        "\x1b[1m\x1b[4ma\x1b[0m",
        "\x1b[1m\x1b[4mb\x1b[0m",
    ]
    assert _seen("\x1b[31mred\x1b[0m\rX\n") == ["X\x1b[31med\x1b[0m"]
    assert _seen("ab\x1b[0;32mcd\x1b[1D\x1b[K\n") == ["ab\x1b[0;32mc\x1b[0m"]


def test_colours_do_not_pile_up() -> None:
    """A program that never resets its colours does not make each line longer."""
    lines = _seen("\x1b[31mx\x1b[39my\n" * 200)
    assert max(map(len, lines)) < 500


@pytest.mark.parametrize(
    "sequence",
    [
        "\x1b]52;c;aGFybQ==\x07",
        "\x1b]8;;https://evil.example\x1b\\",
        "\x1b]0;title\x9c",
        "\x1bP1$r\x1b\\",
        "\x1b_apc\x1b\\",
        "\x9d52;c;aGFybQ==\x07",
        "\x9b2J",
        "\x1b[6n",
        "\x1b[31;evil",
        "\x1b(0",
    ],
)
def test_whatever_else_a_terminal_obeys_is_left_out(sequence: str) -> None:
    """Titles, the clipboard, links, questions to the terminal: none of it is in a line."""
    (line,) = _seen(f"be{sequence}fore\n")
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", line)


@given(st.lists(st.text("ab\n\r\b\x1b[]0123;mAKJH\x07\\ \x9b"), max_size=6))
def test_lines_hold_text_and_colours_only(chunks: list[str]) -> None:
    """Of no output whatever anything but colours is left that a terminal obeys."""
    for line in _seen(*chunks):
        assert not re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]", re.sub(r"\x1b\[[0-9;:]*m", "", line))


@given(st.text("ab\n\r\x1b[]0;mAK\x07"), st.integers(0, 40))
def test_where_chunks_are_cut_makes_no_difference(text: str, cut: int) -> None:
    """A sequence may be cut in two anywhere."""
    assert _seen(text[:cut], text[cut:]) == _seen(text)


def test_streams_do_not_write_into_the_lines_of_one_another() -> None:
    """A bar on stderr stays a line of its own while stdout prints, and stands where it was last."""
    said = [
        ("err", " 10%"),
        ("out", "one\n"),
        ("err", "\r 50%"),
        ("out", "two\n"),
        ("err", "\r100%\n"),
    ]
    assert _seen(*said) == ["one", "two", "100%"]
    assert _seen(("out", "no newline"), ("err", "error\n"), ("out", " yet\n")) == [
        "no newline yet",
        "error",
    ]


def test_bars_of_several_lines_keep_their_order() -> None:
    """Whichever of them was drawn last, the upper one stays above."""
    said = [
        ("err", "A 1\nB 1"),
        ("out", "text\n"),
        ("err", "\x1b[A\rA 2"),
        ("err", "\n\rB 2"),
        ("out", "more\n"),
        ("err", "\rB 3\x1b[A\rA 3\n\n"),
    ]
    assert _seen(*said) == ["text", "more", "A 3", "B 3"]


def test_a_bar_that_was_wiped_away_leaves_nothing() -> None:
    """Wherever it stood; an empty line that was printed is one."""
    said: list[Said] = [("err", "bar"), ("err", "\r   \r"), ("out", "one\n\n")]
    assert _seen(*said) == ["one", ""]
    assert _seen(*said, *[("out", "x\n")] * WINDOW)[:2] == ["one", ""]


def test_bytes_that_are_no_text_are_marked() -> None:
    """A byte that is no UTF-8 is a mark, the rest is as it was."""
    assert _seen(b"caf\xe9\n") == ["caf\ufffd"]


def test_only_the_last_lines_can_change() -> None:
    """What is far above the cursor is handed out and stays as it is."""
    screen = Screen()
    settled = [line for n in range(100) for line in screen.feed("out", f"{n}\n")]
    assert [line.text for line in settled] == [str(n) for n in range(100 - WINDOW)]
    assert list(screen.feed("out", "\x1b[500AX\n")) == []
    assert [line.text for line in screen.rest()][:2] == ["X6", "37"]


def test_a_line_that_is_left_behind_is_begun_anew() -> None:
    """A line that was not complete before so many others goes on below them."""
    said: list[Said] = [("err", "begun"), *[("out", f"{n}\n") for n in range(WINDOW)], ("err", "!")]
    lines = _seen(*said)
    assert (lines[0], lines[-1]) == ("begun", "!")


def test_endless_lines_are_broken() -> None:
    """Output without any line end does not grow without bound."""
    assert list(map(len, _seen("x" * (2 * LONGEST_LINE + 5)))) == [LONGEST_LINE, LONGEST_LINE, 5]


def test_a_sequence_without_an_end_is_given_up() -> None:
    """What never ends does not swallow all that comes."""
    lines = _seen("\x1b]52;" + "x" * LONGEST_SEQUENCE, "seen\n")
    assert lines == ["seen"]


def test_what_was_not_recorded_is_said() -> None:
    """A line of its own stands where something is missing."""
    screen = Screen()
    assert list(screen.feed("out", "half")) == []
    assert list(screen.feed("out", "rest\n", dropped=7)) == []
    assert [line.text for line in screen.rest()] == [
        "half",
        "[airtape: 7 characters of output are not recorded here]",
        "rest",
    ]


def test_lines_say_when_they_were_last_changed() -> None:
    """The time of a line is that of the chunk that wrote into it last."""
    screen = Screen()
    for at, text in ((5, "one\nti"), (9, "ck"), (12, "\n")):
        assert list(screen.feed("out", text, wall_ns=at)) == []
    assert [(line.text, line.wall_ns) for line in screen.rest()] == [("one", 5), ("tick", 12)]


def test_much_output_is_read_at_once() -> None:
    """A megabyte of lines takes no longer than a few seconds of one core."""
    began = time.process_time()
    assert len(_seen("a line of output like many others\n" * 30_000)) == 30_000
    assert time.process_time() - began < 4
