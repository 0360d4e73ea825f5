"""What was changed of a run that the API handed out, checked before any of it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import msgpack

from airtape.errors import UsageError
from airtape.names import check_tags, check_text
from airtape.query.kept import Amendment, KeptRun
from airtape.records import Plain, pack_big_ints
from airtape.values import config_value, summary_value

_TEXTS: Final = ("name", "notes", "group", "job_type")


class Changed(Protocol):
    """A run with what was assigned to it; see `airtape.query.run.RecordedRun`."""

    name: str | None
    notes: str | None
    group: str | None
    job_type: str | None
    tags: list[str]

    @property
    def config(self) -> Mapping[str, Any]:
        """Its config."""

    @property
    def summary(self) -> Mapping[str, Any]:
        """Its summary."""


def changes_of(run: Changed, kept: KeptRun) -> Amendment:
    """Return what differs.

    Args:
        run: The run, with what was assigned to it.
        kept: The same run as it is kept.

    Raises:
        UsageError: A value is not allowed.
    """
    before = kept.overview
    said: dict[str, Plain] = {}
    for name in _TEXTS:
        text = getattr(run, name)
        if text != getattr(before, name):
            said[name] = None if text is None else check_text(text, name)
    tags = check_tags(run.tags)
    if tags != before.tags:
        said["tags"] = list(tags)
    return Amendment(
        said,
        _changed(run.config, kept.whole(before.config), config_value, "config"),
        _changed(run.summary, kept.whole(before.summary), summary_value, "summary"),
        [key for key in before.config if key not in run.config],
        [key for key in before.summary if key not in run.summary],
    )


def _changed(
    now: Mapping[str, Any],
    before: Mapping[str, Any],
    plain: Callable[[Any], Plain],
    what: str,
) -> dict[str, Plain]:
    changed: dict[str, Plain] = {}
    for key, value in now.items():
        if not isinstance(key, str):
            raise UsageError(f"a key of the {what} must be a text, not {key!r}")
        new = plain(value)
        if key not in before or _packed(new) != _packed(before[key]):
            changed[key] = new
    return changed


def _packed(value: Plain) -> bytes:
    packed: bytes = msgpack.packb(value, default=pack_big_ints)
    return packed
