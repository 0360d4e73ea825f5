"""Run ids that stand for more than one run: someone gave the same id twice without resuming."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from airtape.backends.base import DirectoryHint
from airtape.sync.report import RunReport

_Place: TypeAlias = tuple[str, str, str]  # run id, entity and project


def add_clashes(reports: Iterable[RunReport], hints: Mapping[str, DirectoryHint]) -> None:
    """Add to each report where else its run id stands for another run of its project.

    Args:
        reports: The reports of a pass.
        hints: What is known of all run directories, also those that were not part of the pass.
    """
    roots: defaultdict[_Place, dict[Path, bytes]] = defaultdict(dict)
    for directory, hint in hints.items():
        for file in hint.files.values():
            entity, project = hint.entity or "", hint.project or ""
            roots[file.run.run_id, entity, project][Path(directory)] = file.run.root
    for report in reports:
        if report.run_id is not None:
            place = report.run_id, report.entity or "", report.project or ""
            own = roots[place].get(report.path.absolute())
            report.clashes = sorted(
                path for path, root in roots[place].items() if own is not None and root != own
            )
