"""Where to record when the chosen directory does not take it."""

from __future__ import annotations

import os
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
    found.append(Fallback(temporary_folder(environ) / "airtape", lost))
    return found


def temporary_folder(environ: Mapping[str, str]) -> Path:
    """Return the directory for temporary files: ``TMPDIR``, or ``/tmp`` where that is of no use."""
    # What the module tempfile says too, which takes longer to load than a run to start.
    named = environ.get("TMPDIR", "")
    usable = os.path.isdir(named) and os.access(named, os.W_OK | os.X_OK)  # noqa: PTH112 - may be any text
    return Path(named if usable else "/tmp").absolute()  # noqa: S108 - the system's, see above
