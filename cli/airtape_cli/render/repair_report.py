"""What a repair did, in sentences and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from airtape.repair import LogRepair, RunRepair
from airtape_cli.render.text import shown
from airtape_cli.render.verify_report import counted, range_shapes, ranges_text


def run_lines(done: RunRepair) -> Iterator[str]:
    """Yield what is said of one run directory."""
    health = done.health
    for log in done.logs:
        if log.error is None:
            yield f"{_verb(log)}: {shown(str(log.log.path))}"
            yield from _copy_lines(log)
    if all(log.status == "whole" for log in done.logs):
        return
    for writer in health.writers:
        if lost := done.lost(writer):
            yield f"  stays lost: {ranges_text(lost)}"
        for bad in writer.bad_ends:
            name = shown(bad.path.name)
            yield f"  it cannot be told how many records stood at the end of {name}"


def _verb(log: LogRepair) -> str:
    return {
        "repaired": "Repaired",
        "damaged": "Would repair",
        "copied": "Repaired before",
    }.get(log.status, "Nothing to repair")


def _copy_lines(log: LogRepair) -> Iterator[str]:
    if log.status == "copied":
        yield f"  {shown(str(log.copy))} is a clean copy of it"
    elif log.copy is not None:
        restored = ", the header among them" if log.restored else ""
        has = "would have" if log.status == "damaged" else "has"
        yield f"  {shown(str(log.copy))} {has} its {counted(log.records, 'record')}{restored}"


def run_shape(done: RunRepair) -> dict[str, Any]:
    """Return what ``repair --json`` says of one run directory."""
    return {
        "directory": str(done.health.directory),
        "run_id": done.health.run_id,
        "logs": [
            {
                "log": log.log.path.name,
                "status": log.status,
                "copy": None if log.copy is None else str(log.copy),
                "records": log.records,
                "header_restored": log.restored,
                "error": None if log.error is None else str(log.error),
            }
            for log in done.logs
        ],
        "lost": [
            {"writer": writer.header.writer.hex(), "missing": range_shapes(done.lost(writer))}
            for writer in done.health.writers
            if done.lost(writer)
        ],
        "unknown_ends": [log.path.name for w in done.health.writers for log in w.bad_ends],
        "problems": [str(error) for error in done.errors],
    }
