from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ended import BUSY, SLEEP, START, ended_in, line_of, seconds_to_die, wait_until
from tests.processes import RunPython, StartPython, unmeasured
from tests.shim.build import build_shim, errno_from, on_path, shim_env

EXIT_S = 1.0
"""How long a process may take to die of a signal."""
STUCK_EXIT_S = 2.0
"""The same while its main thread is in C code."""

STATES = {
    signal.SIGTERM: "preempted",
    signal.SIGXCPU: "preempted",
    signal.SIGHUP: "killed",
    signal.SIGINT: "killed",
}
DEADLY = [number for number in STATES if number != signal.SIGINT]
"""Signals whose default action in Python is death."""

STUCK = """\
lock = ctypes.create_string_buffer(64)
ctypes.CDLL(None).pthread_mutex_lock(lock)
ctypes.CDLL(None).pthread_mutex_lock(lock)
"""
LOGGING = """\
number = 3
while True:
    run.log({"number": number})
    number += 1
"""


@pytest.mark.parametrize("number", STATES)
@pytest.mark.parametrize("doing", [SLEEP, BUSY, LOGGING])
def test_a_signal_ends_the_run_and_the_process(
    number: signal.Signals, doing: str, start_python: StartPython, workdir: Path
) -> None:
    """The end is recorded, nothing is lost, and the process dies of the very signal, soon."""
    program = start_python(START + doing, stderr=subprocess.DEVNULL, env=unmeasured())
    assert line_of(program) == "ready"
    assert seconds_to_die(program, number) < EXIT_S
    run = ended_in(workdir)
    assert program.returncode == -number
    assert (run.state.name, run.state.detail) == (STATES[number], number.name)
    assert (run.code, run.cause) == (128 + number, {"how": "signal", "signal": number.name})
    assert run.numbers[:3] == [0, 1, 2]
    assert run.exits == 1
    assert run.damage == []


@pytest.mark.parametrize("number", DEADLY)
def test_a_process_stuck_in_c_code_dies_of_a_signal(
    number: signal.Signals, start_python: StartPython, workdir: Path
) -> None:
    """It is recorded though no handler in Python ever gets to run in the main thread."""
    program = start_python(START + STUCK)
    assert line_of(program) == "ready"
    assert seconds_to_die(program, number) < STUCK_EXIT_S
    assert program.returncode == -number
    assert ended_in(workdir).state.name == STATES[number]


FORKING = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
import airtape
for line in sys.stdin:
    child = os.fork()
    if not child:
        acknowledged = os.open(line.strip() + ".acknowledged", os.O_WRONLY | os.O_CREAT)
        os.mkdir(line.strip())
        run = airtape.init(
            project="tests", mode="offline", dir=line.strip(), settings={"silent": True}
        )
        number = 0
        while True:
            run.log({"number": number})
            number += 1
            os.pwrite(acknowledged, number.to_bytes(8, "big"), 0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Starts, for each line, a process that logs as fast as it can, and prints its pid and status."""


def numbers_acknowledged(path: Path) -> int:
    """Return how many calls of log() have returned."""
    return int.from_bytes(path.read_bytes(), "big") if path.exists() else 0


@pytest.mark.timeout(60)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_of_a_record_loses_nothing(
    number: signal.Signals,
    rounds: Callable[[int], int],
    start_python: StartPython,
    workdir: Path,
) -> None:
    """Whenever it comes: every number that log() returned for is there, and none is missing."""
    source = random.Random(20261120)
    starter = start_python(FORKING, stderr=subprocess.DEVNULL, env=unmeasured())
    assert starter.stdin is not None
    for trial in range(rounds(50)):
        starter.stdin.write(f"{trial}\n")
        starter.stdin.flush()
        child = int(line_of(starter))
        side, least = workdir / f"{trial}.acknowledged", source.randint(1, 600)
        wait_until(lambda: numbers_acknowledged(side) >= least, "progress")  # noqa: B023 - called at once
        os.kill(child, number)
        assert int(line_of(starter)) == -number
        run = ended_in(workdir / str(trial))
        assert run.state.name == STATES[number]
        assert run.damage == []
        assert run.numbers == list(range(len(run.numbers)))
        assert len(run.numbers) >= numbers_acknowledged(side)


def test_a_run_of_another_thread_is_recorded_without_its_end_by_a_signal(
    run_python: RunPython, workdir: Path
) -> None:
    """Only the main thread can handle signals; debug.log says so, and the signal does its work."""
    run_python(
        "import os, signal, threading, airtape\n"
        "def work():\n"
        "    airtape.init(project='tests', mode='offline').log({'number': 0})\n"
        "thread = threading.Thread(target=work)\n"
        "thread.start()\n"
        "thread.join()\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n",
        returncode=-signal.SIGTERM,
    )
    run = ended_in(workdir)
    assert (run.state.name, run.numbers) == ("crashed", [0])
    assert "main thread" in (run.run_dir / "logs" / "debug.log").read_text()


def test_a_run_that_another_thread_finishes_leaves_signals_deadly(
    run_python: RunPython,
) -> None:
    """The handlers cannot be taken back there, but they do what the signals would."""
    run_python(
        START
        + "thread = threading.Thread(target=run.finish)\n"
        + "thread.start()\n"
        + "thread.join()\n"
        + "os.kill(os.getpid(), signal.SIGTERM)\n"
        + "time.sleep(60)\n",
        returncode=-signal.SIGTERM,
    )


def test_a_program_that_waits_for_its_signal_gets_it(run_python: RunPython) -> None:
    """Threads of ours do not take a signal that the program has blocked to wait for it."""
    run_python(
        START
        + "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\n"
        + "os.kill(os.getpid(), signal.SIGTERM)\n"
        + "time.sleep(0.1)\n"
        + "assert signal.sigtimedwait({signal.SIGTERM}, 5)\n"
    )


def test_a_program_full_of_signals_is_still_ended_by_one(
    start_python: StartPython, workdir: Path
) -> None:
    """A profiler's thousand signals a second do not drown the one that counts."""
    program = start_python(
        START
        + "signal.signal(signal.SIGALRM, lambda number, frame: None)\n"
        + "signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)\n"
        + "print('ticking', flush=True)\n"
        + BUSY
    )
    assert [line_of(program), line_of(program)] == ["ready", "ticking"]
    assert seconds_to_die(program, signal.SIGTERM) < EXIT_S
    assert ended_in(workdir).state.name == "preempted"


def test_a_signal_beside_a_full_disk_ends_the_process_soon(
    start_python: StartPython, workdir: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What the disk does not take delays the death by a few seconds, not for ever."""
    shim = build_shim(tmp_path_factory.getbasetemp().parent / "shim")
    full = shim_env(shim, on_path(workdir / "wandb"), errno_from("write", errno.ENOSPC, 9))
    program = start_python(START + SLEEP, env=full)
    assert line_of(program) == "ready"
    assert seconds_to_die(program, signal.SIGTERM) < 6
    assert program.returncode == -signal.SIGTERM


def test_a_second_run_is_watched_as_the_first_was(start_python: StartPython, workdir: Path) -> None:
    """Finishing a run does not keep the next one from learning of signals, stuck in C or not."""
    program = start_python(
        "import airtape\n"
        "for _ in range(3):\n"
        "    airtape.init(project='tests', mode='offline', dir='earlier').finish()\n"
        f"{START}{STUCK}"
    )
    (workdir / "earlier").mkdir()
    assert line_of(program) == "ready"
    assert seconds_to_die(program, signal.SIGTERM) < STUCK_EXIT_S
    assert ended_in(workdir).state.name == "preempted"
