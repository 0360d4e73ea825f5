"""Opening the log files of a run: the first writer's, those that continue it, forked children's."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from time import monotonic_ns

from airtape.beginning import Origin
from airtape.names import generate_uuid
from airtape.process import this_process
from airtape.rundir import RunDir
from airtape.settings import Settings
from airtape.txlog.format import Header
from airtape.txlog.writer import LogWriter
from airtape.version import __version__

_MODE = 0o664


class SyncingWriter(LogWriter):
    """Makes each record survive a power loss before the call returns."""

    def append(self, body: bytes) -> int:
        """Take one record, sync it, and return its seq."""
        seq = super().append(body)
        self.sync()
        return seq


class Segments:
    """The log files that this process and its forked children write for one run.

    Args:
        run_dir: The run's directory.
        settings: The run's settings.
        report: Told in words when a file cannot be written, and when it can be again.
    """

    def __init__(self, run_dir: RunDir, settings: Settings, report: Callable[[str], None]) -> None:
        self._run_dir = run_dir
        self._settings = settings
        self._report = report
        self._first: LogWriter | None = None
        self._label = settings.label

    def open_first(self, wall_ns: int, origin: Origin) -> LogWriter:
        """Create the log of the run's first writer in this process.

        Args:
            wall_ns: Wall clock at the start of the run, in nanoseconds.
            origin: What the run begins from.

        Raises:
            OSError: The file cannot be created or written.
        """
        writer = root = generate_uuid()
        role = "primary"
        inherited = origin.inheritance
        is_fork = origin.branch is not None and origin.branch[0] != self._run_dir.run_id
        if origin.shared is not None:
            root, role, self._label = origin.shared.root, origin.shared.role, origin.shared.label
        elif inherited is not None and not is_fork:
            root = inherited.root
        header = self._header(
            writer=writer,
            root=root,
            role=role,
            parents=() if inherited is None else inherited.parents,
            resumed=origin.resumed,
            start_step=origin.start_step,
            rewind_to=origin.branch[1] if origin.branch is not None and not is_fork else None,
        )
        self._first = self._open(self._run_dir.log_path, header, wall_ns)
        return self._first

    def open_child(self, step: int, wall_ns: int) -> LogWriter:
        """Create the log of a forked child, as soon as the disk lets it.

        Args:
            step: The step that it begins with.
            wall_ns: Wall clock at its first record, in nanoseconds.
        """
        first = self._first
        assert first is not None  # noqa: S101 - a child is forked from a process that records
        header = self._header(
            writer=generate_uuid(),
            root=first.header.root,
            parents=((first.header.writer, first.last_seq),),
            start_step=step,
            role="child",
        )
        return self._open(self.next_path(), header, wall_ns, must_open=False)

    def next_path(self) -> Path:
        """Return a path that no other file has, for this process."""
        pid, host = this_process().pid, self._host or "host"
        paths = (self._run_dir.segment_path(host, pid, number) for number in count(1))
        return next(path for path in paths if not path.exists())

    @property
    def _host(self) -> str:
        return "" if self._settings.anonymous == "must" else this_process().host

    def _open(
        self, path: Path, header: Header, wall_ns: int, *, must_open: bool = True
    ) -> LogWriter:
        mode = self._settings.file_mode
        make = LogWriter if self._settings.fsync_interval else SyncingWriter
        writer = make(
            path,
            header,
            wall_ns=wall_ns,
            mode=_MODE if mode is None else mode,
            next_path=self.next_path,
            report=self._report,
            must_open=must_open,
        )
        if mode is not None:
            # Whatever the umask says.
            with suppress(OSError):
                path.chmod(mode)
        return writer

    def _header(self, **said: object) -> Header:
        process = this_process()
        return Header(
            run_id=self._run_dir.run_id,
            label=self._label,
            host=self._host,
            boot_id=process.boot_id,
            pid=process.pid,
            start_ticks=process.start_ticks,
            heartbeat_s=self._settings.heartbeat_interval,
            library=__version__,
            monotonic_ns=monotonic_ns(),
            **said,  # type: ignore[arg-type]  # each caller names fields of Header
        )
