"""Which texts of a record are searched for secrets before it is written."""

from __future__ import annotations

from typing import Any, Final

from airtape.records import Kind
from airtape.redaction import Redaction

_WHOLE: Final = frozenset({Kind.CONFIG, Kind.METADATA, Kind.ALERT, Kind.CONSOLE, Kind.ARTIFACT})
"""Kinds of which all fields are; the others hold numbers, paths and names, which must stay."""

_OF_RUN: Final = ("name", "notes", "tags", "group", "job_type")
"""What of a run is searched: what else it says tells which run it is."""


REDACTED: Final = "redacted"


def name_of_list(writer: bytes, *, began: bool) -> str:
    """Return under what name the metadata list what a writer has taken out.

    Args:
        writer: Its uuid: of one run's writers each has its own list, and none replaces another's.
        began: Whether this is the writer that began the run.
    """
    return REDACTED if began else f"{REDACTED}_{writer.hex()[:8]}"


def redacted_fields(kind: Kind, fields: tuple[Any, ...], redaction: Redaction) -> tuple[Any, ...]:
    """Return the fields of a record without the secrets in its texts.

    Args:
        kind: The kind of the record.
        fields: What it says; not changed.
        redaction: Takes the secrets out.
    """
    where = kind.name.lower()
    if kind in _WHOLE:
        return tuple(redaction.data(field, where) for field in fields)
    if kind == Kind.SUMMARY:
        said, *removed = fields
        values = [[path, redaction.data(value, ".".join([where, *path]))] for path, value in said]
        return (values, *removed)
    if kind == Kind.RUN:
        said = fields[0]
        searched = {name: said[name] for name in _OF_RUN if name in said}
        return ({**said, **redaction.data(searched, where)},)
    return fields
