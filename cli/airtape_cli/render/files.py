"""The files of a run: those that lie there, and those that were recorded and do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from airtape.file_list import RunFile
from airtape.overview import Overview
from airtape_cli.render.lines import Column, Line, Span, table
from airtape_cli.render.text import shown, size_text

_TITLES = (Column("path"), Column("size", "right"), Column("type"), Column(""))


def files_lines(run: Overview, files: Sequence[RunFile]) -> Iterator[Line]:
    """Yield the files as text.

    Args:
        run: The run.
        files: The files that lie in its directories.
    """
    said = files_shape(run, files)["files"]
    if not said:
        yield [Span("The run has no files.")]
        return
    total = size_text(sum(file.size for file in files))
    yield [Span(f"Files: {len(files)}, {total}", "bold")]
    rows = [
        [
            Span(shown(file["path"])),
            Span("" if file["bytes"] is None else size_text(file["bytes"])),
            Span(shown(file["type"] or ""), "dim"),
            Span("" if file["is_there"] else "not there", "yellow"),
        ]
        for file in said
    ]
    yield from ([Span("  "), *line] for line in table(_TITLES, rows))


def files_shape(run: Overview, files: Sequence[RunFile]) -> dict[str, Any]:
    """Return the files as ``--json`` prints them; see `files_lines`."""
    there = {file.path: file.size for file in files}
    recorded: dict[str, Any] = {}
    for _, fold in run.writers:
        recorded |= fold.files
    return {
        "files": [
            {
                "path": path,
                "bytes": there.get(path, recorded.get(path, {}).get("size")),
                "type": recorded.get(path, {}).get("type"),
                "sha256": recorded.get(path, {}).get("sha256"),
                "is_there": path in there,
            }
            for path in sorted(there | recorded)
        ]
    }
