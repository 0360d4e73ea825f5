"""`tracker gc`: remove files that nobody names."""

from __future__ import annotations

import sys

import click

from airtape.cleaning.garbage import Sweep, remove_garbage
from airtape.cleaning.removal import find_settled
from airtape.errors import UsageError
from airtape.run_search import find_run_dirs
from airtape.sync.report import ExitCode
from airtape_cli.options import default_folder, json_option, stale_option, vantage
from airtape_cli.render.notes import echo_note
from airtape_cli.render.shapes import echo_json
from airtape_cli.render.text import shown, size_text
from airtape_cli.render.verify_report import counted


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask first; needed in scripts.")
@json_option
@stale_option
@click.pass_context
def gc(
    context: click.Context,
    *,
    paths: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    as_json: bool,
    stale_after: float,
) -> None:
    """Remove files that no record names.

    PATH is a run directory, a folder of them, or a pattern; ./wandb if you name none. What goes:
    large values in `blobs/` that no record refers to, files that were left half written, and what
    an interrupted `delete` or `clean` had put aside; a run that `clean` had not decided on yet is
    put back. Runs that go on, or have lost records, are passed over.

    \b
    Examples:
      tracker gc --dry-run
      tracker gc /scratch/wandb --yes

    \b
    Exit codes:
      0  nothing of the kind is left, but for runs that were passed over
      1  you said no, or a fault in tracker itself
      2  a path does not exist, or nobody can be asked
      3  a place could not be looked into, or is no run
      4  something cannot be removed
    """  # noqa: D301 - \b tells click to keep the lines below it
    where = paths or [default_folder()]
    found, notes = (find_run_dirs(where), []) if dry_run else find_settled(where)
    if paths and found.not_found:
        raise UsageError("there is nothing at this path", where=", ".join(found.not_found))
    sweep = Sweep(vantage(stale_after))
    sweep.notes += [*notes, *(f"{bad.path}: {bad.reason}" for bad in found.problems)]
    garbage = list(sweep.in_runs([*found.run_dirs, *found.cleaned]))
    amount = f"{counted(len(garbage), 'file')}, {size_text(sum(one.size for one in garbage))}"
    if not as_json:
        for one in garbage:
            click.echo(f"{shown(str(one.path))}, {size_text(one.size)}")
    if garbage and not dry_run:
        _ask(amount, yes=yes)
        for one in garbage:
            remove_garbage(one)
    if as_json:
        shapes = [{"path": str(one.path), "bytes": one.size} for one in garbage]
        echo_json({"dry_run": dry_run, "removed": shapes, "notes": sweep.notes})
    else:
        click.echo(f"{'Would remove' if dry_run else 'Removed'} {amount}.")
        for note in sweep.notes:
            echo_note(note)
    context.exit(ExitCode.OK if found.is_whole else ExitCode.INCOMPLETE)


def _ask(amount: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            "nobody can be asked whether to remove the files", hint="Say --yes if you are sure."
        )
    click.confirm(f"Remove {amount}, for good?", abort=True, err=True)
