"""`tracker rebuild`: make a target anew from the logs."""

from __future__ import annotations

from collections.abc import Iterator

import click

from airtape.run_search import find_run_dirs
from airtape.sync.brake import Brake
from airtape.sync.options import SyncOptions
from airtape.sync.rebuild import Rebuilt
from airtape.sync.rebuild import rebuild as rebuild_target
from airtape.sync.renames import Renames
from airtape.targets import without_password
from airtape_cli.aside import with_asides
from airtape_cli.boundary import echo_errors
from airtape_cli.options import default_folder, json_option, named_target
from airtape_cli.renaming import check_new_ids, renaming_options
from airtape_cli.render.notes import echo_note
from airtape_cli.render.progress import progress
from airtape_cli.render.shapes import echo_json
from airtape_cli.render.sync_report import closing_lines
from airtape_cli.render.text import shown
from airtape_cli.spoken import Spoken
from airtape_cli.stopping import stopped_by_signals

_MOST_NAMED = 10


@click.command(short_help="Make a target anew from the logs.")
@click.argument("target", type=named_target)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@renaming_options
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="How many runs to send at once.",
)
@click.option(
    "--force", is_flag=True, help="Replace the target also where it has more than the logs here."
)
@json_option
@click.option("-v", "--verbose", is_flag=True, help="Say something of every run.")
@click.pass_context
def rebuild(
    context: click.Context,
    *,
    target: str,
    paths: tuple[str, ...],
    renames: Renames,
    jobs: int,
    force: bool,
    as_json: bool,
    verbose: bool,
) -> None:
    """Make a target anew from the logs, for one that is damaged or was changed.

    TARGET is its name or URL. PATH is a run directory, a folder of them such as ./wandb, or a
    pattern; ./wandb if you name none. Runs keep the names that they have in the target; options
    name those that it does not know, and say again what became of tags and job types.

    A SQLite store or a directory of JSON lines is made beside the old one, which is then replaced
    at once and kept under a name that ends in .old. It is replaced only if all of its records, as
    far as they can be read, are in the logs. In a target of another kind each run is sent anew in
    its place; what no log here tells of stays as it is.

    \b
    Examples:
      tracker rebuild sqlite:./wandb/tracker.db
      tracker rebuild lab '/scratch/*/wandb'

    \b
    Exit codes:
      0  the target is made anew
      1  a fault in tracker itself, or output that cannot be written
      2  a wrong argument, or a path that does not exist
      3  the target has what no log here has, and stays; or a run could not be read, or is damaged
      4  the target cannot be reached, written or replaced
      6  a signal came; the target stays
    """  # noqa: D301 - \b tells click to keep the lines below it
    folder = default_folder()
    found = with_asides(find_run_dirs(paths or [folder]), folder)
    check_new_ids(found.run_dirs, renames)
    brake = Brake()
    options = SyncOptions(tombstones=[folder], brake=brake, jobs=jobs, renames=renames)
    spoken = Spoken()
    with (
        progress(
            quiet=as_json, verbose=verbose, dry_run=False, say=spoken.say, terminal=spoken.terminal
        ) as shows,
        stopped_by_signals(brake.stop),
    ):
        rebuilt = rebuild_target(found, target, options, shows(None), force=force)
    rebuilt.report.not_found = found.not_found if paths else []
    url = without_password(target)
    if as_json:
        echo_json({"target": url, **rebuilt.to_json()})
    else:
        for line in _lines(rebuilt, url):
            spoken.say(line)
    if rebuilt.missing and not rebuilt.swapped:
        echo_note("name the folders with the logs of these, or let them go with --force")
    echo_errors(rebuilt.report)
    if not rebuilt.exit_code:
        spoken.check()
    context.exit(rebuilt.exit_code)


def _lines(rebuilt: Rebuilt, target: str) -> Iterator[str]:
    new = target if rebuilt.in_place else f"a new {target}"
    yield from closing_lines(rebuilt.report, new, dry_run=False)
    if rebuilt.unread is not None:
        yield f"What the old target had is not known: {shown(rebuilt.unread)}"
    for sentence in rebuilt.missing[:_MOST_NAMED]:
        yield f"Not in the logs: {shown(sentence)}"
    if len(rebuilt.missing) > _MOST_NAMED:
        yield f"Not in the logs: and {len(rebuilt.missing) - _MOST_NAMED} more"
    if not rebuilt.swapped:
        yield f"{shown(target)} stays as it was."
    elif rebuilt.kept is not None:
        yield f"Rebuilt {shown(target)}; the old one is kept as {shown(str(rebuilt.kept))}."
    else:
        yield f"Rebuilt {shown(target)}."
