"""The program that records, as it was when its run began: it may change all of this later."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from airtape.notebook import in_notebook

NOTEBOOK: Final = "notebook"
"""What a program is called that is a notebook of which the file is not known."""


class Program(NamedTuple):
    """A program that records.

    Attributes:
        cwd: The working directory.
        environ: The environment.
        arguments: The arguments, without the program's own name.
        file: The file of the program or the notebook; None when there is none.
    """

    cwd: Path
    environ: Mapping[str, str]
    arguments: Sequence[str]
    file: Path | None

    @property
    def path(self) -> str | None:
        """The path of the file from the working directory; its name if it is elsewhere."""
        return None if self.file is None else _below(self.file, self.cwd.resolve())


def this_program(cwd: Path) -> Program:
    """Return what runs at this moment.

    Args:
        cwd: The working directory.
    """
    # Those of a notebook are the kernel's.
    arguments = [] if in_notebook() else sys.argv[1:]
    return Program(cwd, dict(os.environ), arguments, program_file())


def program_name() -> str:
    """Return what the program was started as; of a notebook its file, if that is known."""
    if in_notebook():
        return str(program_file() or NOTEBOOK)
    return sys.argv[0] if sys.argv else ""


def program_file() -> Path | None:
    """Return the file of the program or the notebook that runs; None when there is none."""
    main = sys.modules.get("__main__")
    # Jupyter tells the kernel by a variable which notebook it is for, VS Code by a name in it.
    jupyters = os.environ.get("JPY_SESSION_NAME") if in_notebook() else None
    said = (getattr(main, name, None) for name in ("__vsc_ipynb_file__", "__file__"))
    for place in (jupyters, *said):
        if isinstance(place, str) and Path(place).is_file():
            return Path(place).resolve()
    return None


def _below(path: Path, folder: Path) -> str:
    """Return a path from a folder that it is in, else its name."""
    return path.relative_to(folder).as_posix() if folder in path.parents else path.name
