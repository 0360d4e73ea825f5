"""The tables of a PostgreSQL store, and how those of earlier versions become the present ones.

Whoever syncs only inserts. So what changes has a row for each time it changed, and the last one
counts: of a writer's cursor in ``commits``, of what is said of a run in ``run_facts``, ``about``
and ``definitions``, of directories and leases. What a later commit replaces is in ``erased``, what
comes before a writer was begun anew has a version below ``since``, and a run that was retracted is
named in ``retractions``. `airtape.backends.postgres_compact` clears away what no longer counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from psycopg import sql

from airtape.backends.postgres_views import VIEWS
from airtape.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from psycopg import Connection

_RUN: Final = (
    "run_id text NOT NULL, root text NOT NULL, as_entity text NOT NULL, as_project text NOT NULL"
)
_ID: Final = "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"

_FIRST_TABLES: Final = f"""
CREATE TABLE airtape.schema_versions (version int PRIMARY KEY, since timestamptz DEFAULT now());
CREATE TABLE airtape.runs ({_ID}, {_RUN}, generation int NOT NULL,
  UNIQUE (run_id, root, as_entity, as_project, generation));
CREATE TABLE airtape.retractions (run bigint PRIMARY KEY);
CREATE TABLE airtape.writers ({_ID}, run bigint NOT NULL, writer text NOT NULL,
  UNIQUE (run, writer));
CREATE TABLE airtape.commits (run bigint NOT NULL, writer bigint NOT NULL, version bigint NOT NULL,
  since bigint NOT NULL, records bigint NOT NULL, received text NOT NULL, ended boolean NOT NULL,
  files jsonb NOT NULL, losses jsonb NOT NULL, header bytea NOT NULL, state bytea NOT NULL,
  bytes bigint, digest text,
  role text, label text, host text, boot_id text, pid bigint, start_ticks bigint,
  heartbeat_s double precision, library text, resumed boolean, start_step bigint,
  rewind_to bigint, began_ns bigint, heard_ns bigint, exit_code bigint, exit_how text,
  last_step bigint, PRIMARY KEY (writer, version));
CREATE TABLE airtape.run_facts ({_ID}, run bigint NOT NULL, entity text, project text, name text,
  notes text, run_group text, job_type text, host text, "user" text, program text, library text,
  tags text[] NOT NULL, exited boolean, exit_code bigint, exit_how text, exit_signal text,
  exit_exception text, preempting boolean, began_ns bigint, heard_ns bigint, last_step bigint,
  rows bigint, dropped bigint, alerts bigint, records bigint, lost bigint,
  writers bigint[] NOT NULL, hidden_after bigint[] NOT NULL);
CREATE INDEX ON airtape.run_facts (run, id);
CREATE TABLE airtape.about ({_ID}, run bigint NOT NULL, part text NOT NULL, digest bytea NOT NULL,
  paths text[], names text[], "values" double precision[], texts text[], kinds text[]);
CREATE INDEX ON airtape.about (run, part, id);
CREATE TABLE airtape.definitions ({_ID}, run bigint NOT NULL, digest bytea NOT NULL,
  said jsonb NOT NULL);
CREATE INDEX ON airtape.definitions (run, id);
CREATE TABLE airtape.keys ({_ID}, run bigint NOT NULL, path text NOT NULL, name text NOT NULL,
  UNIQUE (run, path));
CREATE INDEX ON airtape.keys (run, name);
CREATE TABLE airtape.chunks (writer bigint NOT NULL, key bigint NOT NULL, version bigint NOT NULL,
  first_step bigint NOT NULL, last_step bigint NOT NULL, steps bigint[] NOT NULL,
  seqs bigint[] NOT NULL, floats double precision[], integers bigint[], texts text[],
  kinds text[]);
CREATE INDEX ON airtape.chunks (writer, key, last_step);
CREATE TABLE airtape.times (writer bigint NOT NULL, version bigint NOT NULL,
  first_step bigint NOT NULL, last_step bigint NOT NULL, steps bigint[] NOT NULL,
  timestamps double precision[] NOT NULL, runtimes double precision[] NOT NULL);
CREATE INDEX ON airtape.times (writer, last_step);
CREATE TABLE airtape.erased (writer bigint NOT NULL, key bigint NOT NULL, step bigint NOT NULL,
  version bigint NOT NULL);
CREATE INDEX ON airtape.erased (writer, key, step);
CREATE TABLE airtape.events (writer bigint NOT NULL, version bigint NOT NULL, seq numeric NOT NULL,
  record_kind numeric NOT NULL, wall_ns numeric NOT NULL);
CREATE INDEX ON airtape.events (writer, seq);
CREATE TABLE airtape.event_fields (writer bigint NOT NULL, version bigint NOT NULL,
  seq numeric NOT NULL, path text NOT NULL, value double precision, text text,
  kind text NOT NULL);
CREATE INDEX ON airtape.event_fields (writer, seq);
CREATE TABLE airtape.leases ({_ID}, {_RUN}, owner text, host text, boot_id text, pid numeric,
  start_ticks numeric, renewed_ns numeric, lasts_ns numeric);
CREATE INDEX ON airtape.leases (run_id, root, as_entity, as_project, id);
CREATE TABLE airtape.directories ({_ID}, path text NOT NULL, mtime_ns numeric, entity text,
  project text, name text, files jsonb);
CREATE INDEX ON airtape.directories (path, id);
"""

# The usual compression costs several times as much as all the rest of a sync does; without the
# better one, which not every server has, it is best left out.
_FAST_COMPRESSION: Final = """
DO $$
DECLARE place record;
BEGIN
  FOR place IN SELECT table_name AS t, column_name AS c FROM information_schema.columns
    WHERE table_schema = 'airtape' AND table_name IN ('chunks', 'times') AND data_type = 'ARRAY'
  LOOP
    BEGIN
      EXECUTE format('ALTER TABLE airtape.%I ALTER %I SET COMPRESSION lz4', place.t, place.c);
    EXCEPTION WHEN feature_not_supported OR syntax_error OR invalid_parameter_value THEN
      EXECUTE format('ALTER TABLE airtape.%I ALTER %I SET STORAGE EXTERNAL', place.t, place.c);
    END;
  END LOOP;
END $$;
"""

_RECORDS_BY_KIND: Final = "CREATE INDEX ON airtape.events (writer, record_kind);"

# The view of output comes with the others.
_OUTPUT: Final = "SELECT"

_CONTENTS: Final = """
CREATE TABLE airtape.contents (sha256 text NOT NULL, size bigint NOT NULL, upload text NOT NULL,
  since timestamptz DEFAULT now(), PRIMARY KEY (sha256, size));
CREATE INDEX ON airtape.contents (upload);
CREATE TABLE airtape.content_parts (upload text NOT NULL, place int NOT NULL, data bytea NOT NULL,
  since timestamptz DEFAULT now(), PRIMARY KEY (upload, place));
ALTER TABLE airtape.content_parts ALTER data SET STORAGE EXTERNAL;
"""

MIGRATIONS: Final = (_FIRST_TABLES + _FAST_COMPRESSION, _RECORDS_BY_KIND, _OUTPUT, _CONTENTS)
"""What brings a store from each version to the next; only ever appended to."""

_LOCK: Final = 0x6169727461706500
_INIT: Final = "`tracker target init URL --grant ROLE`, run as its owner"


def migrate(connection: Connection[Any], where: str, roles: Iterable[str]) -> bool:
    """Bring a store to the present schema, in the transaction that is open.

    Args:
        connection: To its database, as the owner of the store.
        where: What the database is called in errors.
        roles: Who may sync into it.

    Returns:
        Whether there was no store before.

    Raises:
        TargetError: The store is of a later version.
        psycopg.Error: It cannot be read or written.
    """
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    connection.execute("CREATE SCHEMA IF NOT EXISTS airtape")
    version = _version_of(connection)
    _refuse_later(version, where)
    for tables in MIGRATIONS[version:]:
        connection.execute(tables.encode())
    if version < len(MIGRATIONS):
        connection.execute(
            "INSERT INTO airtape.schema_versions (version) VALUES (%s)", (len(MIGRATIONS),)
        )
    for name in reversed(VIEWS):
        connection.execute(f"DROP VIEW IF EXISTS airtape.{name}".encode())
    for name, query in VIEWS.items():
        connection.execute(f"CREATE VIEW airtape.{name} AS {query}".encode())
    for role in map(sql.Identifier, roles):
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA airtape TO {}").format(role))
        grant = sql.SQL("GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA airtape TO {}")
        connection.execute(grant.format(role))
    return version == 0


def check_version(connection: Connection[Any], where: str) -> None:
    """See to it that a database has a store of the present version.

    Raises:
        TargetError: It has none, or one of another version.
    """
    version = _version_of(connection)
    _refuse_later(version, where)
    if version < len(MIGRATIONS):
        what = f"a store of schema version {version}" if version else "no store of runs"
        raise TargetError(
            f"the database has {what}", where=where, hint=f"{_INIT}, makes it what it has to be."
        )


def _version_of(connection: Connection[Any]) -> int:
    (there,) = connection.execute(
        "SELECT to_regclass('airtape.schema_versions') IS NOT NULL"
    ).fetchone() or (False,)
    if not there:
        return 0
    found = connection.execute("SELECT max(version) FROM airtape.schema_versions").fetchone()
    return found[0] if found else 0


def _refuse_later(version: int, where: str) -> None:
    if version > len(MIGRATIONS):
        raise TargetError(
            f"the store is of schema version {version}",
            where=where,
            because=f"this airtape knows versions up to {len(MIGRATIONS)}",
            hint="Install a later airtape, or sync into another database.",
        )
