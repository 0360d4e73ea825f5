"""What packages are installed, by the names of the folders that tell it.

No metadata is read and nothing is imported for it: several hundred packages take milliseconds.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

_INSTALLED: Final = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._]*(?:-[A-Za-z_][A-Za-z0-9._]*)*)-(?P<version>\d[^-]*)"
    r"(?:-py\d[\d.]*)?\.(?:dist|egg)-info"
)
_EGG: Final = ".egg-info"
_HEAD_BYTES: Final = 4096
"""Bytes in which a package's metadata say what it is called."""


def requirements(search_path: Iterable[str], installer: str | None = None) -> list[str]:
    """Return ``name==version`` of each package that can be imported, sorted.

    Args:
        search_path: Where packages are looked for, as in `sys.path`; of two versions the first
            counts.
        installer: Only those that this has installed: ``pip``, ``conda``.
    """
    found: dict[str, str] = {}
    for folder in dict.fromkeys(search_path):
        with suppress(OSError), os.scandir(folder or ".") as entries:
            chosen = (it for it in entries if installer is None or _installer(it) == installer)
            for name, version in filter(None, map(_package, chosen)):
                found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), f"{name}=={version}")
    return [found[key] for key in sorted(found)]


def _package(entry: os.DirEntry[str]) -> tuple[str, str] | None:
    if not entry.name.endswith((".dist-info", _EGG)):
        return None
    if said := _INSTALLED.fullmatch(entry.name):
        # In the name of a folder a dash is an underscore.
        return said["name"].replace("_", "-"), said["version"]
    return _egg(Path(entry.path)) if entry.name.endswith(_EGG) else None


def _installer(entry: os.DirEntry[str]) -> str | None:
    if entry.name.endswith(".dist-info"):
        with suppress(OSError):
            return Path(entry.path, "INSTALLER").read_text("utf-8", "replace").strip()
    return None


def _egg(place: Path) -> tuple[str, str] | None:
    """Return what the metadata of a package say that is developed where it stands."""
    path = place / "PKG-INFO" if place.is_dir() else place
    head = ""
    with suppress(OSError), path.open("rb") as file:
        head = file.read(_HEAD_BYTES).decode("utf-8", "replace")
    name, version = (
        re.search(rf"^{field}: *(\S+)", head, re.MULTILINE) for field in ("Name", "Version")
    )
    return (name[1], version[1]) if name and version else None
