"""The page of a run, read from its run directories as any reader reads them."""

from __future__ import annotations

import os
import re
import socket
import stat
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from airtape.curves import Curves
from airtape.file_list import list_files
from airtape.fold.metrics import Metrics
from airtape.fold.row import RUNTIME
from airtape.overview import Overview, overview_of
from airtape.overview_facts import definitions_of
from airtape.process import boot_id, process_runs
from airtape.records import Record
from airtape.rows import Report, history_of
from airtape.run_page import PageData, page
from airtape.states import Vantage
from airtape.system_samples import SystemSample, samples_in, system_of
from airtape.writers import WriterFiles, read_writers

OUTPUT: Final = "output.log"
MOST_OUTPUT: Final = 1 << 15
"""Bytes that are shown of what a run printed: the last ones."""

# Colours and titles: what a terminal obeys.
_OBEYED: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def page_of_directory(run_dir: Path) -> str:
    """Return the page of the run in a directory as it is at this moment."""
    problems: list[str] = []
    writers = read_writers(run_dir, problems)
    here = Vantage(time.time_ns(), socket.gethostname(), boot_id(), process_runs)
    overview = overview_of(run_dir, writers, here, problems)
    overview.directories = [run_dir]
    try:
        return page_of(overview, writers, problems.append, folded=True)
    except OSError as error:
        problems.append(f"a log cannot be read to its end: {error.strerror}")
        return page(PageData(overview), folded=True)


def page_of(
    run: Overview, writers: Sequence[WriterFiles], report: Report, *, folded: bool = False
) -> str:
    """Return the page of a run.

    Args:
        run: What it is.
        writers: Its writers, in the order in which they count.
        report: Told in a sentence what is damaged or cannot be read.
        folded: Whether tables are folded up.

    Raises:
        OSError: A log cannot be read.
    """
    curves, system = Curves(definitions_of(run)), _System()
    if len(writers) == 1:
        # Both are read in one pass.
        system.label = writers[0].header.label
        curves.add_rows(history_of(writers, report, others=system.take))
    else:
        curves.add_rows(history_of(writers, report))
        # What is damaged was reported when the history was read.
        system.add(system_of(writers, lambda _: None))
    files = {file.path: file for directory in run.directories for file in list_files(directory)}
    return page(
        PageData(
            run,
            curves.curves(),
            system.curves.curves(),
            [files[path] for path in sorted(files)],
            next(filter(None, map(_output, reversed(run.directories))), ""),
        ),
        folded=folded,
    )


class _System:
    """Gathers what was measured of the machine.

    Attributes:
        curves: It, over the time of the run.
        label: What the writer is called whose records `take` is handed.
    """

    def __init__(self) -> None:
        self.curves = Curves(Metrics())
        self.label: str | None = None
        self._began_ns: int | None = None

    def take(self, record: Record) -> None:
        """Take the next record of a writer, the first one first."""
        if self._began_ns is None:
            self._began_ns = record.wall_ns
        self.add(samples_in([record], began_ns=self._began_ns, label=self.label))

    def add(self, samples: Iterable[SystemSample]) -> None:
        """Take samples in order of their times."""
        for _, runtime, writer, values in samples:
            for name, value in values.items():
                self.curves.add(f"{writer} {name}" if writer else name, RUNTIME, runtime, value)


def _output(run_dir: Path) -> str:
    """Return the end of what a run has printed, without what terminals obey."""
    tail = b""
    with suppress(OSError), ExitStack() as stack:
        folder = os.open(run_dir / "files", _FOLDER)
        stack.callback(os.close, folder)
        file = stack.enter_context(os.fdopen(os.open(OUTPUT, _FILE, dir_fd=folder), "rb"))
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - MOST_OUTPUT))
            tail = file.read(MOST_OUTPUT)
            if size > MOST_OUTPUT:
                tail = tail.partition(b"\n")[2]
    return _OBEYED.sub("", tail.decode("utf-8", "replace")).rstrip("\n")
