"""`tracker edit`: change what runs are called, before they are synced or after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import click

from airtape.accepted_losses import accepted_by
from airtape.errors import LogFormatError, UsageError
from airtape.names import check_project, check_tags, check_text
from airtape.overview import Overview
from airtape.predecessors import root_of
from airtape.query.amendments import (
    keep_changes,
    seems_copied,
    write_amendment_aside,
    write_amendment_or_aside,
)
from airtape.query.joined import JoinedRun, read_runs
from airtape.query.kept import Amendment
from airtape.query.lost_contents import LostContent, lost_contents
from airtape.records import Plain
from airtape.rundir import wandb_dir
from airtape.sync.file_contents import LONGEST_TOLD, MOST_TOLD
from airtape.value_text import shortened
from airtape.writers import WriterFiles
from airtape_cli.aside import asides_of, edits_folder
from airtape_cli.locate import find_whole_run
from airtape_cli.options import default_folder, folder_option, vantage
from airtape_cli.render.edits import changes_text
from airtape_cli.render.notes import echo_note
from airtape_cli.render.text import shown


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--name", help="The display name.")
@click.option("--tags", help="The tags, between commas, in place of those that are there.")
@click.option("--add-tag", multiple=True, metavar="TAG", help="A further tag; several times.")
@click.option("--remove-tag", multiple=True, metavar="TAG", help="A tag to take away; likewise.")
@click.option("--notes", help="The description.")
@click.option("-p", "--project", help="The project.")
@click.option("--group", help="The group.")
@click.option("--job-type", "--job_type", help="The job type.")
@click.option(
    "--accept-lost",
    multiple=True,
    metavar="NAME",
    help="A file, or a pattern of files, whose content is gone for good; several times.",
)
@click.option(
    "--aside",
    metavar="PATH",
    help="Write below this folder, not into the directory of the run.",
)
@folder_option
def edit(
    *,
    runs: tuple[str, ...],
    name: str | None,
    tags: str | None,
    add_tag: tuple[str, ...],
    remove_tag: tuple[str, ...],
    notes: str | None,
    project: str | None,
    group: str | None,
    job_type: str | None,
    accept_lost: tuple[str, ...],
    aside: str | None,
    folder: str | None,
) -> None:
    """Change what runs are called, before they are synced or after.

    RUN is a run directory, or the id, the name or the path (entity/project/id) of a run in
    ./wandb. What was recorded stays: a change is a small log beside the others, which says who made
    it and when; `tracker show` lists them. Wherever the run is read it counts over them, and what
    goes on with the run counts over the change. The next sync brings it to each target, also to
    one that has all of the run. An empty text takes a name, notes, tags, a group or a job type
    away.

    Where the run directory is read-only, or with --aside, the change stands in a directory of its
    own, which is one more directory of the run: beside it if possible, else in ./wandb. Other
    commands find it there.

    A copy of the run directory loses the change when it is made again with `rsync --delete`. So
    where a directory seems to be one, recorded on other machines and on a disk of this one, the
    change is kept in ~/.local/state/airtape/edits, too, where your other commands, your crons among
    them, find it. What others sync has it if it was made where the run was recorded.

    With --accept-lost syncs no longer wait for a file that was recorded and is gone, such as one
    that was removed to free space, and `tracker clean` does not either. NAME is what `tracker sync`
    calls it (files/model.pt), or a pattern of such names ('files/*.pt'); only what is gone is
    taken. The change says by SHA-256 which contents they were. One that comes back is synced.

    \b
    Examples:
      tracker edit likely-lion-9 --name baseline --add-tag final
      tracker edit ab12cd34 ef56gh78 --project vision
      tracker edit ab12cd34 --accept-lost files/model.pt --accept-lost 'files/epoch-*.pt'
      tracker edit /mirror/wandb/run-20261120_101112-ab12cd34 --notes "diverged" --aside ~/edits

    \b
    Exit codes:
      0  the runs are changed, or were so already
      2  there is no such run, a name that cannot be, or a file that is not lost
      4  the change cannot be written
    """  # noqa: D301 - \b tells click to keep the lines below it
    texts: dict[str, Plain] = {}
    for field, said in {
        "name": name,
        "notes": notes,
        "group": group,
        "job_type": job_type,
        "project": project,
    }.items():
        if said is not None:
            texts[field] = check_text(said, field, where=_option(field)) or None
    if project is not None and not check_project(project, where="--project"):
        raise UsageError("a run is always in a project", where="--project")
    new_tags = None if tags is None else check_tags(filter(None, tags.split(",")), where="--tags")
    added = check_tags(add_tag, where="--add-tag")
    if not (texts or new_tags is not None or added or remove_tag or accept_lost):
        raise UsageError("nothing to change", hint="Say what, such as --name or --add-tag.")
    if name is not None and len(runs) > 1:
        raise UsageError("several runs would get the same name", where="--name")
    where = Path(folder) if folder is not None else default_folder()
    places = [_wandb_folder(Path(aside))] if aside is not None else []
    here = vantage()
    # All are looked for before any is changed.
    found = {run.directory: run for run in [find_whole_run(said, where, here) for said in runs]}
    runs_found = [_joined(one, places or [default_folder()]) for one in found.values()]
    lost = _lost(runs_found, accept_lost)
    for joined, contents in zip(runs_found, lost, strict=True):
        run = joined.overview(here)
        fields = dict(texts)
        if new_tags is not None or added or remove_tag:
            wanted = dict.fromkeys([*(run.tags if new_tags is None else new_tags), *added])
            fields["tags"] = [tag for tag in wanted if tag not in remove_tag]
        _edit(run, joined.writers, fields, contents, places)


def _option(field: str) -> str:
    return f"--{field.replace('_', '-')}"


def _wandb_folder(said: Path) -> Path:
    """Return the ``wandb`` folder that is meant, which may be named by the one above it."""
    return said if said.name in {"wandb", ".wandb"} else wandb_dir(said)


def _joined(run: Overview, places: Iterable[Path]) -> JoinedRun:
    """Return a run as it is now, with the changes that were written aside.

    Raises:
        LogFormatError: Its logs are gone.
    """
    directories = dict.fromkeys(run.directories)
    for place in places:
        directories |= dict.fromkeys(asides_of(run.directories, place))
    roots = {root_of(header) for header, _ in run.writers}
    for joined in read_runs(directories)[0]:
        if joined.incarnation.run_id == run.run_id and joined.incarnation.root in roots:
            return joined
    raise LogFormatError("the logs of the run are gone", where=str(run.directory))


def _lost(runs: Sequence[JoinedRun], names: Sequence[str]) -> list[list[LostContent]]:
    """Return what is lost of each run, and was not accepted before.

    Raises:
        UsageError: A name fits nothing that is lost.
    """
    found = [lost_contents(run.writers, names) for run in runs]
    for name in names:
        if not any(lost[name] for lost in found):
            raise UsageError(
                "nothing that is lost is called so",
                where=f"--accept-lost {name}",
                hint="`tracker sync` says what is missing, and what it is called.",
            )
    new: list[list[LostContent]] = []
    for run, lost in zip(runs, found, strict=True):
        known = accepted_by(run.writers)
        new.append(
            sorted({one for some in lost.values() for one in some if one.file.sha256 not in known})
        )
    return new


def _told(lost: Sequence[LostContent]) -> list[Plain]:
    """Return the names of some contents, of many the first and how many more there are."""
    names = [shortened(name, LONGEST_TOLD) for name, _ in lost[:MOST_TOLD]]
    return [*names, *([f"and {len(lost) - MOST_TOLD} more"] if len(lost) > MOST_TOLD else [])]


def _edit(
    run: Overview,
    writers: Sequence[WriterFiles],
    fields: Mapping[str, Plain],
    lost: Sequence[LostContent],
    places: Sequence[Path],
) -> None:
    """Write down what differs, and say it."""
    before = {**{field: getattr(run, field) for field in fields}, "tags": list(run.tags)}
    changed = {field: said for field, said in fields.items() if said != before[field]}
    called = shown(f"{run.name} ({run.path})" if run.name else run.path)
    if not (changed or lost):
        click.echo(f"Nothing to change: {called}")
        return
    contents = [(name, *file) for name, file in lost]
    amendment = Amendment(changed, {}, {}, lost=contents)
    if places:
        place = write_amendment_aside(run.directory, writers, amendment, places[0])
    else:
        folders = [run.directory.parent, default_folder()]
        place = write_amendment_or_aside(run.directory, writers, amendment, folders)
    if lost:
        changed["lost"] = _told(lost)
    click.echo(f"Changed: {called}: {shown(changes_text(changed))}")
    if place != run.directory:
        click.echo(f"  in {shown(str(place))}")
    elif seems_copied(run.directory, writers):
        _keep(run.directory, writers[-1].header.host)


def _keep(run_dir: Path, host: str) -> None:
    """Keep a change that the next copy would take away; say so."""
    folder = edits_folder()
    if folder is None:
        echo_note(
            "this seems to be a copy: should it be made again, with --delete, change it again"
        )
        return
    kept = keep_changes(run_dir, folder)
    click.echo(f"  and in {shown(str(kept))}, as this seems to be a copy from {shown(host)}")
