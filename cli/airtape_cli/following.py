"""Following runs for `tracker sync --follow`: what is said, and what is told to who started it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from airtape.backends.registry import open_backend
from airtape.errors import Error
from airtape.follow_state import FollowState
from airtape.overview import read_overview
from airtape.sync.folder_watch import FolderWatch
from airtape.sync.follow import SENT, Follower, Sizes
from airtape.sync.options import SyncOptions
from airtape.sync.report import RunReport, SyncReport
from airtape_cli.boundary import error_lines
from airtape_cli.options import vantage
from airtape_cli.render.sync_report import run_lines
from airtape_cli.render.text import shown


def follow(
    paths: Sequence[str],
    url: str,
    options: SyncOptions,
    audience: Teller,
    *,
    until_finished: bool,
) -> SyncReport:
    """Bring runs to a target while they go on.

    Args:
        paths: Run directories, folders of them, or patterns.
        url: The target.
        options: How to sync; their brake ends it.
        audience: Who is told how it goes on.
        until_finished: Whether to stop once all runs are over.
    """
    follower = Follower(
        paths,
        lambda: open_backend(url, patient=False),
        replace(options, retry=replace(options.retry, told=audience.refused)),
        audience,
        lambda path: read_overview(path, vantage()).state.name != "running",
        until_finished=until_finished,
        watch=FolderWatch(options.brake.wake),
    )
    return follower.follow()


class Teller:
    """Says what is new: a run that is met, one that ends, and what goes wrong, each once.

    Args:
        say: Takes a line; None to say nothing.
        state_file: Where to tell how far it has come, for a single run; nowhere if None.
        target: The target's name, where there are several.
    """

    def __init__(
        self,
        say: Callable[[str], object] | None,
        state_file: Path | None = None,
        target: str | None = None,
    ) -> None:
        self._say = say
        self._target = target
        self._state_file = state_file
        self._state = FollowState()
        self._told: dict[Path, tuple[object, ...]] = {}
        self._target_error: str | None = None

    def passed(self, report: SyncReport, sizes: Mapping[Path, Sizes]) -> None:
        """Say what is new, and write the state down."""
        for run in report.runs:
            news = (run.status in SENT, run.ended, tuple(map(str, run.problems)), len(run.damage))
            is_cut = run.status == "pending" and not run.records
            if news != self._told.get(run.path) and not is_cut:
                self._told[run.path] = news
                self._tell(run_lines(run, self._target, verbose=False, dry_run=False))
        error = report.target_error
        said = None if error is None else str(error)
        if said != self._target_error:
            self._target_error = said
            target = "The target" if self._target is None else shown(self._target)
            self._tell([f"{target} is there again."] if error is None else error_lines(error))
        if self._state_file is not None:
            runs = {run.path: run for run in report.runs}
            for path, bytes_of in sizes.items():
                self._write_state(self._state_file, runs.get(path), bytes_of, error)

    def refused(self, error: Error) -> None:
        """Write down why the target cannot answer at the moment; it is asked again."""
        if self._state_file is not None:
            self._state = replace(self._state, error=str(error))
            self._keep_state(self._state_file)

    def _tell(self, lines: Iterable[str]) -> None:
        text = "\n".join(lines)
        if text and self._say is not None:
            # In one piece: another target may have something to say at the same time.
            self._say(text)

    def _write_state(
        self, path: Path, run: RunReport | None, sizes: Sizes, target_error: Error | None
    ) -> None:
        if run is not None and run.status in SENT:
            self._state = FollowState(sizes, run.held, time.time())
        else:
            why = next(iter(run.problems), target_error) if run else target_error
            # What the target said when it was asked last, if it was not asked to the end.
            said = why or self._state.error or "the run was not reached"
            self._state = replace(self._state, error=str(said))
        self._keep_state(path)

    def _keep_state(self, path: Path) -> None:
        # Whoever started the follower may have removed the directory; the sync goes on.
        with suppress(OSError):
            self._state.write(path)
