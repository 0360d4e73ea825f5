"""The views of a PostgreSQL store: what people query. ``docs/STORE.md`` shows how."""

from __future__ import annotations

from string import Template
from typing import Final

from airtape.records import Kind
from airtape.states import STALE_AFTER_S

_RUN: Final = "r.id, r.entity, r.project, r.run_id AS run"
"""What every view begins with: ``$run`` below."""

_STATE: Final = """
    CASE
      WHEN r.exit_signal IN ('SIGTERM', 'SIGXCPU') THEN 'preempted'
      WHEN r.exit_signal IN ('SIGINT', 'SIGHUP') OR r.exit_how = 'stop'
        OR r.exit_exception = 'KeyboardInterrupt' THEN 'killed'
      WHEN r.exited AND r.exit_code IS NULL AND r.exit_how IN ('finish', 'exit') THEN 'finished'
      WHEN r.exited AND r.exit_code = 0 THEN 'finished'
      WHEN r.exited THEN 'failed'
      WHEN extract(epoch FROM now()) - r.heard_ns / 1e9 > $stale_after THEN 'crashed'
      ELSE 'running'
    END"""
"""The rule of `airtape.states`, as far as a store can know: ``$state`` below."""

_PART: Final = """
    SELECT $run, v.key, v.value, v.text, v.kind
    FROM airtape.present_runs r
    CROSS JOIN LATERAL (SELECT a.* FROM airtape.about a
      WHERE a.run = r.id AND a.part = '$part' ORDER BY a.id DESC LIMIT 1) a
    CROSS JOIN LATERAL unnest(a.names, a."values", a.texts, a.kinds) AS v(key, value, text, kind)"""
"""A view of a run's values."""

_IS_ERASED: Final = (
    "EXISTS (SELECT FROM airtape.erased e WHERE e.writer = c.writer AND e.key = $key"
    " AND e.step = $step AND e.version > $version)"
)

# Each chunk is looked at by itself: OFFSET 0 keeps the planner from joining all chunks of the
# store with all others, and generate_subscripts tells it that an array is long.
_HISTORY: Final = f"""
    SELECT $run, k.name AS key, p.step, p.value, p.text, p.kind, p.timestamp, p.runtime
    FROM airtape.present_runs r
    JOIN airtape.keys k ON k.run = r.id
    CROSS JOIN LATERAL unnest(r.writers, r.hidden_after) WITH ORDINALITY
      AS w(id, hidden_after, place)
    CROSS JOIN LATERAL (SELECT l.since FROM airtape.commits l
      WHERE l.writer = w.id ORDER BY l.version DESC LIMIT 1) m
    JOIN airtape.chunks c ON c.writer = w.id AND c.key = k.id AND c.version >= m.since
    CROSS JOIN LATERAL (
      SELECT s.step, coalesce(s.f, s.i) AS value,
        CASE WHEN s.kind IS NOT NULL THEN s.text
          WHEN s.i NOT BETWEEN -9007199254740992 AND 9007199254740992 THEN s.i::text END AS text,
        coalesce(s.kind, CASE WHEN c.floats IS NULL THEN 'int' ELSE 'float' END) AS kind,
        t.timestamp, t.runtime
      FROM ROWS FROM (unnest(c.steps), unnest(c.floats), unnest(c.integers), unnest(c.texts),
        unnest(c.kinds), generate_subscripts(c.steps, 1)) AS s(step, f, i, text, kind, at)
      LEFT JOIN (SELECT u.* FROM airtape.times a, ROWS FROM (unnest(a.steps),
          unnest(a.timestamps), unnest(a.runtimes), generate_subscripts(a.steps, 1))
          AS u(step, timestamp, runtime, at)
        WHERE a.writer = c.writer AND a.version >= m.since AND a.last_step >= c.first_step
          AND a.first_step <= c.last_step
          AND NOT {Template(_IS_ERASED).substitute(key="0", step="u.step", version="a.version")}
        ) t ON t.step = s.step
      WHERE (w.hidden_after IS NULL OR s.step <= w.hidden_after)
        AND NOT {Template(_IS_ERASED).substitute(key="c.key", step="s.step", version="c.version")}
        AND NOT EXISTS (
          SELECT FROM unnest(r.writers, r.hidden_after) WITH ORDINALITY
            AS v(id, hidden_after, place)
          JOIN airtape.chunks d ON d.writer = v.id AND d.key = c.key
          CROSS JOIN LATERAL ROWS FROM (unnest(d.steps), generate_subscripts(d.steps, 1))
            AS q(step, at)
          WHERE v.place > w.place AND d.last_step >= c.first_step AND d.first_step <= c.last_step
            AND d.version >= (SELECT l.since FROM airtape.commits l
              WHERE l.writer = v.id ORDER BY l.version DESC LIMIT 1)
            AND q.step = s.step AND (v.hidden_after IS NULL OR q.step <= v.hidden_after)
            AND NOT EXISTS (SELECT FROM airtape.erased e WHERE e.writer = d.writer
              AND e.key = d.key AND e.step = q.step AND e.version > d.version))
      OFFSET 0) p"""  # noqa: S608 - our own texts; values go as parameters

_VIEWS: Final = {
    "present_runs": """
        SELECT n.id, n.run_id, n.root, n.as_entity, n.as_project, f.entity, f.project, f.name,
          f.notes, f.run_group, f.job_type, f.host, f."user", f.program, f.library, f.tags,
          f.exited, f.exit_code, f.exit_how, f.exit_signal, f.exit_exception, f.preempting,
          f.began_ns, f.heard_ns, f.last_step, f.rows, f.dropped, f.alerts, f.records, f.lost,
          f.writers, f.hidden_after
        FROM airtape.runs n
        CROSS JOIN LATERAL (SELECT l.* FROM airtape.run_facts l
          WHERE l.run = n.id ORDER BY l.id DESC LIMIT 1) f
        WHERE NOT EXISTS (SELECT FROM airtape.retractions t WHERE t.run = n.id)""",
    "present_writers": """
        SELECT r.id AS run, o.writer AS id, w.writer AS uuid, o.place - 1 AS place,
          o.hidden_after, c.version, c.since, c.records, c.ended, c.losses, c.role, c.label,
          c.host, c.pid, c.start_step, c.rewind_to, c.last_step, c.began_ns
        FROM airtape.present_runs r
        CROSS JOIN LATERAL unnest(r.writers, r.hidden_after) WITH ORDINALITY
          AS o(writer, hidden_after, place)
        JOIN airtape.writers w ON w.id = o.writer
        CROSS JOIN LATERAL (SELECT l.* FROM airtape.commits l
          WHERE l.writer = o.writer ORDER BY l.version DESC LIMIT 1) c""",
    "run_list": """
        SELECT $run, r.name, $state AS state, r.last_step, r.rows,
          to_timestamp(r.began_ns / 1e9) AS began, to_timestamp(r.heard_ns / 1e9) AS last_heard,
          round((r.heard_ns - r.began_ns) / 1e9, 3) AS seconds,
          nullif(array_to_string(r.tags, ', '), '') AS tags,
          r.run_group, r.job_type, r.host, r.notes, r.exit_code, r.records, r.lost
        FROM airtape.present_runs r""",
    "history": _HISTORY,
    "config": Template(_PART).safe_substitute(part="config"),
    "summary": Template(_PART).safe_substitute(part="summary"),
    "metadata": Template(_PART).safe_substitute(part="metadata"),
    "tags": """
        SELECT $run, t.tag
        FROM airtape.present_runs r CROSS JOIN LATERAL unnest(r.tags) AS t(tag)""",
    "metrics": """
        SELECT $run, k.name AS key, k.path, d.step_metric, d.step_sync, d.hidden, d.summary,
          d.goal
        FROM airtape.present_runs r JOIN airtape.keys k ON k.run = r.id
        LEFT JOIN LATERAL (SELECT s.said FROM airtape.definitions s
          WHERE s.run = r.id ORDER BY s.id DESC LIMIT 1) s ON true
        LEFT JOIN LATERAL jsonb_to_recordset(s.said) AS d(name text, is_prefix boolean,
          step_metric text, step_sync boolean, hidden boolean, summary text, goal text)
          ON d.name = k.name AND NOT d.is_prefix""",
    "segments": """
        SELECT $run, w.uuid AS writer, w.role, w.label, w.host, w.pid, w.start_step, w.last_step,
          w.rewind_to, w.place, w.records, w.ended, w.version AS commits
        FROM airtape.present_runs r JOIN airtape.present_writers w ON w.run = r.id""",
    "damage": """
        SELECT $run, l.file, l.start_byte, l.end_byte, l.first_seq, l.last_seq, l.reason
        FROM airtape.present_runs r JOIN airtape.present_writers w ON w.run = r.id
        CROSS JOIN LATERAL jsonb_to_recordset(w.losses) AS l(file text, start_byte numeric,
          end_byte numeric, first_seq numeric, last_seq numeric, reason text)""",
    "system": """
        SELECT $run, replace(replace(substr(f.path, 4), '~1', '/'), '~0', '~') AS key,
          f.value, f.text, f.kind, e.wall_ns::float8 / 1e9::float8 AS timestamp,
          greatest(0, e.wall_ns::float8 / 1e9::float8 - w.began_ns::float8 / 1e9::float8)
            AS runtime, w.label
        FROM airtape.present_runs r JOIN airtape.present_writers w ON w.run = r.id
        JOIN airtape.events e ON e.writer = w.id AND e.version >= w.since
          AND e.record_kind = $system
        JOIN airtape.event_fields f ON f.writer = e.writer AND f.seq = e.seq
          AND f.version = e.version AND f.path LIKE '/0/%'""",
    "console": """
        SELECT $run, w.uuid AS writer, w.label, e.seq,
          e.wall_ns::float8 / 1e9::float8 AS timestamp, s.text AS stream, t.text AS output
        FROM airtape.present_runs r JOIN airtape.present_writers w ON w.run = r.id
        JOIN airtape.events e ON e.writer = w.id AND e.version >= w.since
          AND e.record_kind = $console
        JOIN airtape.event_fields s ON s.writer = e.writer AND s.seq = e.seq
          AND s.version = e.version AND s.path = '/0'
        JOIN airtape.event_fields t ON t.writer = e.writer AND t.seq = e.seq
          AND t.version = e.version AND t.path = '/1'""",
    "files": """
        SELECT DISTINCT ON (r.id, j.said ->> 'path') $run, j.said ->> 'path' AS path,
          (j.said ->> 'size')::numeric AS size, j.said ->> 'sha256' AS sha256,
          j.said ->> 'type' AS type, j.said ->> 'policy' AS policy
        FROM airtape.present_runs r JOIN airtape.present_writers w ON w.run = r.id
        JOIN airtape.events e ON e.writer = w.id AND e.version >= w.since
          AND e.record_kind = $files
        JOIN airtape.event_fields f ON f.writer = e.writer AND f.seq = e.seq
          AND f.version = e.version AND f.path = '/0' AND f.kind = 'json'
        CROSS JOIN LATERAL json_array_elements(f.text::json) WITH ORDINALITY AS j(said, place)
        WHERE json_typeof(j.said -> 'path') = 'string'
        ORDER BY r.id, j.said ->> 'path', w.place DESC, e.seq DESC, j.place DESC""",
    "records": """
        SELECT $run, w.uuid AS writer, e.seq, e.record_kind,
          to_timestamp(e.wall_ns / 1e9) AS at, f.path AS field, f.value, f.text, f.kind
        FROM airtape.present_runs r JOIN airtape.present_writers w ON w.run = r.id
        JOIN airtape.events e ON e.writer = w.id AND e.version >= w.since
        LEFT JOIN airtape.event_fields f ON f.writer = e.writer AND f.seq = e.seq
          AND f.version = e.version""",
}


def _filled_in(query: str) -> str:
    state = Template(_STATE).substitute(stale_after=STALE_AFTER_S)
    named = (Kind.SYSTEM, Kind.CONSOLE, Kind.FILES)
    kinds = {kind.name.lower(): int(kind) for kind in named}
    return Template(query).substitute(run=_RUN, state=state, **kinds)


VIEWS: Final = {name: _filled_in(query) for name, query in _VIEWS.items()}
"""The views by name, each behind those that it is made of. Those whose names begin with
``present_`` serve the others."""
