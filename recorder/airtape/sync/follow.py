"""Bringing runs to a target again and again while they go on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from airtape.backends.base import Backend
from airtape.follow_state import sizes_of
from airtape.run_search import find_run_dirs
from airtape.rundir import log_files
from airtape.sync.brake import Halted
from airtape.sync.engine import sync_to
from airtape.sync.folder_watch import FolderWatch
from airtape.sync.options import SyncOptions
from airtape.sync.report import RunReport, SyncReport

EVERY_S = 0.5
"""How often the logs are looked at."""
MOST_OF_THE_TIME = 20
"""A look that takes long is not repeated before so many times as long."""
LONGEST_PAUSE_S = 60.0
"""How long a target that does not answer is left alone at most."""
QUIET_S = 5.0
"""After so long without anything new it is left to the system to tell of it, where it does."""
SELDOM_S = 30.0
"""How often the logs are looked at then: a change of a run that has ended is told of by nobody."""
UNTOLD_S = 60.0
"""When to ask the system again to tell, where it has refused."""
AGAIN_S = 10.0
"""How long a run that could not be sent is left alone if it does not grow."""
PATIENCE_S = 30.0
"""How long a target may take to come back when nothing more will be recorded."""
SENT = frozenset({"synced", "nothing_new", "damaged"})
"""What a run's report says when the target has all that was there to read."""

Sizes = Mapping[str, int]


class Audience(Protocol):
    """Somebody who wants to know how a follower goes on."""

    def passed(self, report: SyncReport, sizes: Mapping[Path, Sizes]) -> None:
        """Runs had grown and were synced, or should have been.

        Args:
            report: What came of it.
            sizes: How large the logs of each run directory were before.
        """


@dataclass(slots=True)
class _Followed:
    """A run directory that is followed.

    Attributes:
        sizes: How large its logs were when the target had got everything, None before that.
        tried: How large they were when they were sent last.
        again_at: When to try again what could not be sent.
        report: What all passes together did.
        over: Whether nobody writes to it any more.
    """

    sizes: Sizes | None = None
    tried: Sizes | None = None
    again_at: float = 0.0
    report: RunReport | None = None
    over: bool = False


@dataclass
class Follower:
    """Follows runs until it is told to stop, or until they have ended.

    Attributes:
        paths: Whatever `airtape.run_search.find_run_dirs` takes; looked up each time, for new runs.
        open_target: Opens the target, for each pass anew.
        options: How to sync; their brake ends the following too.
        audience: Who is told.
        is_over: Whether a run has ended, or its process is known to be gone.
        until_finished: Whether to stop once all runs are over and the target has everything.
        watch: Tells when there is something to look at; without it one looks all the time.
        every_s: How often to look, in seconds.
        patience_s: How long to try on, once all runs are over, when the target refuses the rest.
        clock: A clock in seconds that never goes back.
    """

    paths: Iterable[str | Path]
    open_target: Callable[[], Backend]
    options: SyncOptions
    audience: Audience
    is_over: Callable[[Path], bool]
    until_finished: bool = False
    watch: FolderWatch | None = None
    every_s: float = EVERY_S
    patience_s: float = PATIENCE_S
    clock: Callable[[], float] = time.monotonic
    _runs: dict[Path, _Followed] = field(default_factory=dict, init=False)
    _failures: int = field(default=0, init=False)
    _look_s: float = field(default=0.0, init=False)
    _over_since: float | None = field(default=None, init=False)
    _stirred_at: float = field(default=-math.inf, init=False)
    _armed: bool = field(default=False, init=False)
    _ask_at: float = field(default=-math.inf, init=False)

    def follow(self) -> SyncReport:
        """Follow; return what all passes together did, a report for each run.

        Never raises for what stands in a directory or happens to the target.
        """
        try:
            return self._follow()
        finally:
            self._disarm()

    def _follow(self) -> SyncReport:
        total = SyncReport(strict=self.options.strict)
        while total.halted is None:
            grown = self._grown()
            if grown:
                report = sync_to(grown, self.open_target, self.options)
                self._take(report, grown)
                total.target_error, total.halted = report.target_error, report.halted
                total.notes += [note for note in report.notes if note not in total.notes]
                self._stirred_at = self.clock()
                self.audience.passed(report, grown)
            if self.until_finished and self._is_done():
                break
            try:
                self._rest()
            except Halted as halt:
                total.halted = halt.reason
        if total.halted == "stopped" and self._is_sent:
            total.halted = None
        total.runs = [run.report for run in self._runs.values() if run.report is not None]
        return total

    def _rest(self) -> None:
        """Wait until it is time to look again, or until somebody tells that it is.

        Raises:
            Halted: The sync is to end.
        """
        if self._armed and self.watch is not None and self.watch.told:
            self._stirred_at = self.clock()
        if not self._is_quiet:
            self._disarm()
            self.options.brake.pause(self._pause_s())
        elif self._armed:
            self.options.brake.pause(self._long_pause_s())
        elif not self._arm():
            self.options.brake.pause(self._pause_s())

    @property
    def _is_quiet(self) -> bool:
        if self.watch is None or self._failures:
            return False
        return self.clock() - self._stirred_at >= QUIET_S

    def _arm(self) -> bool:
        """Ask to be told, and tell whether that will be so; then one look more is due."""
        if self.watch is not None and self.clock() >= self._ask_at:
            folders = self._folders()
            self._armed = folders is not None and self.watch.arm(folders)
            self._ask_at = -math.inf if self._armed else self.clock() + UNTOLD_S
        return self._armed

    def _disarm(self) -> None:
        if self._armed and self.watch is not None:
            self.watch.disarm()
        self._armed = False

    def _folders(self) -> set[Path] | None:
        """Return where something may change: open runs and where new ones begin; None: anywhere."""
        found = {
            path
            for path, run in self._runs.items()
            if not (run.report is not None and run.report.ended) and not self.is_over(path)
        }
        for said in map(Path, self.paths):
            if not said.is_dir():
                return None
            found.add(said)
            if said not in self._runs:
                inner = (said / "wandb", said / ".wandb")
                found.update(folder for folder in inner if folder.is_dir())
        return found

    @property
    def _is_sent(self) -> bool:
        return all(run.sizes is not None and run.sizes == run.tried for run in self._runs.values())

    def _grown(self) -> dict[Path, Sizes]:
        """Return the run directories that have something new, with the sizes of their logs."""
        began = self.clock()
        grown: dict[Path, Sizes] = {}
        for path in find_run_dirs(self.paths).run_dirs:
            run = self._runs.setdefault(path, _Followed())
            try:
                sizes = sizes_of(log_files(path))
            except OSError:
                continue  # moved or removed just now; once it is there again, so are its records
            if sizes != run.sizes and (sizes != run.tried or self.clock() >= run.again_at):
                grown[path] = sizes
        self._look_s = self.clock() - began
        return grown

    def _take(self, report: SyncReport, grown: Mapping[Path, Sizes]) -> None:
        self._failures = self._failures + 1 if report.target_error else 0
        for said in report.runs:
            run = self._runs[said.path]
            run.tried = grown[said.path]
            if said.status in SENT:
                run.sizes, run.over = run.tried, False
            else:
                # A target that does not answer is left alone as a whole.
                run.again_at = self.clock() + (0 if self._failures else AGAIN_S)
            run.report = said if run.report is None else _together(run.report, said)

    def _is_done(self) -> bool:
        """Tell whether nothing more will come, and the target has it or does not take it."""
        # A process that is known to be gone now may have written since its logs were looked at.
        was_over = all(run.over for run in self._runs.values())
        for path, run in self._runs.items():
            ended = run.report is not None and run.report.ended
            run.over = run.over or ended or self.is_over(path)
        if not was_over:
            self._over_since = None
            return False
        if self._is_sent:
            return True
        if self._over_since is None:
            self._over_since = self.clock()
        return self.clock() - self._over_since >= self.patience_s

    def _pause_s(self) -> float:
        if self._failures:
            return float(min(LONGEST_PAUSE_S, self.every_s * 2**self._failures))
        return max(self.every_s, MOST_OF_THE_TIME * self._look_s)

    def _long_pause_s(self) -> float:
        # Nobody tells of a process that was killed, nor when to try again what could not be sent.
        longest = QUIET_S if self.until_finished else SELDOM_S if self._is_sent else AGAIN_S
        left_s = self.options.brake.left_s - self.every_s
        return max(self.every_s, min(longest, left_s))


def _together(before: RunReport, said: RunReport) -> RunReport:
    """Return what two passes did for a run together."""
    damage = before.damage + said.damage
    status = said.status
    if status in {"synced", "nothing_new"}:
        status = "damaged" if damage else "synced" if before.records else status
    return replace(
        said,
        status=status,
        records=before.records + said.records,
        points=before.points + said.points,
        size=before.size + said.size,
        damage=damage,
        known=[loss for loss in said.known if loss not in damage],
    )
