from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.ended import BUSY, LONGEST_WAIT_S, SLEEP, START, ended_in, line_of
from tests.processes import StartPython

STOPPED = {"how": "stop"}
LOOKING_S = 5.0
"""How long it may take until a request to stop is seen."""


def ask_to_stop(program: subprocess.Popen[str], workdir: Path) -> float:
    """Ask the only run to stop as ``tracker stop`` does; return after how long it has ended."""
    began = time.monotonic()
    [run_dir] = workdir.glob("wandb/run-*")
    (run_dir / "stop").touch()
    program.wait(LONGEST_WAIT_S)
    return time.monotonic() - began


@pytest.mark.parametrize(
    ("around", "doing", "status"),
    [
        ("", SLEEP, -signal.SIGINT),
        ("", BUSY, -signal.SIGINT),
        ("with run:\n    ", SLEEP, -signal.SIGINT),
        ("try:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    ", "run.finish()\n", 0),
        ("signal.signal(signal.SIGINT, signal.SIG_IGN)\n", SLEEP, -signal.SIGINT),
        ("signal.signal(signal.SIGINT, lambda *_: sys.exit(8))\n", SLEEP, 8),
    ],
)
def test_a_run_that_is_asked_to_stop_ends_as_by_ctrl_c(
    around: str, doing: str, status: int, start_python: StartPython, workdir: Path
) -> None:
    """It is killed on request, whatever the program does about the interrupt, with its footer."""
    program = start_python(START + around + doing, stderr=subprocess.PIPE)
    assert line_of(program) == "ready"
    assert ask_to_stop(program, workdir) < LOOKING_S
    assert program.stderr is not None
    assert "Find logs at: ./wandb/" in program.stderr.read()
    run = ended_in(workdir)
    assert program.returncode == status
    assert (run.state.name, run.state.detail) == ("killed", "stopped on request")
    assert run.cause == STOPPED
    assert run.damage == []


def test_each_request_to_stop_interrupts_once(start_python: StartPython, workdir: Path) -> None:
    """A program may save what it has after the interrupt; only another request interrupts that."""
    program = start_python(
        START
        + "try:\n"
        + "    time.sleep(60)\n"
        + "except KeyboardInterrupt:\n"
        + "    print('saving', flush=True)\n"
        + "    time.sleep(60)\n",
        stderr=subprocess.DEVNULL,
    )
    assert line_of(program) == "ready"
    [run_dir] = workdir.glob("wandb/run-*")
    (run_dir / "stop").touch()
    assert line_of(program) == "saving"
    assert ask_to_stop(program, workdir) < LOOKING_S
    assert ended_in(workdir).cause == STOPPED


def test_a_run_whose_program_cannot_be_interrupted_is_ended_alone(
    start_python: StartPython, workdir: Path
) -> None:
    """Where Ctrl+C is ignored and no handler is ours, the run ends and the program goes on."""
    program = start_python(
        "import signal\n"
        "for number in (signal.SIGINT, signal.SIGTERM, signal.SIGXCPU, signal.SIGHUP):\n"
        "    signal.signal(number, signal.SIG_IGN)\n"
        + START.replace("signal.signal(signal.SIGINT, signal.default_int_handler)", "")
        + "while airtape.run is not None:\n"
        + "    time.sleep(0.01)\n"
        + "print('goes on')\n"
    )
    assert line_of(program) == "ready"
    assert ask_to_stop(program, workdir) < LOOKING_S
    assert line_of(program) == "goes on"
    assert program.returncode == 0
    assert ended_in(workdir).cause == STOPPED
