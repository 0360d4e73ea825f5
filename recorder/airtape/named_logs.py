"""The logs that a user named: those of run directories, or single files."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from airtape.run_search import Problem, find_run_dirs
from airtape.rundir import LOG_SUFFIX, log_files


class NamedLogs(NamedTuple):
    """Logs of one run directory.

    Attributes:
        run_dir: The run directory.
        names: The names of its logs that are meant, None for whatever logs it has.
    """

    run_dir: Path
    names: frozenset[str] | None = None

    def paths(self) -> list[Path]:
        """Return the logs that are there now, the first writer's first.

        Raises:
            OSError: The directory cannot be read.
        """
        logs = log_files(self.run_dir)
        return [path for path in logs if self.names is None or path.name in self.names]


class Named(NamedTuple):
    """What paths name.

    Attributes:
        logs: Logs by run directory, sorted, each directory once.
        problems: What is there but is no run directory and no log.
        not_found: Paths that do not exist and patterns that match nothing, as they were given.
    """

    logs: list[NamedLogs]
    problems: list[Problem]
    not_found: list[str]


def find_logs(paths: Iterable[str | Path]) -> Named:
    """Find the logs that `paths` name.

    A path may be whatever `airtape.run_search.find_run_dirs` takes; but a log stands for itself,
    and a pattern that matches logs for these.
    """
    files: dict[Path, set[str]] = {}
    others: list[str | Path] = []
    for path in paths:
        matches = _logs_at(os.fspath(path))
        for match in matches:
            files.setdefault(match.parent, set()).add(match.name)
        if not matches:
            others.append(path)
    found = find_run_dirs(others)
    whole = set(map(os.path.realpath, found.run_dirs))
    logs = [NamedLogs(run_dir) for run_dir in found.run_dirs]
    logs += [
        NamedLogs(folder, frozenset(names))
        for folder, names in files.items()
        if os.path.realpath(folder) not in whole
    ]
    return Named(sorted(logs, key=lambda one: str(one.run_dir)), found.problems, found.not_found)


def _logs_at(path: str) -> list[Path]:
    if "\0" in path:
        return []
    matches = [path] if os.path.lexists(path) else sorted(glob.glob(path))  # noqa: PTH207 - Path.glob refuses absolute patterns
    return [Path(match) for match in matches if _is_log(Path(match))]


def _is_log(path: Path) -> bool:
    return path.suffix == LOG_SUFFIX and path.is_file() and not path.is_symlink()
