from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests import logs
from tests.cli.conftest import MakeRun, Tracker
from tests.ended import LONGEST_WAIT_S, SLEEP, START, ended_in, line_of
from tests.processes import StartPython

TWO_WRITERS = """
import os, sys, time
import airtape
number = sys.argv[1]
run = airtape.init(
    project="tests", id="ab12cd34", mode="shared", settings={"primary": number == "0"}
)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.timeout(40)
def test_a_running_run_is_stopped(
    tracker: Tracker, workdir: Path, start_python: StartPython
) -> None:
    """The command sees the run end, as killed on request."""
    program = start_python(START + SLEEP, stderr=subprocess.DEVNULL)
    assert line_of(program) == "ready"
    result = tracker("stop", "wandb/latest-run")
    asked, ended = result.stdout.splitlines()
    assert asked.endswith(" is asked to stop.")
    assert ended.endswith(" has ended: killed (stopped on request).")
    assert program.wait(LONGEST_WAIT_S) == -signal.SIGINT
    assert ended_in(workdir).state.name == "killed"


@pytest.mark.timeout(40)
def test_nobody_waits_who_does_not_want_to(tracker: Tracker, start_python: StartPython) -> None:
    """With ``--no-wait`` the request is all; the run ends all the same."""
    program = start_python(START + SLEEP, stderr=subprocess.DEVNULL)
    assert line_of(program) == "ready"
    (asked,) = tracker("stop", "wandb/latest-run", "--no-wait").stdout.splitlines()
    assert asked.endswith(" is asked to stop.")
    assert program.wait(LONGEST_WAIT_S) == -signal.SIGINT


@pytest.mark.timeout(40)
def test_a_request_can_be_repeated(tracker: Tracker, start_python: StartPython) -> None:
    """A program that goes on after the first interrupt is interrupted by the second one."""
    goes_on = (
        "try:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    print('went on', flush=True)\n"
    )
    program = start_python(START + goes_on + SLEEP, stderr=subprocess.DEVNULL)
    assert line_of(program) == "ready"
    tracker("stop", "wandb/latest-run", "--no-wait")
    assert line_of(program) == "went on"
    tracker("stop", "wandb/latest-run", "--no-wait")
    assert program.wait(LONGEST_WAIT_S) == -signal.SIGINT


@pytest.mark.timeout(40)
def test_all_writers_of_a_run_are_asked(tracker: Tracker, start_python: StartPython) -> None:
    """Each rank has a directory of its own, and finds the request there."""
    programs = [
        start_python(TWO_WRITERS, str(number), stderr=subprocess.DEVNULL) for number in range(2)
    ]
    assert [line_of(program) for program in programs] == ["ready", "ready"]
    assert " has ended: killed" in tracker("stop", "ab12cd34").stdout
    assert [program.wait(LONGEST_WAIT_S) for program in programs] == [-signal.SIGINT] * 2


def test_a_run_that_has_ended_is_left_alone(tracker: Tracker, make_run: MakeRun) -> None:
    """It is said how it ended, and no request is left."""
    run_dir = make_run()
    assert tracker("stop", "ab12cd34").stdout == "likely-lion-9 has already ended: finished.\n"
    assert not (run_dir / "stop").exists()


@pytest.mark.timeout(40)
def test_a_run_that_does_not_end_keeps_the_request(tracker: Tracker, make_run: MakeRun) -> None:
    """A run on another machine may not see the request within the time that one waits."""
    run_dir = make_run("ab12cd34", logs.heartbeat(), began_ns=time.time_ns(), host="elsewhere")
    began = time.monotonic()
    result = tracker("stop", "ab12cd34")
    assert time.monotonic() - began >= 10
    assert "it has not ended within 10 s; the request stays: " in result.stderr
    assert (run_dir / "stop").exists()


def test_a_request_that_cannot_be_written_is_an_error(tracker: Tracker, make_run: MakeRun) -> None:
    """It says where, with the exit code of a place that cannot be written."""
    run_dir = make_run("ab12cd34", logs.heartbeat(), began_ns=time.time_ns(), host="elsewhere")
    (run_dir / "stop").mkdir()
    assert "cannot be asked to stop" in tracker("stop", "ab12cd34", exit_code=4).stderr
    assert sorted(path.name for path in run_dir.iterdir()) == ["run-ab12cd34.txlog", "stop"]
