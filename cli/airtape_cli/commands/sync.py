"""`tracker sync`: bring recorded runs to a target."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from airtape.backends.registry import open_backend
from airtape.errors import UsageError
from airtape.sync.brake import Brake
from airtape.sync.engine import sync_to
from airtape.sync.options import SyncOptions
from airtape.sync.renames import Renames
from airtape.sync.report import ExitCode, SyncReport
from airtape.sync.retry import Retry
from airtape.targets import without_password
from airtape_cli.aside import asides_of
from airtape_cli.boundary import echo_errors
from airtape_cli.chosen import Choice, choosing_options
from airtape_cli.following import follow as follow_runs
from airtape_cli.locate import with_named_runs
from airtape_cli.options import (
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
from airtape_cli.render.sync_report import closing_lines, run_lines
from airtape_cli.render.text import shown
from airtape_cli.stopping import stopped_by_signals
from airtape_cli.synced import configured_target


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--to",
    "target",
    type=named_target,
    metavar="TARGET",
    help="The target, by its name or URL; sqlite:./wandb/tracker.db if no setting names one.",
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
@click.option("-q", "--quiet", is_flag=True, help="Say only what is wrong, as cron jobs should.")
@click.pass_context
def sync(
    context: click.Context,
    *,
    paths: tuple[str, ...],
    target: str | None,
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
    dry_run: bool,
    follow: bool,
    until_finished: bool,
    state_file: Path | None,
    as_json: bool,
    verbose: bool,
    quiet: bool,
) -> None:
    """Bring runs to a target: a SQLite store unless you name another.

    PATH is a run directory, a folder of them such as ./wandb, a pattern, or the id, the name or
    the path (entity/project/id) of a run in ./wandb; ./wandb if you name none. Only what the
    target does not have yet is sent, so syncing again is cheap and adds nothing twice; a run that
    goes on is continued next time. Nothing is written below PATH. Runs that were deleted are left
    out, also when a copy of their directory turns up.

    Any number of syncs may run side by side, on many machines too: what one of them is bringing the
    others leave alone, and nothing comes twice.

    With --follow the logs are looked at twice a second, also on file systems that tell nobody of
    changes; what is recorded is in the target within a second, and a target that does not answer
    is asked again and again. It ends when it is told to, at the deadline, or --until-finished.

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
      tracker sync --again likely-lion-9
      tracker sync --follow --until-finished

    \b
    Exit codes:
      0  everything is synced, or there was nothing to do
      1  a fault in tracker itself
      2  a wrong argument, or a path that does not exist
      3  a run could not be synced, or has damage that was not known before,
         or the content of a file of it is missing
      4  the target cannot be reached or written
      5  other syncs hold every run, or --wait ran out
      6  time ran out, or a signal came, with work left
    """  # noqa: D301 - \b tells click to keep the lines below it
    folder = default_folder()
    url = target or configured_target(folder)
    if follow and (not choice.is_whole or limit is not None or dry_run or again):
        raise UsageError(
            "--follow brings every run that it meets to the target",
            hint="leave out what chooses runs, --limit, --dry-run and --again",
        )
    brake = Brake(deadline)
    options = SyncOptions(
        dry_run=dry_run,
        tombstones=[folder],
        brake=brake,
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
    chosen = with_named_runs(paths, folder, vantage()) or (str(folder),)
    places = ", ".join(chosen)
    found = replace(choice, paths=chosen).found(folder)
    if not choice.is_whole:
        chosen = tuple(map(str, found.run_dirs))
    elif follow:
        chosen += tuple(map(str, asides_of(found.run_dirs, folder)))
    check_new_ids(found.run_dirs, renames)
    if follow:
        report = follow_runs(
            chosen,
            url,
            options,
            until_finished=until_finished,
            quiet=as_json or quiet,
            state_file=state_file,
        )
    elif found.run_dirs or found.problems or found.cleaned:
        with (
            progress(quiet=as_json or quiet, verbose=verbose, dry_run=dry_run) as shows,
            stopped_by_signals(brake.stop),
        ):
            looked_up = found if choice.is_whole else chosen
            report = sync_to(looked_up, lambda: open_backend(url, patient=False), options, shows)
    else:
        report = SyncReport()
    report.not_found = found.not_found if paths else []
    if not dry_run:
        remember(url, report)
    if as_json:
        echo_json({"target": without_password(url), "dry_run": dry_run, **report.to_json()})
    elif quiet:
        _echo_failures(report)
    else:
        fitting_ones = "" if choice.is_whole else " that fit"
        _echo_end(report, url, f"{fitting_ones} in {shown(places)}", dry_run=dry_run)
    echo_errors(report)
    context.exit(report.exit_code)


def _echo_failures(report: SyncReport) -> None:
    for run in report.runs:
        if run.status in {"failed", "damaged"}:
            for line in run_lines(run, verbose=False, dry_run=False):
                click.echo(line, err=True)


def _echo_end(report: SyncReport, url: str, where: str, *, dry_run: bool) -> None:
    for line in closing_lines(report, without_password(url), dry_run=dry_run):
        click.echo(line)
    if not report.runs and not report.not_found and report.exit_code is ExitCode.OK:
        click.echo(f"No runs{where}.")
