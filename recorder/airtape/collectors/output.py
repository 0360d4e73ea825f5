"""Whether and how the output of a program is recorded with a run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from airtape.collectors.console import Console, Source
from airtape.collectors.streams import WrappedStreams
from airtape.loading import loading
from airtape.notebook import in_notebook
from airtape.rundir import RunDir
from airtape.runlog import RunLog
from airtape.settings import Settings

if TYPE_CHECKING:
    from airtape.collectors.output_file import OutputFile


def console_of(
    log: RunLog, run_dir: RunDir, settings: Settings, note: Callable[[str], None]
) -> Console:
    """Return what records the output of the program, not started yet.

    Where nobody wants that it takes only what the program gives to the run itself.

    Args:
        log: The run's log.
        run_dir: Its directory.
        settings: What it is told.
        note: Writes a line to ``debug.log``.
    """
    # Names and paths stand in what programs say, and in nearly every traceback.
    is_unwanted = settings.anonymous == "must" and "console" not in settings.said
    is_deaf = settings.disable_console or settings.console == "off" or is_unwanted
    source = None if is_deaf else _source(settings, note)
    open_file = None
    if log.header.role != "shared":
        open_file = partial(_output_file, run_dir.files, settings.file_mode)
    return Console(log, source, open_file, note)


def _source(settings: Settings, note: Callable[[str], None]) -> Source:
    # What the descriptors of a notebook's process get is not what somebody sees.
    if settings.console != "redirect" or in_notebook():
        return WrappedStreams(note)
    from airtape.collectors.descriptors import RedirectedDescriptors  # noqa: PLC0415 - few want it

    return RedirectedDescriptors(note)


def _output_file(folder: Path, file_mode: int | None) -> OutputFile:
    with loading():
        # Beside the training, when there is something to be written.
        from airtape.collectors.output_file import OutputFile  # noqa: PLC0415 - see above
    return OutputFile(folder, file_mode=file_mode)
