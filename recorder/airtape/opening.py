"""Making the run directory and the log of a new run, where they can be made."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path
from time import time_ns
from typing import Final, NamedTuple

from airtape.beginning import Origin
from airtape.errors import Error
from airtape.fallback import Fallback, fallbacks
from airtape.large_values import LargeValues
from airtape.names import generate_id
from airtape.new_rundir import create_run_dir, discard_run_dir
from airtape.redaction import of_this_process
from airtape.rundir import RunDir
from airtape.runlog import RunLog
from airtape.segments import Segments
from airtape.settings import Settings
from airtape.terminal import Terminal

_FILE_MODE: Final = 0o664
"""Whatever the umask says, never writable for everybody."""

_SAID_BY_PROGRAMS: Final = frozenset({"alert", "config", "history", "run", "summary"})
"""Where a secret is news to its user."""


class Opened(NamedTuple):
    """A new run's directory and log.

    Attributes:
        run_dir: The directory.
        log: The log.
        note: Writes a line to the run's ``debug.log``, if it can be written.
        report: The same, and warns on the terminal, once of each thing.
        discard: Removes everything again.
    """

    run_dir: RunDir
    log: RunLog
    note: Callable[[str], None]
    report: Callable[[str], None]
    discard: Callable[[], None]


def open_somewhere(base: Path, settings: Settings, terminal: Terminal, origin: Origin) -> Opened:
    """Open a run below ``base``, or else where its data are best kept instead.

    Raises:
        Error: No place takes them, or ``on_error`` says to raise.
    """
    others = [] if settings.on_error == "raise" else fallbacks(settings, os.environ)
    first_error: OSError | None = None
    for place in (Fallback(base, ""), *others):
        try:
            opened = _open(place.base, settings, terminal, origin)
        except OSError as error:
            first_error = first_error or error
            continue
        if first_error is not None:
            because = first_error.strerror or str(first_error)
            remark = f" ({place.remark})" if place.remark else ""
            terminal.warn(f"{base} cannot be written ({because})")
            terminal.warn(f"the run is recorded in {opened.run_dir.root} instead{remark}")
        return opened
    raise Error(
        "the run directory cannot be made",
        where=str(base),
        because=str(first_error),
        hint="give another directory: dir=... or TRACKER_DIR",
    ) from first_error


def _open(base: Path, settings: Settings, terminal: Terminal, origin: Origin) -> Opened:
    """Make a run directory with its log.

    Raises:
        OSError: They cannot be made; nothing of them stays.
    """
    run_id = origin.run_id or settings.run_id or generate_id()
    now = datetime.now().astimezone()
    with ExitStack() as undo:
        run_dir = create_run_dir(base, run_id, now, file_mode=settings.file_mode)
        undo.callback(discard_run_dir, run_dir)
        write = _debug_log(run_dir, settings.file_mode)

        def note(text: str) -> None:
            write(redaction(text, "debug.log"))

        def report(text: str) -> None:
            terminal.warn_once(text, text)
            note(text)

        def tell_of_secret(where: str, what: str) -> None:
            write(f"taken out of {where}: {what}")
            if where.partition(".")[0] in _SAID_BY_PROGRAMS:
                terminal.warn_once(
                    "redaction",
                    f"{where} holds a secret ({what}), which is not recorded; "
                    "the metadata of the run list all of them",
                )

        redaction = of_this_process(wanted=not settings.disable_redaction, on_news=tell_of_secret)
        segments = Segments(run_dir, settings, report)
        wall_ns = time_ns()
        log = RunLog(
            segments.open_first(wall_ns, origin),
            large=LargeValues(
                run_dir.blobs,
                file_mode=settings.file_mode,
                report=report,
                at_once=not settings.fsync_interval,
            ),
            began_ns=wall_ns,
            start_step=origin.start_step,
            open_segment=segments.open_child,
            fallbacks=[
                place.base / "wandb" / run_dir.root.name
                for place in fallbacks(settings, os.environ)
            ],
            redaction=redaction,
        )
        undo.callback(log.writer.abandon)
        log.checkpoint()
        return Opened(run_dir, log, note, report, undo.pop_all().close)


def _debug_log(run_dir: RunDir, file_mode: int | None) -> Callable[[str], None]:
    path = run_dir.logs / "debug.log"
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    mode = _FILE_MODE if file_mode is None else file_mode

    def note(text: str) -> None:
        stamp = datetime.now().astimezone().isoformat(timespec="milliseconds")
        with suppress(OSError), os.fdopen(os.open(path, flags, mode), "ab") as file:
            file.write(f"{stamp} {text}\n".encode("utf-8", "replace"))

    return note
