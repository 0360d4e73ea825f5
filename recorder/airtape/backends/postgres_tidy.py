"""Removing what the last commit of a run replaced in a PostgreSQL store, where that is allowed."""

from __future__ import annotations

from typing import Final

from airtape.backends.postgres_open import Connection

TIDIED: Final = ("commits", "run_facts", "about", "definitions")
"""Tables of which the last row counts: for a writer, a run, a part of it."""

_REPLACED: Final = (
    (
        "DELETE FROM airtape.commits a WHERE a.writer = %(writer)s AND a.version <"
        " (SELECT max(b.version) FROM airtape.commits b WHERE b.writer = %(writer)s)"
    ),
    (
        "DELETE FROM airtape.run_facts a WHERE a.run = %(run)s AND a.id <"
        " (SELECT max(b.id) FROM airtape.run_facts b WHERE b.run = %(run)s)"
    ),
    (
        "DELETE FROM airtape.about a WHERE a.run = %(run)s AND a.id <"
        " (SELECT max(b.id) FROM airtape.about b WHERE b.run = %(run)s AND b.part = a.part)"
    ),
    (
        "DELETE FROM airtape.definitions a WHERE a.run = %(run)s AND a.id <"
        " (SELECT max(b.id) FROM airtape.definitions b WHERE b.run = %(run)s)"
    ),
)


def may_tidy(db: Connection) -> bool:
    """Tell whether the role may remove what is replaced; a sync does without."""
    found = db.execute(
        "SELECT bool_and(has_table_privilege('airtape.' || name, 'DELETE'))"
        " FROM unnest(%s::text[]) AS name",
        (list(TIDIED),),
    ).fetchone()
    return bool(found and found[0])


def forget_replaced(db: Connection, run: int, writer: int) -> None:
    """Remove all but the last word of a writer's cursor and on its run."""
    for query in _REPLACED:
        db.execute(query.encode(), {"run": run, "writer": writer})
