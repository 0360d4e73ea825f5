"""How a run ends: once, with its exit recorded, and with a few lines on the terminal."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING

from airtape.collectors.console import Console
from airtape.collectors.system import SystemMetrics
from airtape.ending import Ending, ending_of, traceback_of
from airtape.errors import InvalidDataError
from airtape.fold.fold import Fold
from airtape.fold.keys import Key
from airtape.keeper import Keeper
from airtape.metadata import Metadata
from airtape.notebook import executed_cells
from airtape.record_log import finished_error
from airtape.records import Plain
from airtape.rundir import RunDir
from airtape.runlog import RunLog
from airtape.saved_files import SavedFiles
from airtape.status import RunStatus
from airtape.terminal import FileCounts, Place, Terminal, end_lines
from airtape.txlog.trouble import within
from airtape.txlog.writer import END_WAIT_S

if TYPE_CHECKING:
    from airtape.collectors.tensorboard import TensorboardSync
    from airtape.online import Follower

LOCK_WAIT_S = 1.0
"""Seconds that a dying process waits for the thread that is recording something."""


class Lifecycle:
    """The end of one run, whoever brings it about.

    Args:
        run_dir: The run's directory.
        log: Its log.
        keeper: The thread that looks after the log.
        metadata: The thread that finds out about the machine, the packages and the code.
        terminal: Where the footer goes.
        saved: The files that the program gives to the run.
        cwd: The directory that paths in the footer are relative to.
        on_end: Called once when the run has ended.

    Attributes:
        run_dir: The run's directory.
        metadata: The thread that finds out about the machine, the packages and the code.
        saved: The files that the program gives to the run.
        before_end: Called, in order, before the end is recorded; must be quick, and may be called
            from a thread while a signal ends the process.
        after_good_end: Called, in order, after an end with exit code 0 is recorded.
        console: Records the output of the program; None until there is one.
        tensorboard: Records what the program writes for TensorBoard; None if nobody has asked.
        follower: Brings the run to its target while it goes on; None for a run that is offline.
        measuring: Measures the machine as the run goes on; None for nobody.
        imposed: The cause to record whatever the end looks like, if there is one: a signal that
            the program handles itself, a request to stop.
    """

    def __init__(  # noqa: PLR0913 - a run's parts meet here
        self,
        run_dir: RunDir,
        log: RunLog,
        keeper: Keeper,
        metadata: Metadata,
        terminal: Terminal,
        *,
        saved: SavedFiles,
        cwd: Path,
        on_end: Callable[[Lifecycle], None],
    ) -> None:
        self.run_dir = run_dir
        self.before_end: list[Callable[[], None]] = []
        self.after_good_end: list[Callable[[], None]] = []
        self.imposed: dict[str, Plain] | None = None
        self.console: Console | None = None
        self.measuring: SystemMetrics | None = None
        self.follower: Follower | None = None
        self.tensorboard: TensorboardSync | None = None
        self._log = log
        self._keeper = keeper
        self.metadata = metadata
        self.saved = saved
        self._terminal = terminal
        self._cwd = cwd
        self._on_end = on_end
        self._ended = False

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.run_dir.run_id

    def begin(self) -> None:
        """Start what is recorded beside what the program logs."""
        self.metadata.begin()
        if self.measuring is not None:
            self.before_end.append(self.measuring.stop)
            self.measuring.begin()
        if self.console is not None:
            self.console.start()

    def stop_listening(self) -> None:
        """Leave the program's output alone."""
        if self.console is not None:
            self.console.leave()

    def write_logs(self, text: str) -> None:
        """Add lines to the output of the program that it does not print.

        Raises:
            UsageError: The run is finished.
        """
        if self._log.is_closed:
            raise finished_error(self.run_id, "write_logs")
        if self.console is not None:
            self.console.add(text)

    def finish(self, exit_code: int | None = None) -> None:
        """End the run as the program asks.

        Raises:
            InvalidDataError: The exit code is no integer; the run goes on.
        """
        try:
            code = 0 if exit_code is None else index(exit_code)
        except TypeError as error:
            raise InvalidDataError(str(error), hint="pass exit_code=0 for success") from error
        self.end(Ending(code, {"how": "finish"}))

    def leave(self, error: BaseException | None, how: str) -> None:
        """End the run because a ``with`` block is left.

        Args:
            error: What it is left with, None for nothing.
            how: ``with``.
        """
        if self.console is not None and self.console.is_heard and isinstance(error, Exception):
            # Python says it when the run has ended.
            self.console.take("stderr", traceback_of(error))
        self.end(ending_of(error, how))

    def end(self, ending: Ending) -> None:
        """Record the end of the run; a second call does nothing."""
        if self._ended:
            return
        self._ended = True
        try:
            self._end(ending)
        except BaseException:
            # Ctrl+C, most likely: the end of the program tries once more.
            self._ended = False
            raise

    def _end(self, ending: Ending) -> None:
        self._keeper.stop()
        is_child = self._log.writer.header.role == "child" or self._log.is_forked
        if not is_child:
            if self.tensorboard is not None:
                self._attempt(self.tensorboard.finish)
            for step in self.before_end:
                self._attempt(step)
            self._attempt(self._complete_files)
        self._attempt(self.saved.finish)
        if self.console is not None:
            self._attempt(self.console.finish)
        fold = self._log.close(ending.code, self.imposed or ending.cause)
        if not is_child:
            by_signal = (self.imposed or ending.cause).get("how") == "signal"
            synced = self.follower is not None and not by_signal and self.follower.wait()
            self._terminal.info(self._footer(fold, synced=synced))
        if ending.code == 0 and self.imposed is None:
            for step in self.after_good_end:
                self._attempt(step)
        self._on_end(self)

    def _complete_files(self) -> None:
        """Wait for what is known of the run, and write what is known only now."""
        metadata = self.metadata
        if not metadata.is_wanted:
            return
        metadata.finish()
        if not metadata.writes_files:
            return
        config, summary = self._log.at_end()
        written: list[dict[str, Plain]] = []

        # Loaded already, beside the training.
        from airtape.final_files import write_final  # noqa: PLC0415 - takes longer than the end may

        def write() -> None:
            written.extend(metadata.write_what_is_known())
            written.extend(write_final(metadata.files, config, summary, self._log.whole))
            if cells := executed_cells() if metadata.keeps_code else []:
                written.append(self._keep_cells(cells))

        try:
            within(END_WAIT_S, partial(self._attempt, write))
        finally:
            if written:
                metadata.files.record(written.copy())

    def _keep_cells(self, cells: list[str]) -> dict[str, Plain]:
        """Write the cells of a notebook, and return what is to be recorded."""
        from airtape.session_history import (  # noqa: PLC0415 - most programs are no notebooks
            SESSION_FILE,
            session_notebook,
        )

        text = self.metadata.redaction.lines(session_notebook(cells), SESSION_FILE)
        data = text.encode("utf-8", "backslashreplace")
        return self.metadata.files.write(SESSION_FILE, data, "code")

    def _attempt(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - the end is recorded all the same
            self._terminal.warn(f"at the end of run {self.run_id}: {error}")

    def cut_short(self, ending: Ending) -> None:
        """Record the end of the run while the process dies: nobody else records any more.

        Called from a thread, whatever the others are doing; nothing is printed, for a terminal
        may make one wait.
        """
        self._keeper.stop()
        self.metadata.stop()
        self.saved.stop()
        if self.tensorboard is not None:
            self.tensorboard.stop()
        if self.console is not None:
            self.console.flush()
        self._log.seize(LOCK_WAIT_S)
        for step in self.before_end:
            with suppress(Exception):
                step()
        self._log.close(ending.code, ending.cause)

    @property
    def status(self) -> RunStatus:
        """How the run stands."""
        status = self._log.status
        if self.follower is None:
            return status
        state, total = self.follower.state, self._log.writer.next_seq
        pending = max(0, total - state.held)
        # A target that has the run as it is need not be asked how many records that are.
        if pending and self.follower.is_current:
            pending = 0
        return status._replace(
            sync_items_total=total,
            sync_items_pending=pending,
            sync_time=state.time or None,
            sync_error=state.error,
        )

    def _footer(self, fold: Fold, *, synced: bool) -> list[str]:
        name = str(fold.run.get("name") or self.run_id)
        lines = end_lines(
            Place(name, self.run_dir.root, self._cwd),
            history=_drawn(fold),
            summary=fold.summary,
            files=_counts(fold),
            synced=synced,
        )
        if self.follower is not None and not synced:
            left = self.status
            why = f": {left.sync_error}" if left.sync_error else ""
            lines.append(f"{left.sync_items_pending} record(s) are not synced yet{why}")
        if self.console is not None and (missing := self.console.dropped):
            lines.append(f"{missing} character(s) of output came too fast and are not recorded")
        if lost := self._log.status.dropped:
            lines.append(f"{lost} record(s) or large value(s) could not be written and are lost")
        if missing := self.metadata.failed:
            lines.append(f"{missing} thing(s) about machine or code are missing: see debug.log")
        return lines

    def after_fork(self) -> None:
        """Tell a forked child that the run is its parent's."""
        self.imposed = None
        self.follower = None
        self.tensorboard = None
        self.saved.after_fork()
        if self.console is not None:
            self.console.after_fork()
        self._keeper = self._keeper.for_child()
        self._log.after_fork(on_wake=self._keeper.start)


def _drawn(fold: Fold) -> dict[Key, list[float]]:
    """Return a few numbers of each metric to draw it with; hidden ones are not drawn."""
    history = fold.history
    found = {key: history.metrics.find(key) for key in history.traces()}
    hidden = {key for key, definition in found.items() if definition and definition.hidden}
    return {key: trace for key, trace in history.traces().items() if key not in hidden}


def _counts(fold: Fold) -> FileCounts:
    """Count the files of a run by their sorts; its log is one of its own."""
    others = sum(file.get("type") == "saved" for file in fold.files.values())
    return FileCounts(run=1 + len(fold.files) - others, other=others)
