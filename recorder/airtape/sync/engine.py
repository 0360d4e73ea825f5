"""Bringing run directories to a target, each on its own: a bad one never stops the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from airtape.backends.base import Backend, DirectoryHint
from airtape.errors import CommError, Error, TargetError
from airtape.rundir import Problem, find_run_dirs
from airtape.sync.clashes import add_clashes
from airtape.sync.deleted import DeletedRuns
from airtape.sync.directory import DirectorySync, unreadable
from airtape.sync.glance import Glance, glance
from airtape.sync.log_file import LogFile, header_of
from airtape.sync.options import SyncOptions as SyncOptions  # noqa: PLC0414 - part of `sync`
from airtape.sync.report import RunReport, SyncReport


class Progress(Protocol):
    """Somebody who wants to see how a sync goes on."""

    def planned(self, directories: int, size: int) -> None:
        """So many run directories may have something to read, so many bytes together, about."""

    def started(self, path: Path, size: int) -> None:
        """A run directory is begun, with so many bytes to read, about."""

    def advanced(self, path: Path, size: int) -> None:
        """So many bytes more of it have arrived."""

    def finished(self, report: RunReport) -> None:
        """A run directory is done; also one that had nothing to read and was never begun."""


class Silent:
    """Progress that nobody sees."""

    def planned(self, directories: int, size: int) -> None:
        """Say nothing."""

    def started(self, path: Path, size: int) -> None:
        """Say nothing."""

    def advanced(self, path: Path, size: int) -> None:
        """Say nothing."""

    def finished(self, report: RunReport) -> None:
        """Say nothing."""


def sync(
    paths: Iterable[str | Path],
    backend: Backend,
    options: SyncOptions | None = None,
    progress: Progress | None = None,
) -> SyncReport:
    """Bring the runs that paths name to a target.

    Never raises for what stands in a directory or happens to the target: the report says it.

    Args:
        paths: Whatever `airtape.rundir.find_run_dirs` takes.
        backend: The target.
        options: How; in the usual way if there are none.
        progress: Who is told how it goes on.
    """
    options = options or SyncOptions()
    found = find_run_dirs(paths)
    report = SyncReport(not_found=found.not_found, strict=options.strict)
    one_pass = _Pass(backend, options, progress or Silent(), report)
    try:
        one_pass.run(found.run_dirs, found.problems)
    except (TargetError, CommError) as error:
        report.target_error = error
    report.notes += backend.notes
    return report


class _Pass:
    """One pass over run directories."""

    def __init__(
        self, backend: Backend, options: SyncOptions, progress: Progress, report: SyncReport
    ) -> None:
        self._backend = backend
        self._options = options
        self._progress = progress
        self._report = report
        self._deleted = DeletedRuns(options.tombstones)
        self._hints: dict[str, DirectoryHint] = {}
        self._new_hints: dict[str, DirectoryHint] = {}

    def run(self, run_dirs: Sequence[Path], problems: Iterable[Problem]) -> None:
        """Sync each directory, and report those that are none.

        Raises:
            TargetError: The target does not answer or cannot be written.
            CommError: The same.
        """
        for problem in problems:
            error = Error(problem.reason, where=str(problem.path))
            self._finish(RunReport(problem.path, "failed", problems=[error]))
        self._hints = dict(self._backend.hints())
        kept = [path for path in run_dirs if not self._is_deleted(path)]
        glances = [seen for path in kept if (seen := self._glance(path)) is not None]
        busy = [seen for seen in glances if not seen.unchanged]
        self._progress.planned(len(busy), sum(seen.size for seen in busy))
        try:
            for seen in glances:
                self._finish(self._skip(seen) if seen.unchanged else self._send(seen))
            self._keep_hints()
        except (TargetError, CommError):
            done = {report.path for report in self._report.runs}
            for seen in glances:
                if seen.path not in done:
                    self._finish(RunReport(seen.path, "pending", size=seen.size))
            raise
        finally:
            add_clashes(self._report.runs, self._hints)

    def _is_deleted(self, path: Path) -> bool:
        """Tell whether the run of a directory was deleted; if so, say it."""
        stone = None
        with suppress(OSError):
            # Whether it can be read is said where it is sent.
            stone = self._deleted.find(path)
        if stone is not None:
            entity, project, run_id = stone.run
            note = f"{stone}; it is left out, as ids are not reused"
            self._finish(RunReport(path, "deleted", run_id, entity, project, notes=[note]))
        return stone is not None

    def _glance(self, path: Path) -> Glance | None:
        options, hint = self._options, self._hints.get(_key(path))
        trust = (
            not options.check and hint is not None and hint.is_of(options.entity, options.project)
        )
        try:
            return glance(path, hint, trust=trust)
        except OSError as error:
            self._finish(RunReport(path, "failed", problems=[unreadable(path, error)]))
            return None

    def _skip(self, seen: Glance) -> RunReport:
        hint = seen.hint
        assert hint is not None  # noqa: S101 - for the type checker; it is why we skip
        run_ids = [file.run.run_id for file in hint.files.values()]
        return RunReport(
            seen.path,
            run_id=run_ids[0],
            entity=hint.entity,
            project=hint.project,
            name=hint.name,
            ended=True,
        )

    def _send(self, seen: Glance) -> RunReport:
        self._progress.started(seen.path, seen.size)
        directory = DirectorySync(
            seen,
            self._backend,
            self._options,
            arrived=lambda size: self._progress.advanced(seen.path, size),
            find_others=self._find_others,
        )
        report = directory.send()
        hint = directory.hint(self._options.now_ns())
        if hint is not None and hint != seen.hint:
            self._new_hints[_key(seen.path)] = self._hints[_key(seen.path)] = hint
            if len(self._new_hints) >= self._options.hints_at_once:
                self._keep_hints()
        return report

    def _finish(self, report: RunReport) -> None:
        self._report.runs.append(report)
        self._progress.finished(report)

    def _keep_hints(self) -> None:
        if self._new_hints and not self._options.dry_run:
            self._backend.keep_hints(self._new_hints)
        self._new_hints = {}

    def _find_others(self, writer: bytes) -> list[LogFile]:
        """Return the files of a writer wherever they stood when they were synced."""
        found = []
        for directory, hint in self._hints.items():
            for name, file in hint.files.items():
                if file.writer == writer:
                    found += _log_file(Path(directory, name), writer)
        return found


def _log_file(path: Path, writer: bytes) -> list[LogFile]:
    """Return the log file of a writer, none if it is not there any more."""
    try:
        status = path.lstat()
        header = header_of(path)
    except (OSError, Error):
        return []
    if header is None or header.writer != writer:
        return []
    return [LogFile(path, header, status.st_size, status.st_mtime_ns)]


def _key(path: Path) -> str:
    """Return what the hint of a directory is kept under."""
    return str(path.absolute())
