"""How far a follower has come with a run, as it tells whoever started it: a small file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FILE_NAME = "follower.json"
"""Its name among the logs of a run directory."""


@dataclass(frozen=True, slots=True)
class FollowState:
    """How far a follower has come.

    Attributes:
        sizes: Bytes of each log, by name, that the target has all records of.
        held: Number of records of the run that the target holds.
        time: When that was so, in seconds since 1970.
        error: Why the target lacks the rest, None while nothing is wrong.
    """

    sizes: Mapping[str, int] = field(default_factory=dict)
    held: int = 0
    time: float = 0.0
    error: str | None = None

    def write(self, path: Path) -> None:
        """Replace the file; a reader sees the old state or this one.

        Raises:
            OSError: It cannot be written.
        """
        fresh = path.with_name(f"{path.name}.new")
        fresh.write_text(json.dumps(asdict(self)), encoding="utf-8")
        fresh.replace(path)


def read_follow_state(path: Path) -> FollowState | None:
    """Return what a follower said last, None if it said nothing that can be read."""
    with suppress(OSError, ValueError, TypeError, LookupError):
        said: Any = json.loads(path.read_text(encoding="utf-8"))
        return FollowState(
            {str(name): int(size) for name, size in dict(said["sizes"]).items()},
            int(said["held"]),
            float(said["time"]),
            None if said["error"] is None else str(said["error"]),
        )
    return None


def sizes_of(logs: list[Path]) -> dict[str, int]:
    """Return the size of each log by name.

    Each is opened, for a network file system may answer `stat` from an old memory.

    Raises:
        OSError: One cannot be opened.
    """
    sizes = {}
    for path in logs:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            sizes[path.name] = os.fstat(file).st_size
        finally:
            os.close(file)
    return sizes
