"""Faults that come and go while the process runs; locks and the clock."""

from __future__ import annotations

import errno
import json
import select
import time
from pathlib import Path

import pytest

from tests.shim.build import clock_ahead, controlled_by, no_locks
from tests.shim.process import Run, answer, answering, ask
from tests.shim.watch import Control

ROUNDS = """
fd = create("log")
for line in sys.stdin:
    print(attempt(os.write, fd, b"x"), flush=True)
"""


def test_a_control_makes_and_ends_a_full_disk(shim: Path, tmp_path: Path, data: Path) -> None:
    """The running process meets the error as long as the control says so."""
    control = Control(tmp_path / "control")
    with answering(shim, data, ROUNDS, controlled_by(control.path)) as process:
        answers = []
        for change in (control.clear, lambda: control.refuse(errno.ENOSPC), control.clear):
            change()
            ask(process)
            answers.append(answer(process))
    assert answers == ["1", "ENOSPC", "1"]


def test_a_control_refuses_only_the_kinds_asked(shim: Path, tmp_path: Path, data: Path) -> None:
    """A disk that cannot sync still takes writes."""
    control = Control(tmp_path / "control")
    code = ROUNDS.replace('b"x")', 'b"x"), attempt(os.fsync, fd)')
    with answering(shim, data, code, controlled_by(control.path)) as process:
        control.refuse(errno.EIO, "fsync")
        ask(process)
        assert answer(process) == "1 EIO"


def test_a_hanging_call_returns_when_the_control_lets_it(
    shim: Path, tmp_path: Path, data: Path
) -> None:
    """As on a file server that stops answering and comes back: nothing fails, all is written."""
    control = Control(tmp_path / "control")
    with answering(shim, data, ROUNDS, controlled_by(control.path)) as process:
        control.hang("write")
        ask(process)
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], 0.3)[0] == []
        control.clear()
        assert answer(process) == "1"
    assert (data / "log").read_text() == "x"


LOCKS = """
import fcntl
fd = create("log")
print(attempt(fcntl.lockf, fd, fcntl.LOCK_EX), attempt(fcntl.flock, fd, fcntl.LOCK_EX))
"""


def test_without_locks_each_lock_is_refused(run: Run) -> None:
    """Those of a process, and those of an open file."""
    assert run(LOCKS, no_locks()).stdout == "ENOLCK ENOLCK\n"


def test_without_locks_other_descriptor_calls_work(run: Run) -> None:
    """fcntl() does much besides locking."""
    code = """
import fcntl
fd = create("log")
fcntl.fcntl(fd, fcntl.F_SETFD, 0)
print(fcntl.fcntl(fd, fcntl.F_GETFD), os.get_inheritable(os.dup(fd)), os.get_blocking(fd))
"""
    assert run(code, no_locks()).stdout == "0 False True\n"


def test_locks_elsewhere_work(run: Run) -> None:
    """Only the files that count lie on the file system without locks."""
    assert run("os.chdir('..')" + LOCKS, no_locks()).stdout == "None None\n"


@pytest.mark.parametrize("shift", [-7200, 3600.5])
def test_the_wall_clock_is_moved(run: Run, shift: float) -> None:
    """Back or ahead, also by parts of a second, whoever asks."""
    code = """
from datetime import datetime
libc = ctypes.CDLL(None)
libc.time.restype = ctypes.c_long
print([time.time(), time.time_ns() / 1e9, datetime.now().timestamp(), libc.time(None)])
"""
    before = time.time()
    moments = json.loads(run(code, clock_ahead(shift)).stdout)
    for moment in moments:
        assert before - 1 <= moment - shift <= time.time()


def test_the_monotonic_clock_is_not_moved(run: Run) -> None:
    """It is one clock for all processes, so the child's reading lies between two of ours."""
    before = time.monotonic()
    seen = float(run("print(time.monotonic())", clock_ahead(-7200)).stdout)
    assert before <= seen <= time.monotonic()


def test_the_clock_jumps_while_the_process_runs(shim: Path, tmp_path: Path, data: Path) -> None:
    """A control moves the clock between two readings of one process."""
    control = Control(tmp_path / "control")
    code = "for line in sys.stdin: print(time.time(), flush=True)"
    with answering(shim, data, code, controlled_by(control.path)) as process:
        ask(process)
        first = float(answer(process))
        control.shift_clock(-7200)
        ask(process)
        assert -7200 <= float(answer(process)) - first < -7100


@pytest.mark.parametrize("shift", [-7200, 7200])
def test_waits_keep_their_length_under_a_moved_clock(run: Run, shift: float) -> None:
    """A lock's timeout ends neither at once nor two hours later."""
    code = """
lock = threading.Lock()
lock.acquire()
start = time.monotonic()
lock.acquire(timeout=0.1)
print(0.09 < time.monotonic() - start < 5)
"""
    assert run(code, clock_ahead(shift)).stdout == "True\n"
