"""Where to record when the chosen directory does not take it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from airtape.settings import Settings

SUBMIT_DIRS = ("SLURM_SUBMIT_DIR", "PBS_O_WORKDIR", "LS_SUBCWD")
"""Variables in which schedulers say where the job was submitted."""


class Fallback(NamedTuple):
    """A directory to record in instead.

    Attributes:
        base: The directory that gets a ``wandb`` folder.
        remark: What the user must know of it; may be empty.
    """

    base: Path
    remark: str


def fallbacks(settings: Settings, environ: Mapping[str, str]) -> list[Fallback]:
    """Return the places to try, the best first: the setting, the submit directory, a temporary."""
    found = []
    if settings.fallback_dir is not None:
        found.append(Fallback(Path(settings.fallback_dir).absolute(), ""))
    found += [
        Fallback(Path(environ[name]).absolute(), "") for name in SUBMIT_DIRS if environ.get(name)
    ]
    lost = "a temporary directory: it may be lost when the job ends"
    found.append(Fallback(Path(tempfile.gettempdir()) / "airtape", lost))
    return found
