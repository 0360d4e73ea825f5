from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from airtape.process import boot_id, process_runs, start_ticks, this_process


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits until its stdin is closed."""
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        yield process


def test_a_process_knows_itself() -> None:
    """The identity of this process is that of one that runs."""
    me = this_process()
    assert me.pid == os.getpid()
    assert me.boot_id == boot_id() != ""
    assert me.host != ""
    assert process_runs(me.pid, me.start_ticks)


def test_another_process_under_the_same_id_is_not_the_one(
    child: subprocess.Popen[bytes],
) -> None:
    """A process id that was given out again is known by the start time."""
    ticks = start_ticks(child.pid)
    assert ticks is not None
    assert process_runs(child.pid, ticks)
    assert not process_runs(child.pid, ticks - 1)


def test_a_process_that_ended_is_gone_before_anybody_asked_for_its_exit_code(
    child: subprocess.Popen[bytes],
) -> None:
    """A zombie does not run, and neither does the process once it was waited for."""
    ticks = start_ticks(child.pid) or 0
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not process_runs(child.pid, ticks)
    child.wait()
    assert not process_runs(child.pid, ticks)
    assert start_ticks(child.pid) is None


@pytest.mark.parametrize("pid", [0, -1, 1 << 70])
def test_an_impossible_process_id_proves_nothing(pid: int) -> None:
    """A log may name any number; nobody is signalled and nothing is concluded."""
    assert process_runs(pid, 1)
