"""What the commands print with ``--json``; ``docs/JSON.md`` says what each name means."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from airtape.exactjson import dumps
from airtape.file_list import RunFile
from airtape.fold.merge import Part
from airtape.overview import Overview
from airtape.overview_facts import privacy
from airtape.states import final_state
from airtape.txlog.reader import Damage
from airtape_cli.render.edits import edit_shapes
from airtape_cli.render.text import iso_time


def echo_json(value: object) -> None:
    """Write one line of JSON to stdout, in UTF-8 whatever the terminal speaks."""
    line = dumps(value).encode("utf-8", "replace") + b"\n"
    sys.stdout.buffer.write(line)


def run_shape(run: Overview) -> dict[str, Any]:
    """Return what ``ls`` and ``show`` both say of a run."""
    return {
        "directory": str(run.directory),
        "directories": [str(directory) for directory in run.directories],
        "path": run.path,
        "entity": run.entity,
        "project": run.project,
        "id": run.run_id,
        "name": run.name,
        "notes": run.notes,
        "tags": list(run.tags),
        "group": run.group,
        "job_type": run.job_type,
        "state": run.state.name,
        "state_detail": run.state.detail,
        "start_time": None if run.began_ns is None else iso_time(run.began_ns),
        "last_heard": None if run.heard_ns is None else iso_time(run.heard_ns),
        "runtime": run.runtime_s,
        "duration": run.duration_s,
        "last_step": run.last_step,
        "rows": run.rows,
        "dropped": run.dropped,
        "alerts": run.alerts,
        "unknown_records": run.unknown,
        "bytes": sum(log.size for log in run.logs),
        "incomplete": run.incomplete,
        "damage": [damage_shape(name, damage) for name, damage in run.damage],
        "cleaned": None if run.cleaned_ns is None else iso_time(run.cleaned_ns),
        "problems": run.problems,
    }


def full_shape(run: Overview, files: Iterable[RunFile]) -> dict[str, Any]:
    """Return everything that ``show`` says of a run."""
    machine = run.machine
    return {
        **run_shape(run),
        "privacy": privacy(run.directory),
        "author": machine.author,
        "command": machine.command,
        "git_repository": machine.git_repository,
        "git_commit": machine.git_commit,
        "host": machine.host,
        "os": machine.os,
        "python_version": machine.python,
        "python_executable": machine.executable,
        "system_hardware": dict(machine.hardware),
        "library_version": run.library,
        "last_alerts": [
            {"time": iso_time(wall_ns), "level": level, "title": title, "text": text}
            for wall_ns, level, title, text in run.last_alerts
        ],
        "config": run.config,
        "summary": run.summary,
        "metrics": [definition.to_fields() for definition in run.metrics],
        "writers": [_writer_shape(part) for part in run.writers],
        "edits": edit_shapes(run),
        "files": [{"path": file.path, "bytes": file.size} for file in files],
    }


def damage_shape(log: str, damage: Damage) -> dict[str, Any]:
    """Return damage in a log."""
    return {
        "log": log,
        "start": damage.start,
        "end": damage.end,
        "reason": damage.reason,
        "records_lost": damage.missing,
    }


def _writer_shape(part: Part) -> dict[str, Any]:
    header, fold = part
    return {
        "writer": header.writer.hex(),
        "role": header.role,
        "label": header.label,
        "host": header.host,
        "pid": header.pid,
        "state": final_state(fold.exit),
        "records": fold.records,
        "last_heard": None if fold.heard_ns is None else iso_time(fold.heard_ns),
    }
