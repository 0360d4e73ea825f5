"""`tracker status`: what targets do not have yet."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import click

from airtape.errors import CommError, Error, TargetError, UsageError
from airtape.receipts.kept import SCHEME
from airtape.run_search import find_run_dirs
from airtape.states import in_words
from airtape.sync.last_sync import LastSync
from airtape.sync.outbox import Waiting, waiting_in
from airtape.sync.report import ExitCode
from airtape.targets import without_password
from airtape_cli.aside import with_asides
from airtape_cli.askable import askable_target, open_askable
from airtape_cli.boundary import error_lines
from airtape_cli.options import default_folder, json_option
from airtape_cli.remembered import last_sync
from airtape_cli.render.notes import echo_note
from airtape_cli.render.shapes import echo_json
from airtape_cli.render.text import iso_time, shown, size_text
from airtape_cli.render.verify_report import counted
from airtape_cli.synced import configured_target


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--to",
    "targets",
    multiple=True,
    type=askable_target,
    metavar="TARGET",
    help="This target, by its name, its URL or that of a receipt, or several; the one that sync "
    "would take if unsaid.",
)
@json_option
@click.pass_context
def status(
    context: click.Context, *, paths: tuple[str, ...], targets: tuple[str, ...], as_json: bool
) -> None:
    """Say what targets do not have yet.

    PATH is a run directory, a folder of them such as ./wandb, or a pattern; ./wandb if you name
    none. For each run that waits it is said how many records and bytes, and for how long: since the
    last record that the target has, or the first of the run. The last sync is the last one of yours
    on this machine from this directory.

    A target that cannot be reached from here answers by the receipt that `tracker receipt import`
    has brought: name it as the receipt does.

    \b
    Examples:
      tracker status
      tracker status --to lab --to sqlite:/data/runs.db
      tracker status --json | jq '.targets[].records'

    \b
    Exit codes:
      0  it is said what waits, if anything does
      2  a path does not exist
      3  a place could not be looked into, or is no run
      4  a target does not answer
    """  # noqa: D301 - \b tells click to keep the lines below it
    folder = default_folder()
    found = with_asides(find_run_dirs(paths or [folder]), folder)
    outboxes, notes = [], list[str]()
    for url in targets or (configured_target(folder),):
        waiting: list[Waiting] = []
        error: Error | None = None
        try:
            with closing(open_askable(url)) as backend:
                waiting += waiting_in(found.run_dirs, backend, [folder])
                notes += backend.notes if url.startswith(SCHEME) else []
        except (TargetError, CommError) as failure:
            # The others may answer.
            error = failure
        outbox = _Outbox(
            without_password(url),
            len(found.run_dirs),
            waiting,
            last_sync(url),
            len(found.cleaned),
            error,
        )
        outboxes.append(outbox)
        if not as_json:
            for line in outbox.lines(time.time_ns()):
                click.echo(line)
    if as_json:
        problems = [{"path": str(bad.path), "reason": bad.reason} for bad in found.problems]
        echo_json({"targets": [one.shape() for one in outboxes], "problems": problems})
    else:
        for note in [*notes, *(f"{bad.path}: {bad.reason}" for bad in found.problems)]:
            echo_note(note)
    missing = found.not_found if paths else []
    if missing:
        raise UsageError("there is nothing at this path", where=", ".join(missing))
    failed = [one.error for one in outboxes if one.error is not None]
    for said in failed:
        click.echo("\n".join(error_lines(said)), err=True)
    if failed:
        context.exit(ExitCode.UNREACHABLE)
    context.exit(ExitCode.OK if found.is_whole else ExitCode.INCOMPLETE)


@dataclass(frozen=True, slots=True)
class _Outbox:
    """What waits for one target.

    Attributes:
        target: Its URL without a password.
        total: Number of run directories that were looked at.
        waiting: What it lacks, by run directory.
        last: How the last sync went.
        cleaned: Number of run directories whose logs were removed, so that nothing waits in them.
        error: Why it does not answer, if it does not.
    """

    target: str
    total: int
    waiting: Sequence[Waiting]
    last: LastSync | None
    cleaned: int = 0
    error: Error | None = None

    @property
    def records(self) -> int:
        return sum(one.records for one in self.waiting)

    @property
    def size(self) -> int:
        return sum(one.size for one in self.waiting)

    @property
    def since_ns(self) -> int | None:
        known = (one.since_ns for one in self.waiting if one.since_ns is not None)
        return min(known, default=None)

    def lines(self, now_ns: int) -> list[str]:
        """Return what is said of it."""
        if self.error is not None:
            return [f"{shown(self.target)} does not answer.", *self._last_sync(now_ns)]
        lines = [self._first_line(now_ns)]
        for one in self.waiting:
            name = f" ({shown(one.name)})" if one.name else ""
            amount = _amount(one.records, one.size, one.since_ns, now_ns) if one.records else ""
            lines.append(f"  {shown(str(one.path))}{name}{amount}")
            lines += (f"    {shown(problem)}" for problem in one.problems)
        if self.cleaned:
            lines.append(f"  {counted(self.cleaned, 'run')} cleaned")
        return [*lines, *self._last_sync(now_ns)]

    def _last_sync(self, now_ns: int) -> Iterator[str]:
        if self.last is not None:
            ago = in_words(max(0, now_ns - self.last.time_ns) / 1e9)
            error = "" if self.last.error is None else f": {shown(self.last.error)}"
            yield f"  last sync {ago} ago{error}"

    def _first_line(self, now_ns: int) -> str:
        target = shown(self.target)
        waiting = sum(one.records > 0 for one in self.waiting)
        unreadable = len(self.waiting) - waiting
        rest = f"; {unreadable} cannot be read" if unreadable else ""
        if not waiting:
            whole = counted(self.total - unreadable, "run")
            return f"{target} has everything of {whole}{rest}{':' if unreadable else '.'}"
        amount = _amount(self.records, self.size, self.since_ns, now_ns)
        return f"{target} lacks something of {waiting} of {self.total} runs{amount}{rest}:"

    def shape(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        last = self.last
        return {
            "target": self.target,
            "error": None if self.error is None else without_password(str(self.error)),
            "runs": self.total,
            "cleaned": self.cleaned,
            "records": self.records,
            "bytes": self.size,
            "since": _time(self.since_ns),
            "last_sync": _time(None if last is None else last.time_ns),
            "last_good_sync": _time(None if last is None else last.good_ns),
            "last_error": None if last is None else last.error,
            "waiting": [_waiting_shape(one) for one in self.waiting],
        }


def _waiting_shape(one: Waiting) -> dict[str, Any]:
    return {
        "path": str(one.path),
        "run_id": one.run_id,
        "entity": one.entity,
        "project": one.project,
        "name": one.name,
        "records": one.records,
        "bytes": one.size,
        "since": _time(one.since_ns),
        "ended": one.ended,
        "problems": list(one.problems),
    }


def _amount(records: int, size: int, since_ns: int | None, now_ns: int) -> str:
    age = "" if since_ns is None else f", for {in_words(max(0, now_ns - since_ns) / 1e9)}"
    return f", {counted(records, 'record')}, {size_text(size)}{age}"


def _time(wall_ns: int | None) -> str | None:
    return None if wall_ns is None else iso_time(wall_ns)
