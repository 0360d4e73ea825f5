"""What the fields of a record must look like for the fold to take it in.

A log can be anybody's, so a frame with the right checksums may still say anything. A record that
does not fit is counted and passed over; one that fits raises nothing, here or in what shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, TypeGuard

from airtape.records import HistoryFlag, Kind, Record

Check: TypeAlias = Callable[[Any], bool]
"""Tells whether a value is what it must be."""

MAX_NUMBER: Final = 2**63 - 1
"""Largest step, count or code: what stores can hold too."""

LATEST_TIME: Final = 2.0**63 / 1e9
"""Largest number of seconds since 1970 that a record's own clock can show."""

_SCALARS: Final = frozenset({float, int, str, bool, type(None)})
_NUMBERS: Final = frozenset({float, int})
_STRINGS: Final = frozenset({str})
_LISTS: Final = frozenset({list, tuple})


def is_text(value: object) -> bool:
    """Tell whether it is a string."""
    return type(value) is str


def is_flag(value: object) -> bool:
    """Tell whether it is a boolean."""
    return type(value) is bool


def is_count(value: object) -> bool:
    """Tell whether it is an integer from 0 to `MAX_NUMBER`."""
    return type(value) is int and 0 <= value <= MAX_NUMBER


def is_number(value: object) -> bool:
    """Tell whether it is an integer or a float."""
    return type(value) in _NUMBERS


def is_float(value: object) -> bool:
    """Tell whether it is a float."""
    return type(value) is float


def is_time(value: object) -> TypeGuard[float]:
    """Tell whether it is a number of seconds that a clock of 64 bits in nanoseconds can show."""
    return type(value) in _NUMBERS and -LATEST_TIME <= value <= LATEST_TIME  # type: ignore[operator]


def is_integer(value: object) -> bool:
    """Tell whether it is an integer that 64 bits hold."""
    return isinstance(value, int) and -MAX_NUMBER - 1 <= value <= MAX_NUMBER


def is_any_integer(value: object) -> bool:
    """Tell whether it is an integer, of any size."""
    return isinstance(value, int)


def is_plain(value: object) -> bool:
    """Tell whether it is made of `Plain` values alone."""
    return type(value) in _SCALARS or _are_plain([value])


def is_tree(value: object) -> bool:
    """Tell whether it is a dictionary from strings to plain values."""
    return (
        type(value) is dict
        and _STRINGS.issuperset(map(type, value))
        and (_SCALARS.issuperset(map(type, value.values())) or _are_plain([*value.values()]))
    )


def _are_plain(values: list[Any]) -> bool:
    while values:
        value = values.pop()
        if type(value) is dict:
            if not _STRINGS.issuperset(map(type, value)):
                return False
            values += value.values()
        elif type(value) in _LISTS:
            values += value
        elif type(value) not in _SCALARS:
            return False
    return True


def either(*checks: Check) -> Check:
    """Return the check that one of these holds."""
    return lambda value: any(check(value) for check in checks)


def maybe(check: Check) -> Check:
    """Return the check that it is None or this holds."""
    return lambda value: value is None or check(value)


def items(check: Check) -> Check:
    """Return the check that it is a list of what this holds for."""
    return lambda value: type(value) in _LISTS and all(map(check, value))


def places(*checks: Check) -> Check:
    """Return the check that it is a list whose first items fit, one each; more may follow."""

    def fits(value: Any) -> bool:  # noqa: ANN401 - that is what is to be told
        return (
            type(value) in _LISTS
            and len(value) >= len(checks)
            and all(check(item) for check, item in zip(checks, value, strict=False))
        )

    return fits


def names(required: Mapping[str, Check], said: Mapping[str, Check] | None = None) -> Check:
    """Return the check that it is a dictionary with fitting values; it may have more names.

    Args:
        required: What must be there.
        said: What may be there.
    """
    optional = said or {}

    def fits(value: Any) -> bool:  # noqa: ANN401 - that is what is to be told
        return (
            type(value) is dict
            and all(name in value and check(value[name]) for name, check in required.items())
            and all(check(value[name]) for name, check in optional.items() if name in value)
        )

    return fits


def both(*checks: Check) -> Check:
    """Return the check that all of these hold."""
    return lambda value: all(check(value) for check in checks)


def is_path(value: object) -> bool:
    """Tell whether it is a list of at least one string."""
    return _texts(value) and len(value) > 0  # type: ignore[arg-type]  # a list by now


_texts = items(is_text)
_text = maybe(is_text)

METRIC: Final = both(
    either(names({"name": is_text}), names({"glob": is_text})),
    names(
        {},
        {
            **dict.fromkeys(("name", "glob"), is_text),
            **dict.fromkeys(("step_metric", "goal"), _text),
            **dict.fromkeys(("step_sync", "hidden", "overwrite"), maybe(is_flag)),
            "summary": maybe(_texts),
        },
    ),
)
RUN: Final = both(
    is_tree,
    names(
        {},
        {
            **dict.fromkeys(("name", "notes", "project", "entity", "group", "job_type"), _text),
            "tags": maybe(_texts),
        },
    ),
)
FILES: Final = items(both(is_tree, names({"path": is_text})))
GAP: Final = places(is_count, is_count, is_text)
LOST: Final = items(places(is_text, is_count, is_text))
EXIT: Final = places(maybe(is_any_integer), is_tree)
SUMMARY: Final = places(items(places(is_path, is_plain)), items(is_path))

_TALLY = places(
    *(is_path, is_plain, is_plain, is_count, is_float),
    *(maybe(is_number), maybe(is_number), is_count, items(is_number)),
)
_ROW = places(is_count, is_time, is_integer, items(places(is_path, is_plain)))
_FIELDS: Final[Mapping[int, Check]] = {
    Kind.RUN: places(RUN),
    Kind.CONFIG: places(is_tree, _texts),
    Kind.SUMMARY: SUMMARY,
    Kind.METRIC: places(METRIC),
    Kind.EXIT: EXIT,
    Kind.GAP: GAP,
    Kind.METADATA: places(is_tree),
    Kind.FILES: places(FILES),
    Kind.LOST_CONTENT: places(LOST),
    Kind.INHERITED: places(maybe(is_count), items(_TALLY)),
}
_HISTORY = names(
    {
        "last_step": maybe(is_count),
        "rows": is_count,
        "dropped": is_count,
        "metrics": items(METRIC),
        "tallies": items(_TALLY),
        "row": maybe(_ROW),
    }
)
is_state: Final = names(
    {
        "run": RUN,
        **dict.fromkeys(("config", "metadata", "summary"), is_tree),
        "files": FILES,
        "gaps": items(GAP),
        "exit": maybe(names({"code": maybe(is_integer), "cause": is_tree, "wall_ns": is_integer})),
        "preempting": is_flag,
        **dict.fromkeys(("alerts", "records", "unknown", "malformed"), is_count),
        **dict.fromkeys(("began_ns", "heard_ns"), maybe(is_integer)),
        "history": _HISTORY,
    },
    {
        "last_alerts": items(places(is_integer, is_text, is_text, is_text)),
        "lost": LOST,
        "removed_config": _texts,
        "removed_summary": items(is_path),
    },
)
"""Tells whether a value is what `airtape.fold.fold.Fold.state` returns."""


def is_well_formed(record: Record) -> bool:
    """Tell whether the fields of a record are what its kind says; any are for an unknown kind."""
    fields = record.fields
    if record.kind == Kind.HISTORY:
        if len(fields) < 3:  # noqa: PLR2004 - step, flags and data
            return False
        step, flags, data = fields[:3]
        return (
            type(step) is int
            and isinstance(flags, int)
            and (0 <= step <= MAX_NUMBER or flags & HistoryFlag.DROPPED != 0)
            and is_tree(data)
        )
    check = _FIELDS.get(record.kind)
    return check is None or check(fields)
