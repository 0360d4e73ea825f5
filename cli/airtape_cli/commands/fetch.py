"""`tracker fetch`: bring a run from a target, so that a job can go on with it here."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from airtape.backends.registry import open_backend
from airtape.overview import overview_of_parts
from airtape.rundir import wandb_dir
from airtape.sync.fetch import TargetRun, fetch_run, find_in_target
from airtape.targets import without_password
from airtape_cli.options import default_folder, named_target, vantage
from airtape_cli.render.notes import echo_note
from airtape_cli.render.text import shown


@click.command()
@click.argument("run")
@click.option(
    "--from",
    "target",
    type=named_target,
    metavar="TARGET",
    required=True,
    help="The target that has the run, by its name or URL.",
)
@click.option(
    "--in", "folder", metavar="PATH", help="The folder that jobs record to; ./wandb if unsaid."
)
@click.option(
    "--first-writer",
    default="",
    metavar="HEX",
    help="Of several runs that took the id, the one that this writer began.",
)
def fetch(*, run: str, target: str, folder: str | None, first_writer: str) -> None:
    """Bring a run from a target, so that a job can go on with it here.

    RUN is the id or the path (entity/project/id) of a run in the target. Recording asks no target:
    init() with resume=, resume_from= or fork_from= looks into ./wandb only, so fetch the run before
    the job starts, on a machine that reaches the target. What is fetched is kept in
    ./wandb/fetched-ID. It is no recording: it is not listed, and never synced again; a later fetch
    replaces it, and once the job has begun it can be removed.

    A run whose logs are here is fetched only if they are older than what the target has.

    \b
    Examples:
      tracker fetch ab12cd34 --from sqlite:/data/runs.db
      tracker fetch me/digits/ab12cd34 --from jsonl:/data/export --in /scratch/job/wandb

    \b
    Exit codes:
      0  the run can be gone on with
      2  there is no such run, or several; or what is here of it must be seen to first
      4  the target cannot be reached, or the run cannot be kept here
    """  # noqa: D301 - \b tells click to keep the lines below it
    place = default_folder() if folder is None else _wandb_folder(Path(folder))
    where = without_password(target)
    with closing(open_backend(target)) as backend:
        found = find_in_target(backend, run, where=where, first_writer=first_writer)
    kept = fetch_run(found, place)
    _echo(found, where, place, kept)


def _wandb_folder(said: Path) -> Path:
    """Return the ``wandb`` folder that is meant, which may be named by the one above it."""
    return said if said.name in {"wandb", ".wandb"} else wandb_dir(said)


def _echo(run: TargetRun, target: str, place: Path, kept: Path | None) -> None:
    overview = overview_of_parts(place, run.parts, vantage())
    name = f"{overview.name} ({run.path})" if overview.name else str(run.path)
    if kept is None:
        click.echo(shown(f"Nothing to fetch: {place} has all of {name}"))
        return
    last = "no rows" if overview.last_step is None else f"rows up to step {overview.last_step}"
    click.echo(shown(f"Fetched: {name}, {last}"))
    click.echo(shown(f'Go on with it: init(id="{run.key.run_id}", resume="must")'))
    if overview.state.name == "running":
        echo_note(
            f"the run has not ended as far as {target} knows ({overview.state.detail}); if it still"
            " runs elsewhere, end and sync it first"
        )
    if run.key.entity or run.key.project:
        echo_note(f"it was synced as {run.path}; what goes on with it must be synced so too")
