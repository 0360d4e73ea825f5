"""What the ``pyproject.toml`` of a project says in its table ``[tool.tracker]``."""

from __future__ import annotations

import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from airtape.errors import UsageError

FILE_NAME: Final = "pyproject.toml"
_TABLE: Final = ("tool", "tracker")


def project_file(cwd: Path) -> Path | None:
    """Return the ``pyproject.toml`` of the working directory or of the nearest folder above."""
    for folder in (cwd, *cwd.parents):
        path = folder / FILE_NAME
        try:
            if stat.S_ISREG(path.stat().st_mode):
                return path
        except OSError:
            continue
    return None


def read_project_file(path: Path) -> Mapping[str, Any]:
    """Return the table ``[tool.tracker]``; nothing where there is none.

    Raises:
        OSError: The file cannot be read.
        UsageError: It is no TOML, or the table is none.
    """
    data = path.read_bytes()
    # Most projects say nothing of it, and a parser takes time to load.
    if b"tracker" not in data:
        return {}
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415 - see above
    else:
        import tomli as tomllib  # noqa: PLC0415 - see above
    try:
        said: Any = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            "the project's file cannot be understood", where=str(path), because=str(error)
        ) from error
    for name in _TABLE:
        said = said.get(name, {})
        if not isinstance(said, dict):
            raise UsageError(
                "[tool.tracker] has to be a table", where=str(path), hint="[tool.tracker]"
            )
    table: Mapping[str, Any] = said
    return table
