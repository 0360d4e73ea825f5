"""`tracker sync`: bring recorded runs to a target."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from airtape.errors import UsageError
from airtape.sync.options import SyncOptions
from airtape.sync.renames import Renames
from airtape.sync.report import SyncReport, worst
from airtape.sync.retry import Retry
from airtape.targets import without_password
from airtape_cli.aside import asides_of
from airtape_cli.boundary import echo_errors
from airtape_cli.chosen import Choice, choosing_options
from airtape_cli.destinations import Destinations
from airtape_cli.following import Teller
from airtape_cli.journal import Journal, Say, to_all
from airtape_cli.locate import with_named_runs
from airtape_cli.options import (
    appended_file,
    byte_count,
    default_folder,
    json_option,
    named_target,
    time_span,
    vantage,
)
from airtape_cli.remembered import remember
from airtape_cli.renaming import check_new_ids, renaming_options
from airtape_cli.render.progress import progress
from airtape_cli.render.shapes import echo_json
from airtape_cli.render.sync_report import all_closing_lines, run_lines, sync_shape
from airtape_cli.render.text import shown
from airtape_cli.spoken import Spoken
from airtape_cli.synced import configured_target


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--to",
    "targets",
    multiple=True,
    type=named_target,
    metavar="TARGET",
    help="The target, by its name or URL, or several; sqlite:./wandb/tracker.db if no setting "
    "names one.",
)
@choosing_options
@renaming_options
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="How many runs to sync at once; worth it where the target or the disk is slow to answer.",
)
@click.option(
    "--deadline", type=time_span, metavar="TIME", help="End after this time, such as 10m."
)
@click.option(
    "--retry-for",
    type=time_span,
    default="60s",
    show_default=True,
    metavar="TIME",
    help="How long to ask again when the target cannot answer at the moment.",
)
@click.option(
    "--rate",
    type=byte_count,
    metavar="BYTES",
    help="Send no more than this in a second, such as 2M, counted in bytes of the logs.",
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    help="Send something of no more than N runs, the oldest first.",
)
@click.option(
    "--include-synced",
    "--check",
    "check",
    is_flag=True,
    help="Look into all logs, also of runs that the target has as they are.",
)
@click.option(
    "--again",
    is_flag=True,
    help="Send the runs anew, in place of what the target has of them.",
)
@click.option(
    "--wait",
    type=time_span,
    metavar="TIME",
    help="Wait so long, all in all, for runs that other syncs are bringing; not at all if unsaid.",
)
@click.option(
    "--lease/--no-lease",
    "leases",
    default=True,
    help="Leave runs alone that another sync is bringing.  [default: on]",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Exit with 3 for damage that was known before, and for accepted losses, too.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be synced.")
@click.option(
    "--follow", "--watch", is_flag=True, help="Go on with runs that grow, and with new ones."
)
@click.option(
    "--until-finished", is_flag=True, help="With --follow: stop once all runs have ended."
)
@click.option("--state-file", type=click.Path(path_type=Path), hidden=True)
@json_option
@click.option("-v", "--verbose", is_flag=True, help="Say something of every run.")
@click.option(
    "--log-file",
    type=appended_file,
    metavar="FILE",
    help="Add what is said to this file too, with the time, whatever is shown here.",
)
@click.option("-q", "--quiet", is_flag=True, help="Say only what is wrong, as cron jobs should.")
@click.pass_context
def sync(
    context: click.Context,
    *,
    paths: tuple[str, ...],
    targets: tuple[str, ...],
    choice: Choice,
    renames: Renames,
    jobs: int,
    deadline: float | None,
    retry_for: float,
    rate: int | None,
    limit: int | None,
    check: bool,
    again: bool,
    wait: float | None,
    leases: bool,
    strict: bool,
    dry_run: bool,
    follow: bool,
    until_finished: bool,
    state_file: Path | None,
    as_json: bool,
    verbose: bool,
    quiet: bool,
    log_file: Path | None,
) -> None:
    """Bring runs to a target: a SQLite store unless you name another.

    PATH is a run directory, a folder of them such as ./wandb, a pattern, or the id, the name or
    the path (entity/project/id) of a run in ./wandb; ./wandb if you name none. Only what the
    target does not have yet is sent, so syncing again is cheap and adds nothing twice; a run that
    goes on is continued next time. Nothing is written below PATH. Runs that were deleted are left
    out, also when a copy of their directory turns up.

    Any number of syncs may run side by side, on many machines too: what one of them is bringing the
    others leave alone, and nothing comes twice.

    Each run that something was sent of gets a line; where nothing is new, nothing is said, unless
    at a terminal or with -v. What cannot be said, as behind `| head`, is synced all the same.

    Several targets are brought up to date at once, each with a cursor of its own; one that does not
    answer keeps none of the others waiting.

    With --follow what is recorded is in the target within a second: while runs go on the logs are
    looked at twice a second; when nothing is new the system tells of changes, where it does, and
    else one goes on looking. A target that does not answer is asked again and again. It ends when
    it is told to, at the deadline, or --until-finished.

    With --again the runs are sent as if for the first time. The first batch of each of their
    writers drops what the target has of it, in the same transaction. Where the target has records
    that the logs have not, nothing is dropped, and the run is named.

    At the deadline, and at SIGTERM, SIGHUP or Ctrl+C, what has been read is sent, and the next sync
    goes on from there.

    \b
    Examples:
      tracker sync
      tracker sync ./wandb/run-20261120_101112-ab12cd34 --to sqlite:/data/runs.db
      tracker sync '/scratch/*/wandb' --to jsonl:./export
      tracker sync --filter state=finished --filter 'not tags = draft' --older-than 5m
      tracker sync ./wandb/run-20261120_101112-ab12cd34 -p vision --replace-tags draft=final
      tracker sync -j 4 --deadline 10m
      tracker sync --to lab --to jsonl:./export
      tracker sync --again likely-lion-9
      tracker sync --follow --until-finished

    \b
    Exit codes:
      0  everything is synced, or there was nothing to do
      1  a fault in tracker itself, or output that cannot be written
      2  a wrong argument, or a path that does not exist
      3  a run could not be synced, or has damage that was not known before,
         or the content of a file of it is missing
      4  the target cannot be reached or written
      5  other syncs hold every run, or --wait ran out
      6  time ran out, or a signal came, with work left
    """  # noqa: D301 - \b tells click to keep the lines below it
    folder = default_folder()
    if follow and (not choice.is_whole or limit is not None or dry_run or again):
        raise UsageError(
            "--follow brings every run that it meets to the target",
            hint="leave out what chooses runs, --limit, --dry-run and --again",
        )
    options = SyncOptions(
        dry_run=dry_run,
        strict=strict,
        tombstones=[folder],
        retry=Retry(patience_s=retry_for),
        jobs=jobs,
        rate=rate,
        limit=limit,
        check=check,
        again=again,
        leases=leases,
        wait_s=wait,
        renames=renames,
    )
    log = None if log_file is None else Journal(log_file).write
    spoken = Spoken()
    urls = tuple(dict.fromkeys(targets or [configured_target(folder)]))
    destinations = Destinations(urls, options, deadline)
    chosen = with_named_runs(paths, folder, vantage()) or (str(folder),)
    found = replace(choice, paths=chosen).found(folder)
    check_new_ids(found.run_dirs, renames)
    reports = {url: SyncReport() for url in urls}
    if follow:
        reports = destinations.follow(
            (*chosen, *map(str, asides_of(found.run_dirs, folder))),
            partial(Teller, to_all(None if as_json or quiet else spoken.say, log), state_file),
            until_finished=until_finished,
        )
    elif found.run_dirs or found.problems or found.cleaned:
        looked_up = found if choice.is_whole else tuple(map(str, found.run_dirs))
        silent = as_json or quiet
        with progress(
            quiet=silent,
            verbose=verbose,
            dry_run=dry_run,
            say=spoken.say,
            terminal=spoken.terminal,
            journal=log,
        ) as shows:
            reports = destinations.sync(looked_up, shows)
    for url, report in reports.items():
        report.not_found = found.not_found if paths else []
        if not dry_run:
            remember(url, report)
    code = worst(report.exit_code for report in reports.values())
    fitting_ones = "" if choice.is_whole else " that fit"
    nothing = f"No runs{fitting_ones} in {shown(', '.join(chosen))}."
    closing = partial(all_closing_lines, reports, nothing, dry_run=dry_run)
    if as_json:
        echo_json(sync_shape(reports, code, dry_run=dry_run))
    elif quiet:
        _echo_failures(reports)
    else:
        # Who is at a terminal wants to see that it is well; a cron job mails whatever it says.
        _tell(spoken.say, closing(only_news=not (verbose or sys.stdout.isatty())))
    _tell(log, closing(only_news=True))
    echo_errors(*reports.values(), journal=log)
    if not code:
        spoken.check()
    context.exit(code)


def _tell(say: Say | None, lines: Iterable[str]) -> None:
    if say is not None:
        for line in lines:
            say(line)


def _echo_failures(reports: Mapping[str, SyncReport]) -> None:
    for url, report in reports.items():
        target = without_password(url) if len(reports) > 1 else None
        for run in report.wrong:
            for line in run_lines(run, target, verbose=False, dry_run=False):
                click.echo(line, err=True)
