"""Runs in the directories they were recorded to; a run that was resumed may have several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from airtape.errors import LogFormatError
from airtape.file_list import list_files
from airtape.fold.keys import Tree
from airtape.fold.merge import Part, merge
from airtape.fold.row import Row
from airtape.overview import Overview, overview_of
from airtape.query.amendments import write_amendment
from airtape.query.cleaned_runs import cleaned_runs
from airtape.query.columns import columns_of
from airtape.query.conditions import Filter
from airtape.query.joined import JoinedRun, read_runs, writers_of
from airtape.query.kept import Amendment, KeptFile, KeptRun, here_and_now, warn
from airtape.query.whole_values import from_directories, whole_tree, with_large_values
from airtape.rows import history_of
from airtape.run_search import find_run_dirs
from airtape.states import Vantage
from airtape.system_samples import SystemSample, system_of
from airtape.writers import WriterFiles


class DirectoryRun:
    """A run in its run directories.

    Args:
        run: The run.
        vantage: When and where one looks from.

    Attributes:
        overview: What it is.
        directories: The directories that hold a log of it, the newest one last.
    """

    def __init__(self, run: JoinedRun, vantage: Vantage) -> None:
        self._run = run.incarnation
        self.directories = run.directories
        self.overview = self._overview(run.writers, vantage)

    def _overview(self, writers: Sequence[WriterFiles], vantage: Vantage) -> Overview:
        overview = overview_of(self.directories[-1], writers, vantage, [])
        # Thousands of runs may be held at once, and what their writers said is the larger part.
        overview.writers, overview.traces = [], {}
        return overview

    def _writers(self) -> list[WriterFiles]:
        """Return the writers as they are now.

        Raises:
            LogFormatError: There is none any more.
        """
        problems: list[str] = []
        writers = writers_of(self._run, self.directories, problems)
        if not writers:
            because = problems[0] if problems else "its logs are gone"
            where = str(self.directories[-1])
            raise LogFormatError("the run cannot be read", where=where, because=because)
        return writers

    def rows(self) -> Iterator[Row]:
        """Yield the history in order of the steps; warns of what is damaged."""
        rows = history_of(self._writers(), self._warn)
        return with_large_values(rows, from_directories(self.directories), self._warn)

    def system(self) -> Iterator[SystemSample]:
        """Yield what was measured of the machine, in order of the times; warns of damage."""
        return system_of(self._writers(), self._warn)

    def _warn(self, problem: str) -> None:
        warn(f"{self.overview.path}: {problem}")

    def whole(self, tree: Tree) -> Tree:
        """Return config or summary with the values that were too large for the log."""
        return whole_tree(tree, from_directories(self.directories), self._warn)

    def metadata(self) -> Mapping[str, Any]:
        """Return what was recorded of the machine and the program."""
        return merge([Part(writer.header, writer.fold()) for writer in self._writers()]).metadata

    def files(self) -> list[KeptFile]:
        """Return the files; one that stands in several directories is the newest one's."""
        found = {
            name: KeptFile(name, size, directory / "files" / name)
            for directory in self.directories
            for name, size in list_files(directory)
        }
        return [found[name] for name in sorted(found)]

    def amend(self, amendment: Amendment) -> None:
        """Write down a change, as one more log in the newest directory.

        Raises:
            TargetError: It cannot be written.
            LogFormatError: The logs of the run are gone.
        """
        write_amendment(self.directories[-1], self._writers(), amendment)

    def read_again(self) -> None:
        """Bring the overview up to date."""
        self.overview = self._overview(self._writers(), here_and_now())


class Directories:
    """The run directories at some paths.

    Args:
        paths: As `airtape.run_search.find_run_dirs` takes them.
    """

    def __init__(self, paths: Sequence[str | Path]) -> None:
        self._paths = paths

    def find(self, run_id: str | None = None) -> tuple[Sequence[KeptRun], list[str]]:
        """Return the runs with an id, or all, and sentences on what cannot be read."""
        found = find_run_dirs(self._paths)
        if run_id is not None:
            # A directory is usually named after the id: then no other one has to be read.
            named = [directory for directory in found.run_dirs if run_id in directory.name]
            runs = [run for run in _runs_in(named, []) if run.overview.run_id == run_id]
            if runs:
                return runs, []
        problems = [f"{problem.path}: {problem.reason}" for problem in found.problems]
        kept: list[KeptRun] = [*_runs_in(found.run_dirs, problems)]
        kept += cleaned_runs(found.cleaned, problems)
        return [run for run in kept if run_id in {None, run.overview.run_id}], problems


def directories_of(run_dirs: Sequence[Path], wanted: Filter) -> list[Path]:
    """Return those of some run directories whose runs fit; all directories of a run, or none."""
    runs = (run for run in _runs_in(run_dirs, []) if wanted.matches(columns_of(run.overview)))
    fitting = {directory for run in runs for directory in run.directories}
    return [directory for directory in run_dirs if directory in fitting]


def _runs_in(run_dirs: Iterable[Path], problems: list[str]) -> list[DirectoryRun]:
    """Return the runs of some directories; `problems` gets sentences on the unreadable ones."""
    vantage = here_and_now()
    runs, unreadable = read_runs(run_dirs)
    problems += [f"{path}: {problem}" for path, wrong in unreadable.items() for problem in wrong]
    return [DirectoryRun(run, vantage) for run in runs]
