"""The runs of this process: opening them, the current one, and their end with the program."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airtape.assembly import assembled, follower_of
from airtape.beginning import Origin
from airtape.collectors.system import system_metrics
from airtape.disabled import DisabledLifecycle, DisabledLog
from airtape.errors import UsageError
from airtape.integrations import take_in
from airtape.introduction import (
    begun,
    described,
    entity_of,
    metadata,
    path_of,
    project_of,
    working_directory,
)
from airtape.lifecycle import Lifecycle
from airtape.names import generate_id
from airtape.open_runs import OpenRuns
from airtape.opening import Opened, open_somewhere
from airtape.records import Kind, Plain
from airtape.run import Run
from airtape.rundir import wandb_dir
from airtape.settings import Settings
from airtape.settings_sources import load_settings
from airtape.signals import interrupts_held
from airtape.stop_request import LOOK_EVERY_S, StopRequest
from airtape.terminal import Place, Terminal, start_lines
from airtape.values import text_in_utf8

if TYPE_CHECKING:
    pass


class Session:
    """All runs of this process.

    Attributes:
        run: The current run, None when there is none.
    """

    def __init__(self) -> None:
        self.run: Run | None = None
        self._runs: dict[Lifecycle | DisabledLifecycle, Run] = {}
        self._open = OpenRuns()

    def open_run(
        self,
        settings: Settings,
        config: Mapping[str, Any],
        *,
        sweep: Mapping[str, Any],
        allow_val_change: bool = False,
        make_current: bool = True,
        resume_from: str | None = None,
        fork_from: str | None = None,
    ) -> Run:
        """Start a run by these settings; nothing stays of one that cannot be started.

        Raises:
            UsageError: What it shall begin from contradicts itself, or is not there; or the run was
                deleted.
            Error: The run directory cannot be made or written.
        """
        cwd = working_directory()
        # Absolute, for the program may go elsewhere while the run goes on.
        base = cwd / settings.dir if settings.dir else cwd
        terminal = Terminal(quiet=settings.quiet, silent=settings.silent)
        for notice in settings.notices:
            terminal.warn(notice)
        folder = wandb_dir(base)
        origin = self._origin(
            settings, folder, terminal, resume_from=resume_from, fork_from=fork_from
        )
        undo = ExitStack()
        try:
            with interrupts_held():
                opened = open_somewhere(base, settings, terminal, origin)
                undo.callback(opened.discard)
                about = text_in_utf8(opened.log.redaction.data(metadata(settings), "metadata"))
                run, lifecycle = self._begin(
                    opened, settings, terminal, undo, allow_val_change, about
                )
                inherited = origin.inheritance
                if inherited is not None:
                    from airtape.inheritance import take_over  # noqa: PLC0415 - most have nothing

                    take_over(opened.log, inherited)
                    run.config.restore_recorded(inherited.config)
                opened.log.record(Kind.RUN, begun(settings, origin, base))
                if config:
                    run.config.update(config, allow_val_change=inherited is not None or None)
                run.config.update_locked(sweep, user="sweep", _allow_val_change=True)
                # Whatever is recorded from here on is a change; a reader tells it by the place.
                opened.log.record(Kind.METADATA, about)
                if make_current:
                    self.run = run
            if settings.resume == "auto" and origin.shared is None:
                self._remember(folder, run, terminal)
            place = Place(run.name or run.id, opened.run_dir.root, cwd)
            terminal.info(start_lines(place, mode=run.mode, resumed=run.resumed))
            # Last, for it looks around in the run directory, which must not be taken back then.
            lifecycle.begin()
        except BaseException:
            undo.close()
            raise
        return run

    @property
    def latest(self) -> Run | None:
        """The open run that was started last; None if none is open."""
        return next(reversed(self._runs.values()), None)

    def _origin(
        self,
        settings: Settings,
        folder: Path,
        terminal: Terminal,
        *,
        resume_from: str | None,
        fork_from: str | None,
    ) -> Origin:
        """Return what a run begins from; most begin from nothing.

        Raises:
            UsageError: What it shall begin from contradicts itself, or is not there; or the run is
                open in this process, or was deleted.
        """
        shared = None
        if settings.mode == "shared":
            from airtape.shared import part_of  # noqa: PLC0415 - most runs have one writer

            shared = part_of(
                settings,
                entity=entity_of(settings) or "",
                project=project_of(settings),
                environ=os.environ,
            )
        origin = Origin(shared=shared)
        if any(said is not None for said in (settings.resume, resume_from, fork_from)):
            # What reads logs takes long to load.
            from airtape.origin import find_origin  # noqa: PLC0415 - see above

            origin = find_origin(
                settings,
                resume_from=resume_from,
                fork_from=fork_from,
                folder=folder,
                warn=terminal.warn,
                shared=shared,
            )
        run_id = origin.run_id or settings.run_id
        if shared is None:
            self._refuse_open(run_id)
        if run_id is not None:
            from airtape.tombstones import RunPath, refuse_deleted  # noqa: PLC0415 - most ids are new

            refuse_deleted(folder, RunPath(*path_of(settings, origin, run_id)))
        return origin

    def _refuse_open(self, run_id: str | None) -> None:
        if any(run.id == run_id and not run.disabled for run in self._runs.values()):
            raise UsageError(
                f"run ID {run_id} is in use",
                hint="finish that run first, or let both be writers of one: mode='shared'",
            )

    @staticmethod
    def _remember(folder: Path, run: Run, terminal: Terminal) -> None:
        """Let the next ``resume="auto"`` go on with this run, unless it ends well."""
        from airtape.origin import clear_auto, write_auto  # noqa: PLC0415 - as in `open_run`

        try:
            write_auto(folder, run.id)
        except OSError as error:
            terminal.warn(f"resume='auto' cannot remember this run: {error}")
        else:
            run.when_ended_well(partial(clear_auto, folder))

    def _begin(
        self,
        opened: Opened,
        settings: Settings,
        terminal: Terminal,
        undo: ExitStack,
        allow_val_change: bool,
        about: dict[str, Plain],
    ) -> tuple[Run, Lifecycle]:
        """Make a run of what was opened, and let its threads work beside it.

        Args:
            opened: Its directory and log.
            settings: What it is told.
            terminal: Where it says what it has to say.
            undo: Gets what is to be done if it comes to nothing.
            allow_val_change: Whether config values may be changed later.
            about: What is known of the machine and the program at once.

        Returns:
            The run, and its lifecycle, which has not begun yet.
        """
        lifecycle, keeper = assembled(opened, settings, terminal, about=about, on_end=self._forget)
        undo.callback(lifecycle.stop_listening)
        undo.callback(self._forget, lifecycle)
        undo.callback(keeper.stop)
        run = Run.made_of(
            opened.log, lifecycle, settings, terminal, allow_val_change=allow_val_change
        )
        self._runs[lifecycle] = run
        self._open.add(lifecycle, opened.note)

        def stop() -> None:
            opened.report("the run was asked to stop")
            self._open.ask_to_stop(lifecycle)

        keeper.add(LOOK_EVERY_S, StopRequest(opened.run_dir.stop_request, stop).look)
        keeper.start()
        take_in(run, lifecycle, opened.report)
        if settings.mode == "online":
            lifecycle.follower = follower_of(opened, settings, terminal)
        lifecycle.measuring = system_metrics(opened.log, opened.run_dir, settings, opened.note)
        return run, lifecycle

    def open_disabled(
        self,
        settings: Settings,
        config: Mapping[str, Any],
        *,
        sweep: Mapping[str, Any],
        allow_val_change: bool = False,
        make_current: bool = True,
    ) -> Run:
        """Start a run that records nothing."""
        run_id = settings.run_id or generate_id()
        log = DisabledLog(run_id)
        log.record(Kind.RUN, described(settings, settings.name or f"dummy-{run_id}"))
        lifecycle = DisabledLifecycle(run_id, self._forget)
        run = Run.made_of(
            log, lifecycle, settings, Terminal(silent=True), allow_val_change=allow_val_change
        )
        if config:
            run.config.update(config)
        run.config.update_locked(sweep, user="sweep", _allow_val_change=True)
        self._runs[lifecycle] = run
        if make_current:
            self.run = run
        return run

    def finish_all(self, exit_code: int | None = None) -> None:
        """End every open run, the newest first.

        Raises:
            InvalidDataError: The exit code is no integer.
        """
        for lifecycle in reversed(list(self._runs)):
            lifecycle.finish(exit_code)

    def _forget(self, lifecycle: Lifecycle | DisabledLifecycle) -> None:
        if isinstance(lifecycle, Lifecycle):
            self._open.remove(lifecycle)
        run = self._runs.pop(lifecycle, None)
        if run is not None and run is self.run:
            self.run = None


def settings_for(
    arguments: Mapping[str, Any], settings: Settings | Mapping[str, Any] | None
) -> Settings:
    """Return the settings that ``init`` was called with.

    Raises:
        UsageError: One of them is wrong.
    """
    cwd = working_directory()
    return load_settings(arguments, settings=settings, environ=os.environ, cwd=cwd)


def no_run_error(what: str) -> UsageError:
    """Return the error for a call that needs a run when there is none."""
    return UsageError(f"You must call wandb.init() before {what}")


session = Session()
