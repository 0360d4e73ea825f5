"""Files that settings stand in; W&B's command may have written them."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from airtape.errors import UsageError


def user_file(environ: Mapping[str, str]) -> Path | None:
    """Return where the user's own settings stand; None when the environment names no home."""
    if config := environ.get("XDG_CONFIG_HOME"):
        return Path(config, "airtape", "settings")
    if home := environ.get("HOME"):
        return Path(home, ".config", "airtape", "settings")
    return None


def read_settings_file(path: Path) -> dict[str, str]:
    """Return what the section [default] of a file says; nothing where no regular file is.

    Raises:
        OSError: The file cannot be read.
        UsageError: It is no settings file.
    """
    return read_section(path, "default")


def read_section(path: Path, section: str) -> dict[str, str]:
    """Return what a section of a file says, by names in lower case.

    Raises:
        OSError: The file cannot be read.
        UsageError: It is no settings file.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return {}
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    import configparser  # noqa: PLC0415 - most users have no such file, and it takes time to load

    parser = configparser.RawConfigParser()
    try:
        parser.read_string(data.decode("utf-8-sig"), source=str(path))
    except (configparser.Error, UnicodeDecodeError) as error:
        raise UsageError(
            "A settings file cannot be understood",
            where=str(path),
            because=str(error).replace("\n", " "),
            hint="Expected: the line [default], then lines such as: mode = offline",
        ) from error
    return dict(parser.items(section)) if parser.has_section(section) else {}
