"""What may stand in a bundle under which name: logs and files of run directories, nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from airtape.rundir import LOG_SUFFIX

MANIFEST: Final = "bundle.json"
"""The entry that says what the others are; the last one."""
FOLDERS: Final = ("files", "blobs", "logs")

_LONGEST_PART: Final = 255
_LONGEST_NAME: Final = 4096
_DEEPEST: Final = 32
_EACH: Final = 128
"""Bytes that a name takes beside its own."""
_SHORTEST: Final = {True: 2, False: 3}
"""How many parts the name of a log has, and that of another file at least."""


def why_not(name: str) -> str | None:
    """Return what is wrong with the name of an entry, None if nothing is.

    A name is ``run-…/LOG.txlog`` or ``run-…/files/…``, likewise ``blobs`` and ``logs``: whatever
    it says, it leads to a file in a run directory.
    """
    parts = name.split("/")
    if name.startswith("/"):
        return "its path is absolute"
    if any(part in {"", ".", ".."} for part in parts):
        return "its path may lead elsewhere"
    if "\0" in name or not _is_storable(name):
        return "its name is no file's"
    if len(parts) > _DEEPEST or any(len(part.encode()) > _LONGEST_PART for part in parts):
        return "its path is too long"
    is_log = len(parts) == _SHORTEST[True]
    belongs = parts[-1].endswith(LOG_SUFFIX) if is_log else parts[1:2] in ([top] for top in FOLDERS)
    if not parts[0].startswith("run-") or len(parts) < _SHORTEST[is_log] or not belongs:
        return "it is neither a log nor a file of a run"
    return None


def _is_storable(name: str) -> bool:
    try:
        return len(name.encode()) <= _LONGEST_NAME
    except UnicodeEncodeError:
        return False


class Names:
    """The names of the entries so far: none comes twice, none is a folder of another.

    Attributes:
        size: Bytes that they, and the folders above them, take in memory.
    """

    def __init__(self) -> None:
        self.size = 0
        self._taken: set[str] = set()
        self._folders: set[str] = set()
        self._runs: list[str] = []

    def why_not(self, name: str) -> str | None:
        """Take in the name of the next entry; return what is wrong with it, None if nothing is."""
        wrong = why_not(name)
        if wrong is not None:
            return wrong
        if name in self._taken:
            return "its name comes twice"
        above = list(_above(name))
        if name in self._folders or not self._taken.isdisjoint(above):
            return "its name is that of a folder, too"
        if self._runs[-1:] != above[-1:]:
            if above[-1] in self._folders:
                return "its run has come before"
            self._runs.append(above[-1])
        self._taken.add(name)
        news = [folder for folder in above if folder not in self._folders]
        self._folders.update(news)
        self.size += sum(_EACH + len(one) for one in (name, *news))
        return None


def _above(name: str) -> Iterable[str]:
    """Yield the folders above a name, the nearest first."""
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name
