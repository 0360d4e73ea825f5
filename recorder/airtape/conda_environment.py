"""The conda environment that the program runs in, from what conda has noted in it.

Conda itself is not run, which takes seconds. The file is what ``conda env create -f`` takes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from airtape.records import Plain
from airtape.requirements import requirements
from airtape.yaml_text import yaml_text

_PACKAGE: Final = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)-(?P<build>[^-]+)\.json")
_CHANNEL: Final = re.compile(r'"channel": *"([^"\\]+)"')
_HEAD_BYTES: Final = 4096
"""Bytes in which the note of a package says where it came from."""

_PLATFORM: Final = re.compile(r"/(?:noarch|[a-z]+-[a-z0-9]+)/?$")
_PUBLIC: Final = re.compile(r"https://conda\.anaconda\.org/([^/]+)$")
_DEFAULTS: Final = re.compile(r"https://repo\.anaconda\.com/pkgs/|defaults$|pkgs/")


def conda_environment(
    prefix: Path, search_path: Iterable[str], environ: Mapping[str, str]
) -> str | None:
    """Return the environment as YAML; None if Python does not run in one.

    Args:
        prefix: Where Python is installed, as `sys.prefix`.
        search_path: Where packages are looked for, as in `sys.path`.
        environ: The environment's variables, for its name.
    """
    packages: list[str] = []
    channels: dict[str, None] = {}
    with suppress(OSError):
        for name in sorted(os.listdir(prefix / "conda-meta")):  # noqa: PTH208 - of names there are many
            if found := _PACKAGE.fullmatch(name):
                packages.append("=".join(found.group("name", "version", "build")))
                channels |= dict.fromkeys(_channels(prefix / "conda-meta" / name))
    if not packages:
        return None
    others = requirements(search_path, installer="pip")
    dependencies: list[Plain] = [*packages]
    if others:
        dependencies.append({"pip": [*others]})
    return yaml_text(
        {"name": _name(prefix, environ), "channels": [*channels], "dependencies": dependencies}
    )


def _channels(note: Path) -> Iterator[str]:
    """Yield the channel of a package, by the name that commands know."""
    head = ""
    with suppress(OSError), note.open("rb") as file:
        head = file.read(_HEAD_BYTES).decode("utf-8", "replace")
    if found := _CHANNEL.search(head):
        channel = _PLATFORM.sub("", found[1])
        public = _PUBLIC.match(channel)
        yield "defaults" if _DEFAULTS.match(channel) else public[1] if public else channel


def _name(prefix: Path, environ: Mapping[str, str]) -> str:
    name = environ.get("CONDA_DEFAULT_ENV")
    is_active = environ.get("CONDA_PREFIX") == str(prefix)
    return Path(name).name if name and is_active else prefix.name
