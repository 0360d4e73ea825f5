"""Runs from the newest one on, reading only the directories of those that are wanted."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from airtape.cleaned import cleaned_overview
from airtape.errors import Error
from airtape.overview import Overview
from airtape.query.joined import read_runs
from airtape.rundir import log_files
from airtape.states import RunState, Vantage
from airtape.sync.log_file import header_of

_NAME: Final = re.compile(r"run-(?P<stamp>\d{8}_\d{6})-(?P<run_id>.+)", re.DOTALL)
_NUMBERED: Final = re.compile(r"(?P<run_id>.+)-\d+", re.DOTALL)


class DirectoriesById:
    """Some run directories by the id of their run, which their names tell without opening them.

    Args:
        run_dirs: The directories. Of those that are called otherwise the logs tell the id.
    """

    def __init__(self, run_dirs: Iterable[Path]) -> None:
        self._ids: defaultdict[str, list[Path]] = defaultdict(list)
        self._names: dict[Path, str] = {}
        for run_dir in run_dirs:
            name = _NAME.fullmatch(run_dir.name)
            run_id = _recorded_id(run_dir) if name is None else name["run_id"]
            self._ids[run_id].append(run_dir)
            self._names[run_dir] = run_id
        for run_dir, run_id in self._names.items():
            # Of two directories of one second, the later one has a number behind the id.
            numbered = _NUMBERED.fullmatch(run_id)
            if numbered is not None and numbered["run_id"] in self._ids:
                self._ids[numbered["run_id"]].append(run_dir)

    def of(self, run_id: str) -> Sequence[Path]:
        """Return the directories that may hold a log of a run."""
        return self._ids.get(run_id, ())

    def count(self, run_dirs: Iterable[Path]) -> int:
        """Return how many runs some of the directories hold, as far as their names tell."""
        return len({self._names[run_dir] for run_dir in run_dirs})


class NewestRuns:
    """The runs of some directories, the newest first; a run in several directories comes once.

    Args:
        run_dirs: The directories, those of runs that were cleaned among them.
        here: When and where one looks from.
        met: Told of each run that was read, also of those that only share the id of another.
    """

    def __init__(
        self,
        run_dirs: Iterable[Path],
        here: Vantage,
        met: Callable[[Overview], None] | None = None,
    ) -> None:
        self._walk = sorted(run_dirs, key=_stamp, reverse=True)
        self._place = {run_dir: place for place, run_dir in enumerate(self._walk)}
        self._by_id = DirectoriesById(self._walk)
        self._here = here
        self._met = met
        self._waiting: dict[Path, list[Overview]] = {}
        self._unread = dict.fromkeys(self._walk)
        self._shown = 0

    @property
    def total(self) -> int:
        """How many runs there are; as far as names tell, where nothing was read yet."""
        waiting = sum(map(len, self._waiting.values()))
        return self._shown + waiting + self._by_id.count(self._unread)

    def pages(self, limit: int | None, size: int) -> Iterator[list[Overview]]:
        """Yield the runs some at a time, so that others are read only when these have shown.

        Args:
            limit: How many runs at most, None for all.
            size: How many at a time.
        """
        page: list[Overview] = []
        for run_dir in self._walk:
            if run_dir in self._unread:
                self._read(run_dir)
            found = self._waiting.pop(run_dir, [])
            page += found
            self._shown += len(found)
            if limit is not None and self._shown >= limit:
                break
            if len(page) >= size:
                yield _newest_first(page)
                page = []
        if page:
            yield _newest_first(page)

    def _read(self, run_dir: Path) -> None:
        """Read a directory, and those that hold more of its runs."""
        read = [run_dir]
        runs, unreadable = read_runs(read)
        ids = {run.incarnation.run_id for run in runs}
        more = {other for run_id in ids for other in self._by_id.of(run_id)} & self._unread.keys()
        if more - {run_dir}:
            read = sorted({run_dir, *more}, key=self._place.__getitem__)
            runs, unreadable = read_runs(read)
        for done in read:
            del self._unread[done]
        overviews = [run.overview(self._here) for run in runs]
        overviews += [
            cleaned_overview(path, self._here) or _unreadable(path, problems)
            for path, problems in unreadable.items()
        ]
        for overview in overviews:
            if self._met is not None:
                self._met(overview)
            first = min(overview.directories, key=self._place.__getitem__)
            self._waiting.setdefault(first, []).append(overview)


def _unreadable(run_dir: Path, problems: list[str]) -> Overview:
    return Overview(run_dir, RunState("unknown"), problems=problems, directories=[run_dir])


def _newest_first(page: Iterable[Overview]) -> list[Overview]:
    return sorted(page, key=_started_ns, reverse=True)


def _started_ns(run: Overview) -> int:
    """Return when a run was last started: when it was requeued, if it was."""
    began = (fold.began_ns or 0 for header, fold in run.writers if header.role != "amend")
    return max(began, default=0)


def _recorded_id(run_dir: Path) -> str:
    """Return the id that the first log of a directory tells; what none has if none tells one."""
    with suppress(OSError, Error):
        for path in log_files(run_dir):
            header = header_of(path)
            if header is not None:
                return header.run_id
    return f"/{run_dir}"


def _stamp(run_dir: Path) -> str:
    """Return when a run directory was made, so that the newest can be told without reading all."""
    name = _NAME.fullmatch(run_dir.name)
    if name is not None:
        return name["stamp"]
    try:
        made = run_dir.stat().st_mtime
    except OSError:
        return ""
    return time.strftime("%Y%m%d_%H%M%S", time.localtime(made))
