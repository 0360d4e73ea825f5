"""`tracker scrub`: take out of a run what should not have been recorded."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import click

from airtape.backends.registry import open_backend
from airtape.errors import TargetError, UsageError
from airtape.file_copy import Digest
from airtape.login_name import login_name
from airtape.overview import Overview
from airtape.predecessors import root_of
from airtape.scrub.pending import drop_pending, read_pending, write_pending
from airtape.scrub.run import RunScrub, look_through, scrub_run
from airtape.scrub.scrubber import MARK
from airtape.scrub.targets import (
    contents_of,
    forget_contents,
    forget_free_pages,
    send_again,
)
from airtape.silence import going_on
from airtape.sync.report import ExitCode
from airtape.targets import without_password
from airtape.tombstones import now_text
from airtape.writers import joined_writers, read_writers
from airtape_cli.locate import find_whole_run
from airtape_cli.options import default_folder, folder_option, json_option, named_target, vantage
from airtape_cli.render.notes import echo_note
from airtape_cli.render.shapes import echo_json
from airtape_cli.render.text import shown
from airtape_cli.render.verify_report import counted

_SHORTEST = 4


@click.command(short_help="Take a text out of a run, such as a password.")
@click.argument("run")
@click.option(
    "--value-file",
    "value_files",
    multiple=True,
    required=True,
    type=click.File("r", encoding="utf-8"),
    metavar="FILE",
    help="A file that holds the text to take out, and nothing else; - reads it from stdin.",
)
@click.option(
    "--from",
    "targets",
    multiple=True,
    type=named_target,
    metavar="TARGET",
    help="Take it out of this target, too; its name or URL. May be said several times.",
)
@click.option("--dry-run", is_flag=True, help="Only say where it stands.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask first; needed in scripts.")
@folder_option
@json_option
def scrub(
    *,
    run: str,
    value_files: Sequence[Any],
    targets: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    folder: str | None,
    as_json: bool,
) -> None:
    """Take a text out of a run that should not have been recorded, such as a password.

    RUN is a run directory, or the id, the name or the path (entity/project/id) of a run in
    ./wandb. The text is taken out of logs, files and large values wherever it stands, and
    `[scrubbed]` put in its place; records keep their numbers and times, and nothing else changes. A
    note in `logs/scrub.jsonl` says when, by whom, and in which records. Targets named with --from
    get the run again in place of what they have. The text is read from a file, so that it stands
    in no command line.

    Receipts, bundles, backups and other copies that were made before still hold the text, or tell
    of records that have changed.

    \b
    Examples:
      tracker scrub likely-lion-9 --value-file secret.txt --dry-run
      printf %s "$SECRET" | tracker scrub ab12cd34 --value-file - --from lab --yes

    \b
    Exit codes:
      0  it stands nowhere any more in the run and the targets that were named
      1  you said no, or a fault in tracker itself
      2  there is no such run, it is running, or a target cannot take back what it has
      3  a log cannot be read, or cannot do without the text
      4  something cannot be written, or a target cannot be reached; say the same again then
    """  # noqa: D301 - \b tells click to keep the lines below it
    texts = [_text_in(file) for file in value_files]
    where = Path(folder) if folder is not None else default_folder()
    found = find_whole_run(run, where, vantage())
    _check(found, targets)
    looked = look_through(found.directories, texts)
    if not dry_run:
        _ask(found, looked, targets, yes=yes)
        _scrub(found, looked, texts, targets)
    if as_json:
        echo_json({"dry_run": dry_run, "run": found.path, **_shape(looked)})
        return
    for line in _lines(looked):
        click.echo(line)
    verb = "Would take it" if dry_run else "Took it"
    also = f", and out of {counted(len(targets), 'target')}" if targets and not dry_run else ""
    click.echo(f"{verb} out of {_amount(looked)} of {shown(found.path)}{also}.")


def _text_in(file: Any) -> str:  # noqa: ANN401 - an open file
    try:
        text: str = file.read()
    except (OSError, ValueError) as error:
        raise UsageError("the text cannot be read", because=str(error)) from error
    text = text.removesuffix("\n").removesuffix("\r")
    if len(text) < _SHORTEST:
        raise UsageError(
            f"a text of fewer than {_SHORTEST} characters stands in too many places",
            hint="Give all of what should not have been recorded.",
        )
    if text in MARK:
        raise UsageError(f"this is part of {MARK}, which is put in its place")
    return text


def _check(run: Overview, targets: Sequence[str]) -> None:
    """Make sure that all can be done before anything is.

    Raises:
        UsageError: It cannot.
        TargetError: A target cannot be reached.
    """
    writers = [writer for directory in run.directories for writer in read_writers(directory, [])]
    state = going_on(joined_writers(writers), vantage())
    if state is not None:
        raise UsageError(
            f"{run.name or run.run_id} is {state}",
            where=str(run.directory),
            hint="`tracker stop` ends it first.",
        )
    if run.cleaned_ns is not None:
        raise UsageError(
            "the logs of the run were removed by `tracker clean`",
            where=str(run.directory),
            hint="`tracker delete --from TARGET` removes it as a whole.",
        )
    for target in targets:
        with closing(open_backend(target)) as backend:
            if not backend.can_retract:
                raise UsageError(
                    "this target cannot take back anything",
                    where=without_password(target),
                    hint="Sync to a new one once the run is scrubbed, and remove this one.",
                )


def _scrub(run: Overview, looked: RunScrub, texts: Sequence[str], targets: Sequence[str]) -> None:
    """Take texts out of a run and of targets; what those are to drop is written down first."""
    newest = run.directories[-1]
    roots = frozenset(root_of(header) for header, _ in run.writers)
    old = read_pending(newest) | {*looked.contents}
    for target in targets:
        old |= contents_of(partial(open_backend, target), roots)
    if targets and old:
        write_pending(newest, old)
    scrub_run(run.directories, texts, now=now_text(), by=login_name(os.environ))
    for target in targets:
        _scrub_target(run, target, roots, old)
    if targets:
        drop_pending(newest)


def _scrub_target(
    run: Overview, target: str, roots: frozenset[bytes], old: Collection[Digest]
) -> None:
    for report in send_again(run.directories, partial(open_backend, target), roots):
        problems = [problem for one in report.runs for problem in one.problems]
        error = report.target_error or (problems[0] if problems else None)
        if error is not None or report.exit_code not in {ExitCode.OK, ExitCode.INCOMPLETE}:
            raise TargetError(
                "the target still has the text",
                where=without_password(target),
                because="another sync holds the run" if error is None else str(error),
                hint="Say the same again.",
            )
    stays = forget_contents(partial(open_backend, target), old, roots)
    if stays:
        echo_note(
            f"{counted(stays, 'file')} with the text stay in the target: other runs have them"
        )
    forget_free_pages(target)


def _ask(run: Overview, looked: RunScrub, targets: Sequence[str], *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("nobody can be asked", hint="Say --yes if you are sure.")
    also = "".join(f", and out of {shown(without_password(target))}" for target in targets)
    click.confirm(
        f"Take it out of {_amount(looked)} of {shown(run.path)}{also}, for good?",
        abort=True,
        err=True,
    )


def _lines(looked: RunScrub) -> list[str]:
    lines = []
    for log in looked.logs:
        if log.hits:
            seqs = ", ".join(str(hit.seq) for hit in log.hits[:10])
            more = f" and {len(log.hits) - 10} more" if len(log.hits) > 10 else ""  # noqa: PLR2004 - how many are shown
            lines.append(f"{shown(str(log.path))}: records {seqs}{more}")
        if log.masked:
            lines.append(f"{shown(str(log.path))}: damaged bytes")
    return lines + [shown(str(path)) for path in looked.files]


def _amount(looked: RunScrub) -> str:
    return f"{counted(looked.records, 'record')} and {counted(len(looked.files), 'file')}"


def _shape(looked: RunScrub) -> dict[str, Any]:
    return {
        "records": [
            {"log": hit.log, "writer": hit.writer.hex(), "seq": hit.seq}
            for log in looked.logs
            for hit in log.hits
        ],
        "damaged": [str(log.path) for log in looked.logs if log.masked],
        "files": [str(path) for path in looked.files],
    }
