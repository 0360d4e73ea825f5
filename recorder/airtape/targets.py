"""Names for targets, so that a crontab line or a script need not hold an address.

A name stands in the section ``[targets]`` of a settings file, or in the table
``[tool.tracker.targets]`` of the project's ``pyproject.toml``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from airtape.errors import UsageError
from airtape.settings_files import read_section, user_file
from airtape.settings_project import project_file, read_project_file

SECTION: Final = "targets"
_PASSWORD: Final = re.compile(
    r"""
    (://[^:/@\s]*:) \S* (?=@)
    | ( (?<!\w) \w*
        (?:password|passwd|pwd|token|secret|api_?key|access_?key|signature|credential) \s*=\s* )
      (?: '(?:[^'\\]|\\.)*' | [^&\#\s]* )
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""In the place of the user's, in a query, or in a connection string, where it may be quoted."""


class NamedTarget(NamedTuple):
    """A target that has a name.

    Attributes:
        name: The name, in lower case.
        url: The target's URL.
        source: The file that says so.
    """

    name: str
    url: str
    source: str


def named_targets(
    environ: Mapping[str, str], cwd: Path, folder: Path
) -> tuple[dict[str, NamedTarget], list[str]]:
    """Return the targets that have names, and what is wrong with files that may name some.

    Args:
        environ: The environment, which tells where the user's settings are.
        cwd: The working directory.
        folder: The folder of run directories, whose ``settings`` come first.

    Raises:
        UsageError: A file cannot be understood.
    """
    found: dict[str, NamedTarget] = {}
    problems: list[str] = []
    for path in (folder / "settings", project_file(cwd), user_file(environ)):
        if path is None:
            continue
        try:
            said = _said_in(path)
        except OSError as error:
            problems.append(f"{path} cannot be read: {error.strerror}")
            continue
        for name, url in said.items():
            found.setdefault(name.lower(), NamedTarget(name.lower(), url, str(path)))
    return found, problems


def target_url(said: str, *, environ: Mapping[str, str], cwd: Path, folder: Path) -> str:
    """Return the URL of a target that is given by name or by URL.

    Raises:
        UsageError: Nothing has this name, or a file that may name targets cannot be understood.
    """
    if ":" in said:
        return said
    targets, _ = named_targets(environ, cwd, folder)
    if said.lower() in targets:
        return targets[said.lower()].url
    known = ", ".join(sorted(targets)) or "none"
    example = said if said.endswith(".db") else "runs.db"
    raise UsageError(
        f"no target has the name {said!r}",
        because=f"known names: {known}",
        hint="Name it in the section [targets] of a settings file, or give its URL, KIND:PLACE, "
        f"such as sqlite:{example}",
    )


def without_password(url: str) -> str:
    """Return a URL as it may be shown."""
    return _PASSWORD.sub(lambda said: f"{said[1] or said[2]}***", url)


def _said_in(path: Path) -> dict[str, str]:
    if path.suffix != ".toml":
        return read_section(path, SECTION)
    said = read_project_file(path).get(SECTION, {})
    if not isinstance(said, dict) or not all(isinstance(url, str) for url in said.values()):
        raise UsageError(
            "[tool.tracker.targets] gives each name a URL",
            where=str(path),
            hint='[tool.tracker.targets]\nlab = "sqlite:/data/runs.db"',
        )
    return said
