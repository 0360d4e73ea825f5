"""`tracker clean`: remove the logs of runs that targets hold."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Final

import click

from airtape.cleaning.plan import GONE, Candidate, Rules, Verdict, plan_cleaning
from airtape.cleaning.proof import Proof
from airtape.cleaning.removal import Outcome, find_settled
from airtape.cleaning.removal import clean as remove
from airtape.errors import UsageError
from airtape.run_search import find_run_dirs
from airtape.sync.report import ExitCode, worst
from airtape.targets import without_password
from airtape_cli.askable import askable_target, open_askable
from airtape_cli.options import default_folder, json_option, stale_option, time_span, vantage
from airtape_cli.render.notes import echo_note
from airtape_cli.render.shapes import echo_json
from airtape_cli.render.text import shown, size_text
from airtape_cli.render.verify_report import counted

_STAYS: Final[dict[Outcome, tuple[Verdict, str]]] = {
    "written to": ("refused", "somebody has written to it, or to what a target has, meanwhile"),
    "held": ("kept", "somebody else is cleaning or sending it"),
    "gone": ("kept", GONE),
}


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
      4  a target cannot be reached, or something cannot be removed; say the same again then
    """  # noqa: D301 - \b tells click to keep the lines below it
    if not targets:
        raise UsageError(
            "no target is named that has the runs",
            hint="Name it with --to; what no target has is not removed.",
        )
    where = paths or [default_folder()]
    found, notes = (find_run_dirs(where), []) if dry_run else find_settled(where)
    for note in notes:
        echo_note(note)
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
        left = False
        if not dry_run:
            if chosen:
                _ask(chosen, yes=yes)
            left = _remove(chosen, proofs, stub=not no_stub)
    refused = any(one.verdict == "refused" for one in plan)
    code = worst([ExitCode.USAGE] * refused + [ExitCode.UNREACHABLE] * left)
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


def _remove(chosen: Sequence[Candidate], proofs: Sequence[Proof], *, stub: bool) -> bool:
    """Remove what was chosen; tell whether some of it could not be."""
    is_left = False
    for one in chosen:
        outcome = remove(one, proofs, now_ns=time.time_ns(), stub=stub)
        if outcome == "removed in part":
            is_left = True
            where = shown(", ".join(map(str, one.directories)))
            click.echo(f"{where}: some files cannot be removed; `tracker gc` tries again", err=True)
        elif outcome != "removed":
            one.stay(*_STAYS[outcome])
            click.echo(_line(one), err=True)
    return is_left


def _echo_plan(plan: Sequence[Candidate], *, dry_run: bool) -> None:
    for one in plan:
        if one.verdict != "kept":
            click.echo(_line(one))
    kept = [one for one in plan if one.verdict == "kept"]
    if kept:
        reasons = dict.fromkeys(reason.partition(" (")[0] for one in kept for reason in one.reasons)
        stay = "stays" if len(kept) == 1 else "stay"
        click.echo(f"{counted(len(kept), 'run')} {stay}: {shown('; '.join(reasons))}.")
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
