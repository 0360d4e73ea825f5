"""What a PostgreSQL server's errors mean to a sync, without passwords."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import psycopg

from airtape.errors import TargetError, TransientError

_TRANSIENT: Final = ("08", "40", "57P", "53300", "55P03", "57014", "25006")
"""Beginnings of the SQLSTATEs of what passes: lost connections, conflicts, a server that stops,
starts or stands by, too many connections, a lock or an answer that took too long."""
_REFUSED: Final = (
    "authentication failed",
    "no password supplied",
    "pg_hba.conf",
    "does not exist",
    "permission denied",
    "not permitted to log in",
    "certificate",
    "invalid",
)
"""What a server, or its client, says when asking again will not help. There is no SQLSTATE before
a connection stands."""
_HINTS: Final = {
    "28": "Check the URL's user and password.",
    "42": "`tracker target init URL --grant ROLE`, run as the store's owner, makes the store and "
    "gives a role what a sync needs: SELECT and INSERT.",
    "53": "Make room on the server, then sync again.",
}
"""What to try, by class of SQLSTATE."""


def explained(error: psycopg.Error, where: str, secrets: Iterable[str]) -> TargetError:
    """Return what to raise in place of an error.

    Args:
        error: What the client raised.
        where: The URL without passwords.
        secrets: What the words of the error are cleaned of.
    """
    state = error.sqlstate
    why = error.diag.message_primary or str(error).strip()
    for secret in secrets:
        why = why.replace(secret, "***")
    if state is None:
        return _without_state(error, where, why)
    why = f"{why} (SQLSTATE {state})"
    if state.startswith(_TRANSIENT):
        return TransientError(
            "the server cannot answer at the moment",
            where=where,
            because=why,
            hint="The logs are whole: sync again later.",
        )
    return TargetError(
        "the store cannot be used", where=where, because=why, hint=_HINTS.get(state[:2])
    )


def _without_state(error: psycopg.Error, where: str, why: str) -> TargetError:
    if not isinstance(error, psycopg.OperationalError):
        return TargetError("the store cannot be used", where=where, because=why)
    if any(word in why for word in _REFUSED):
        return TargetError(
            "the server refuses the connection",
            where=where,
            because=why,
            hint="Check user, database and password; the password may also stand in PGPASSWORD or "
            "in ~/.pgpass.",
        )
    return TransientError(
        "the server does not answer",
        where=where,
        because=why,
        hint="The logs are whole: sync again when it is back.",
    )
