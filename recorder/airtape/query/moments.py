"""Times and time spans as users write them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Final, NamedTuple

_MOMENT: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?"
    r"\s?(Z|z|[+-]\d\d:?\d\d)?",
    re.ASCII,
)
_SPAN: Final = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))([smhd])", re.ASCII)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_NS: Final = 1_000_000_000
_MINUTE_NS: Final = 60 * _NS
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Period(NamedTuple):
    """What a written time means: a whole day, minute, second, or a part of one.

    Attributes:
        start_ns: Its beginning, in nanoseconds since 1970.
        end_ns: The first nanosecond behind it.
    """

    start_ns: int
    end_ns: int


def read_period(text: str) -> Period | None:
    """Return what a time in ISO 8601 means, None if the text is none.

    Without an offset it is local time.
    """
    said = _MOMENT.fullmatch(text.strip())
    if said is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = said.groups()
    try:
        start = datetime(  # noqa: DTZ001 - the offset follows
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0)
        )
        start_ns = _in_ns(start, offset)
        if hour is None:
            return Period(start_ns, _in_ns(start + timedelta(days=1), offset))
    except (ValueError, OverflowError):
        return None
    if second is None:
        return Period(start_ns, start_ns + _MINUTE_NS)
    digits = fraction or ""
    start_ns += int(digits.ljust(9, "0"))
    return Period(start_ns, start_ns + 10 ** (9 - len(digits)))


def instant_of(moment: datetime) -> int:
    """Return a time in nanoseconds since 1970; without a time zone it is local time."""
    since = moment.astimezone(timezone.utc) - _EPOCH
    return (since.days * 86_400 + since.seconds) * _NS + since.microseconds * 1000


def iso_time(wall_ns: int) -> str:
    """Return a wall clock as W&B writes it: ``2026-11-20T10:11:12Z``."""
    seconds = wall_ns // _NS
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_span(text: str) -> float | None:
    """Return the seconds of a time span such as ``90s``, ``15m``, ``1.5h``, ``2d``, else None."""
    said = _SPAN.fullmatch(text)
    return None if said is None else float(said[1]) * _SECONDS[said[2]]


def _in_ns(moment: datetime, offset: str | None) -> int:
    """Return a time without a time zone as nanoseconds since 1970."""
    if offset is None:
        return instant_of(moment)
    ahead = timedelta()
    if offset not in {"Z", "z"}:
        ahead = timedelta(hours=int(offset[:3]), minutes=int(offset[0] + offset[-2:]))
    return instant_of((moment - ahead).replace(tzinfo=timezone.utc))
