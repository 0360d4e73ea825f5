"""`tracker cron`: let a machine sync by itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

from airtape.errors import UsageError
from airtape.own_command import WITHOUT_FILE
from airtape.receipts.kept import write_whole
from airtape.schedules.crontab import crontab_line
from airtape.schedules.environment import left_behind
from airtape.schedules.job import SyncJob
from airtape.schedules.slurm import slurm_epilog
from airtape.schedules.systemd import systemd_units, unit_name
from airtape.targets import without_password
from airtape_cli.options import default_folder, named_target, time_span
from airtape_cli.render.text import shown

_EXECUTABLE: Final = 0o755
_READABLE: Final = 0o644
_OWN_FILES: Final = ("/tracker", ".pyz")


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--every",
    "every_s",
    type=time_span,
    default="5m",
    show_default=True,
    metavar="TIME",
    help="How often; a sync that takes longer ends at the next one's time.",
)
@click.option(
    "--to",
    "target",
    required=True,
    metavar="TARGET",
    help="The target, by its name; or by its URL, if there is no password in it.",
)
@click.option("--systemd", "kind", flag_value="systemd", help="A service and a timer of systemd.")
@click.option("--slurm", "kind", flag_value="slurm", help="An epilogue of Slurm.")
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    help="Write the units, or the epilogue, into this folder instead of printing them.",
)
def cron(
    *, paths: tuple[str, ...], every_s: float, target: str, kind: str | None, output: str | None
) -> None:
    """Print a crontab line that syncs, or something of the kind.

    PATH is what `tracker sync` takes: run directories, folders of them, or patterns; ./wandb if you
    name none. Quote patterns: they are written as they stand, and expanded by `tracker` each time,
    so it does not matter how many directories they match. The working directory is kept, for it
    tells which settings hold. Syncs that meet do each other no harm.

    \b
    Examples:
      tracker cron --to lab --every 90s --systemd -o ~/.config/systemd/user
      (crontab -l; tracker cron --to lab '/scratch/*/wandb') | crontab -
      tracker cron --to lab --every 1m --slurm -o .
    """  # noqa: D301 - \b tells click to keep the lines below it
    url = _checked(target)
    job = SyncJob(
        _invocation(),
        os.getcwd(),  # noqa: PTH109 - only a text
        [*map(os.path.abspath, paths or [default_folder()])],
        target,
        _whole_seconds(every_s),
    )
    if kind is None:
        if output is not None:
            raise UsageError("a crontab line is only printed", hint="Pipe it into crontab.")
        _print(crontab_line(job) + "\n")
    elif output is None:
        for name, text in _files_of(job, kind).items():
            _print(f"# {name}\n{text}" if kind == "systemd" else text)
    else:
        _write(_files_of(job, kind), Path(output), _EXECUTABLE if kind == "slurm" else _READABLE)
        if kind == "systemd":
            click.echo(f"Switch it on: systemctl --user enable --now {unit_name(job)}.timer")
            click.echo("And have it go on when you have logged out: loginctl enable-linger")
    if kind != "slurm" and (missed := left_behind(os.environ, url)):
        click.echo(f"Note: set here, and not where this will run: {', '.join(missed)}", err=True)


def _print(text: str) -> None:
    """Print to the letter, paths too that are no text."""
    click.echo(os.fsencode(text), nl=False)


def _write(files: Mapping[str, str], folder: Path, mode: int) -> None:
    for name, text in files.items():
        path = folder / name
        write_whole(path, os.fsencode(text))
        path.chmod(mode)
        click.echo(f"{shown(str(path))}")


def _files_of(job: SyncJob, kind: str) -> dict[str, str]:
    if kind == "systemd":
        return systemd_units(job)
    return {f"{unit_name(job)}.sh": slurm_epilog(job)}


def _invocation() -> list[str]:
    """Return how this command is started, from wherever."""
    program = os.path.abspath(sys.argv[0])  # noqa: PTH100 - links stay
    if program.endswith(_OWN_FILES):
        return [sys.executable, program]
    return [sys.executable, *WITHOUT_FILE]


def _checked(target: str) -> str:
    """Return the URL of a target that may stand where others read it.

    Raises:
        UsageError: It has a password, or nothing has this name.
    """
    if without_password(target) != target:
        raise UsageError(
            "a password does not belong into a schedule, which others can read",
            where=without_password(target),
            hint="Give the target a name in a settings file, and say the name; the password can "
            "come from the environment or a file. See docs/ONLINE.md.",
        )
    return named_target(target)


def _whole_seconds(every_s: float) -> int:
    seconds = round(every_s)
    if seconds < 1:
        raise UsageError("a sync cannot run all the time", hint="tracker sync --follow does that.")
    return seconds
