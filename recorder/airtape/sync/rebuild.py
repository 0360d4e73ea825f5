"""Making a target anew from the logs, under the names that its runs have there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from airtape.backends.base import Backend
from airtape.backends.cursor import Cursor, RunKey
from airtape.backends.registry import open_backend, replacement_of
from airtape.backends.replacement import Replacement
from airtape.errors import CommError, Error, TargetError, UsageError
from airtape.run_search import Found
from airtape.rundir import log_files
from airtape.sync.brake import Halted
from airtape.sync.engine import sync_to
from airtape.sync.log_file import header_of
from airtape.sync.options import SyncOptions
from airtape.sync.progress import Progress
from airtape.sync.report import ExitCode, SyncReport
from airtape.targets import without_password


@dataclass(slots=True)
class Rebuilt:
    """What became of a target that was to be made anew.

    Attributes:
        report: What was sent; of runs that the target knows by several names, under each.
        in_place: Whether runs were sent anew in place of what the target has of them.
        swapped: Whether the new target is in the place of the old one.
        kept: Where the old one stands now, if it is kept.
        unread: Why the old one cannot be compared with the new one, None if it was.
        missing: What the old one has and the logs have not, in sentences.
    """

    report: SyncReport = field(default_factory=SyncReport)
    in_place: bool = False
    swapped: bool = False
    kept: Path | None = None
    unread: str | None = None
    missing: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of a command that did this."""
        if self.missing and not self.swapped and self.report.exit_code is ExitCode.OK:
            return ExitCode.INCOMPLETE
        return self.report.exit_code

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it: the attributes by name, those of the report among them."""
        return {
            **self.report.to_json(),
            "exit_code": int(self.exit_code),
            "swapped": self.swapped,
            "kept": None if self.kept is None else str(self.kept),
            "unread": self.unread,
            "missing": self.missing,
        }


def rebuild(
    found: Found,
    url: str,
    options: SyncOptions,
    progress: Progress | None = None,
    *,
    force: bool = False,
) -> Rebuilt:
    """Make a target anew.

    Where its backend allows it, that is done beside the old target. Then it takes the place of the
    old one, if it has all of its records, as far as they can be read. Otherwise each run is sent
    anew in place of what the target has of it, and what no log tells of stays as it is.

    Never raises for what stands in a directory or happens to the target: the report says it.

    Args:
        found: The run directories.
        url: The target.
        options: How to sync. Their names are for runs that the target does not know.
        progress: Who is told how it goes on.
        force: Whether to replace the old target by one that lacks some of its records, too.

    Raises:
        UsageError: The URL is none, or there are no runs.
        TargetError: Its backend cannot be loaded.
    """
    if not found.run_dirs:
        raise UsageError(
            "there are no runs to make the target anew from",
            where=without_password(url),
            hint="Name the folders that their directories are in.",
        )
    replacement = replacement_of(url)

    def open_old() -> Backend:
        return open_backend(url)

    copies, unread = _names_in(open_old)
    rebuilt = Rebuilt(in_place=replacement is None, unread=unread)
    if replacement is None:
        again = replace(options, again=True)
        rebuilt.report = _sync_copies(found, open_old, copies, again, progress)
        rebuilt.swapped = rebuilt.report.target_error is None
        return rebuilt
    try:
        rebuilt.report = _sync_copies(found, replacement.open, copies, options, progress)
        if not (rebuilt.report.target_error or rebuilt.report.halted):
            _compare(open_old, replacement, rebuilt)
            if force or not rebuilt.missing:
                rebuilt.kept = options.retry.run(replacement.swap, options.brake.pause)
                rebuilt.swapped = True
    except (TargetError, CommError) as error:
        rebuilt.report.target_error = error
    except Halted as halt:
        rebuilt.report.halted = halt.reason
    finally:
        replacement.discard()
    return rebuilt


def _names_in(open_old: Callable[[], Backend]) -> tuple[list[Mapping[bytes, RunKey]], str | None]:
    """Return what a target calls its runs, by who began them, and why it does not tell.

    A run that it has under several names is in several of the mappings; there is one at least.
    """
    try:
        with closing(open_old()) as old:
            names: defaultdict[bytes, list[RunKey]] = defaultdict(list)
            for run in old.runs():
                names[run.root].append(run)
    except (TargetError, CommError) as error:
        return [{}], str(error).partition("\n")[0]
    rows = zip_longest(*names.values())
    copies: list[Mapping[bytes, RunKey]] = [
        {run.root: run for run in row if run is not None} for row in rows
    ]
    return copies or [{}], None


def _sync_copies(
    found: Found,
    open_target: Callable[[], Backend],
    copies: list[Mapping[bytes, RunKey]],
    options: SyncOptions,
    progress: Progress | None,
) -> SyncReport:
    """Send all runs under their first names, and those that have more under these, too."""
    first, *others = copies
    renames = replace(options.renames, known=first)
    total = sync_to(found, open_target, replace(options, renames=renames), progress)
    for names in others:
        if total.target_error or total.halted:
            break
        run_dirs = [path for path in found.run_dirs if names.keys() & _roots_in(path)]
        renames = replace(options.renames, known=names)
        report = sync_to(
            Found(run_dirs, [], []), open_target, replace(options, renames=renames), progress
        )
        total.runs += report.runs
        total.target_error, total.halted = report.target_error, report.halted
    return total


def _roots_in(run_dir: Path) -> set[bytes]:
    """Return who began the runs that a directory has logs of."""
    with suppress(OSError, Error):
        # What cannot be read was said when it was sent the first time.
        headers = [header_of(log) for log in log_files(run_dir)]
        return {header.root or header.writer for header in headers if header is not None}
    return set()


def _compare(open_old: Callable[[], Backend], replacement: Replacement, rebuilt: Rebuilt) -> None:
    """Find out what the old target has and the new one has not."""
    with closing(replacement.open()) as new:
        known = set(new.runs())
        try:
            with closing(open_old()) as old:
                for run in old.runs():
                    rebuilt.missing += _missing(run, old, new if run in known else None)
        except (TargetError, CommError) as error:
            rebuilt.unread = str(error).partition("\n")[0]


def _missing(run: RunKey, old: Backend, new: Backend | None) -> Iterator[str]:
    name = "/".join(filter(None, (run.entity, run.project, run.run_id)))
    if new is None:
        yield f"run {name}"
        return
    # What cannot be read of a run is what the target is made anew for.
    with suppress(TargetError, CommError):
        for held in old.dump(run):
            there = (new.read_cursor(run, held.header.writer) or Cursor()).received
            lacks = sum(
                high - low + 1
                for first, last in held.cursor.received.intervals()
                for low, high in there.missing(first, last)
            )
            if lacks:
                what = "1 record" if lacks == 1 else f"{lacks} records"
                yield f"run {name}: {what} of writer {held.header.writer.hex()}"
