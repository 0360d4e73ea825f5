"""Bringing run directories to a target, each on its own: a bad one never stops the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Lock

from airtape.backends.base import Backend, DirectoryHint
from airtape.backends.cursor import RunKey
from airtape.errors import CommError, Error, TargetError
from airtape.run_search import Found, find_run_dirs
from airtape.sync.absolute import Absolute
from airtape.sync.accepted import AcceptedLosses
from airtape.sync.again import Again
from airtape.sync.brake import Halted
from airtape.sync.clashes import add_clashes
from airtape.sync.connections import Connections
from airtape.sync.crew import Crew
from airtape.sync.deleted import DeletedRuns
from airtape.sync.directory import DirectorySync, unreadable
from airtape.sync.elsewhere import Elsewhere
from airtape.sync.glance import Glance, glance
from airtape.sync.lanes import lanes_of
from airtape.sync.limit import Limit
from airtape.sync.log_file import LogFile, header_of
from airtape.sync.options import SyncOptions as SyncOptions  # noqa: PLC0414 - part of `sync`
from airtape.sync.progress import Progress, Silent
from airtape.sync.report import RunReport, SyncReport
from airtape.sync.target import Target

CLEANED = "its logs were removed, because other targets have all of them"


def sync(
    paths: Iterable[str | Path],
    backend: Backend,
    options: SyncOptions | None = None,
    progress: Progress | None = None,
) -> SyncReport:
    """Bring the runs that paths name to a target.

    Never raises for what stands in a directory or happens to the target: the report says it.

    Args:
        paths: Whatever `airtape.run_search.find_run_dirs` takes.
        backend: The target; one run at a time is sent over it, whatever `SyncOptions.jobs` says.
        options: How; in the usual way if there are none.
        progress: Who is told how it goes on.
    """
    options = replace(options or SyncOptions(), jobs=1)
    return sync_to(paths, lambda: backend, options, progress, close=False)


def sync_to(
    paths: Iterable[str | Path] | Found,
    open_target: Callable[[], Backend],
    options: SyncOptions | None = None,
    progress: Progress | None = None,
    *,
    close: bool = True,
) -> SyncReport:
    """Bring the runs that paths name to a target, which is opened for it.

    Never raises for what stands in a directory or happens to the target: the report says it.

    Args:
        paths: Whatever `airtape.run_search.find_run_dirs` takes, or what it has found.
        open_target: Opens the target, once for each run that is synced at the same time.
        options: How; in the usual way if there are none.
        progress: Who is told how it goes on.
        close: Whether to close what was opened.
    """
    options = (options or SyncOptions()).settled()
    found = paths if isinstance(paths, Found) else find_run_dirs(paths)
    report = SyncReport(not_found=found.not_found, strict=options.strict)
    report.waited = options.wait_s is not None
    try:
        connections = Connections(open_target, options, close=close)
        with connections.open() as target:
            one_pass = _Pass(target, connections, options, progress or Silent(), report)
            try:
                one_pass.run(found)
            finally:
                report.notes += target.notes
    except Halted as halt:
        report.halted = halt.reason
    except (TargetError, CommError) as error:
        report.target_error = error
    return report


class _Pass:
    """One pass over run directories."""

    def __init__(
        self,
        target: Target,
        connections: Connections,
        options: SyncOptions,
        progress: Progress,
        report: SyncReport,
    ) -> None:
        self._target = target
        self._connections = connections
        self._options = options
        self._progress = progress
        self._report = report
        self._deleted = DeletedRuns(options.tombstones)
        self._again = Again(wanted=options.again)
        self._key = Absolute()  # what the hint of a directory is kept under
        self._limit = Limit(options.limit)
        self._logs: list[Path] = []
        self._accepted = AcceptedLosses({}, [])
        self._elsewhere = Elsewhere([])
        self._hints: dict[str, DirectoryHint] = {}
        self._new_hints: dict[str, DirectoryHint] = {}
        self._cut_short: dict[Path, RunReport] = {}
        self._lock = Lock()  # for hints and progress

    def run(self, found: Found) -> None:
        """Sync each directory, and report those that are none.

        Raises:
            Halted: The sync is to end.
            TargetError: The target does not answer or cannot be written.
            CommError: The same.
        """
        for problem in found.problems:
            if problem.may_pass:
                continue
            error = Error(problem.reason, where=str(problem.path))
            self._finish(RunReport(problem.path, "failed", problems=[error]))
        for path in found.cleaned:
            self._finish(RunReport(path, "cleaned", ended=True, notes=[CLEANED]))
        self._hints = dict(self._target.hints())
        kept = [path for path in found.run_dirs if not self._is_deleted(path)]
        glances = [seen for path in kept if (seen := self._glance(path)) is not None]
        busy = [seen for seen in glances if not seen.unchanged]
        self._logs = [log for seen in busy for log in seen.logs]
        self._accepted = AcceptedLosses(dict(self._hints), self._logs)
        self._elsewhere = Elsewhere(glances)
        self._progress.planned(len(busy), sum(seen.size for seen in busy))
        try:
            for report in self._reports(glances, len(busy)):
                self._finish(report)
                if len(self._new_hints) >= self._options.hints_at_once:
                    self._keep_hints()
            self._keep_hints()
        except (TargetError, CommError):
            self._finish_rest(glances)
            raise
        except Halted:
            self._finish_rest(glances)
            if self._connections.answer:
                with suppress(Halted, TargetError, CommError):
                    self._keep_hints()
            raise
        finally:
            add_clashes(self._report.runs, self._hints, self._key)

    def _reports(self, glances: Sequence[Glance], busy: int) -> Iterator[RunReport]:
        """Send what is new, and yield a report for each directory, in order."""
        workers = min(self._options.jobs, busy)
        if workers < 2:  # noqa: PLR2004 - one at a time
            for seen in glances:
                yield self._send(self._target, seen)
        else:
            crew = Crew(workers, self._connections.open, self._send, self._options.brake)
            yield from crew.work(lanes_of(enumerate(glances)))

    def _finish_rest(self, glances: Iterable[Glance]) -> None:
        """Report what the end of the pass left undone."""
        done = {report.path for report in self._report.runs}
        for seen in glances:
            if seen.path not in done:
                pending = RunReport(seen.path, "pending", size=seen.size)
                self._finish(self._cut_short.get(seen.path, pending))

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
        hint = None if self._options.again else self._hints.get(self._key(path))
        try:
            return glance(path, hint, trust=hint is not None and self._is_of_this(hint))
        except OSError as error:
            self._finish(RunReport(path, "failed", problems=[unreadable(path, error)]))
            return None

    def _is_of_this(self, hint: DirectoryHint) -> bool:
        """Tell whether a hint says something of the runs as they are called now."""
        if self._options.check:
            return False
        renamed = self._options.renames.renamed
        runs = {file.run for file in hint.files.values()}
        return all(renamed(RunKey(run.run_id, run.root)) == run for run in runs)

    def _skip(self, seen: Glance, hint: DirectoryHint) -> RunReport:
        run_ids = [file.run.run_id for file in hint.files.values()]
        return RunReport(
            seen.path,
            run_id=run_ids[0],
            entity=hint.entity,
            project=hint.project,
            name=hint.name,
            ended=True,
        )

    def _send(self, target: Target, seen: Glance) -> RunReport:
        if seen.unchanged and seen.hint is not None:
            return self._skip(seen, seen.hint)
        with self._limit.permit() as permit:
            if permit is None:
                return RunReport(seen.path, "pending", size=seen.size, is_over_limit=True)
            report = self._send_new(target, seen)
            permit.is_used = report.status not in {"nothing_new", "failed"}
        return report

    def _send_new(self, target: Target, seen: Glance) -> RunReport:
        target.brake.check()
        with self._lock:
            self._progress.started(seen.path, seen.size)
        directory = DirectorySync(
            seen,
            target,
            self._options,
            arrived=lambda size: self._advance(seen.path, size),
            find_others=self._find_others,
            again=self._again,
            accepted=self._accepted,
            elsewhere=self._elsewhere,
        )
        try:
            report = directory.send()
        except (Halted, TargetError, CommError):
            self._cut_short[seen.path] = directory.report
            raise
        hint = directory.hint(self._options.now_ns())
        if hint is not None and hint != seen.hint:
            key = self._key(seen.path)
            with self._lock:
                self._hints[key] = hint
                # From a new id nobody could tell which run of the logs it was.
                if not directory.has_new_id:
                    self._new_hints[key] = hint
        return report

    def _advance(self, path: Path, size: int) -> None:
        with self._lock:
            self._progress.advanced(path, size)

    def _finish(self, report: RunReport) -> None:
        self._report.runs.append(report)
        with self._lock:
            self._progress.finished(report)

    def _keep_hints(self) -> None:
        with self._lock:
            new, self._new_hints = self._new_hints, {}
        if new and not self._options.dry_run:
            self._target.keep_hints(new)

    def _find_others(self, writer: bytes) -> list[LogFile]:
        """Return the files of a writer wherever they stood when they were synced, or stand now."""
        with self._lock:
            hints = list(self._hints.items())
        known = {
            Path(directory, name).absolute(): file.writer
            for directory, hint in hints
            for name, file in hint.files.items()
        }
        places = dict.fromkeys([*known, *(path.absolute() for path in self._logs)])
        return [
            file
            for path in places
            if known.get(path, writer) == writer
            for file in _log_file(path, writer)
        ]


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
