"""The run as user code sees it: a façade, every method of which hands its work on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from airtape.alerts import AlertLevel, Alerts
from airtape.config import Config
from airtape.disabled import DisabledLifecycle, DisabledLog
from airtape.errors import InvalidDataError, UsageError
from airtape.later import not_yet_error
from airtape.lifecycle import Lifecycle
from airtape.metric import Metric, define
from airtape.notebook import show_html
from airtape.record_log import finished_error
from airtape.records import HistoryFlag, Kind, Plain
from airtape.run_code import CodeMethods
from airtape.run_later import LaterMethods, T
from airtape.run_save import SaveMethods
from airtape.runlog import RunLog
from airtape.settings import Settings
from airtape.status import RunStatus
from airtape.steps import MAX_STEP, dropped_text, step_number
from airtape.summary import KeyPath, Summary
from airtape.terminal import Terminal
from airtape.values import NUMBERS, history_data, is_flat_plain

if TYPE_CHECKING:
    from typing_extensions import Self

_STEP_GIVEN = int(HistoryFlag.STEP_GIVEN)
_COMMITS = {
    False: int(HistoryFlag.COMMIT_GIVEN),
    True: int(HistoryFlag.COMMIT_GIVEN | HistoryFlag.COMMIT_TRUE),
}


class Run(CodeMethods, SaveMethods, LaterMethods):
    """One run: what is logged goes to its transaction log at once.

    Runs are made by `airtape.init`; the class is there for ``isinstance`` and for types.

    Raises:
        UsageError: Always, when a program calls it.
    """

    _terminal: Terminal
    _alerts: Alerts

    def __init__(
        self,
        settings: Settings,
        config: dict[str, Any] | None = None,
        sweep_config: dict[str, Any] | None = None,
        launch_config: dict[str, Any] | None = None,
    ) -> None:
        raise UsageError("runs are made by init()", hint="write run = airtape.init(...)")

    @classmethod
    def made_of(
        cls,
        log: RunLog | DisabledLog,
        lifecycle: Lifecycle | DisabledLifecycle,
        settings: Settings,
        terminal: Terminal,
        *,
        allow_val_change: bool = False,
    ) -> Run:
        """Return a run that hands on what it is told to these; called by ``init``."""
        run = cls.__new__(cls)
        record = log.record
        vars(run).update(
            _log=log,
            _lifecycle=lifecycle,
            _settings=settings,
            _terminal=terminal,
            _config=Config(
                partial(record, Kind.CONFIG, call="_config_callback"),
                warn=terminal.warn,
                allow_val_change=allow_val_change,
            ),
            _summary=_summary_of(log),
            _alerts=Alerts(partial(record, Kind.ALERT, call="alert"), log.redaction, terminal),
        )
        lifecycle.before_end.append(run.config.record_mutations)
        return run

    def log(  # noqa: C901 - in one piece, because a call costs time in every step
        self,
        data: Mapping[str, Any],
        step: int | None = None,
        commit: bool | None = None,
        sync: bool | None = None,
    ) -> None:
        """Record values; when this returns, they survive the death of the process.

        Args:
            data: Values by name; nested dictionaries, arrays and so on are allowed.
            step: The step they belong to; the current one by default. Data for a step that is over
                are kept in the log but are no part of the history; a warning says so.
            commit: Whether the step is complete with this call. By default it is, unless ``step``
                is given.
            sync: Retired, without effect.

        Raises:
            InvalidDataError: The data cannot be recorded (also a ValueError and a TypeError).
            UsageError: The run is finished.
        """
        if sync is not None:
            self._terminal.warn_once("sync", "log(sync=...) is retired and has no effect")
        flags = 0
        if step is not None:
            if type(step) is not int or not -MAX_STEP <= step <= MAX_STEP:
                step = step_number(step)
            flags = _STEP_GIVEN
        if commit is not None:
            flags |= _COMMITS[bool(commit)]
        is_flat = type(data) is dict
        if is_flat:
            try:
                for name, value in data.items():
                    # Nearly always a float, which is told apart sooner than what is in a set.
                    if type(name) is not str or (
                        type(value) is not float and type(value) not in NUMBERS
                    ):
                        is_flat = False
                        break
            except RuntimeError:
                # Another thread adds to the dictionary.
                is_flat = False
        if is_flat:
            current = self._log.history(step, flags, data, flat=True)  # type: ignore[arg-type]  # a dict
        else:
            current = self._log_plain(step, flags, data)
        if current is not None and step is not None:
            self._terminal.warn(dropped_text(step, current))

    def define_metric(
        self,
        name: str,
        step_metric: str | Metric | None = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | None = None,
        goal: str | None = None,
        overwrite: bool | None = None,
    ) -> Metric:
        """Say how a metric, or all that match a glob, is summarised and drawn.

        Args:
            name: The metric's name, nested ones joined with dots; or a glob that ends in ``*``.
            step_metric: The metric that is its x axis.
            step_sync: Whether rows that lack the step metric get its last value; True by default
                when there is a step metric.
            hidden: Whether it is left out of plots.
            summary: One or several of ``min, max, mean, first, last, best, none``, with commas.
            goal: ``minimize`` (the default) or ``maximize``, for ``best``.
            overwrite: Whether this definition replaces an earlier one instead of adding to it.

        Raises:
            UsageError: An argument is wrong, or the run is finished.
        """
        metric = define(name, step_metric, step_sync, hidden, summary, goal)
        fields = metric.to_fields(overwrite=overwrite)
        self._log.record(Kind.METRIC, fields, call="define_metric")
        return metric

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """End the run. A second call does nothing.

        Args:
            exit_code: 0, the default, for success; anything else marks the run as failed.
            quiet: Retired, without effect; use ``Settings(quiet=True)``.

        Raises:
            InvalidDataError: The exit code is no integer; the run goes on.
        """
        if quiet is not None:
            self._terminal.warn_once(
                "quiet", "finish(quiet=...) is retired; use settings={'quiet': True}"
            )
        self._lifecycle.finish(exit_code)

    def join(self, exit_code: int | None = None) -> None:
        """End the run: the retired name of `finish`."""
        self._terminal.warn_once("join", "join() is retired; use finish()")
        self.finish(exit_code)

    def detach(self) -> None:
        """Do nothing: no other process stands behind a run that it could be detached from."""

    def status(self) -> RunStatus:
        """Return how the run stands: what waits, what is lost, what the disk said."""
        return self._lifecycle.status

    def alert(
        self,
        title: str,
        text: str,
        level: str | AlertLevel | None = None,
        wait_duration: float | timedelta | None = None,
    ) -> None:
        """Tell people about something: it is kept in the log and said once on the terminal.

        Args:
            title: At most 63 characters; a longer one is shortened, with a warning.
            text: What there is to say.
            level: ``INFO`` (the default), ``WARN`` or ``ERROR``.
            wait_duration: Seconds, or a time span, in which further alerts of this title are
                recorded but not said; 60 by default.

        Raises:
            UsageError: The level is none of the three, or the run is finished.
            InvalidDataError: The duration is none.
        """
        self._alerts.send(title, text, level, wait_duration)

    def write_logs(self, text: str) -> None:
        """Add text to the run's output without printing it, also where output is not recorded.

        Args:
            text: One line or several; the last one is complete without a line break, too.

        Raises:
            InvalidDataError: It is no text.
            UsageError: The run is finished.
        """
        if not isinstance(text, str):
            raise InvalidDataError(
                f"write_logs() takes text, not {type(text).__name__}", hint="pass str(value)"
            )
        self._lifecycle.write_logs(text)

    def mark_preempting(self) -> None:
        """Record that the machine is about to be taken away; all records so far are on disk then.

        Raises:
            UsageError: The run is finished.
        """
        self._log.record(Kind.PREEMPTING, call="mark_preempting")
        self._log.sync()

    def to_html(self, height: int = 420, hidden: bool = False) -> str:
        """Return a frame of HTML that shows the run as it is at this moment.

        It holds a page that needs no network: what the run is, its config, its summary, its metrics
        as charts, the end of its output. All of the run's log is read for it.

        Args:
            height: Its height in pixels.
            hidden: Whether a button stands there until somebody presses it.
        """
        from airtape.live_page import live_page  # noqa: PLC0415 - few programs show their runs
        from airtape.run_page import frame  # noqa: PLC0415 - see above

        return frame(live_page(self._log, self._lifecycle), height=height, hidden=hidden)

    def display(self, height: int = 420, hidden: bool = False) -> bool:
        """Show the run below the cell of a notebook; tell whether this is a notebook.

        Args:
            height: Height of what is shown, in pixels.
            hidden: Whether a button stands there until somebody presses it.
        """
        return show_html(self.to_html(height, hidden))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> Literal[False]:
        self._lifecycle.leave(exc_val, "with")
        return False

    def when_ended_well(self, step: Callable[[], None]) -> None:
        """Have something done after the run has ended with exit code 0."""
        self._lifecycle.after_good_end.append(step)

    def warn(self, text: str) -> None:
        """Write a warning where the run writes its own, once of each text."""
        self._terminal.warn_once(text, text)

    def note_returned(self) -> None:
        """Say that ``init`` returned this run instead of starting one."""
        self._terminal.info(
            f"init() returned the active run {self.id}; finish it first, or pass reinit=True, "
            "to start another"
        )

    def _log_plain(self, step: int | None, flags: int, data: object) -> int | None:
        is_flat = is_flat_plain(data)
        plain = data if is_flat else history_data(data)
        return self._log.history_with_texts(step, flags, plain, flat=is_flat)  # type: ignore[arg-type]  # plain by now

    def _later(self, call: str, of_disabled: T) -> T:
        if self.disabled:
            return of_disabled
        if self._log.is_closed:
            raise finished_error(self.id, call)
        raise not_yet_error(f"Run.{call}()")

    def _label(self, repo: str | None = None, code: str | None = None, **said: Any) -> None:
        """Do nothing: by this call of W&B's own libraries tell which of them is at work."""


def _summary_of(log: RunLog | DisabledLog) -> Summary:
    def record(values: list[tuple[KeyPath, Plain]], removed: list[KeyPath]) -> None:
        said = [[list(path), value] for path, value in values]
        gone = [list(path) for path in removed]
        log.record(Kind.SUMMARY, said, gone, call="_summary_update_callback")

    return Summary(lambda: log.summary, record, log.whole)
