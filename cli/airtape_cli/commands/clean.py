"""`tracker clean`: remove the logs of runs that targets hold."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import click

from airtape.cleaning.plan import Candidate, Rules, plan_cleaning
from airtape.cleaning.proof import Proof
from airtape.cleaning.removal import clean as remove
from airtape.cleaning.removal import tidy_up
from airtape.errors import UsageError
from airtape.rundir import find_run_dirs
from airtape.sync.report import ExitCode
from airtape.targets import without_password
from airtape_cli.askable import askable_target, open_askable
from airtape_cli.options import default_folder, json_option, stale_option, time_span, vantage
from airtape_cli.render.shapes import echo_json
from airtape_cli.render.text import shown, size_text
from airtape_cli.render.verify_report import counted


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--to",
    "targets",
    multiple=True,
    type=askable_target,
    metavar="TARGET",
    help="A target that must have all of a run, by its name, its URL or that of a receipt; may be "
    "said several times, then all of them must.",
)
@click.option(
    "--older-than",
    "older_than_s",
    type=time_span,
    default="0s",
    metavar="TIME",
    help="Only runs whose logs have been at rest for so long, such as 30d.",
)
@click.option(
    "--keep", type=click.IntRange(0), default=0, metavar="N", help="Keep the N newest runs."
)
@click.option("--no-stub", is_flag=True, help="Leave nothing of a run behind.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask first; needed in scripts.")
@json_option
@stale_option
@click.pass_context
def clean(
    context: click.Context,
    *,
    paths: tuple[str, ...],
    targets: tuple[str, ...],
    older_than_s: float,
    keep: int,
    no_stub: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    stale_after: float,
) -> None:
    """Remove logs and files of runs that targets hold.

    PATH is a run directory, a folder of them, or a pattern; ./wandb if you name none. A run goes
    when it is proved to have ended, nothing of it is damaged, and each target named with --to has
    every record of it, with the same digest, and the bytes of every file. A target that cannot be
    reached answers by its receipt, see `tracker receipt`. What is left of the run says what it
    was: its config, its summary and what the targets have; `tracker ls` and `tracker show` read
    it.

    \b
    Examples:
      tracker clean --to lab --older-than 30d --keep 100 --dry-run
      tracker clean --to lab --to receipt:archive --older-than 30d --yes

    \b
    Exit codes:
      0  what was asked for is removed; runs that go on, or are not old enough, stay
      1  you said no, or a fault in tracker itself
      2  no target is named, or a run was not removed because a target lacks something of it
      4  a target cannot be reached, or something cannot be removed
    """  # noqa: D301 - \b tells click to keep the lines below it
    if not targets:
        raise UsageError(
            "no target is named that has the runs",
            hint="Name it with --to; what no target has is not removed.",
        )
    found = find_run_dirs(paths or [default_folder()])
    if paths and found.not_found:
        raise UsageError("there is nothing at this path", where=", ".join(found.not_found))
    with ExitStack() as stack:
        proofs = []
        for target in targets:
            backend = open_askable(target)
            stack.callback(backend.close)
            proofs.append(Proof(backend, without_password(target)))
        rules = Rules(older_than_s, keep)
        plan = plan_cleaning(found.run_dirs, proofs, rules, vantage(stale_after))
    chosen = [one for one in plan if one.verdict == "clean"]
    if not as_json:
        _echo_plan(plan, dry_run=dry_run)
    if chosen and not dry_run:
        _ask(chosen, yes=yes)
        _remove(chosen, stub=not no_stub)
    refused = any(one.verdict == "refused" for one in plan)
    code = ExitCode.USAGE if refused else ExitCode.OK
    if as_json:
        echo_json(
            {"exit_code": int(code), "dry_run": dry_run, "runs": [_shape(one) for one in plan]}
        )
    elif not dry_run:
        done = [one for one in plan if one.verdict == "clean"]
        click.echo(f"Removed {_amount(done)}.")
    context.exit(code)


def _ask(chosen: Sequence[Candidate], *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            "nobody can be asked whether to remove the runs", hint="Say --yes if you are sure."
        )
    click.confirm(f"Remove {_amount(chosen)}, for good?", abort=True, err=True)


def _remove(chosen: Sequence[Candidate], *, stub: bool) -> None:
    tidy_up({directory.parent for one in chosen for directory in one.directories})
    for one in chosen:
        if not remove(one, now_ns=time.time_ns(), stub=stub):
            one.stay("refused", "somebody has written to it meanwhile")
            click.echo(_line(one), err=True)


def _echo_plan(plan: Sequence[Candidate], *, dry_run: bool) -> None:
    for one in plan:
        if one.verdict != "kept":
            click.echo(_line(one))
    kept = [one for one in plan if one.verdict == "kept"]
    if kept:
        reasons = dict.fromkeys(reason.partition(" (")[0] for one in kept for reason in one.reasons)
        click.echo(f"{counted(len(kept), 'run')} stay: {shown('; '.join(reasons))}.")
    if dry_run:
        chosen = [one for one in plan if one.verdict == "clean"]
        click.echo(f"Would remove {_amount(chosen)}.")


def _line(one: Candidate) -> str:
    name = f" ({shown(one.overview.name)})" if one.overview.name else ""
    where = f"{shown(', '.join(map(str, one.directories)))}{name}"
    if one.verdict == "clean":
        return f"Held: {where}, {size_text(one.size)}"
    return f"Stays: {where}: {shown('; '.join(one.reasons))}"


def _amount(chosen: Sequence[Candidate]) -> str:
    files = sum(one.files for one in chosen)
    size = size_text(sum(one.size for one in chosen))
    return f"{counted(len(chosen), 'run')}, {counted(files, 'file')}, {size}"


def _shape(one: Candidate) -> dict[str, Any]:
    run = one.overview
    return {
        "path": run.path,
        "run_id": run.run_id,
        "name": run.name,
        "directories": [str(directory) for directory in one.directories],
        "verdict": one.verdict,
        "reasons": one.reasons,
        "bytes": one.size,
        "files": one.files,
        "receipts": one.receipts,
    }
