"""The views of a SQLite store: what people query. ``docs/STORE.md`` shows how."""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING, Final

from airtape.records import Kind
from airtape.states import STALE_AFTER_S

if TYPE_CHECKING:
    from sqlite_utils import Database

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
      WHEN strftime('%s', 'now') - r.heard_ns / 1e9 > $stale_after THEN 'crashed'
      ELSE 'running'
    END"""
"""The rule of `airtape.states`, as far as a store can know: ``$state`` below."""

# In the view of the history CROSS says in which order to join: SQLite keeps no statistics that
# would tell it that one key has few of a run's points.
VIEWS: Final = {
    "run_list": """
        SELECT $run, r.name, $state AS state, r.last_step, r.rows,
          datetime(r.began_ns / 1e9, 'unixepoch') AS began,
          datetime(r.heard_ns / 1e9, 'unixepoch') AS last_heard,
          round((r.heard_ns - r.began_ns) / 1e9, 3) AS seconds,
          (SELECT group_concat(tag, ', ') FROM
            (SELECT t.tag FROM run_tags t WHERE t.run = r.id ORDER BY t.place)) AS tags,
          r.run_group, r.job_type, r.host, r.notes, r.exit_code, r.records, r.lost
        FROM runs r""",
    "history": """
        SELECT $run, k.name AS key, p.step, p.value, p.kind, s.timestamp, s.runtime
        FROM runs r
        CROSS JOIN keys k ON k.run = r.id
        CROSS JOIN points p ON p.run = r.id AND p.key = k.id
        CROSS JOIN writers w ON w.id = p.writer
        LEFT JOIN rows s ON s.run = p.run AND s.step = p.step AND s.writer = p.writer
        WHERE (w.hidden_after IS NULL OR p.step <= w.hidden_after)
          AND (r.writers = 1 OR NOT EXISTS (
            SELECT 1 FROM points q JOIN writers v ON v.id = q.writer
            WHERE q.run = p.run AND q.key = p.key AND q.step = p.step AND v.place > w.place
              AND (v.hidden_after IS NULL OR q.step <= v.hidden_after)))""",
    "config": """
        SELECT $run, c.name AS key, c.value, c.kind
        FROM config_values c JOIN runs r ON r.id = c.run""",
    "summary": """
        SELECT $run, s.name AS key, s.value, s.kind
        FROM summary_values s JOIN runs r ON r.id = s.run""",
    "metadata": """
        SELECT $run, m.name AS key, m.value, m.kind
        FROM metadata_values m JOIN runs r ON r.id = m.run""",
    "tags": """
        SELECT $run, t.tag FROM run_tags t JOIN runs r ON r.id = t.run""",
    "metrics": """
        SELECT $run, k.name AS key, k.path, d.step_metric, d.step_sync, d.hidden, d.summary,
          d.goal
        FROM keys k JOIN runs r ON r.id = k.run
        LEFT JOIN definitions d ON d.run = k.run AND d.name = k.name AND NOT d.is_prefix""",
    "segments": """
        SELECT $run, w.writer, w.role, w.label, w.host, w.pid, w.start_step, w.last_step,
          w.rewind_to, w.place, c.records, c.ended, c.version AS commits
        FROM writers w JOIN runs r ON r.id = w.run JOIN cursors c ON c.writer = w.id""",
    "damage": """
        SELECT $run, l.file, l.start_byte, l.end_byte, l.first_seq, l.last_seq, l.reason
        FROM losses l JOIN writers w ON w.id = l.writer JOIN runs r ON r.id = w.run""",
    "system": """
        SELECT $run, replace(replace(substr(f.path, 4), '~1', '/'), '~0', '~') AS key,
          f.value, f.kind, e.wall_ns / 1e9 AS timestamp,
          max(0.0, e.wall_ns / 1e9 - w.began_ns / 1e9) AS runtime, w.label
        FROM runs r
        JOIN writers w ON w.run = r.id
        JOIN events e ON e.writer = w.id AND e.record_kind = $system
        JOIN event_fields f ON f.writer = e.writer AND f.seq = e.seq
          AND f.path > '/0/' AND f.path < '/00'""",
    "console": """
        SELECT $run, w.writer, w.label, e.seq, e.wall_ns / 1e9 AS timestamp,
          s.value AS stream, t.value AS output
        FROM runs r
        JOIN writers w ON w.run = r.id
        JOIN events e ON e.writer = w.id AND e.record_kind = $console
        JOIN event_fields s ON s.writer = e.writer AND s.seq = e.seq AND s.path = '/0'
        JOIN event_fields t ON t.writer = e.writer AND t.seq = e.seq AND t.path = '/1'""",
    "files": """
        SELECT id, entity, project, run, path, size, sha256, type, policy FROM (
          SELECT $run, json_extract(j.value, '$$.path') AS path,
            json_extract(j.value, '$$.size') AS size,
            json_extract(j.value, '$$.sha256') AS sha256,
            json_extract(j.value, '$$.type') AS type,
            json_extract(j.value, '$$.policy') AS policy,
            row_number() OVER (PARTITION BY r.id, json_extract(j.value, '$$.path')
              ORDER BY w.place DESC, e.seq DESC, j.key DESC) AS newest
          FROM runs r
          JOIN writers w ON w.run = r.id
          JOIN events e ON e.writer = w.id AND e.record_kind = $files
          JOIN event_fields f ON f.writer = e.writer AND f.seq = e.seq AND f.path = '/0'
            AND f.kind = 'json'
          JOIN json_each(f.value) j
          WHERE CASE j.type WHEN 'object' THEN json_type(j.value, '$$.path') END = 'text')
        WHERE newest = 1""",
    "records": """
        SELECT $run, w.writer, e.seq, e.record_kind,
          datetime(e.wall_ns / 1e9, 'unixepoch') AS at, f.path AS field, f.value, f.kind
        FROM events e
        JOIN writers w ON w.id = e.writer JOIN runs r ON r.id = w.run
        LEFT JOIN event_fields f ON f.writer = e.writer AND f.seq = e.seq""",
}


def create_views(db: Database) -> None:
    """Bring the views to their present form; views that others have made stay."""
    for name, query in VIEWS.items():
        db.create_view(name, _filled_in(query), replace=True)


def _filled_in(query: str) -> str:
    state = Template(_STATE).substitute(stale_after=STALE_AFTER_S)
    named = (Kind.SYSTEM, Kind.CONSOLE, Kind.FILES)
    kinds = {kind.name.lower(): int(kind) for kind in named}
    return Template(query).substitute(run=_RUN, state=state, **kinds)
