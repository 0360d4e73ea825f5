from __future__ import annotations

import pytest

from airtape_cli.render.lines import Column, Span, aligned, echo_lines, table
from airtape_cli.render.text import (
    iso_time,
    local_time,
    shortened,
    shown,
    size_text,
    span_text,
    value_text,
)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1_234_567, "1.2 MB"),
        (999_960, "1.0 MB"),
        (5 * 10**15, "5000.0 TB"),
    ],
)
def test_a_size_has_a_unit(size: int, text: str) -> None:
    """Sizes are rounded to a tenth of the largest unit that they reach."""
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (3.21, "3.2 s"),
        (61, "1 min 1 s"),
        (3 * 3600 + 125, "3 h 2 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_a_time_span_has_its_two_largest_units(seconds: float, text: str) -> None:
    """Time spans are rounded down to two units."""
    assert span_text(seconds) == text


def test_times_keep_their_microseconds() -> None:
    """JSON gets UTC to the microsecond; people get local time with its offset."""
    assert iso_time(1_795_169_472_123_456_789) == "2026-11-20T10:11:12.123456Z"
    assert local_time(1_795_169_472_123_456_789).startswith("2026-11-")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (0.123456789, "0.123457"),
        (12, "12"),
        ("a\tb", "ab"),
        ("x" * 100, "x" * 59 + "…"),
        ([1, [2.5, "a"], {}], "[1, [2.5, a], {}]"),
        ({"a": {"b": 1}}, "{a: {b: 1}}"),
        (list(range(1000)), "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, …"),
        ({"_type": "image-file", "path": "a.png"}, "[image-file] a.png"),
        ({"_type": "histogram"}, "[histogram]"),
        (
            {"_type": "airtape/large", "sha256": "0" * 64, "size": 2_000_000},
            "[large value, 2.0 MB]",
        ),
    ],
)
def test_a_value_is_one_short_line(value: object, text: str) -> None:
    """Whatever was logged or configured has a short form."""
    assert value_text(value) == text  # type: ignore[arg-type]  # any plain value


def test_text_holds_nothing_that_a_terminal_obeys_or_lacks() -> None:
    """Control characters are dropped; what is no Unicode is replaced."""
    assert shown("a\x1b[1m\r\nb\u202ec\udce4") == "a[1mbc?"
    assert shortened("abc", 3) == "abc"
    assert shortened("abcd", 3) == "ab…"


def test_columns_are_flush_also_with_wide_characters() -> None:
    """Chinese characters take two cells, combining accents none."""
    lines = aligned([[Span("日本"), Span("x")], [Span("e\u0301"), Span("y")], [Span("abc")]])
    assert ["".join(span.text for span in line) for line in lines] == [
        "日本  x",
        "e\u0301     y",
        "abc",
    ]


def test_numbers_stand_to_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    """A column of numbers is flush on its right side."""
    rows = [[Span("a"), Span("5"), Span("z")], [Span("bb"), Span("1234"), Span("z")]]
    echo_lines(table([Column("N"), Column("STEP", "right"), Column("Z")], rows))
    assert capsys.readouterr().out == "N   STEP  Z\na      5  z\nbb  1234  z\n"


def test_a_table_without_rows_has_its_titles(capsys: pytest.CaptureFixture[str]) -> None:
    """No rows are no trouble, nor are no lines."""
    echo_lines(table([Column("N")], []))
    echo_lines(aligned([]))
    assert capsys.readouterr().out == "N\n"
