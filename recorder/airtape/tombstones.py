"""What is left of deleted runs, so that their ids are not used again and no copy comes back.

A tombstone is a small file in the ``wandb`` folder, ``.tombstones/<entity>/<project>/<id>``. It
says when the run was deleted and by whom. Names are percent-encoded, so that none leads elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

from airtape.errors import TargetError, UsageError

TOMBSTONES: Final = ".tombstones"
_MAX_NAME: Final = 200
_KEPT: Final = frozenset("-_.~+@=, ")
_PARTS: Final = 3


class RunPath(NamedTuple):
    """Which run of all: an id is unique in its project.

    Attributes:
        entity: Whom it belongs to.
        project: Its project.
        run_id: Its id.
    """

    entity: str
    project: str
    run_id: str

    def __str__(self) -> str:
        return "/".join(self)


class Tombstone(NamedTuple):
    """What is left of a run.

    Attributes:
        run: The run.
        when: When it was deleted, in ISO 8601; empty if that cannot be read.
        by: Who did it; empty if that cannot be read.
    """

    run: RunPath
    when: str = ""
    by: str = ""

    def __str__(self) -> str:
        when = f" on {self.when}" if self.when else ""
        by = f" by {self.by}" if self.by else ""
        return f"{self.run} was deleted{when}{by}"


def bury(folder: Path, stone: Tombstone) -> None:
    """Put a tombstone into a ``wandb`` folder, and onto its disk.

    Raises:
        TargetError: It cannot be written.
    """
    path = _place_of(folder, stone.run)
    import json  # noqa: PLC0415 - as in `_read`

    said = {"run": str(stone.run), "deleted": stone.when, "by": stone.by}
    aside = path.with_name(f".{os.getpid()}.part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Whatever the umask says, never writable for everybody.
        for place in reversed(path.parents[: len(stone.run)]):
            place.mkdir(0o775, exist_ok=True)
        fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o664)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            json.dump(said, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        raise TargetError(
            "that the run is deleted cannot be noted",
            where=str(path),
            because=error.strerror or str(error),
        ) from error


def find_tombstone(folder: Path, run: RunPath) -> Tombstone | None:
    """Return the tombstone of a run in a ``wandb`` folder, None if there is none."""
    found = _read(_place_of(folder, run), run)
    return None if found is None or found.run != run else found


def all_tombstones(folder: Path) -> Iterator[Tombstone]:
    """Yield the tombstones in a ``wandb`` folder that can be read."""
    for path in sorted((folder / TOMBSTONES).glob("*/*/[!.]*")):
        found = _read(path, None)
        if found is not None:
            yield found


def refuse_deleted(folder: Path, run: RunPath) -> None:
    """Make sure that a run which is about to begin was not deleted.

    Raises:
        UsageError: It was.
    """
    stone = find_tombstone(folder, run)
    if stone is not None:
        raise UsageError(
            f"the run {stone}; ids are not reused",
            where=str(folder),
            hint="give another id, or none to get a new one",
        )


def now_text() -> str:
    """Return the time of day as a tombstone says it."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _read(path: Path, expected: RunPath | None) -> Tombstone | None:
    """Return what stands in a file; of one that cannot be read, what is expected."""
    unread = None if expected is None else Tombstone(expected)
    try:
        text = path.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError):
        return unread
    import json  # noqa: PLC0415 - most runs were not deleted

    try:
        said = json.loads(text)
    except ValueError:
        return unread
    with suppress(LookupError, TypeError, AttributeError):
        parts = said["run"].split("/")
        if len(parts) == _PARTS:
            return Tombstone(RunPath(*parts), str(said["deleted"]), str(said["by"]))
    return unread


def _place_of(folder: Path, run: RunPath) -> Path:
    return folder.joinpath(TOMBSTONES, *map(_encoded, run))


def _encoded(name: str) -> str:
    """Return a name as one part of a path, with nothing in it that a file system obeys."""
    raw = name.encode("utf-8", "surrogatepass")
    text = "".join(_encoded_byte(byte, is_first=not at) for at, byte in enumerate(raw))
    if len(text) <= _MAX_NAME:
        return text
    return f"{text[:_MAX_NAME]}%{crc32(raw):08x}"


def _encoded_byte(byte: int, *, is_first: bool) -> str:
    char = chr(byte)
    plain = char.isascii() and (char.isalnum() or char in _KEPT)
    return char if plain and not (is_first and char in {".", " "}) else f"%{byte:02x}"
