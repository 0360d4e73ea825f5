"""W8: every way in which a training ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.ended import line_of
from tests.faults.acks import acknowledged
from tests.faults.table import SayRow
from tests.faults.trials import ROOT, read_left

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

BEGIN = """
import os, resource, signal, sys, time
import airtape
from tests.faults.acks import Acks, value_of

signal.signal(signal.SIGINT, signal.default_int_handler)
acks = Acks(sys.argv[2])

def log(place):
    run.log({"i": place, "v": value_of(place)})
    acks.add(place)

def train():
    place = 0
    while True:
        log(place)
        place += 1
        if place == 200:
            print("ready", flush=True)
        time.sleep(0.002)

def work():
    for place in range(200):
        log(place)
    print("ready", flush=True)
    sys.stdin.readline()
"""
RUN = 'run = airtape.init(project="faults", dir=sys.argv[1], settings={"silent": True})\n'


class Ending(NamedTuple):
    """A way to end.

    Attributes:
        program: What the training does.
        state: What readers must say of it.
        detail: And why.
        code: The exit code of the process, negative for a signal.
        sent: The signal that it is sent.
        said: What it must print.
    """

    program: str
    state: str
    detail: str
    code: int
    sent: int | None = None
    said: str = ""


HANDLER = """
def handle(number, frame):
    print("handled", flush=True)
    sys.exit(7)
signal.signal(signal.SIGTERM, handle)
"""

ENDINGS = {
    "SIGTERM": Ending(RUN + "train()", "preempted", "SIGTERM", -15, signal.SIGTERM),
    "SIGXCPU": Ending(RUN + "train()", "preempted", "SIGXCPU", -24, signal.SIGXCPU),
    "SIGHUP": Ending(RUN + "train()", "killed", "SIGHUP", -1, signal.SIGHUP),
    "SIGINT": Ending(RUN + "train()", "killed", "SIGINT", -2, signal.SIGINT),
    "SIGTERM with the user's handler": Ending(
        HANDLER + RUN + "train()", "preempted", "SIGTERM", 7, signal.SIGTERM, "handled"
    ),
    "SIGTERM with a handler set later": Ending(
        RUN + HANDLER + "train()", "failed", "exit code 7", 7, signal.SIGTERM, "handled"
    ),
    "SIGTERM ignored": Ending(
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + RUN + "work()",
        "finished",
        "",
        0,
        signal.SIGTERM,
    ),
    "an exception": Ending(
        RUN + "work()\nraise ValueError('x')", "failed", "ValueError, exit code 1", 1
    ),
    "sys.exit(3)": Ending(RUN + "work()\nsys.exit(3)", "failed", "exit code 3", 3),
    "os._exit(4)": Ending(RUN + "work()\nos._exit(4)", "crashed", "is gone", 4),
    "a segmentation fault": Ending(
        RUN + "work()\nimport ctypes\nctypes.string_at(0)", "crashed", "is gone", -11
    ),
    "memory that runs out": Ending(
        RUN + "work()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))\n"
        "hoard = [bytearray(1 << 26) for _ in range(1000)]",
        "failed",
        "MemoryError, exit code 1",
        1,
    ),
    "the kernel's OOM killer (SIGKILL)": Ending(
        RUN + "train()", "crashed", "is gone", -9, signal.SIGKILL
    ),
    "finish()": Ending(RUN + "work()\nrun.finish()", "finished", "", 0),
    "the end of the program": Ending(RUN + "work()", "finished", "", 0),
}
"""Those that are killed or crash leave no exit record, and readers find that they are gone."""


def ended(ending: Ending, folder: Path) -> tuple[subprocess.Popen[str], float, str]:
    """Let a training come to its end; return it, how long that took, and what it printed."""
    folder.mkdir()
    side = f"{folder}.side"
    with subprocess.Popen(
        [sys.executable, "-c", BEGIN + ending.program, str(folder), side],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'recorder'}"},
    ) as process:
        assert line_of(process) == "ready"
        began = time.monotonic()
        if ending.sent is not None:
            process.send_signal(ending.sent)
        assert process.stdin is not None
        if ending.sent is None or "work()" in ending.program:
            process.stdin.write("\n")
            process.stdin.flush()
        printed, _ = process.communicate(timeout=30)
        return process, time.monotonic() - began, printed


@pytest.mark.parametrize("name", ENDINGS)
def test_an_ending(name: str, rounds: Callable[[int], int], tmp_path: Path, row: SayRow) -> None:
    """Nothing is lost, the state is right, and the process ends as it would have without us."""
    ending = ENDINGS[name]
    times = rounds(1)
    lost, slowest, states = 0, 0.0, set()
    for number in range(times):
        folder = tmp_path / str(number)
        process, took, printed = ended(ending, folder)
        left = read_left(folder)
        (state,) = left.states
        lost += len(acknowledged(f"{folder}.side") - left.places)
        slowest = max(slowest, took)
        states.add(state.name)
        assert left.is_sound
        assert process.returncode == ending.code
        assert printed.strip() == ending.said
        assert state.detail.endswith(ending.detail)
    row(
        "W8",
        name,
        tries=times,
        result=f"{lost} lost, {', '.join(states)}, {slowest:.2f} s",
        passes=f"0 lost, {ending.state}, <= 1 s",
    )
    assert (lost, states) == (0, {ending.state})
    assert slowest <= 1
