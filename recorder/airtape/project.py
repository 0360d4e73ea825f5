"""The project of a run when nobody names one."""

from __future__ import annotations

import sys
from pathlib import Path

from airtape.errors import UsageError
from airtape.names import check_project

UNCATEGORIZED = "uncategorized"


def guess_project(cwd: Path) -> str:
    """Return the name of the git repository around a directory, else that of the program.

    `UNCATEGORIZED` when there is neither, or its name cannot be a project's.
    """
    for folder in (cwd, *cwd.parents):
        if (folder / ".git").exists():
            return _usable(folder.name)
    program = getattr(sys.modules.get("__main__"), "__file__", None)
    return _usable(Path(program).stem) if program else UNCATEGORIZED


def _usable(name: str) -> str:
    try:
        return check_project(name) or UNCATEGORIZED
    except UsageError:
        return UNCATEGORIZED
