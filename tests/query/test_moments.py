from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.query.moments import instant_of, iso_time, read_period, read_span

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
BEGAN = 1_795_169_472 * SECOND
"""2026-11-20T10:11:12Z."""


@pytest.fixture
def _in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local time is an hour ahead of UTC, in summer two."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "start", "length"),
    [
        ("2026-11-20T10:11:12Z", BEGAN, SECOND),
        ("2026-11-20 10:11:12Z", BEGAN, SECOND),
        ("2026-11-20t10:11:12 z", BEGAN, SECOND),
        ("2026-11-20T11:11:12+01:00", BEGAN, SECOND),
        ("2026-11-20T04:41:12-0530", BEGAN, SECOND),
        ("2026-11-20T10:11Z", BEGAN - 12 * SECOND, 60 * SECOND),
        ("2026-11-20Z", BEGAN // DAY * DAY, DAY),
        ("2026-11-20T10:11:12.5Z", BEGAN + SECOND // 2, SECOND // 10),
        ("2026-11-20T10:11:12.000001Z", BEGAN + 1000, 1000),
        ("2026-11-20T10:11:12.000000001Z", BEGAN + 1, 1),
        ("1969-12-31T23:59:59Z", -SECOND, SECOND),
    ],
)
def test_a_time_is_as_long_as_it_is_exact(text: str, start: int, length: int) -> None:
    """A day, a minute, a second or a part of one, in any offset."""
    assert read_period(text) == (start, start + length)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026",
        "2026-11",
        "2026-13-01",
        "2026-02-30",
        "2026-11-20T25:00",
        "2026-11-20T10",
        "9999-12-31Z",
        "0001-01-01+01:00",
        "yesterday",
        "٢٠٢٦-11-20",
    ],
)
def test_what_is_no_time_is_none(text: str) -> None:
    """Other forms, and days that do not exist, are no times."""
    assert read_period(text) is None


@pytest.mark.usefixtures("_in_berlin")
def test_a_time_without_an_offset_is_local() -> None:
    """Days begin at local midnight, also those on which the clocks change."""
    assert read_period("2026-11-20T11:11:12") == (BEGAN, BEGAN + SECOND)
    start, end = read_period("2026-10-25") or (0, 0)
    assert end - start == 25 * 3600 * SECOND
    assert iso_time(start) == "2026-10-24T22:00:00Z"


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(timezone.utc)))  # noqa: DTZ001 - a bound takes no time zone
def test_a_moment_reads_as_itself(moment: datetime) -> None:
    """What a time is written as is read as the same time, to the microsecond."""
    since = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
    ns = since // timedelta(microseconds=1) * 1000
    assert instant_of(moment) == ns
    assert read_period(moment.isoformat(timespec="microseconds")) == (ns, ns + 1000)
    written = read_period(iso_time(ns))
    assert written is not None
    assert written.start_ns <= ns < written.end_ns


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("1.5h", 5400), ("2d", 172_800), ("90", None), ("2 h", None)],
)
def test_a_span_has_a_unit(text: str, seconds: float | None) -> None:
    """Seconds, minutes, hours and days."""
    assert read_span(text) == seconds
