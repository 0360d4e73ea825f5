"""The runs of this process: opening them, the current one, and their end with the program."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import time_ns
from types import TracebackType
from typing import Any, NoReturn

from airtape.disabled import DisabledLifecycle, DisabledLog
from airtape.errors import Error, NotAvailableYetError, UsageError
from airtape.fallback import Fallback, fallbacks
from airtape.keeper import Keeper
from airtape.lifecycle import INTERRUPTED, Lifecycle, exit_code_of
from airtape.names import generate_id, generate_name
from airtape.process import this_process
from airtape.records import Kind, Plain
from airtape.run import Run
from airtape.rundir import RunDir, count_runs, create_run_dir
from airtape.runlog import RunLog
from airtape.segments import Segments
from airtape.settings import Settings, load_settings, login_name
from airtape.terminal import Place, Terminal, start_lines

UNCATEGORIZED = "uncategorized"


@dataclass(frozen=True, slots=True)
class _Ending:
    """What the program is about to end with."""

    code: int
    cause: dict[str, Plain]


class Session:
    """All runs of this process.

    Attributes:
        run: The current run, None when there is none.
    """

    def __init__(self) -> None:
        self.run: Run | None = None
        self._open: dict[Lifecycle, Run] = {}
        self._ending = _Ending(0, {"how": "exit"})
        self._hooked = False

    def open_run(
        self,
        settings: Settings,
        config: Mapping[str, Any],
        *,
        allow_val_change: bool = False,
        make_current: bool = True,
    ) -> Run:
        """Start a run by these settings.

        Raises:
            Error: The run directory cannot be made or written.
        """
        cwd = Path.cwd()
        base = Path(settings.dir) if settings.dir else cwd
        terminal = Terminal(quiet=settings.quiet, silent=settings.silent)
        for notice in settings.notices:
            terminal.warn(notice)
        number = count_runs(base) + 1
        run_dir, log, report = _open_somewhere(base, settings, terminal)
        keeper = Keeper(
            log,
            sync_every=settings.fsync_interval,
            beat_every=settings.heartbeat_interval,
            checkpoint_every=settings.checkpoint_interval,
            report=report,
        )
        lifecycle = Lifecycle(run_dir, log, keeper, terminal, cwd=cwd, on_end=self._forget)
        log.record(Kind.RUN, _described(settings, settings.name or generate_name(number)))
        run = Run(log, lifecycle, settings, terminal, allow_val_change=allow_val_change)
        if config:
            run.config.update(config)
        # Whatever is recorded from here on is a change; a reader tells it by the place.
        log.record(Kind.METADATA, _metadata())
        keeper.start()
        self._hook()
        self._open[lifecycle] = run
        if make_current:
            self.run = run
        place = Place(run.name or run.id, run_dir.root, cwd)
        terminal.info(start_lines(place, mode=run.mode))
        return run

    def open_disabled(
        self, settings: Settings, config: Mapping[str, Any], *, allow_val_change: bool = False
    ) -> Run:
        """Start a run that records nothing."""
        run_id = settings.run_id or generate_id()
        log = DisabledLog(run_id)
        log.record(Kind.RUN, _described(settings, settings.name or f"dummy-{run_id}"))
        lifecycle = DisabledLifecycle(run_id, self._forget_disabled)
        run = Run(
            log, lifecycle, settings, Terminal(silent=True), allow_val_change=allow_val_change
        )
        if config:
            run.config.update(config)
        self.run = run
        return run

    def _forget_disabled(self) -> None:
        if self.run is not None and self.run.disabled:
            self.run = None

    def finish_all(self) -> None:
        """End every open run, the newest first."""
        for lifecycle in reversed(list(self._open)):
            lifecycle.finish()

    def _forget(self, lifecycle: Lifecycle) -> None:
        run = self._open.pop(lifecycle, None)
        if run is self.run:
            self.run = None

    def _hook(self) -> None:
        """Learn of the end of the program, however it comes."""
        if self._hooked:
            return
        self._hooked = True
        atexit.register(self._at_exit)
        os.register_at_fork(after_in_child=self._after_fork)
        previous_hook, previous_exit = sys.excepthook, sys.exit

        def note_exception(
            kind: type[BaseException], error: BaseException, trace: TracebackType | None
        ) -> None:
            self._ending = _ending_of(error)
            previous_hook(kind, error, trace)

        def note_exit(code: object = None, /) -> NoReturn:
            self._ending = _Ending(exit_code_of(code), {"how": "exit"})
            previous_exit(code)  # type: ignore[arg-type]  # whatever the program said

        sys.excepthook = note_exception
        sys.exit = note_exit

    def _at_exit(self) -> None:
        for lifecycle in reversed(list(self._open)):
            lifecycle.end(self._ending.code, self._ending.cause)

    def _after_fork(self) -> None:
        for lifecycle in self._open:
            lifecycle.after_fork()


def _ending_of(error: BaseException) -> _Ending:
    if isinstance(error, KeyboardInterrupt):
        return _Ending(INTERRUPTED, {"how": "signal", "signal": "SIGINT"})
    return _Ending(1, {"how": "exception", "exception": type(error).__name__})


def _described(settings: Settings, name: str) -> dict[str, Plain]:
    said: dict[str, Plain] = {
        "name": name,
        "project": settings.project or UNCATEGORIZED,
        "entity": settings.entity or login_name(os.environ),
        "notes": settings.notes,
        "tags": list(settings.tags),
        "group": settings.group,
        "job_type": settings.job_type,
    }
    return {key: value for key, value in said.items() if value is not None}


def _metadata() -> dict[str, Plain]:
    system = os.uname()
    return {
        "host": this_process().host,
        "user": login_name(os.environ),
        "os": f"{system.sysname} {system.release} {system.machine}",
        "python": ".".join(map(str, sys.version_info[:3])),
        "executable": sys.executable,
        "program": sys.argv[0] if sys.argv else "",
    }


def _open_somewhere(
    base: Path, settings: Settings, terminal: Terminal
) -> tuple[RunDir, RunLog, Callable[[str], None]]:
    """Open a run below ``base``, or else where its data are best kept instead.

    Raises:
        Error: No place takes them, or ``on_error`` says to raise.
    """
    others = [] if settings.on_error == "raise" else fallbacks(settings, os.environ)
    first_error: OSError | None = None
    for place in (Fallback(base, ""), *others):
        try:
            opened = _open(place.base, settings, terminal)
        except OSError as error:
            first_error = first_error or error
            continue
        if first_error is not None:
            because = first_error.strerror or str(first_error)
            remark = f" ({place.remark})" if place.remark else ""
            terminal.warn(f"{base} cannot be written ({because})")
            terminal.warn(f"the run is recorded in {opened[0].root} instead{remark}")
        return opened
    raise Error(
        "the run directory cannot be made",
        where=str(base),
        because=str(first_error),
        hint="give another directory: dir=... or TRACKER_DIR",
    ) from first_error


def _open(
    base: Path, settings: Settings, terminal: Terminal
) -> tuple[RunDir, RunLog, Callable[[str], None]]:
    """Make a run directory with its log.

    Raises:
        OSError: They cannot be made.
    """
    run_id = settings.run_id or generate_id()
    now = datetime.now().astimezone()
    run_dir = create_run_dir(base, run_id, now, file_mode=settings.file_mode)
    report = _reporter(run_dir, terminal)
    segments = Segments(run_dir, settings, report)
    wall_ns = time_ns()
    log = RunLog(
        segments.open_first(wall_ns),
        blobs=run_dir.blobs,
        began_ns=wall_ns,
        open_segment=segments.open_child,
        fallbacks=[
            place.base / "wandb" / run_dir.root.name for place in fallbacks(settings, os.environ)
        ],
    )
    log.checkpoint()
    return run_dir, log, report


def _reporter(run_dir: RunDir, terminal: Terminal) -> Callable[[str], None]:
    """Return what trouble is told to: the terminal, and the run's ``debug.log`` if it can be."""
    path = run_dir.logs / "debug.log"

    def report(text: str) -> None:
        terminal.warn_once(text, text)
        stamp = datetime.now().astimezone().isoformat(timespec="milliseconds")
        with suppress(OSError), path.open("a", encoding="utf-8", errors="replace") as file:
            file.write(f"{stamp} {text}\n")

    return report


def settings_for(
    arguments: Mapping[str, Any], settings: Settings | Mapping[str, Any] | None
) -> Settings:
    """Return the settings that ``init`` was called with.

    Raises:
        UsageError: One of them is wrong.
        NotAvailableYetError: The mode is one that this version does not have.
    """
    found = load_settings(arguments, settings=settings, environ=os.environ, cwd=Path.cwd())
    if found.mode in {"online", "shared"}:
        raise NotAvailableYetError(
            f"mode={found.mode!r} is not available in this version",
            hint='record with mode="offline" and run `tracker sync` beside or after the training',
        )
    if found.resume is not None:
        raise NotAvailableYetError(
            f"resume={found.resume!r} is not available in this version",
            hint="leave resume unset: a new run is started",
        )
    return found


def no_run_error(what: str) -> UsageError:
    """Return the error for a call that needs a run when there is none."""
    return UsageError(f"You must call wandb.init() before {what}")


session = Session()
