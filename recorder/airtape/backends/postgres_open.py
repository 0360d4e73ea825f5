"""The connection to a PostgreSQL database: opened again when it is lost, given up when stuck."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any, Final, TypeAlias

import psycopg
from psycopg.conninfo import conninfo_to_dict

from airtape.backends.postgres_deadline import Deadline
from airtape.backends.postgres_errors import explained
from airtape.backends.postgres_schema import check_version
from airtape.errors import TargetError
from airtape.targets import without_password

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

ANSWER_S: Final = 30.0
"""How long a transaction of a sync may take; then the connection is given up."""
LOCK_S: Final = 15
"""How long to wait for another process that writes to the same run; a sync then asks again."""
CHANGE: Final = f"BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '{LOCK_S}s'"
"""Begins a transaction that changes something."""
KEPT: Final = """
SELECT set_config('synchronous_commit', 'local', true)
WHERE current_setting('synchronous_commit') = 'off'
"""
"""A server may be set to acknowledge a commit before it is on its disk; one that dies then has lost
what a sync takes to be there."""
HASTY: Final = "SET LOCAL synchronous_commit = off"
"""Does not wait for the server's disk."""
LOOK: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
"""Begins a transaction that sees the store as it is at one moment."""
DEFAULTS: Final[dict[str, Any]] = {
    "connect_timeout": 10,
    "application_name": "airtape",
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
"""What a connection is opened with unless the URL says otherwise."""


class Database:
    """A PostgreSQL database, connected to again when the connection was lost.

    Args:
        url: The URL, ``postgresql://…``.
        needs_store: Whether there has to be a store of runs in it.
        answer_s: How long a transaction may take, in seconds; None for as long as it takes.

    Attributes:
        where: The URL without passwords.

    Raises:
        TargetError: The URL is none, the server refuses, or there is no store.
        TransientError: The server does not answer at the moment.
    """

    def __init__(
        self, url: str, *, needs_store: bool = True, answer_s: float | None = ANSWER_S
    ) -> None:
        self.where = without_password(url)
        self._needs_store = needs_store
        self._answer_s = answer_s
        self._said = self._parsed(url)
        self._secrets = [
            text
            for name, text in self._said.items()
            if "password" in name and isinstance(text, str)
        ]
        self._connection: Connection | None = None
        self._deadline: Deadline | None = None
        with self._failing():
            self._connect()

    def _parsed(self, url: str) -> dict[str, Any]:
        try:
            return {**DEFAULTS, **conninfo_to_dict(url)}
        except psycopg.Error:
            # What it says quotes the URL, password and all.
            raise TargetError(
                "this is no URL of a PostgreSQL database",
                where=self.where,
                hint="Write postgresql://USER@HOST:PORT/DATABASE; in a user or password, write "
                "/ : @ ? as %2F %3A %40 %3F.",
            ) from None

    def _connect(self) -> Connection:
        if self._connection is not None and not self._connection.closed:
            return self._connection
        self.close()
        # What a server has prepared is lost between the transactions of a pool: so nothing is.
        connection = psycopg.connect(**self._said, autocommit=True, prepare_threshold=None)
        self._connection = connection
        if self._answer_s is not None:
            self._deadline = Deadline(os.dup(connection.fileno()), self._answer_s)
        try:
            if self._needs_store:
                with self._in_time():
                    check_version(connection, self.where)
        except BaseException:
            self.close()
            raise
        return connection

    @contextmanager
    def transaction(self, lock: int | None = None, *, hasty: bool = False) -> Iterator[Connection]:
        """Change the store; all of the changes are kept, or none after an exception.

        Args:
            lock: The number of a lock that others must not hold meanwhile, taken first.
            hasty: Whether the changes may be lost if the server dies at that moment.

        Raises:
            TargetError: The server refuses.
            TransientError: It does not answer at the moment.
        """
        begin = f"{CHANGE}; {HASTY if hasty else KEPT}"
        if lock is not None:
            begin += f"; SELECT pg_advisory_xact_lock({lock})"
        with self._failing():
            connection = self._connect()
            with self._in_time(), _transaction(connection, begin):
                yield connection

    @contextmanager
    def snapshot(self, *, in_time: bool = True) -> Iterator[Connection]:
        """Read the store as it is at one moment.

        Args:
            in_time: Whether to give up when that takes too long.

        Raises:
            TargetError: The server refuses.
            TransientError: It does not answer at the moment.
        """
        with self._failing():
            connection = self._connect()
            with self._in_time() if in_time else nullcontext(), _transaction(connection, LOOK):
                yield connection

    @contextmanager
    def query(self) -> Iterator[Connection]:
        """Read the store by one query, which sees it as it is at one moment.

        Raises:
            TargetError: The server refuses.
            TransientError: It does not answer at the moment.
        """
        with self._failing():
            connection = self._connect()
            with self._in_time():
                yield connection

    def close(self) -> None:
        """Hang up; may be called again."""
        if self._deadline is not None:
            self._deadline.close()
            self._deadline = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _in_time(self) -> AbstractContextManager[None]:
        """Hang up if it takes too long."""
        return nullcontext() if self._deadline is None else self._deadline

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Say what failed and what to try.

        Raises:
            TargetError: The client or the server failed.
            TransientError: It may do better when it is asked again.
        """
        try:
            yield
        except psycopg.Error as error:
            # Not as its cause: what it says may quote the password.
            raise explained(error, self.where, self._secrets) from None


@contextmanager
def _transaction(connection: Connection, begin: str) -> Iterator[None]:
    """Keep a transaction, or take it back after an exception.

    Its settings and locks are one message with its beginning: each message costs the way there and
    back, and a small run has few others.
    """
    try:
        connection.execute(begin.encode())
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(psycopg.Error):
            connection.rollback()
        raise
