"""Run directories: what stands where in one.

    wandb/
      latest-run -> run-20261120_101112-ab12cd34
      run-20261120_101112-ab12cd34/
        run-ab12cd34.txlog                  one writer; each further writer adds a segment
        files/  blobs/  logs/

Nothing in a run directory points out of it, so that it can be moved, copied and mounted read-only.
"""

from __future__ import annotations

import os
import re
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

LOG_SUFFIX: Final = ".txlog"
CLEANED_SUFFIX: Final = ".cleaned"
"""Of the file that stands for the logs of a run which was cleaned; see `airtape.cleaned`."""
RUN_DIR_NAME: Final = re.compile(r"run-\d{8}_\d{6}-(?P<run_id>.+)", re.DOTALL)
"""What a run directory is called."""
_MAX_FILE_NAME: Final = 255


class RunDir(NamedTuple):
    """The places of one run directory. Knows names only; the files need not exist."""

    root: Path
    run_id: str

    @property
    def log_path(self) -> Path:
        """The log of the run's first writer."""
        return self.root / f"run-{self.run_id}{LOG_SUFFIX}"

    @property
    def files(self) -> Path:
        """Files that belong to the run, under the names that the user gave them."""
        return self.root / "files"

    @property
    def blobs(self) -> Path:
        """Large values by their digest."""
        return self.root / "blobs"

    @property
    def logs(self) -> Path:
        """What the recorder has to say about itself."""
        return self.root / "logs"

    @property
    def stop_request(self) -> Path:
        """The file that asks the running process to end; what it holds does not matter."""
        return self.root / "stop"

    def segment_path(self, host: str, pid: int, number: int) -> Path:
        """The log of a further writer, `number` counting the segments of that process."""
        return self.root / segment_name(self.run_id, host, pid, number)


def wandb_dir(base: Path) -> Path:
    """Return the folder that holds the run directories below `base`.

    It is `base/wandb`, or `base/.wandb` where that exists already.
    """
    hidden = base / ".wandb"
    # Not `Path.is_dir`, which raises where a folder above may not be entered.
    return hidden if os.path.isdir(hidden) else base / "wandb"  # noqa: PTH112 - a text, and quicker


def segment_name(run_id: str, host: str, pid: int, number: int) -> str:
    """Return the file name of a further writer's log; two running processes never share one."""
    tail = f"-{pid}-{number}{LOG_SUFFIX}"
    head = f"run-{run_id}."
    room = _MAX_FILE_NAME - len(head.encode()) - len(tail)
    return head + re.sub(r"[^A-Za-z0-9_.-]", "_", host)[:room] + tail


def log_files(run_dir: Path) -> list[Path]:
    """Return the logs in `run_dir`: the first writer's, then the segments in order of their names.

    Only regular files count; links are not followed.

    Raises:
        OSError: The directory cannot be read.
    """
    with os.scandir(run_dir) as entries:
        names = [entry.name for entry in entries if is_log(entry)]
    # A segment's name is the first writer's with more in it, so the shortest is the first's.
    first = min(names, key=lambda name: (len(name), name), default="")
    names.sort(key=lambda name: (name != first, _by_numbers(name)))
    return [run_dir / name for name in names]


def stub_in(run_dir: Path) -> Path | None:
    """Return the file that stands for the logs of a run which was cleaned, None if none does.

    Raises:
        OSError: The directory cannot be read.
    """
    with os.scandir(run_dir) as entries:
        names = sorted(entry.name for entry in entries if is_stub(entry))
    return run_dir / names[0] if names else None


def count_runs(base: Path, *, limit: int = 10_000, seconds: float = 0.05) -> int:
    """Count the run directories below `base`, giving up after `limit` entries or `seconds`.

    For default names, where a wrong number is better than a wait; 0 when nothing can be read.
    """
    deadline = time.monotonic() + seconds
    runs = 0
    with suppress(OSError), os.scandir(wandb_dir(base)) as entries:
        for seen, entry in enumerate(entries, start=1):
            runs += entry.name.startswith("run-")
            if seen >= limit or time.monotonic() >= deadline:
                break
    return runs


def is_log(entry: os.DirEntry[str]) -> bool:
    """Tell whether an entry of a run directory is a log: a regular file, no link."""
    return entry.name.endswith(LOG_SUFFIX) and entry.is_file(follow_symlinks=False)


def is_stub(entry: os.DirEntry[str]) -> bool:
    """Tell whether an entry of a run directory stands for logs that were removed."""
    return entry.name.endswith(CLEANED_SUFFIX) and entry.is_file(follow_symlinks=False)


def has_usual_log(run_dir: Path) -> bool:
    """Tell, by one call to the system, whether the log that the name promises is there."""
    match = RUN_DIR_NAME.fullmatch(run_dir.name)
    if match is None:
        return False
    try:
        return stat.S_ISREG((run_dir / f"run-{match['run_id']}{LOG_SUFFIX}").lstat().st_mode)
    except (OSError, ValueError):
        return False


def _by_numbers(name: str) -> list[str | int]:
    """Return a sort key under which `-10` comes after `-2`."""
    parts: list[str | int] = list(re.split(r"(\d+)", name))
    parts[1::2] = [int(part) for part in parts[1::2]]
    return parts
