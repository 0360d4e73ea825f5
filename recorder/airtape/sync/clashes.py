"""Run ids that stand for more than one run: someone gave the same id twice without resuming."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from airtape.backends.base import DirectoryHint
from airtape.sync.report import RunReport

_Place: TypeAlias = tuple[str, str, str]  # run id, entity and project


def add_clashes(
    reports: Iterable[RunReport],
    hints: Mapping[str, DirectoryHint],
    absolute: Callable[[Path], str],
) -> None:
    """Add to each report where else its run id stands for another run of its project.

    Args:
        reports: The reports of a pass.
        hints: What is known of all run directories, also those that were not part of the pass.
        absolute: Returns what the hint of a directory is kept under.
    """
    roots: defaultdict[_Place, dict[str, bytes]] = defaultdict(dict)
    for directory, hint in hints.items():
        for file in hint.files.values():
            entity, project = hint.entity or "", hint.project or ""
            roots[file.run.run_id, entity, project][directory] = file.run.root
    for report in reports:
        if report.run_id is not None:
            places = roots[report.run_id, report.entity or "", report.project or ""]
            own = places.get(absolute(report.path))
            report.clashes = sorted(
                Path(path) for path, root in places.items() if own is not None and root != own
            )
