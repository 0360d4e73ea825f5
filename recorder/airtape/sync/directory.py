"""One run directory on its way into a target."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from airtape.backends.base import DirectoryHint, FileHint
from airtape.backends.cursor import Cursor, RunKey
from airtape.errors import CommError, Error, TargetError
from airtape.file_copy import Digest
from airtape.fold.merge import Part, merge
from airtape.sync.accepted import AcceptedLosses
from airtape.sync.again import Again
from airtape.sync.brake import Halted
from airtape.sync.elsewhere import Elsewhere
from airtape.sync.file_contents import ContentCounts, FileContents, named_files
from airtape.sync.glance import Glance, is_settled
from airtape.sync.lease import HeldElsewhere, Hold
from airtape.sync.log_file import LogFile, header_of
from airtape.sync.options import SyncOptions
from airtape.sync.receipt import receipt_of
from airtape.sync.report import RunReport
from airtape.sync.target import Target
from airtape.sync.transfer import Outcome, Transfer

FAULTS = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError)
"""What a fault of airtape's own, or of a plug-in, raises; it costs one directory, not the pass."""


@dataclass(slots=True)
class DirectorySync:
    """Sends the runs of one directory; whatever is wrong with it ends in the report.

    Attributes:
        glance: The first look at the directory.
        target: The target.
        options: How to sync.
        arrived: Is told how many more bytes have arrived.
        find_others: Looks for files of a writer in other directories.
        again: Which writers are to be sent anew.
        accepted: Knows which contents are accepted as lost.
        elsewhere: Finds other directories of its writers.
        report: What became of it.
    """

    glance: Glance
    target: Target
    options: SyncOptions
    arrived: Callable[[int], None]
    find_others: Callable[[bytes], Sequence[LogFile]]
    again: Again
    accepted: AcceptedLosses
    elsewhere: Elsewhere
    report: RunReport = field(init=False)
    _parts: list[Part] = field(default_factory=list)
    _hints: dict[str, FileHint] = field(default_factory=dict)
    _cursors: list[Cursor] = field(default_factory=list)
    _holds: dict[RunKey, Hold] = field(default_factory=dict)
    _held: set[RunKey] = field(default_factory=set)
    _large: set[Digest] = field(default_factory=set)
    _sent: int = 0

    def __post_init__(self) -> None:
        self.report = RunReport(self.glance.path, strict=self.options.strict)

    def send(self) -> RunReport:
        """Bring the target up to date with the directory.

        Raises:
            Halted: The sync is to end; the report says how far it came.
            TargetError: The target does not answer or cannot be written; likewise.
            CommError: The same.
        """
        try:
            for run, files in self._writers():
                self.target.brake.check()
                if run not in self._held:
                    self._try(run, partial(self._bring, run, files))
            if self._holds or self.options.dry_run:
                self._try_contents()
        except (Halted, TargetError, CommError):
            self._describe()
            if not self.report.problems:
                self.report.status = "pending"
                self.report.size = max(0, self.glance.size - self._sent)
            raise
        finally:
            for hold in self._holds.values():
                hold.release()
        if not (self._parts or self._held or self.report.problems):
            self.report.notes.append("nothing is recorded in it yet")
        self._describe()
        return self.report

    def _bring(self, run: RunKey, files: list[LogFile]) -> None:
        """Send one writer, or find out what there is to send."""
        self.report.run_id = self.report.run_id or run.run_id
        if self.options.dry_run:
            self._plan(run, files)
        else:
            self._send(run, files)

    def _try_contents(self) -> None:
        """Send the content of files and large values, or find out what there is to send."""
        if not self.target.keeps_files:
            return
        self._try_those(named_files(self._parts), self.report.files)
        self._try_those({file.sha256: file for file in self._large}, self.report.large)

    def _try_those(self, named: dict[str, Digest], counts: ContentCounts) -> None:
        if not named or self._held:
            return
        holds = list(self._holds.values())
        contents = FileContents(
            self.glance.path, self.target, holds, self._accepted, self._others, counts
        )
        run = self.options.renames.key_of(self._parts[0].header)
        work = contents.plan if self.options.dry_run else contents.send
        self._try(run, partial(work, named))
        if self.options.dry_run and counts.held + len(counts.accepted) < counts.named:
            self.report.status = "pending"
        elif counts.sent and self.report.status == "nothing_new":
            self.report.status = "synced"

    def _accepted(self) -> frozenset[str]:
        roots = dict.fromkeys(said.root or said.writer for said, _ in self._parts)
        return self.accepted.of(self.glance.path, roots)

    def _others(self) -> list[Path]:
        return self.elsewhere.of(self.glance.path, [said.writer for said, _ in self._parts])

    def _try(self, run: RunKey, work: Callable[[], None]) -> None:
        """Do something for one run; what goes wrong is its own affair, unless the target fails."""
        try:
            work()
        except HeldElsewhere as held:
            self._held.add(run)
            self.report.notes.append(f"{held.holder} is bringing it")
        except (TargetError, CommError):
            raise
        except Error as error:
            self._fail(error)
        except OSError as error:
            self._fail(unreadable(self.glance.path, error))
        except FAULTS as error:
            self._fail(_fault(self.glance.path, error))
            self.report.internal = True

    def hint(self, now_ns: int) -> DirectoryHint | None:
        """Return what the directory looked like before it was synced; None if that went wrong."""
        report = self.report
        if report.problems or self._held or not self._hints:
            return None
        lacking = any(counts.missing or counts.accepted for counts in (report.files, report.large))
        whole = len(self._hints) == len(self.glance.logs) and not lacking
        settled = whole and is_settled(self.glance.mtime_ns, now_ns)
        files = {
            name: file._replace(done=file.done and settled) for name, file in self._hints.items()
        }
        return DirectoryHint(
            self.glance.mtime_ns, files, report.entity, report.project, report.name
        )

    @property
    def has_new_id(self) -> bool:
        """Whether a run of it has another id in the target than in its logs."""
        renames = self.options.renames
        return any(renames.key_of(said).run_id != said.run_id for said, _ in self._parts)

    def _writers(self) -> Iterator[tuple[RunKey, list[LogFile]]]:
        """Yield each writer's files, in the order it wrote them, with the run they belong to."""
        writers: dict[tuple[RunKey, bytes], list[LogFile]] = {}
        for path in self.glance.logs:
            file = self._open(path)
            if file is not None:
                run = self.options.renames.key_of(file.header)
                writers.setdefault((run, file.header.writer), []).append(file)
        for (run, _), files in writers.items():
            yield run, sorted(files, key=lambda file: file.header.first_seq)

    def _open(self, path: Path) -> LogFile | None:
        """Return a log with its header; None if nothing is recorded in it, or it is none."""
        try:
            header = header_of(path)
        except Error as error:
            self._fail(error)
        except OSError as error:
            self._fail(unreadable(path, error))
        else:
            return None if header is None else LogFile(path, header, *self.glance.logs[path])
        return None

    def _send(self, run: RunKey, files: list[LogFile]) -> None:
        writer = files[0].header.writer
        transfer = Transfer(
            run=run,
            files=files,
            names=self.options.renames.names_of(files[0].header.run_id),
            target=self.target,
            hold=self._holds.setdefault(run, Hold(self.target, run, self.options)),
            options=self.options,
            arrived=self.arrived,
            find_others=lambda: self.find_others(writer),
            again=self.again,
        )
        try:
            outcome = transfer.send()
        finally:
            self._take(transfer.outcome)
        self._parts.append(Part(files[0].header, outcome.fold))
        self._large |= outcome.large
        self._cursors.append(outcome.cursor)
        done = outcome.cursor.ended and outcome.reached_end and not outcome.cursor.losses
        for file in files:
            self._hints[file.name] = FileHint(file.size, file.mtime_ns, run, writer, done)

    def _take(self, outcome: Outcome) -> None:
        report = self.report
        report.records += outcome.records
        report.points += outcome.points
        report.size += outcome.size
        self._sent += outcome.sent
        report.held += len(outcome.cursor.received)
        report.damage += outcome.damage
        report.known += outcome.known
        report.notes += outcome.notes
        if outcome.records:
            report.status = "synced"

    def _plan(self, run: RunKey, files: list[LogFile]) -> None:
        """Find out how much of a writer's files the target does not have."""
        header = files[0].header
        cursor = self.target.read_cursor(run, header.writer) or Cursor()
        marks = {} if self.options.again else cursor.files
        for file in files:
            self.report.size += file.size - (marks[file.name].offset if file.name in marks else 0)
        self.report.held += len(cursor.received)
        self.report.known += [loss for loss in cursor.losses if loss.records != 0]
        said = cursor.said()
        self._parts.append(Part(header, said.fold))
        self._large |= said.large
        self._cursors.append(cursor)
        if self.report.size > 0:
            self.report.status = "pending"

    def _describe(self) -> None:
        """Say which run it was, and how it went on the whole."""
        report = self.report
        if self._parts:
            whole = merge(self._parts)
            run = self.options.renames.key_of(whole.newest.header)
            report.run_id = run.run_id
            report.entity = run.entity or _text(whole.run.get("entity"))
            report.project = run.project or _text(whole.run.get("project"))
            report.name = _text(whole.run.get("name"))
            report.ended = whole.newest.fold.exit is not None
            report.receipt = receipt_of(self._cursors)
        if report.problems:
            report.status = "failed"
        elif self._held:
            report.status = "held"
        elif report.damage:
            report.status = "damaged"

    def _fail(self, error: Error) -> None:
        self.report.problems.append(error)


def unreadable(path: Path, error: OSError) -> Error:
    """Return what to say of a directory or a log that the system does not let us read."""
    return Error(
        "cannot be read",
        where=str(error.filename or path),
        because=error.strerror or type(error).__name__,
    )


def _fault(path: Path, error: Exception) -> Error:
    return Error(
        "a fault of airtape, or of the target's plug-in",
        where=str(path),
        because=f"{type(error).__name__}: {error}",
        hint="The log is unchanged. Please report this with the log, if you can share it.",
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
