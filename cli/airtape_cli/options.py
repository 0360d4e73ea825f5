"""What several commands share: where runs are looked for, and from when and where."""

from __future__ import annotations

import os
import re
import socket
import time
from pathlib import Path
from typing import Final

import click

from airtape.process import boot_id, process_runs
from airtape.rundir import LOG_SUFFIX, wandb_dir
from airtape.settings_sources import load_settings
from airtape.states import STALE_AFTER_S, Vantage
from airtape.targets import target_url

_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)", re.ASCII)
_BYTES: Final = re.compile(r"(\d+(?:\.\d+)?)([kmg]?)", re.ASCII | re.IGNORECASE)
_FACTORS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def time_span(text: str) -> float:
    """Return the seconds that a text such as ``90s``, ``15m``, ``24h`` or ``2d`` means.

    Raises:
        BadParameter: The text is no time span.
    """
    said = _SPAN.fullmatch(text)
    if said is None:
        raise click.BadParameter(f"{text!r} is no time span; try 90s, 15m, 24h or 2d.")
    return float(said[1]) * _SECONDS[said[2]]


def byte_count(text: str) -> int:
    """Return the bytes that a text such as ``800``, ``64k``, ``2M`` or ``1.5G`` means.

    Raises:
        BadParameter: The text is no number of bytes, or less than one.
    """
    said = _BYTES.fullmatch(text)
    count = 0 if said is None else round(float(said[1]) * _FACTORS[said[2].lower()])
    if not count:
        raise click.BadParameter(f"{text!r} is no number of bytes; try 64k, 2M or 1.5G.")
    return count


def named_target(said: str) -> str:
    """Return the URL of a target, which may be given by its name.

    Raises:
        UsageError: Nothing has this name.
    """
    return target_url(said, environ=os.environ, cwd=Path.cwd(), folder=default_folder())


def appended_file(said: str) -> Path:
    """Return the path of a file that a command adds to, which is never the log of a run.

    Raises:
        BadParameter: A log stands there.
    """
    path = Path(said)
    if os.path.realpath(said).endswith(LOG_SUFFIX) and os.path.lexists(said):
        raise click.BadParameter(f"{said} is the log of a run, and stays; name another file.")
    return path


def output_file(said: str) -> str:
    """Return the path of a file that a command writes, which is never the log of a run.

    A link to a file stays one, also if there is none yet: ``/dev/stdout`` may be such a link.

    Raises:
        BadParameter: A log stands there.
    """
    path = appended_file(said)
    is_link = path.is_symlink() and (path.is_file() or not path.exists())
    return os.path.realpath(said) if is_link else said


def replaced_file(said: str) -> str:
    """Return the path of a file that a command writes and then puts in place, all of it at once.

    Raises:
        BadParameter: A log stands there, or what is no file: a pipe, ``/dev/null``.
    """
    path = output_file(said)
    if os.path.lexists(path) and not Path(path).is_file():
        raise click.BadParameter(f"{said} is no regular file, and stays; name another one.")
    return path


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object; see docs/JSON.md."
)
folder_option = click.option(
    "--in",
    "folder",
    metavar="PATH",
    help="Where to look for runs by id or name; ./wandb if unsaid.",
)
stale_option = click.option(
    "--stale-after",
    type=time_span,
    default="24h",
    show_default=True,
    metavar="TIME",
    help="Silence after which a run that never said it ended counts as crashed.",
)


def default_folder() -> Path:
    """Return the folder that holds the runs recorded from here: `./wandb`, unless a setting says.

    Raises:
        UsageError: A setting is wrong.
    """
    settings = load_settings({}, environ=os.environ, cwd=Path.cwd())
    return wandb_dir(Path(settings.dir or ""))


def vantage(stale_after_s: float = STALE_AFTER_S) -> Vantage:
    """Return that one looks from this machine, now."""
    return Vantage(time.time_ns(), socket.gethostname(), boot_id(), process_runs, stale_after_s)
