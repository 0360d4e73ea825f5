"""What a bundle holds, and what became of it where it was applied, in sentences and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from airtape.bundles.applying import Applied
from airtape.bundles.manifest import Manifest
from airtape.errors import Error
from airtape_cli.render.text import iso_time, shown, size_text
from airtape_cli.render.verify_report import counted


def applied_lines(files: Sequence[str], done: Sequence[Applied]) -> Iterator[str]:
    """Yield a line for each bundle that was applied."""
    for file, one in zip(files, done, strict=True):
        taken = [run for run in one.runs if run.problem is None and run.changes]
        written = sum(run.changes for run in taken)
        news = f"{counted(written, 'file')} of {counted(len(taken), 'run')} written"
        yield f"{shown(file)}: {news if written else 'nothing new'}."


def bundle_text(manifest: Manifest) -> str:
    """Return what is said of a bundle: what it holds, and what it goes on from."""
    held = sum(1 for _ in manifest.entries())
    what = f"{counted(held, 'file')} of {counted(len(manifest.runs), 'run')}"
    since = "" if manifest.since is None else f", since {manifest.since}"
    return f"{what}, {size_text(manifest.size)}{shown(since)}; bundle {manifest.bundle_id}"


def bundle_shape(manifest: Manifest) -> dict[str, Any]:
    """Return what ``--json`` says of a bundle."""
    since = manifest.since
    return {
        "id": manifest.bundle_id,
        "made": iso_time(manifest.made_ns),
        "since": None
        if since is None
        else {"name": since.name, "target": since.target, "made": iso_time(since.made_ns)},
        "runs": [
            {
                "directory": run.directory,
                "run_id": run.run_id,
                "files": len(run.pieces),
                "size": sum(piece.size for piece in run.pieces),
            }
            for run in manifest.runs
        ],
    }


def applied_shape(file: str, applied: Applied) -> dict[str, Any]:
    """Return what ``--json`` says of a bundle that was applied."""
    return {
        "file": file,
        "id": applied.manifest.bundle_id,
        "runs": [
            {
                "directory": one.run.directory,
                "run_id": one.run.run_id,
                "written": one.changes if one.problem is None else 0,
                "problem": _line(one.problem),
            }
            for one in applied.runs
        ],
    }


def _line(problem: Error | None) -> str | None:
    return None if problem is None else str(problem)
