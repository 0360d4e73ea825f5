"""How the last syncs to a target went, remembered for whoever asks later.

It stands in the user's state folder, as nothing is written below the runs and a target that does
not answer cannot keep it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class LastSync:
    """How the last syncs to a target went.

    Attributes:
        time_ns: When the last one ended, by the wall clock.
        exit_code: How.
        error: What went wrong, None if nothing did.
        good_ns: When one last ended with nothing wrong, None if none did.
    """

    time_ns: int
    exit_code: int
    error: str | None = None
    good_ns: int | None = None


def state_folder(environ: Mapping[str, str]) -> Path | None:
    """Return where the user's state stands; None when the environment names no home."""
    if state := environ.get("XDG_STATE_HOME"):
        return Path(state, "airtape")
    if home := environ.get("HOME"):
        return Path(home, ".local", "state", "airtape")
    return None


def read_last_sync(folder: Path, target: str) -> LastSync | None:
    """Return how the last sync to a target went, None if nobody knows."""
    with suppress(OSError, ValueError, TypeError, LookupError):
        said: Any = json.loads(_path(folder, target).read_text(encoding="utf-8"))
        return LastSync(
            int(said["time_ns"]),
            int(said["exit_code"]),
            None if said["error"] is None else str(said["error"]),
            None if said["good_ns"] is None else int(said["good_ns"]),
        )
    return None


def keep_last_sync(
    folder: Path, target: str, *, now_ns: int, exit_code: int, error: str | None
) -> None:
    """Remember how a sync went; where that cannot be written it is forgotten."""
    before = read_last_sync(folder, target)
    good_ns = now_ns if error is None else (None if before is None else before.good_ns)
    path = _path(folder, target)
    fresh = path.with_name(f"{path.name}.{os.urandom(8).hex()}")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(
            json.dumps(asdict(LastSync(now_ns, exit_code, error, good_ns))), encoding="utf-8"
        )
        fresh.replace(path)


def _path(folder: Path, target: str) -> Path:
    """Return the file for a target; one that is named by a relative path is another elsewhere."""
    place = f"{Path.cwd()}\n{target}"
    return folder / "syncs" / f"{sha256(os.fsencode(place)).hexdigest()[:32]}.json"
