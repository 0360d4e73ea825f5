"""Opening the log files of a run: the first writer's, and one for each forked child."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from time import monotonic_ns, time_ns
from uuid import uuid4

from airtape.process import this_process
from airtape.rundir import RunDir
from airtape.runlog import RunLog
from airtape.settings import Settings
from airtape.txlog.format import Header
from airtape.txlog.writer import LogWriter
from airtape.version import __version__


def open_log(run_dir: RunDir, settings: Settings) -> RunLog:
    """Create the log of a new run's first writer.

    Raises:
        OSError: The file cannot be created or written.
    """
    writer_id = uuid4().bytes
    wall_ns = time_ns()
    header = _header(run_dir.run_id, writer_id, settings, root=writer_id)
    mode = 0o666 if settings.file_mode is None else settings.file_mode
    writer = LogWriter(run_dir.log_path, header, wall_ns=wall_ns, mode=mode)
    log = RunLog(
        writer,
        blobs=run_dir.blobs,
        began_ns=wall_ns,
        open_segment=_child_opener(run_dir, settings, writer),
    )
    log.checkpoint()
    return log


def _child_opener(
    run_dir: RunDir, settings: Settings, parent: LogWriter
) -> Callable[[int], LogWriter]:
    def open_child(step: int) -> LogWriter:
        process = this_process()
        mode = 0o666 if settings.file_mode is None else settings.file_mode
        header = _header(
            run_dir.run_id,
            uuid4().bytes,
            settings,
            root=parent.header.root,
            parents=[(parent.header.writer, parent.last_seq)],
            start_step=step,
            role="child",
        )
        for number in count(1):
            path = run_dir.segment_path(process.host, process.pid, number)
            try:
                return LogWriter(path, header, wall_ns=time_ns(), mode=mode)
            except FileExistsError:
                continue
        raise AssertionError

    return open_child


def _header(run_id: str, writer: bytes, settings: Settings, **said: object) -> Header:
    process = this_process()
    return Header(
        run_id=run_id,
        writer=writer,
        label=settings.label,
        host=process.host,
        boot_id=process.boot_id,
        pid=process.pid,
        start_ticks=process.start_ticks,
        heartbeat_s=settings.heartbeat_interval,
        library=__version__,
        monotonic_ns=monotonic_ns(),
        **said,  # type: ignore[arg-type]  # each caller names fields of Header
    )
