"""`tracker offline`, `online`, `disabled`, `enabled`: how runs are recorded from here."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import click

from airtape.errors import TargetError
from airtape.new_rundir import make_wandb_dir
from airtape.settings_sources import load_settings, resolve_settings
from airtape_cli.render.notes import echo_note
from airtape_cli.render.text import shown
from airtape_cli.settings_file import with_setting


@click.command()
def offline() -> None:
    """Record the runs of this directory to their logs only.

    Writes `mode = offline` to ./wandb/settings. Variables and arguments of init() count over it.

    \b
    Examples:
      tracker offline
      WANDB_DIR=/scratch tracker offline
    """  # noqa: D301 - \b tells click to keep the lines below it
    _set_mode("offline")


@click.command()
def online() -> None:
    """Sync the runs of this directory while they are recorded.

    Writes `mode = online` to ./wandb/settings. Variables and arguments of init() count over it.

    \b
    Examples:
      tracker online
      WANDB_DIR=/scratch tracker online
    """  # noqa: D301 - \b tells click to keep the lines below it
    _set_mode("online")


@click.command()
def disabled() -> None:
    """Record nothing in this directory; scripts run as before.

    Writes `mode = disabled` to ./wandb/settings. Variables and arguments of init() count over it.

    \b
    Examples:
      tracker disabled
      WANDB_DIR=/scratch tracker disabled
    """  # noqa: D301 - \b tells click to keep the lines below it
    _set_mode("disabled")


@click.command()
def enabled() -> None:
    """Undo `tracker disabled`, `offline` or `online`.

    Removes the mode from ./wandb/settings: runs are synced while they are recorded if a target is
    set, else recorded offline.

    \b
    Examples:
      tracker enabled
    """  # noqa: D301 - \b tells click to keep the lines below it
    _set_mode(None)


def _set_mode(mode: str | None) -> None:
    """Set the mode of the working directory, and say which one holds then."""
    base = Path(load_settings({}, environ=os.environ, cwd=Path.cwd()).dir or "")
    try:
        # Where a link leads, so that it stays one.
        path = Path(os.path.realpath(make_wandb_dir(base) / "settings"))
        old = path.read_text("utf-8-sig") if path.exists() else ""
        new = with_setting(old, "mode", mode)
        if new != old:
            aside = path.with_name(f".settings.{os.getpid()}")
            aside.write_text(new, "utf-8")
            if path.exists():
                shutil.copymode(path, aside)
            aside.replace(path)
    except OSError as error:
        raise TargetError(
            "the mode cannot be set",
            where=error.filename and os.fsdecode(error.filename),
            because=error.strerror or str(error),
        ) from error
    settings, sources = resolve_settings({}, environ=os.environ, cwd=Path.cwd())
    source = sources["mode"]
    click.echo(shown(f"Runs here are {_WORDS[settings.mode]} from now on ({source})."))
    if mode is not None and settings.mode != mode:
        echo_note(f"{source} counts over {path}")


_WORDS = {
    "offline": "recorded offline",
    "online": "synced while they are recorded",
    "disabled": "not recorded",
    "shared": "written by many processes each",
}
