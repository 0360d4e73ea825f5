"""Runs of which `tracker clean` has removed the logs: what they were is told by what is left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from airtape.cleaned import cleaned_overview, read_cleaned
from airtape.errors import LogFormatError, UsageError
from airtape.file_list import list_files
from airtape.fold.keys import Tree
from airtape.fold.merge import merge
from airtape.overview import Overview
from airtape.query.kept import Amendment, KeptFile, here_and_now, warn
from airtape.query.whole_values import from_directories, whole_tree
from airtape.rundir import stub_in


class CleanedRun:
    """A run of which its config, its summary and the receipts of targets are left.

    Args:
        run_dir: Its directory.
        overview: What it was.

    Attributes:
        overview: What it was.
    """

    def __init__(self, run_dir: Path, overview: Overview) -> None:
        self._run_dir = run_dir
        self.overview = _without_writers(overview)

    def rows(self) -> NoReturn:
        """Refuse: the rows are in the targets.

        Raises:
            UsageError: Always.
        """
        self._refuse("its history is")

    def system(self) -> NoReturn:
        """Refuse: what was measured of the machine is in the targets.

        Raises:
            UsageError: Always.
        """
        self._refuse("what was measured of its machine is")

    def whole(self, tree: Tree) -> Tree:
        """Return config or summary; values that were too large for the log are not here."""
        return whole_tree(tree, from_directories([self._run_dir]), self._warn)

    def metadata(self) -> Mapping[str, Any]:
        """Return what was recorded of the machine and the program."""
        stub = stub_in(self._run_dir)
        return {} if stub is None else merge(read_cleaned(stub).parts).metadata

    def files(self) -> list[KeptFile]:
        """Return the files that are left: config and summary."""
        return [
            KeptFile(name, size, self._run_dir / "files" / name)
            for name, size in list_files(self._run_dir)
        ]

    def amend(self, amendment: Amendment) -> NoReturn:  # noqa: ARG002 - whatever it is
        """Refuse: there is no log that a change could stand beside.

        Raises:
            UsageError: Always.
        """
        self._refuse("what can be changed of it is")

    def read_again(self) -> None:
        """Bring the overview up to date.

        Raises:
            LogFormatError: Nothing is left any more.
        """
        overview = cleaned_overview(self._run_dir, here_and_now())
        if overview is None:
            raise LogFormatError("nothing is left of the run", where=str(self._run_dir))
        self.overview = _without_writers(overview)

    def _warn(self, problem: str) -> None:
        warn(f"{self.overview.path}: {problem}")

    def _refuse(self, what: str) -> NoReturn:
        stub = stub_in(self._run_dir)
        receipts: Sequence[Mapping[str, Any]] = () if stub is None else read_cleaned(stub).receipts
        targets = ", ".join(str(receipt["target"]) for receipt in receipts)
        raise UsageError(
            f"the logs of the run were removed by `tracker clean`, and {what} in the targets",
            where=str(self._run_dir),
            hint=f"These had all of it: {targets}." if targets else None,
        )


def cleaned_runs(run_dirs: Iterable[Path], problems: list[str]) -> list[CleanedRun]:
    """Return the runs that were cleaned; `problems` gets sentences on what cannot be read."""
    vantage = here_and_now()
    found = []
    for run_dir in run_dirs:
        overview = cleaned_overview(run_dir, vantage)
        if overview is None:
            continue
        if overview.problems:
            problems += [f"{run_dir}: {problem}" for problem in overview.problems]
        else:
            found.append(CleanedRun(run_dir, overview))
    return found


def _without_writers(overview: Overview) -> Overview:
    # Thousands of runs may be held at once, and what their writers said is the larger part.
    overview.writers, overview.traces = [], {}
    return overview
