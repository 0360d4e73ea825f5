"""W4: disks that are full, over quota, broken, or take only a part."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.faults.conftest import Mount
from tests.faults.table import SayRow
from tests.faults.trials import Left, Server, Trial, read_left
from tests.shim.build import (
    Setting,
    controlled_by,
    delay_at,
    on_path,
    shim_env,
    short_write_at,
    short_writes,
)
from tests.shim.watch import Control

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

MOST_S = 0.005
"""What one log() may take beside a disk in trouble."""
FINISH_S = 5.0
ROWS = 220
PASSES = "training alive, 0 raised, 0 lost (or a gap for each), log() <= 5 ms, finish <= 5 s"


@dataclass
class Sum:
    """What came of several trials.

    Attributes:
        tries: How many there were.
        lost: Rows that were acknowledged and are neither there nor in a gap.
        failures: What else went wrong, in words.
        slowest: The slowest log() of each trial.
        finish: The slowest finish().
    """

    tries: int = 0
    lost: int = 0
    failures: list[str] = field(default_factory=list)
    slowest: list[float] = field(default_factory=list)
    finish: float = 0.0

    def add(self, what: str, trial: Trial, left: Left) -> None:
        """Take in a trial that has ended."""
        self.tries += 1
        if trial.code != 0:
            self.failures.append(f"{what}: ended with {trial.code}: {trial.output[-2000:]}")
            return
        lost = trial.lost(left)
        self.lost += max(0, lost - left.dropped)
        # A gap may stand for a sign of life or a checkpoint too.
        if not left.is_sound or lost > left.dropped or left.dropped != trial.said["dropped"]:
            self.failures.append(f"{what}: {lost} lost, {trial.said}, {left}")
        self.slowest.append(trial.said["slowest"])
        self.finish = max(self.finish, trial.said["finish"])

    @property
    def too_slow(self) -> int:
        """In how many trials a log() took too long."""
        return sum(took > MOST_S for took in self.slowest)

    def say(self, row: SayRow, tried: str) -> None:
        """Put a line into the table."""
        row(
            "W4",
            tried,
            tries=self.tries,
            result=f"{self.lost} lost, {len(self.failures)} failed, slowest log() "
            f"{max(self.slowest, default=0) * 1e3:.1f} ms ({self.too_slow} trials above 5), "
            f"finish() {self.finish:.1f} s",
            passes=PASSES,
        )
        assert not self.failures
        assert self.lost == 0
        assert self.finish <= FINISH_S


class Bench:
    """Trials under the fault shim.

    Attributes:
        disk: Makes faults.
    """

    def __init__(self, base: Path, shim: Path, *settings: Setting) -> None:
        base.mkdir(exist_ok=True)
        self.disk = Control(base / "control")
        runs = on_path(base.resolve() / "runs")
        self._temporary = base / "temporary"
        self._temporary.mkdir(exist_ok=True)
        environ = shim_env(shim, runs, controlled_by(self.disk.path), *settings)
        self.server = Server(base, environ | {"TMPDIR": str(self._temporary)})
        self._count = 0

    def try_it(self, count: int = ROWS, **order: object) -> tuple[Trial, Left]:
        """Record and finish, and read back what is left, also where a run goes instead."""
        self._count += 1
        folder = self.server.base / "runs" / f"trial{self._count}"
        settings = {"fallback_dir": str(folder / "fallback"), "fsync_interval": 0.2}
        trial = self.server.start("plain", folder=folder, count=count, settings=settings, **order)
        trial.wait()
        left = joined(folder)
        if not left.runs:
            # Both directories refused until the run was begun in the last of the places.
            left = read_left(self._temporary / "airtape")
            shutil.rmtree(self._temporary / "airtape", ignore_errors=True)
        return trial, left


def joined(folder: Path) -> Left:
    """Read back what is in a folder, or else in the fallback directory below it."""
    # A run that moves to the fallback directory may have left a beginning of nothing.
    left = read_left(folder / "fallback")
    return left if left.runs else read_left(folder)


@pytest.fixture
def bench(tmp_path: Path, shim: Path) -> Iterator[Callable[..., Bench]]:
    """Make a bench with settings of the shim that hold from the start."""
    made: list[Bench] = []

    def make(*settings: Setting) -> Bench:
        made.append(Bench(tmp_path / str(len(made)), shim, *settings))
        return made[-1]

    yield make
    for one in made:
        one.server.close()


def test_a_full_disk_at_every_write(
    bench: Callable[..., Bench], rounds: Callable[[int], int], row: SayRow
) -> None:
    """The k-th write finds no space, for every k, and a few more do; then there is space again."""
    found = Sum()
    one = bench()
    for number in range(rounds(200)):
        k = 1 + number % 200
        one.disk.refuse_calls(errno.ENOSPC, "write", k, k + 2 + number // 200)
        found.add(f"write {k}", *one.try_it())
    found.say(row, "ENOSPC at the k-th write, k = 1 to 200, for 3 writes")
    assert found.too_slow <= found.tries // 50


ERRORS = ("EDQUOT", "EIO", "ESTALE", "EINTR", "EROFS")


def test_any_error_of_a_write_or_sync(
    bench: Callable[..., Bench], rounds: Callable[[int], int], row: SayRow
) -> None:
    """Errors of quotas, networks and dying disks."""
    found = Sum()
    one = bench()
    for number in range(rounds(60)):
        name, k = ERRORS[number % len(ERRORS)], 3 + 5 * number % 200
        one.disk.refuse_calls(getattr(errno, name), "write", k, k + 2)
        found.add(f"{name} at write {k}", *one.try_it())
    for k in range(1, 7):
        for name in ("EIO", "ENOSPC", "ESTALE"):
            one.disk.refuse_calls(getattr(errno, name), "fsync", k, k)
            found.add(f"{name} at fsync {k}", *one.try_it(count=300, rate=600))
    found.say(row, f"{', '.join(ERRORS)} at writes and syncs")


def test_short_writes(bench: Callable[..., Bench], row: SayRow) -> None:
    """A write takes only a part, or nothing; here and there, many in a row, or always."""
    found = Sum()
    for settings in (
        [short_write_at(k, size) for k, size in ((5, 1), (20, 13), (21, 40), (70, 0), (200, 60))],
        [short_write_at(k, 21) for k in range(30, 60)],
        [short_writes(50)],
    ):
        for count in (ROWS, 40):
            found.add(str(settings), *bench(*settings).try_it(count=count))
    found.say(row, "short writes: single ones, 30 in a row, always")


def test_a_disk_that_stays_full(
    bench: Callable[..., Bench], rounds: Callable[[int], int], row: SayRow
) -> None:
    """Memory is bounded: beyond 4 MiB the oldest rows go, and a gap stands for each of them."""
    found = Sum()
    one = bench()
    dropped = 0
    for _ in range(rounds(2)):
        one.disk.refuse_calls(errno.ENOSPC, "write", 20, 24)
        trial, left = one.try_it(count=4000, sizes=[3000])
        found.add("full", trial, left)
        dropped += left.dropped
    found.say(row, f"full for 12 MB of rows: {dropped:,} dropped, a gap for each")
    assert dropped > 0


def test_slow_writes(bench: Callable[..., Bench], row: SayRow) -> None:
    """Only the first of them holds the training up."""
    found = Sum()
    # Late enough for what is recorded of the machine to be written: only rows come then.
    for first in (700, 1400):
        one = bench(delay_at("write", 0.15, first, first + 6))
        trial, left = one.try_it(count=2000, rate=2000)
        found.add(f"slow from {first}", trial, left)
    assert all(0.15 <= took < 0.3 for took in found.slowest), found.slowest
    found.slowest = []
    found.say(row, "7 writes that take 150 ms: one log() waits, no other")


def test_a_disk_that_is_really_full(
    server: Server, mount: Mount, rounds: Callable[[int], int], row: SayRow
) -> None:
    """A small file system is filled up while rows are logged, and emptied again."""
    small_disk = mount("size=2m")
    if small_disk is None:
        row("W4", "tmpfs: no mounting here", tries=0, result="simulated, see above", passes="-")
        return
    found = Sum()
    for number in range(rounds(1)):
        folder = small_disk / str(number)
        trial = server.start("plain", folder=folder, rate=400)
        trial.wait_until_ready()
        time.sleep(0.5)
        filler = small_disk / "filler"
        fill(filler)
        time.sleep(2)
        assert os.statvfs(small_disk).f_bavail == 0
        filler.unlink()
        time.sleep(1.5)
        trial.stop()
        trial.wait()
        found.add("tmpfs", trial, read_left(folder))
    found.say(row, "a tmpfs of 2 MiB that is full for 2 s")


def fill(path: Path) -> None:
    """Write until there is no space."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
