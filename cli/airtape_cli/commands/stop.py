"""`tracker stop`: ask a running run to end."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import click

from airtape.errors import TargetError
from airtape.overview import Overview
from airtape.rundir import RunDir
from airtape.states import Vantage, state_of
from airtape.stop_request import request_stop
from airtape.writers import read_writers
from airtape_cli.locate import find_whole_run
from airtape_cli.options import default_folder, folder_option, stale_option, vantage
from airtape_cli.render.notes import echo_note
from airtape_cli.render.text import shown

LONGEST_WAIT_S: Final = 10.0
_LOOK_EVERY_S: Final = 0.1


@click.command()
@click.argument("run")
@click.option("--no-wait", is_flag=True, help="Do not wait to see the run end.")
@folder_option
@stale_option
def stop(*, run: str, no_wait: bool, folder: str | None, stale_after: float) -> None:
    """Ask a running run to end.

    RUN is a run directory, or the id, the name or the path (entity/project/id) of a run in
    ./wandb. A file in its directory makes the request, so the run may be on any machine that sees
    the directory. Its processes get a KeyboardInterrupt within 5 s, and it ends as killed. The
    command waits up to 10 s to see that.

    \b
    Examples:
      tracker stop likely-lion-9
      tracker stop ./wandb/latest-run --no-wait

    \b
    Exit codes:
      0  the run is asked to end, or has ended
      2  there is no such run
      4  the request cannot be written
    """  # noqa: D301 - \b tells click to keep the lines below it
    where = Path(folder) if folder is not None else default_folder()
    found = find_whole_run(run, where, vantage(stale_after))
    name = shown(found.name or found.run_id or str(found.directory))
    open_dirs = _running(found.directories, vantage(stale_after))
    if not open_dirs:
        click.echo(f"{name} has already ended: {found.state}.")
        return
    for directory in open_dirs:
        _ask(found, directory)
    click.echo(f"{name} is asked to stop.")
    if no_wait:
        return
    deadline = time.monotonic() + LONGEST_WAIT_S
    while still := _running(open_dirs, vantage(stale_after)):
        if time.monotonic() > deadline:
            places = ", ".join(str(directory) for directory in still)
            echo_note(
                f"it has not ended within {LONGEST_WAIT_S:.0f} s; the request stays: {places}"
            )
            return
        time.sleep(_LOOK_EVERY_S)
    now = find_whole_run(str(found.directory), where, vantage(stale_after))
    click.echo(f"{name} has ended: {now.state}.")


def _running(run_dirs: list[Path], here: Vantage) -> list[Path]:
    """Return those run directories that somebody records to."""
    return [run_dir for run_dir in run_dirs if _is_running(run_dir, here)]


def _is_running(run_dir: Path, here: Vantage) -> bool:
    for writer in read_writers(run_dir, []):
        fold = writer.fold()
        if state_of(writer.header, fold.exit, fold.heard_ns, here).name == "running":
            return True
    return False


def _ask(run: Overview, directory: Path) -> None:
    path = RunDir(directory, run.run_id or "").stop_request
    try:
        request_stop(path)
    except OSError as error:
        raise TargetError(
            "the run cannot be asked to stop",
            where=str(path),
            because=error.strerror or str(error),
        ) from error
