"""`tracker log-dump`: the records of a run's logs as JSON lines."""

from __future__ import annotations

import select
import sys
from typing import Final

import click

from airtape.errors import LogFormatError, UsageError
from airtape.named_logs import NamedLogs, find_logs
from airtape.records import Kind
from airtape.sync.report import ExitCode
from airtape.txlog.reader import Damage
from airtape_cli.growing_logs import GrowingLogs, TornEnd
from airtape_cli.render.log_lines import damage_line, record_line
from airtape_cli.render.shapes import echo_json

POLL_S: Final = 0.5
_KINDS: Final = {kind.name.lower(): int(kind) for kind in Kind}


def _kinds(_: click.Context, __: click.Parameter, said: tuple[str, ...]) -> frozenset[int]:
    chosen = set()
    for text in said:
        if text.isdecimal():
            chosen.add(int(text))
        elif text.lower() in _KINDS:
            chosen.add(_KINDS[text.lower()])
        else:
            raise click.BadParameter(f"there is no kind {text!r}; try {', '.join(_KINDS)}.")
    return frozenset(chosen)


@click.command("log-dump")
@click.argument("path")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    metavar="KIND",
    callback=_kinds,
    help="Only records of this kind: history, config …, or a number; can be said several times.",
)
@click.option("--follow", is_flag=True, help="Go on with what is added, until the run ends.")
@click.pass_context
def log_dump(context: click.Context, *, path: str, kinds: frozenset[int], follow: bool) -> None:
    """Write the records of a run's logs as lines of JSON.

    PATH is a run directory or a single log (*.txlog). Records that stand in several files come
    once. Damage has a line of its own, and makes the exit code 3. See docs/JSON.md.

    \b
    Examples:
      tracker log-dump ./wandb/latest-run --kind history | jq .fields.data
      tracker log-dump ./wandb/latest-run --follow | grep loss
    """  # noqa: D301 - \b tells click to keep the lines below it
    damaged = False

    def report(log: str, problem: str) -> None:
        nonlocal damaged
        damaged = True
        echo_json({"problem": {"log": log, "reason": problem}})

    logs = GrowingLogs(_the_logs(path), report)

    def dump(*, is_last: bool) -> None:
        nonlocal damaged
        for log, item in logs.read(is_last=is_last):
            if isinstance(item, Damage):
                damaged |= item.missing != 0
                echo_json(damage_line(log, item))
            elif isinstance(item, TornEnd):
                echo_json({"incomplete": {"log": log, **item._asdict()}})
            elif not kinds or item.kind in kinds:
                echo_json(record_line(log, item))
        sys.stdout.buffer.flush()

    if follow:
        dump(is_last=False)
        while not logs.ended:
            _wait_for_more()
            dump(is_last=False)
    dump(is_last=True)
    context.exit(ExitCode.INCOMPLETE if damaged else ExitCode.OK)


def _the_logs(path: str) -> NamedLogs:
    """Return the logs that are meant.

    Raises:
        UsageError: There are none, or those of several runs.
        LogFormatError: It is no run.
    """
    named = find_logs([path])
    if named.problems:
        raise LogFormatError("this is no run", where=path, because=named.problems[0].reason)
    if not named.logs:
        what = "there is nothing at this path" if named.not_found else "there are no logs here"
        raise UsageError(what, where=path)
    if len(named.logs) > 1:
        raise UsageError("there are several runs here", where=path, hint="name one of them")
    return named.logs[0]


def _wait_for_more() -> None:
    """Wait a little; not when nobody reads what is written any more.

    Raises:
        BrokenPipeError: Nobody does.
    """
    poller = select.poll()
    poller.register(sys.stdout.fileno(), 0)
    if poller.poll(POLL_S * 1000):
        raise BrokenPipeError
