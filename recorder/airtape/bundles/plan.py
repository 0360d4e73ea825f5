"""What a bundle would change in a folder of run directories; a pure read."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal, TypeAlias

from airtape.bundles.manifest import Manifest, Piece, RunPart, Since
from airtape.errors import Error
from airtape.receipts.taking import digest_of_file
from airtape.rundir import LOG_SUFFIX
from airtape.sync.log_file import header_of
from airtape.txlog.reader import frame_stands

_CHUNK: Final = 1 << 20

Action: TypeAlias = Literal["new", "grow", "replace", "keep"]
"""``new`` is not there yet; ``grow`` goes on behind what is there, which must be the same, or
another copy of the same log; ``replace`` takes its place; ``keep`` leaves it as it is, because it
has all of it or is newer."""


@dataclass(slots=True)
class RunPlan:
    """What a bundle would change in one run directory.

    Attributes:
        run: What the bundle has of it.
        actions: What becomes of each file, by path.
        overlaps: Bytes of a log that grows which are in the folder and in the bundle, by path:
            they must be the same.
        problem: Why nothing of the run can be taken.
    """

    run: RunPart
    actions: Mapping[str, Action] = field(default_factory=dict)
    overlaps: Mapping[str, int] = field(default_factory=dict)
    problem: Error | None = None

    @property
    def changes(self) -> int:
        """Number of files that would be written."""
        return sum(action != "keep" for action in self.actions.values())


def plan_run(run: RunPart, manifest: Manifest, folder: Path, applied: Sequence[str]) -> RunPlan:
    """Return what a bundle would change in a run directory.

    Args:
        run: What the bundle has of it.
        manifest: The bundle.
        folder: The folder of run directories.
        applied: The bundles that were applied to it before.
    """
    plan = RunPlan(run)
    listings = Listings()
    actions: dict[str, Action] = {}
    overlaps: dict[str, int] = {}
    try:
        for piece in run.pieces:
            path = _path_in(folder / run.directory, piece.path, listings)
            action = _log_action(path, piece) if _is_log(piece) else _file_action(path, piece)
            if action is None:
                plan.problem = _missing(path, piece, manifest.since, applied)
                return plan
            actions[piece.path] = action
            if action == "grow":
                overlaps[piece.path] = path.lstat().st_size - piece.start
    except OSError as error:
        plan.problem = Error(
            "the run cannot be looked at",
            where=str(error.filename or folder / run.directory),
            because=error.strerror,
        )
    except Error as error:
        plan.problem = error
    plan.actions, plan.overlaps = actions, overlaps
    return plan


def _is_log(piece: Piece) -> bool:
    return "/" not in piece.path and piece.path.endswith(LOG_SUFFIX)


class Listings:
    """What stands in folders, each of which is listed once."""

    def __init__(self) -> None:
        self._names: dict[Path, set[str]] = {}

    def check(self, path: Path) -> None:
        """Make sure that what is found at a path has this very name.

        Where a file system takes `A` for `a`, something else would be written over.

        Raises:
            Error: It has another name.
            OSError: The folder cannot be listed.
        """
        if path.parent not in self._names:
            self._names[path.parent] = set(map(_composed, os.listdir(path.parent)))  # noqa: PTH208 - names are all that counts
        if _composed(path.name) not in self._names[path.parent]:
            raise same_name(path)


def same_name(path: Path) -> Error:
    """Return that a name is taken by another one, which this file system does not tell from it."""
    return Error(
        "something with another name is in the way",
        where=str(path),
        because="this file system takes the one name for the other",
        hint="Apply the bundle on a file system that tells upper from lower case.",
    )


def _composed(name: str) -> str:
    """Return a name as it is whether a file system takes letters apart or not."""
    return unicodedata.normalize("NFC", name)


def _path_in(run_dir: Path, path: str, listings: Listings) -> Path:
    """Return where a file is to stand, without a link anywhere on the way there.

    Raises:
        Error: There is a link, a file where a folder must be, or something with another name.
        OSError: It cannot be looked at.
    """
    at = run_dir
    for part in (None, *path.split("/")[:-1]):
        at = at if part is None else at / part
        if os.path.lexists(at):
            if not stat.S_ISDIR(at.lstat().st_mode):
                raise Error("something else than a folder is in the way", where=str(at))
            listings.check(at)
    at = run_dir / path
    if os.path.lexists(at):
        if not stat.S_ISREG(at.lstat().st_mode):
            raise Error("something else than a file is in the way", where=str(at))
        listings.check(at)
    return at


def _file_action(path: Path, piece: Piece) -> Action:
    if not path.exists():
        return "new"
    status = path.lstat()
    if status.st_size == piece.size and digest_of_file(path) == piece.sha256:
        return "keep"
    # A bundle that comes late, or again, must not bring back an old one.
    return "keep" if status.st_mtime_ns >= piece.mtime_ns else "replace"


def _log_action(path: Path, piece: Piece) -> Action | None:
    """Return what becomes of a log; None when what it goes on from is missing.

    Raises:
        Error: The log that is there is another one.
        OSError: It cannot be read.
    """
    if not path.exists():
        return "new" if piece.start == 0 else None
    size = path.lstat().st_size
    if size < piece.start:
        return None
    if piece.frame is not None:
        header = header_of(path)
        if header is None or not frame_stands(path, *piece.frame, header):
            raise _another(path)
    if size < piece.end:
        return "grow"
    if _digest_of_part(path, piece) == piece.sha256:
        return "keep"
    if piece.start == 0 and size == piece.end:
        return "grow"
    raise _another(path)


def _digest_of_part(path: Path, piece: Piece) -> str:
    found = sha256()
    for part in bytes_of(path, piece.start, piece.size):
        found.update(part)
    return found.hexdigest()


def bytes_of(path: Path, start: int, size: int) -> Iterator[bytes]:
    """Yield bytes of a file, from one place on; for none the file need not be there.

    Raises:
        OSError: It cannot be read.
    """
    if not size:
        return
    with path.open("rb") as file:
        file.seek(start)
        while size and (part := file.read(min(size, _CHUNK))):
            size -= len(part)
            yield part


def _another(path: Path) -> Error:
    return Error(
        "another log stands there under this name",
        where=str(path),
        because="its bytes are not those that the bundle goes on from, or holds",
        hint="If it was damaged, move it away and apply a bundle that was made without --since.",
    )


def _missing(path: Path, piece: Piece, since: Since | None, applied: Sequence[str]) -> Error:
    """Say which bundle is missing, as far as that can be told."""
    lacking = [] if since is None else [one for one in since.bundles if one not in applied]
    which = f"bundle {', '.join(lacking)}" if lacking else "the bundles before it"
    there = path.lstat().st_size if path.exists() else 0
    return Error(
        "what the bundle goes on from is missing",
        where=str(path),
        because=f"it begins at byte {piece.start}, and {there} bytes are here; it was made since "
        f"{since or 'another bundle'}",
        hint=f"Apply {which} first, or one that was made without --since.",
    )
