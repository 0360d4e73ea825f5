"""What is set where a schedule is made, and not where it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_STARTING: Final = ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH")
_SETTINGS: Final = ("TRACKER_DIR", "WANDB_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME")
_POSTGRES: Final = "PG"


def left_behind(environ: Mapping[str, str], url: str) -> list[str]:
    """Return the variables that cron and systemd do not know, and that a sync may depend on.

    Args:
        environ: The environment.
        url: The target's URL; the PostgreSQL client is told much by variables.
    """
    of_server = sorted(name for name in environ if name.startswith(_POSTGRES))
    known = (*_STARTING, *_SETTINGS, *(of_server if url.startswith("postgres") else ()))
    return [name for name in known if environ.get(name)]
