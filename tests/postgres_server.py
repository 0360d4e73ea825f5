"""A pytest plugin: a PostgreSQL server for the tests that are marked `postgres`.

It listens on a socket in a temporary directory and nowhere else, and ends with the tests however
they end: a guard, which is the parent of all of its programs, waits for the end of a pipe.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import select
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from tests.ended import wait_until

LONGEST_START_S = 60
"""Seconds after which a server is taken not to start."""
SOCKET = "-c listen_addresses='' -k '{place}' -c unix_socket_permissions=0777"
CARELESS = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=60"
GUARD = """
exec 2>"$1/guard.log"
trap 'pg_ctl -D "$1/data" -m immediate stop >/dev/null; rm -rf "$1/data"' EXIT
initdb -D "$1/data" -U owner -A trust --no-sync >&2 || exit 1
printf 'local all secretive scram-sha-256\\nlocal all all trust\\n' >"$1/data/pg_hba.conf"
pg_ctl -D "$1/data" -l "$1/server.log" -o "$2" -w -t 50 start >&2 || exit 1
echo ready
cat >/dev/null
trap 'pg_ctl -D "$1/data" -m immediate stop >/dev/null; rm -rf "$1"' EXIT
"""
"""Starts the server, and stops it when its own input ends."""

NewDatabase = Callable[[], str]


class PostgresServer:
    """A server that runs.

    Args:
        place: Its directory.
        user: Whom it runs as, None for whoever runs the tests.
        path: Where its programs are.
    """

    def __init__(self, place: Path, user: str | None, path: str) -> None:
        self.place = place
        self._user = user
        self._environment = {**os.environ, "PATH": path, "LC_ALL": "C.UTF-8"}
        self._options = f"{SOCKET.format(place=place)} {CARELESS}"
        self._numbers = count()

    def guard(self) -> subprocess.Popen[bytes]:
        """Start the server, in the hands of a guard that waits for the end of its input."""
        return subprocess.Popen(
            ["sh", "-c", GUARD, "guard", self.place, self._options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
            cwd=self.place,
            env=self._environment,
        )

    def url(self, database: str, user: str = "owner") -> str:
        """Return the URL of a database."""
        return f"postgresql://{user}@/{database}?host={self.place}"

    def ask(self, query: str, database: str = "postgres") -> None:
        """Have the server do something."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(query.encode())

    def new_database(self) -> str:
        """Return the name of a new database, with a store that ``syncer`` may sync into."""
        name = f"test_{next(self._numbers)}"
        self.ask(f"CREATE DATABASE {name} TEMPLATE pattern")
        return name

    def stop(self) -> None:
        """Stop the server at once, without a word to whoever is connected."""
        self._control("-m", "immediate", "stop")

    def kill(self) -> None:
        """Kill all of its processes, as a system without memory does."""
        first = self._pid()
        children = Path(f"/proc/{first}/task/{first}/children").read_text()
        processes = [first, *map(int, children.split())]
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        # The system keeps an entry of each until somebody has asked how it ended.
        wait_until(lambda: not any(map(_is_known, processes)), "the end of the server")

    def start(self) -> None:
        """Start it again."""
        self._control("-l", str(self.place / "server.log"), "-o", self._options, "-w", "start")

    def start_if_gone(self) -> None:
        """Start it if a test left it dead."""
        if not _is_known(self._pid()):
            self.start()

    def _pid(self) -> int:
        """Return what the server says its process is, 0 if it was stopped."""
        told = self.place / "data" / "postmaster.pid"
        return int(told.read_text().split()[0]) if told.exists() else 0

    def _control(self, *said: str) -> None:
        subprocess.run(
            ["pg_ctl", "-D", self.place / "data", *said],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=LONGEST_START_S,
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
            cwd=self.place,
            env=self._environment,
        )


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A server with a database ``pattern``, which has a store, and a role ``syncer``."""
    place = Path(tempfile.mkdtemp(prefix="airtape-pg-"))
    user = None
    if os.geteuid() == 0:
        user = "postgres"
        account = pwd.getpwnam(user)
        os.chown(place, account.pw_uid, account.pw_gid)
    place.chmod(0o755)
    server = PostgresServer(place, user, path_to_programs())
    guard = server.guard()
    try:
        assert guard.stdout is not None
        ready, _, _ = select.select([guard.stdout], [], [], LONGEST_START_S)
        assert ready, "the server does not start"
        assert guard.stdout.readline() == b"ready\n", (place / "guard.log").read_text()
        _make_pattern(server)
        yield server
    finally:
        assert guard.stdin is not None
        guard.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            guard.wait(LONGEST_START_S)
        assert guard.stdout is not None
        guard.stdout.close()
        shutil.rmtree(place, ignore_errors=True)


def _is_known(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _make_pattern(server: PostgresServer) -> None:
    from airtape.backends.postgres_entry import init_store  # noqa: PLC0415 - counted by coverage

    server.ask("CREATE ROLE syncer LOGIN")
    server.ask("CREATE ROLE secretive LOGIN PASSWORD 'hunter2'")
    server.ask("CREATE DATABASE pattern")
    assert init_store(server.url("pattern"), ["syncer"])


def path_to_programs() -> str:
    """Return a PATH with the programs of a PostgreSQL server."""
    path = os.environ["PATH"]
    if shutil.which("initdb") is None:
        # Debian keeps the programs of each version in a folder of its own.
        found = sorted(
            Path("/usr/lib/postgresql").glob("*/bin"), key=lambda at: float(at.parts[-2])
        )
        path = os.pathsep.join([*map(str, reversed(found)), path])
    return path


@pytest.fixture
def new_database(postgres_server: PostgresServer) -> Iterator[NewDatabase]:
    """Return the URL of a new database with a store, for a role that may read and insert."""
    made: list[str] = []

    def make() -> str:
        made.append(postgres_server.new_database())
        return postgres_server.url(made[-1], "syncer")

    yield make
    for name in made:
        postgres_server.ask(f"DROP DATABASE {name} WITH (FORCE)")
