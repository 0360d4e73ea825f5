"""Trials: a run in a process of its own that something happens to, and what is left of it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airtape.overview import read_overview
from airtape.process import boot_id, process_runs, this_process
from airtape.records import HistoryFlag, Kind, Record
from airtape.states import RunState, Vantage
from airtape.txlog.reader import Damage
from airtape.writers import read_writers
from tests.ended import wait_until
from tests.faults.acks import acknowledged, value_of

ROOT = Path(__file__).parent.parent.parent
HANGS_AFTER_S = 40.0
"""Seconds after which a trial is taken to hang."""


@dataclass
class Left:
    """What can be read of the runs of a trial.

    Attributes:
        places: The rows that are there.
        wrong: How many rows have a value that was never logged.
        twice: How many rows are there more than once.
        missing: Records that are said to be missing.
        dropped: Records for which a gap stands.
        damage: Everything that is said of damage.
        problems: Whatever else is wrong, in words.
        files: Number of log files.
        runs: Number of run directories.
        states: The state of each run.
    """

    places: set[int] = field(default_factory=set)
    wrong: int = 0
    twice: int = 0
    missing: int = 0
    dropped: int = 0
    damage: list[Damage] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    files: int = 0
    runs: int = 0
    states: list[RunState] = field(default_factory=list)

    def take(self, item: Record | Damage) -> None:
        """Take in what a reader found."""
        if isinstance(item, Damage):
            self.damage.append(item)
            self.missing += 1 if item.missing is None else item.missing
        elif item.kind == Kind.GAP:
            self.dropped += item.fields[1] - item.fields[0] + 1
        elif item.kind == Kind.HISTORY and not item.fields[1] & HistoryFlag.DROPPED:
            self._take_row(item.fields[2])

    def _take_row(self, data: dict[str, Any]) -> None:
        place = data.get("i")
        if place is None and data.keys() == {"text"}:
            return  # the first part of a row that takes more than one record
        self.wrong += place is None or data.get("v") != value_of(place)
        self.twice += place in self.places
        self.places.add(-1 if place is None else place)

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong, twice, missing or unreadable."""
        return not (self.wrong or self.twice or self.missing or self.problems)


def read_left(folder: Path) -> Left:
    """Read back all runs below a folder that has a ``wandb`` folder."""
    left = Left()
    now = Vantage(2**62, this_process().host, boot_id(), process_runs)
    for run_dir in sorted(folder.glob("wandb/run-*")):
        left.runs += 1
        for writer in read_writers(run_dir, left.problems):
            left.files += len(writer.files)
            for _, item in writer.records():
                left.take(item)
        left.states.append(read_overview(run_dir, now).state)
    return left


@dataclass
class Trial:
    """One run in a process of its own.

    Attributes:
        pid: The process.
        folder: Where it records.
        side: Where it says how it goes on, without suffix.
    """

    server: Server
    pid: int
    folder: Path
    side: Path
    code: int | None = None

    def is_ready(self) -> bool:
        """Tell whether ``init()`` has returned."""
        return self._beside(".ready").exists()

    def wait_until_ready(self) -> None:
        """Wait until ``init()`` has returned."""
        wait_until(self.is_ready, "init()")

    def stop(self) -> None:
        """Ask it to train no longer."""
        self._beside(".stop").touch()

    def kill(self, number: int = signal.SIGKILL, *, whole_group: bool = False) -> None:
        """Send it a signal, or it and its children."""
        (os.killpg if whole_group else os.kill)(self.pid, number)

    def wait(self, seconds: float = HANGS_AFTER_S) -> int | None:
        """Wait for its end; return its exit code, None if it hung and had to be killed."""
        self.code = self.server.wait(self.pid, seconds)
        return self.code

    @property
    def said(self) -> dict[str, Any]:
        """What it said at its end."""
        path = self._beside(".said")
        assert path.exists(), f"it ended with {self.code}: {self.output}"
        said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return said

    @property
    def output(self) -> str:
        """What it printed."""
        return self._beside(".output").read_text(encoding="utf-8")

    @property
    def acknowledged(self) -> set[int]:
        """The rows for which log() has returned, in it and its children."""
        sides = [self.side, *self._children()]
        return set().union(*map(acknowledged, sides))

    def _children(self) -> list[Path]:
        return [
            path.with_suffix("") for path in self.side.parent.glob(f"{self.side.name}.child*.acks")
        ]

    def _beside(self, suffix: str) -> Path:
        return self.side.with_name(self.side.name + suffix)

    def left(self) -> Left:
        """Read back what it recorded."""
        return read_left(self.folder)

    def lost(self, left: Left) -> int:
        """Return how many acknowledged rows are not there."""
        return len(self.acknowledged - left.places)


class Server:
    """Starts trials; see `tests.faults.server`.

    Args:
        base: Folder below which everything of the trials is.
        environ: The environment of the trials.
    """

    def __init__(self, base: Path, environ: Mapping[str, str] | None = None) -> None:
        self.base = base.resolve()
        paths = os.pathsep.join([str(ROOT), str(ROOT / "recorder")])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**(os.environ if environ is None else environ), "PYTHONPATH": paths},
        )
        self._count = 0

    def start(self, scenario: str, *, folder: Path | None = None, **order: Any) -> Trial:
        """Start a trial, in a folder of its own if none is given."""
        self._count += 1
        side = self.base / "beside" / str(self._count)
        side.parent.mkdir(exist_ok=True, parents=True)
        folder = folder or self.base / "runs" / str(self._count)
        folder.mkdir(exist_ok=True, parents=True)
        self._say(do=scenario, dir=str(folder), side=str(side), **order)
        pid = self._answer(HANGS_AFTER_S)
        assert pid is not None
        return Trial(self, pid, folder, side)

    def wait(self, pid: int, seconds: float) -> int | None:
        """Wait for the end of a trial; return its exit code, None when the time is over."""
        self._say(wait=pid)
        code = self._answer(seconds)
        if code is None:
            os.killpg(pid, signal.SIGKILL)
            self._answer(seconds)
        return code

    def _say(self, **order: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()

    def _answer(self, seconds: float) -> int | None:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        return int(self._process.stdout.readline()) if ready else None

    def close(self) -> None:
        """End the server."""
        self._process.kill()
        self._process.communicate()


def serving(base: Path, environ: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Yield a server that ends with the tests that use it."""
    server = Server(base, environ)
    yield server
    server.close()
