"""`tracker delete`: remove runs for good."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from airtape.backends.base import Backend
from airtape.backends.registry import open_backend
from airtape.deletion import bury_run, remove_fetched, remove_run_dirs
from airtape.errors import UsageError
from airtape.fold.merge import merge
from airtape.login_name import login_name
from airtape.names import NO_ENTITY, NO_PROJECT
from airtape.overview import Overview
from airtape.predecessors import root_of
from airtape.targets import without_password
from airtape.tombstones import RunPath, Tombstone, now_text
from airtape.writers import read_writers
from airtape_cli.locate import find_whole_run
from airtape_cli.options import default_folder, folder_option, named_target, vantage
from airtape_cli.render.text import shown


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("-y", "--yes", is_flag=True, help="Do not ask first; needed in scripts.")
@click.option("--force", is_flag=True, help="Delete runs that are running, too.")
@click.option(
    "--from",
    "target",
    type=named_target,
    metavar="TARGET",
    help="Take the runs back from this target, too; its name or URL.",
)
@folder_option
def delete(
    *, runs: tuple[str, ...], yes: bool, force: bool, target: str | None, folder: str | None
) -> None:
    """Delete runs: all directories of each, for good.

    RUN is a run directory, or the id, the name or the path (entity/project/id) of a run in
    ./wandb. A small file stays behind, in ./wandb/.tombstones: the id is not used again, and sync
    leaves the run out if a copy of it turns up. Targets keep what they have, unless one is named
    with --from.

    \b
    Examples:
      tracker delete likely-lion-9
      tracker delete ab12cd34 ef56gh78 --yes --from sqlite:./wandb/tracker.db

    \b
    Exit codes:
      0  the runs are deleted
      1  you said no, or a fault in tracker itself
      2  there is no such run, it is running, or nobody can be asked
      4  something cannot be removed, or the target cannot be reached; say the same again then
    """  # noqa: D301 - \b tells click to keep the lines below it
    where = Path(folder) if folder is not None else default_folder()
    found = {run.directory: run for run in _found(runs, where)}
    chosen = [*found.values()]
    _check(chosen, force=force)
    with ExitStack() as stack:
        backend = None if target is None else _opened(target, stack)
        _ask(chosen, target, yes=yes)
        for run in chosen:
            _delete(run, backend)
            click.echo(f"Deleted: {_described(run)}")


def _found(said: Sequence[str], where: Path) -> Iterator[Overview]:
    here = vantage()
    return (find_whole_run(run, where, here) for run in said)


def _check(runs: Sequence[Overview], *, force: bool) -> None:
    """Make sure that nothing is deleted that somebody needs, before anything is.

    Raises:
        UsageError: A run is running, or its directory is a link or holds another run.
    """
    for run in runs:
        if run.state.name == "running" and not force:
            raise UsageError(
                f"{run.name or run.run_id} is {run.state}",
                where=str(run.directory),
                hint="`tracker stop` ends it first; --force deletes it all the same.",
            )
        for directory in run.directories:
            ids = {writer.header.run_id for writer in read_writers(directory, [])}
            if len(ids) > 1:
                raise UsageError(
                    "the run directory holds another run, too",
                    where=str(directory),
                    because=f"its logs belong to {', '.join(sorted(ids))}",
                    hint="Move the logs of the other run into a directory of their own.",
                )
            if directory.is_symlink():
                raise UsageError(
                    "the run directory is a link",
                    where=str(directory),
                    hint="Name the directory that it leads to.",
                )


def _opened(target: str, stack: ExitStack) -> Backend:
    backend = open_backend(target)
    stack.callback(backend.close)
    if not backend.can_retract:
        raise UsageError(
            "this target cannot take back anything",
            where=without_password(target),
            hint="Without --from the runs are deleted here only.",
        )
    return backend


def _ask(runs: Sequence[Overview], target: str | None, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            "nobody can be asked whether to delete the runs", hint="Say --yes if you are sure."
        )
    for run in runs:
        click.echo(f"{_described(run)}, {run.state}, {run.rows} rows")
        for directory in run.directories:
            click.echo(f"  {shown(str(directory))}")
    also = "" if target is None else f", here and in {shown(without_password(target))}"
    what = "this run" if len(runs) == 1 else f"these {len(runs)} runs"
    click.confirm(f"Delete {what}{also}, for good?", abort=True)


def _delete(run: Overview, backend: Backend | None) -> None:
    run_id = run.run_id or ""
    # First, so that nobody brings the run back from what is not removed yet.
    for path in _paths(run, run_id):
        bury_run(run.directories, Tombstone(path, now_text(), login_name(os.environ)))
    roots = {root_of(header) for header, _ in run.writers}
    if backend is not None:
        _take_back(roots, backend)
    remove_fetched({directory.parent for directory in run.directories}, run_id, roots)
    remove_run_dirs(run.directories, run_id)


def _paths(run: Overview, run_id: str) -> set[RunPath]:
    """Return the paths of a run, as it is and as it was recorded: a copy may lack a change."""
    recorded = [part for part in run.writers if part.header.role != "amend"]
    said = merge(recorded).run if recorded else {}
    return {
        RunPath(str(entity or NO_ENTITY), str(project or NO_PROJECT), run_id)
        for entity, project in (
            (run.entity, run.project),
            (said.get("entity"), said.get("project")),
        )
    }


def _take_back(roots: Collection[bytes], backend: Backend) -> None:
    """Take a run back from a target, whatever it was called when it was synced."""
    for key in backend.runs():
        if key.root in roots:
            backend.retract(key)


def _described(run: Overview) -> str:
    return shown(f"{run.name} ({run.path})" if run.name else run.path)
