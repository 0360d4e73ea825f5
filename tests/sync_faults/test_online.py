"""S2: a training in online mode, whose target dies, refuses, stalls, is slow and comes back."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.ended import line_of, wait_until
from tests.faults.table import SayRow
from tests.flow.test_online import followers
from tests.processes import StartPython
from tests.sync_faults.exactness import EXACT, NONE, difference, logs_in
from tests.sync_faults.relay import Way
from tests.sync_faults.syncs import Syncs, tracker
from tests.sync_faults.targets import Databases

pytestmark = [pytest.mark.sync_faults, pytest.mark.postgres, pytest.mark.timeout(240)]

TRAINING = """
import json, sys, time
import airtape

run = airtape.init(project="tests", mode=sys.argv[1], settings={"disable_git": True})
print("ready", flush=True)
place = 0
for line in iter(sys.stdin.readline, "end\\n"):
    took = worst = 0.0
    count = int(line)
    for place in range(place, place + count):
        loss = sum(number * 1e-9 for number in range(400))
        began = time.perf_counter()
        run.log({"i": place, "train/loss": loss, "train/acc": 1 - loss})
        this = time.perf_counter() - began
        took += this
        worst = max(worst, this)
    place += 1
    print(json.dumps([took / count, worst]), flush=True)
began = time.monotonic()
run.finish()
print(json.dumps([time.monotonic() - began, run.status().sync_items_pending]), flush=True)
"""
"""Trains so many steps for each line it reads; says how long log() took on average, and at most."""
STEPS, TURNS = 400, 12
TIMES_OFFLINE = 1.25
FINISH_S, LATER_S = 2, 1.5
"""How long a training waits at its end for a target that is gone, and what it may take beside."""


class Training:
    """A training that goes on when it is told to.

    Args:
        start_python: Starts it.
        folder: Where it records.
        mode: How.
        environ: Its settings, beside the usual ones.
    """

    def __init__(self, start_python: StartPython, folder: Path, mode: str, **environ: str) -> None:
        folder.mkdir()
        self.folder = folder
        self._said = folder / "stderr"
        with self._said.open("w") as said:
            self._process: subprocess.Popen[str] = start_python(
                TRAINING, mode, cwd=folder, stderr=said, env={**os.environ, **environ}
            )
        assert line_of(self._process) == "ready", self.said

    @property
    def said(self) -> str:
        """What it printed for people."""
        return self._said.read_text(encoding="utf-8")

    def train(self, steps: int) -> tuple[float, float]:
        """Go on; return the seconds that log() took, on average and at most."""
        self._say(f"{steps}")
        mean, worst = json.loads(line_of(self._process))
        return mean, worst

    def finish(self) -> tuple[float, int]:
        """End it; return the seconds that it waited, and the records not synced by then."""
        self._say("end")
        took, pending = json.loads(line_of(self._process))
        assert self._process.wait(30) == 0, self.said
        return took, pending

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder to train in; followers of what is there end with the test."""
    yield tmp_path
    for pid in followers(tmp_path):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_a_training_whose_target_comes_and_goes(
    postgres_targets: Databases,
    start_python: StartPython,
    folder: Path,
    rounds: Callable[[int], int],
    row: SayRow,
) -> None:
    """It does not notice, and the target has everything in the end."""
    url, relay, server = postgres_targets.new(), postgres_targets.relay, postgres_targets.server
    changes: dict[str, Callable[[], object]] = {
        "all is well": relay.hand_on,
        "killed": server.kill,
        "back": server.start,
        "20 kB/s, 20 ms each way": lambda: relay.hand_on(Way(rate=20_000, latency_s=0.02)),
        "refuses": relay.refuse,
        "stalls": lambda: relay.hand_on(Way(stalls=True)),
        "hands on again": relay.hand_on,
        "breaks off": relay.cut,
        "stopped": server.stop,
        "back again": server.start,
    }
    online = Training(
        start_python, folder / "online", "online", TRACKER_TARGET=url, TRACKER_FINISH_TIMEOUT="90"
    )
    offline = Training(start_python, folder / "offline", "offline")
    ratios, worst = [], 0.0
    for change in changes.values():
        change()
        for _ in range(rounds(TURNS)):
            (mean, longest), (usual, _) = online.train(STEPS), offline.train(STEPS)
            ratios.append(mean / usual)
            worst = max(worst, longest)
    took, pending = online.finish()
    offline.finish()
    wait_until(lambda: not followers(folder), "the end of the follower")
    found = difference(url, logs_in(folder / "online" / "wandb"))
    ratio = statistics.median(ratios)
    row(
        "S2",
        f"postgres: an online training of {STEPS * len(ratios):,} steps, its target "
        f"{', '.join(changes)}",
        tries=len(ratios),
        result=f"log() takes {ratio:.2f} times as long as offline, {worst * 1000:.1f} ms at most; "
        f"finish() {took:.1f} s, {pending} records left; {found}",
        passes=f"<= {TIMES_OFFLINE} times; 0 records left; {EXACT}",
    )
    assert (pending, found) == (0, NONE)
    assert "not synced yet" not in online.said
    assert ratio <= TIMES_OFFLINE


@pytest.mark.parametrize("fault", ["killed", "refuses", "stalls", "1 kB/s"])
def test_the_end_of_a_training_whose_target_is_gone(
    postgres_targets: Databases,
    start_python: StartPython,
    syncs: Syncs,
    folder: Path,
    row: SayRow,
    fault: str,
) -> None:
    """It waits as long as it was told to and says what is left; the follower brings it later."""
    url, relay, server = postgres_targets.new(), postgres_targets.relay, postgres_targets.server
    training = Training(
        start_python,
        folder / "online",
        "online",
        TRACKER_TARGET=url,
        TRACKER_FINISH_TIMEOUT=str(FINISH_S),
    )
    training.train(STEPS)
    wait_until(lambda: difference(url, []).extra > STEPS, "the first of it")
    changes: dict[str, Callable[[], object]] = {
        "killed": server.kill,
        "refuses": relay.refuse,
        "stalls": lambda: relay.hand_on(Way(stalls=True)),
        "1 kB/s": lambda: relay.hand_on(Way(rate=1000)),
    }
    changes[fault]()
    training.train(20 * STEPS)
    took, pending = training.finish()
    server.start_if_gone()
    relay.hand_on()
    wait_until(lambda: not followers(folder), "the end of the follower")
    wandb = folder / "online" / "wandb"
    by_follower = difference(url, logs_in(wandb))
    code = syncs.run(tracker(wandb, url))
    found = difference(url, logs_in(wandb))
    row(
        "S2",
        f"postgres: finish() of an online training, its target {fault}",
        tries=1,
        result=f"{took:.1f} s, {pending:,} records left; then the follower: {by_follower}; "
        f"a sync: {found}",
        passes=f"<= {FINISH_S + LATER_S} s, the rest said; then {EXACT}",
    )
    assert FINISH_S <= took <= FINISH_S + LATER_S
    assert pending > 0
    assert f"{pending} record(s) are not synced yet" in training.said.replace(",", "")
    assert "tracker sync" in training.said
    assert (code, found) == (0, NONE)
