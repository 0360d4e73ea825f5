"""`tracker bundle`: run directories as one file, for a medium that carries files one way."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from contextlib import closing
from functools import wraps
from pathlib import Path

import click

from airtape.bundles.applying import applied_bundles, apply_bundle
from airtape.bundles.limits import Limits
from airtape.bundles.reading import Bundle
from airtape.bundles.writing import write_bundle
from airtape.errors import UsageError
from airtape.receipts.document import (
    ReceiptDocument,
    encode_receipt,
    is_receipt_name,
    read_receipt,
)
from airtape.receipts.kept import SCHEME, check_may_replace, receipt_for, write_whole
from airtape.receipts.taking import receipt_of_directories
from airtape.run_search import find_run_dirs
from airtape.sync.report import ExitCode
from airtape_cli.askable import kept_receipts
from airtape_cli.boundary import error_lines
from airtape_cli.options import byte_count, default_folder, json_option, replaced_file
from airtape_cli.render.bundle_report import (
    applied_lines,
    applied_shape,
    bundle_shape,
    bundle_text,
)
from airtape_cli.render.notes import echo_note
from airtape_cli.render.shapes import echo_json
from airtape_cli.render.text import shown, size_text


def limits_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say how large a bundle may be; it gets `Limits`."""
    usual = Limits()

    @click.option(
        "--max-size",
        type=byte_count,
        default=f"{usual.size // 10**9}G",
        show_default=True,
        metavar="BYTES",
        help="Refuse a bundle that holds more than this, such as 2G.",
    )
    @click.option(
        "--max-entries",
        type=click.IntRange(1),
        default=usual.entries,
        show_default=True,
        help="Refuse one of more files.",
    )
    @click.option(
        "--max-ratio",
        type=click.IntRange(1),
        default=usual.ratio,
        show_default=True,
        help="Refuse one that unpacks to so many times its own size.",
    )
    @wraps(command)
    def with_limits(
        *arguments: object, max_size: int, max_entries: int, max_ratio: int, **others: object
    ) -> None:
        command(*arguments, limits=Limits(max_size, max_entries, max_ratio), **others)

    return with_limits


@click.group()
def bundle() -> None:
    """Carry run directories across a gap, as one file.

    `create` packs them where they are recorded, any medium brings the file over, `apply` unpacks it
    beside the target and writes a receipt, which makes the next bundle a small one. A bundle that
    comes twice, late or not at all does no harm. See docs/AIR_GAP.md.

    \b
    Examples:
      tracker bundle create -o monday.tar.zst
      tracker bundle apply monday.tar.zst /data/runs
    """  # noqa: D301 - \b tells click to keep the lines below it


@bundle.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "-o",
    "--output",
    "file",
    type=replaced_file,
    required=True,
    metavar="FILE",
    help="The bundle.",
)
@click.option(
    "--since",
    metavar="RECEIPT",
    help="Leave out what this receipt has: a file, or the name of an imported one.",
)
@limits_options
@json_option
@click.pass_context
def create(
    context: click.Context,
    *,
    paths: tuple[str, ...],
    file: str,
    since: str | None,
    limits: Limits,
    as_json: bool,
) -> None:
    """Pack run directories into one file; runs may be growing.

    PATH is a run directory, a folder of them such as ./wandb, or a pattern; ./wandb if you name
    none. Each log comes up to the end of its last whole record. The file is read again before it
    is called done.

    \b
    Examples:
      tracker bundle create -o all.bundle
      tracker bundle create -o new.bundle --since lab

    \b
    Exit codes:
      0  the bundle has all that is new
      2  a wrong argument, or a path that does not exist
      3  something could not be read; the bundle has the rest
      4  the bundle cannot be written
    """  # noqa: D301 - \b tells click to keep the lines below it
    found = find_run_dirs(paths or [default_folder()])
    if paths and found.not_found:
        raise UsageError("there is nothing at this path", where=", ".join(found.not_found))
    receipt = None if since is None else _receipt(since)
    written = write_bundle(
        Path(file), found.run_dirs, since=receipt, now_ns=time.time_ns(), limits=limits
    )
    notes = [*written.notes, *(f"{bad.path}: {bad.reason}" for bad in found.problems)]
    lacks = written.notes or not found.is_whole
    code = ExitCode.INCOMPLETE if lacks else ExitCode.OK
    if as_json:
        shape = {
            "file": file,
            "bytes": written.size,
            **bundle_shape(written.manifest),
            "notes": notes,
        }
        echo_json({"exit_code": int(code), **shape})
    else:
        click.echo(f"{shown(file)}, {size_text(written.size)}: {bundle_text(written.manifest)}.")
        for note in notes:
            echo_note(note)
    context.exit(code)


@bundle.command(name="verify")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@limits_options
@json_option
def verify_bundle(*, files: tuple[str, ...], limits: Limits, as_json: bool) -> None:
    """Check bundles, and write nothing.

    \b
    Exit codes:
      0  they are whole
      2  one cannot be read
      3  one was cut or changed, or holds what no bundle may; the entry is named
    """  # noqa: D301 - \b tells click to keep the lines below it
    shapes = []
    for file in files:
        with closing(Bundle(Path(file), limits)) as found:
            shapes.append({"file": file, **bundle_shape(found.manifest)})
            if not as_json:
                click.echo(f"{shown(file)} is whole: {bundle_text(found.manifest)}.")
    if as_json:
        echo_json({"bundles": shapes})


@bundle.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.argument("folder", metavar="DIR")
@click.option("--receipt", "receipt", metavar="FILE", help="Write a receipt for the sender here.")
@click.option(
    "--name", help="What DIR is called in the receipt, where runs are recorded; its name if unsaid."
)
@limits_options
@json_option
@click.pass_context
def apply(
    context: click.Context,
    *,
    files: tuple[str, ...],
    folder: str,
    receipt: str | None,
    name: str | None,
    limits: Limits,
    as_json: bool,
) -> None:
    """Bring what bundles hold to DIR, a folder of run directories.

    Each bundle is checked to its end before anything is written; one that was cut, changed, or
    holds anything but files of runs is refused whole. Each run gets all of what is new, or nothing,
    whenever this is killed. Run `tracker sync DIR` afterwards.

    \b
    Examples:
      tracker bundle apply /media/usb/*.bundle /data/wandb --receipt /media/usb/lab.receipt

    \b
    Exit codes:
      0  DIR has everything that they hold
      2  one cannot be read
      3  one is refused, or what it goes on from is missing; the other runs were taken
      4  DIR cannot be written
    """  # noqa: D301 - \b tells click to keep the lines below it
    where = Path(folder)
    called = _receipt_name(where) if name is None else name
    if not is_receipt_name(called):
        raise UsageError(
            f"DIR cannot be called {called!r} in a receipt",
            hint="Give it a --name of small letters, digits, - _ and .",
        )
    if receipt is not None:
        check_may_replace(Path(receipt))
    done = [apply_bundle(Path(file), where, limits) for file in files]
    problems = [problem for one in done for problem in one.problems]
    code = ExitCode.INCOMPLETE if problems else ExitCode.OK
    if receipt is not None:
        _write_receipt(Path(receipt), where, called)
    if as_json:
        shapes = [applied_shape(file, one) for file, one in zip(files, done, strict=True)]
        echo_json({"exit_code": int(code), "folder": folder, "bundles": shapes})
    else:
        for line in applied_lines(files, done):
            click.echo(line)
    for problem in problems:
        click.echo("\n".join(error_lines(problem)), err=True)
    context.exit(code)


def _receipt(said: str) -> ReceiptDocument:
    """Return a receipt by its name, if one was imported under it, or by its file."""
    kept = kept_receipts()
    name = said.removeprefix(SCHEME)
    if name in kept.names() or said.startswith(SCHEME):
        return receipt_for(name, kept)
    try:
        return read_receipt(Path(said))
    except OSError as error:
        known = ", ".join(kept.names()) or "none"
        raise UsageError(
            "there is no such receipt",
            where=said,
            because=f"it is no file ({error.strerror}), and receipts were imported of: {known}",
        ) from error


def _receipt_name(folder: Path) -> str:
    return re.sub(r"[^a-z0-9_.-]+", "-", folder.resolve().name.lower()).strip("-._")


def _write_receipt(path: Path, folder: Path, name: str) -> None:
    document = receipt_of_directories(
        find_run_dirs([folder]).run_dirs,
        name=name,
        target=f"directory:{os.path.realpath(folder)}",
        now_ns=time.time_ns(),
        bundles=applied_bundles(folder),
    )
    write_whole(path, encode_receipt(document))
