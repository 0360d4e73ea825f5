"""`tracker receipt`: what a target holds, carried to where it cannot be asked."""

from __future__ import annotations

import os
import re
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from airtape.backends.registry import open_backend
from airtape.errors import UsageError
from airtape.receipts.document import (
    ReceiptDocument,
    encode_receipt,
    is_receipt_name,
    read_receipt,
)
from airtape.receipts.kept import Imported, check_is_of_these, check_may_replace, write_whole
from airtape.receipts.taking import take_receipt
from airtape.run_search import find_run_dirs
from airtape.targets import named_targets, without_password
from airtape_cli.askable import kept_receipts
from airtape_cli.options import default_folder, json_option, named_target
from airtape_cli.render.shapes import echo_json
from airtape_cli.render.text import iso_time, shown
from airtape_cli.render.verify_report import counted
from airtape_cli.synced import configured_target

_SAID: Final[dict[Imported, str]] = {
    "new": "is kept",
    "newer": "is kept, in place of an older one",
    "same": "was kept before",
    "older": "is older than the one that is kept, which stays",
}
_NAME: Final = "What the target is called where runs are recorded; its name or place if unsaid."


@click.group()
def receipt() -> None:
    """Carry what a target holds to where it cannot be asked.

    Where runs are recorded a target behind a one-way link never answers. A receipt does: `export`
    writes it beside the target, any medium brings it back, `import` keeps it beside the runs. Then
    `tracker status`, `tracker clean` and `tracker bundle create --since` take its name for a
    target. See docs/AIR_GAP.md.

    \b
    Examples:
      tracker receipt export lab.receipt --from lab
      tracker receipt import lab.receipt
    """  # noqa: D301 - \b tells click to keep the lines below it


@receipt.command(name="export")
@click.argument("file", metavar="FILE")
@click.option(
    "--from",
    "said",
    metavar="TARGET",
    help="What this target holds, by its name or URL; the one that sync would take if unsaid.",
)
@click.option("--name", help=_NAME)
@json_option
def export_receipt(*, file: str, said: str | None, name: str | None, as_json: bool) -> None:
    """Write what a target holds into FILE.

    For each run and writer: its records, their bytes and digest, and what is lost. No values, and
    no password. A receipt that stands there is replaced when the new one is whole; any other file
    is refused.

    \b
    Examples:
      tracker receipt export lab.receipt --from lab
      tracker receipt export /media/usb/lab.receipt --from sqlite:/data/runs.db --name lab

    \b
    Exit codes:
      0  it is written
      2  a wrong argument, or what stands there is no receipt
      4  the target cannot be reached, or FILE cannot be written
    """  # noqa: D301 - \b tells click to keep the lines below it
    url = configured_target(default_folder()) if said is None else named_target(said)
    called = _checked(name or _usual_name(said, url))
    check_may_replace(Path(file))
    with closing(open_backend(url)) as backend:
        document = take_receipt(
            backend, name=called, target=without_password(url), now_ns=time.time_ns()
        )
    write_whole(Path(file), encode_receipt(document))
    if as_json:
        echo_json({"file": file, **_shape(document)})
    else:
        click.echo(f"{shown(file)}: {_text(document)}.")


@receipt.command(name="import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--as", "name", help="Keep it under this name, in place of its own.")
@click.option(
    "--in",
    "folder",
    metavar="PATH",
    help="The folder of the runs that it is about; ./wandb if unsaid.",
)
@json_option
def import_receipt(
    *, files: tuple[str, ...], name: str | None, folder: str | None, as_json: bool
) -> None:
    """Keep receipts beside the runs that they are about.

    The newest one of each target counts, in whatever order they come. One that was made in the
    future, by a clock that ran ahead, gives way to any that has all that it has. They are kept in
    the folder `receipts` beside the runs; where that is read-only, in the one that the setting
    receipt_dir names.

    \b
    Examples:
      tracker receipt import lab.receipt
      tracker status --to lab

    \b
    Exit codes:
      0  it is kept, or a newer one is
      2  it is of another target or of other runs, or there is no such file
      3  it is no receipt, or was cut or changed on its way
      4  it cannot be kept
    """  # noqa: D301 - \b tells click to keep the lines below it
    where = default_folder() if folder is None else Path(folder)
    receipts = kept_receipts(where)
    found = find_run_dirs([where])
    shapes = []
    for file in files:
        document = _read(Path(file))
        if name is not None:
            document = replace(document, name=_checked(name))
        _check_target(document, where)
        check_is_of_these(document, found)
        kept = receipts.keep(document, now_ns=time.time_ns())
        shapes.append({"file": file, "kept": kept, **_shape(document)})
        if not as_json:
            click.echo(f"{shown(file)} {_SAID[kept]}: {_text(document)}.")
    if as_json:
        echo_json({"folder": str(receipts.folder), "receipts": shapes})


def _read(path: Path) -> ReceiptDocument:
    try:
        return read_receipt(path)
    except OSError as error:
        raise UsageError(
            "the receipt cannot be read", where=str(path), because=error.strerror
        ) from error


def _check_target(document: ReceiptDocument, folder: Path) -> None:
    """Make sure that a target which has the receipt's name here is the one that it is of.

    Raises:
        UsageError: It is another one.
    """
    targets, _ = named_targets(os.environ, Path.cwd(), folder)
    here = targets.get(document.name)
    if here is not None and without_password(here.url) != document.target:
        raise UsageError(
            "the receipt is of another target",
            where=document.name,
            because=f"it is of {document.target}, and {here.source} gives this name to "
            f"{without_password(here.url)}",
            hint="Keep it under another name with --as.",
        )


def _usual_name(said: str | None, url: str) -> str:
    """Return what a target is called that is given no name: its own, or what its place is."""
    if said is not None and ":" not in said:
        return said.lower()
    place = Path(re.sub(r"[?#].*", "", without_password(url).partition(":")[2])).stem
    return re.sub(r"[^a-z0-9_.-]+", "-", place.lower()).strip("-._") or "target"


def _checked(name: str) -> str:
    if not is_receipt_name(name):
        raise UsageError(
            f"a target cannot be called {name!r}",
            hint="Use small letters, digits, - _ and . only, and begin with a letter or digit.",
        )
    return name


def _text(document: ReceiptDocument) -> str:
    records = sum(len(one.cursor.received) for one in document.writers)
    runs = counted(len(document.runs), "run")
    held = f"{counted(records, 'record')} of {runs}"
    return f"{shown(document.target)}, called {document.name}, held {held}"


def _shape(document: ReceiptDocument) -> dict[str, object]:
    return {
        "name": document.name,
        "target": document.target,
        "made": iso_time(document.made_ns),
        "runs": len(document.runs),
        "records": sum(len(one.cursor.received) for one in document.writers),
    }
