"""Where targets ``postgresql:`` begin: with a look whether what they need is installed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from airtape.backends.base import Backend
from airtape.errors import TargetError, UsageError
from airtape.targets import without_password

if TYPE_CHECKING:
    from airtape.backends.postgres_compact import Compacted

SCHEMES: Final = ("postgresql", "postgres")
"""How the URLs begin."""


def open_postgres(location: str) -> Backend:
    """Open the PostgreSQL store of a URL.

    Args:
        location: What stands behind ``postgresql:``.

    Raises:
        TargetError: psycopg is missing, the server refuses, or there is no store.
        TransientError: The server does not answer at the moment.
    """
    url = f"postgresql:{location}"
    _check_driver(url)
    from airtape.backends.postgres import PostgresBackend  # noqa: PLC0415 - needs the extra

    return PostgresBackend(url)


def init_store(url: str, roles: Iterable[str]) -> bool:
    """Make a store in a database, or bring it to the present schema, as its owner.

    Args:
        url: The database.
        roles: Who may sync into it.

    Returns:
        Whether there was no store before.

    Raises:
        UsageError: The target is no database of PostgreSQL.
        TargetError: psycopg is missing, or the server refuses.
        TransientError: The server does not answer at the moment.
    """
    url = _owned(url)
    from airtape.backends.postgres_open import Database  # noqa: PLC0415 - needs the extra
    from airtape.backends.postgres_schema import migrate  # noqa: PLC0415 - needs the extra

    database = Database(url, needs_store=False, answer_s=None)
    try:
        with database.transaction() as db:
            return migrate(db, database.where, roles)
    finally:
        database.close()


def compact_store(url: str) -> Compacted:
    """Clear away what no longer counts in a store, and fill up its chunks, as its owner.

    Raises:
        UsageError: The target is no database of PostgreSQL.
        TargetError: psycopg is missing, or the server refuses.
        TransientError: The server does not answer at the moment.
    """
    url = _owned(url)
    from airtape.backends.postgres_compact import compact  # noqa: PLC0415 - needs the extra
    from airtape.backends.postgres_open import Database  # noqa: PLC0415 - needs the extra

    database = Database(url, answer_s=None)
    try:
        return compact(database)
    finally:
        database.close()


def _owned(url: str) -> str:
    scheme, _, location = url.partition(":")
    if scheme not in SCHEMES:
        raise UsageError(
            "this kind of target needs no such care",
            where=without_password(url),
            hint="Only those in PostgreSQL do: postgresql://USER@HOST/DATABASE.",
        )
    _check_driver(url)
    return f"postgresql:{location}"


def _check_driver(url: str) -> None:
    try:
        import psycopg  # noqa: F401, PLC0415 - an extra
    except ImportError as error:
        raise TargetError(
            "targets in PostgreSQL need the package psycopg",
            where=without_password(url),
            because=str(error),
            hint="pip install 'airtape[postgres]'",
        ) from error
