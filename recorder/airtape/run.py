"""The run as user code sees it: a façade, every method of which hands its work on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from airtape.config import Config, ConfigStatic
from airtape.disabled import DisabledLifecycle, DisabledLog
from airtape.lifecycle import Lifecycle
from airtape.metric import Metric, define
from airtape.names import check_tags, check_text
from airtape.records import HistoryFlag, Kind, Plain
from airtape.runlog import RunLog
from airtape.settings import Settings
from airtape.status import RunStatus
from airtape.steps import dropped_text, step_number
from airtape.summary import Summary
from airtape.terminal import Terminal
from airtape.values import history_data, is_flat_plain

if TYPE_CHECKING:
    from typing_extensions import Self

_STEP_GIVEN = int(HistoryFlag.STEP_GIVEN)
_COMMITS = {
    False: int(HistoryFlag.COMMIT_GIVEN),
    True: int(HistoryFlag.COMMIT_GIVEN | HistoryFlag.COMMIT_TRUE),
}


class Run:
    """One run: what is logged goes to its transaction log at once.

    Runs are made by `airtape.init`.

    Attributes:
        config: The run's config.
        summary: The run's summary, kept up to date by `log`.
    """

    def __init__(
        self,
        log: RunLog | DisabledLog,
        lifecycle: Lifecycle | DisabledLifecycle,
        settings: Settings,
        terminal: Terminal,
        *,
        allow_val_change: bool = False,
    ) -> None:
        self._log = log
        self._lifecycle = lifecycle
        self._settings = settings
        self._terminal = terminal
        self.config = Config(
            self._record_config, warn=terminal.warn, allow_val_change=allow_val_change
        )
        self.summary = Summary(self._read_summary, self._record_summary)
        lifecycle.before_end.append(self.config.record_mutations)

    def log(
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
            step = step_number(step)
            flags = _STEP_GIVEN
        if commit is not None:
            flags |= _COMMITS[bool(commit)]
        flat = is_flat_plain(data)
        if not flat:
            data = history_data(data)
        current = self._log.history(step, flags, data, flat=flat)  # type: ignore[arg-type]  # plain by now
        if current is not None and step is not None:
            self._terminal.warn(dropped_text(step, current))

    def define_metric(  # noqa: PLR0917 - the signature that W&B documents
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

    def status(self) -> RunStatus:
        """Return how the run stands: what waits, what is lost, what the disk said."""
        return self._log.status

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self._lifecycle.leave(exc_val, "with")

    @property
    def id(self) -> str:
        """The run's id, unique in its project."""
        return self._lifecycle.run_id

    @property
    def name(self) -> str | None:
        """The display name; may be set."""
        return self._said_text("name")

    @name.setter
    def name(self, value: str) -> None:
        self._say("name", check_text(value, "name"))

    @property
    def notes(self) -> str | None:
        """A longer description; may be set."""
        return self._said_text("notes")

    @notes.setter
    def notes(self, value: str) -> None:
        self._say("notes", check_text(value, "notes"))

    @property
    def tags(self) -> tuple[str, ...]:
        """The labels of the run; may be set."""
        return tuple(self._log.described.get("tags", ()))

    @tags.setter
    def tags(self, value: Sequence[str]) -> None:
        self._say("tags", list(check_tags(value)))

    @property
    def project(self) -> str:
        """The project that the run belongs to."""
        return self._said_text("project") or ""

    @property
    def entity(self) -> str:
        """The user or team that the run belongs to."""
        return self._said_text("entity") or ""

    @property
    def path(self) -> str:
        """``entity/project/id``."""
        return f"{self.entity}/{self.project}/{self.id}"

    @property
    def group(self) -> str:
        """The group that the run belongs to; empty if none."""
        return self._said_text("group") or ""

    @property
    def job_type(self) -> str:
        """The run's part in its group; empty if none."""
        return self._said_text("job_type") or ""

    @property
    def step(self) -> int:
        """The current step: where the next `log` without a step goes."""
        return self._log.step

    @property
    def starting_step(self) -> int:
        """The first step of this run."""
        return self._log.header.start_step

    @property
    def start_time(self) -> float:
        """When the run began, in seconds since 1970."""
        return (self._log.fold.began_ns or 0) / 1e9

    @property
    def dir(self) -> str:
        """The directory for files that belong to the run."""
        return str(self._lifecycle.run_dir.files)

    @property
    def sync_dir(self) -> str:
        """The run directory: what ``tracker sync`` takes."""
        return str(self._lifecycle.run_dir.root)

    @property
    def config_static(self) -> ConfigStatic:
        """The config as it is at this moment; it cannot be changed."""
        return ConfigStatic(self.config)

    @property
    def settings(self) -> Settings:
        """The settings of the run, frozen."""
        return self._settings

    @property
    def mode(self) -> str:
        """``offline``, ``online`` or ``shared``."""
        return self._settings.mode or "offline"

    @property
    def resumed(self) -> bool:
        """Whether the run goes on with an earlier one."""
        return self._log.header.resumed

    @property
    def offline(self) -> bool:
        """Whether nothing is sent while the run goes on."""
        return self.mode == "offline"

    @property
    def disabled(self) -> bool:
        """Whether nothing is recorded."""
        return self.mode == "disabled"

    @property
    def url(self) -> str | None:
        """The run's address at its target; None without one."""
        return None

    def when_ended_well(self, step: Callable[[], None]) -> None:
        """Have something done after the run has ended with exit code 0."""
        self._lifecycle.after_good_end.append(step)

    def note_returned(self) -> None:
        """Say that ``init`` returned this run instead of starting one."""
        self._terminal.info(
            f"init() returned the active run {self.id}; finish it first, or pass reinit=True, "
            "to start another"
        )

    def __repr__(self) -> str:
        return f"<Run {self.path} in {Path(self.sync_dir).name}>"

    def _said_text(self, key: str) -> str | None:
        said = self._log.described.get(key)
        return said if isinstance(said, str) else None

    def _say(self, key: str, value: Plain) -> None:
        self._log.record(Kind.RUN, {key: value}, call=key)

    def _record_config(self, values: dict[str, Plain], removed: list[str]) -> None:
        self._log.record(Kind.CONFIG, values, removed, call="_config_callback")

    def _read_summary(self) -> dict[str, Plain]:
        return self._log.summary

    def _record_summary(
        self, values: list[tuple[tuple[str, ...], Plain]], removed: list[tuple[str, ...]]
    ) -> None:
        said = [[list(path), value] for path, value in values]
        gone = [list(path) for path in removed]
        self._log.record(Kind.SUMMARY, said, gone, call="_summary_update_callback")
