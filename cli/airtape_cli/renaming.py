"""Calling runs something else in a target than their logs do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import wraps
from pathlib import Path

import click

from airtape.errors import Error, UsageError
from airtape.names import check_entity, check_id, check_project, check_tags, check_text
from airtape.rundir import log_files
from airtape.sync.log_file import header_of
from airtape.sync.renames import Names, Renames, read_renames


def renaming_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that rename runs; it gets `Renames`."""

    @click.option("-p", "--project", default="", help="Put the runs into this project.")
    @click.option("-e", "--entity", default="", help="Give the runs to this entity.")
    @click.option("--id", "run_id", default="", help="Give the run, a single one, this id.")
    @click.option("--job-type", "--job_type", default="", help="Give the runs this job type.")
    @click.option(
        "--replace-tags",
        multiple=True,
        metavar="OLD=NEW",
        help="Replace a tag; several between commas, or in several options.",
    )
    @click.option(
        "--map",
        "mapping",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help='New names by run id, over those above: {"ab12cd34": {"project": "vision"}}. Names: '
        "id, entity, project, job_type, tags.",
    )
    @wraps(command)
    def with_renames(
        *arguments: object,
        project: str,
        entity: str,
        run_id: str,
        job_type: str,
        replace_tags: tuple[str, ...],
        mapping: Path | None,
        **others: object,
    ) -> None:
        everywhere = Names(
            check_id(run_id, where="--id") if run_id else "",
            check_entity(entity, where="--entity"),
            check_project(project, where="--project"),
            check_text(job_type, "Job type", where="--job-type"),
            dict(_pair(pair) for text in replace_tags for pair in text.split(",")),
        )
        renames = Renames(everywhere, {} if mapping is None else read_renames(mapping))
        command(*arguments, renames=renames, **others)

    return with_renames


def _pair(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise UsageError("a tag is replaced by OLD=NEW", where=f"--replace-tags {text}")
    return old, check_tags([new], where="--replace-tags")[0]


def check_new_ids(run_dirs: Iterable[Path], renames: Renames) -> None:
    """Make sure that no two runs get the same id.

    Raises:
        UsageError: Two would.
    """
    if not renames.everywhere.run_id and not any(said.run_id for said in renames.by_id.values()):
        return
    old_ids: dict[str, str] = {}
    for run_id in sorted(_run_ids(run_dirs)):
        new = renames.names_of(run_id).run_id or run_id
        if new in old_ids:
            raise UsageError(
                f"{old_ids[new]} and {run_id} would both become {new}",
                hint="Name a single run with --id, or each of them in a file for --map.",
            )
        old_ids[new] = run_id


def _run_ids(run_dirs: Iterable[Path]) -> set[str]:
    found = set()
    for run_dir in run_dirs:
        with suppress(OSError, Error):
            # What cannot be read is said where it is sent.
            headers = map(header_of, log_files(run_dir))
            found |= {header.run_id for header in headers if header is not None}
    return found
