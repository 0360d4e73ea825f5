"""The program that records, as it was when its run began: it may change all of this later."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from airtape.notebook import in_notebook


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
    return Program(cwd, dict(os.environ), sys.argv[1:], program_file())


def program_file() -> Path | None:
    """Return the file of the program or the notebook that runs; None when there is none."""
    main = sys.modules.get("__main__")
    said = [getattr(main, name, None) for name in ("__vsc_ipynb_file__", "__file__")]
    if in_notebook():
        # Jupyter tells the kernel by this variable which notebook it is for.
        said.append(os.environ.get("JPY_SESSION_NAME"))
    for place in said:
        if isinstance(place, str) and Path(place).is_file():
            return Path(place).resolve()
    return None


def _below(path: Path, folder: Path) -> str:
    """Return a path from a folder that it is in, else its name."""
    return path.relative_to(folder).as_posix() if folder in path.parents else path.name
