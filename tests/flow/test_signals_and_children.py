from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ended import START, ended_in
from tests.processes import RunPython


@pytest.mark.parametrize("logs", [True, False])
def test_a_signal_to_a_forked_child_is_not_the_parents(
    logs: bool,  # noqa: FBT001 - a circumstance
    run_python: RunPython,
    workdir: Path,
) -> None:
    """The child dies of it; the parent's run goes on, and its log gets one end, the parent's."""
    run_python(
        START
        + "child = os.fork()\n"
        + "if not child:\n"
        + f"    if {logs}: run.log({{'number': 99}})\n"
        + "    os.kill(os.getpid(), signal.SIGTERM)\n"
        + "    time.sleep(60)\n"
        + "assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM\n"
        + "run.log({'number': 3})\n"
    )
    run = ended_in(workdir)
    assert (run.state.name, run.exits) == ("finished", 1)
    assert run.numbers == [0, 1, 2, 3]


def test_children_that_are_terminated_at_once_do_not_end_the_parent(
    rounds: Callable[[int], int], run_python: RunPython, workdir: Path
) -> None:
    """They die though the signal comes before they run any Python, and the parent goes on."""
    run_python(
        START
        + f"for _ in range({rounds(100)}):\n"
        + "    child = os.fork()\n"
        + "    if not child:\n"
        + "        time.sleep(60)\n"
        + "    os.kill(child, signal.SIGTERM)\n"
        + "    os.waitpid(child, 0)\n"
        + "run.log({'number': 3})\n"
    )
    run = ended_in(workdir)
    assert (run.state.name, run.exits) == ("finished", 1)
    assert run.numbers == [0, 1, 2, 3]


def test_a_signal_to_a_child_that_native_code_forked_is_not_the_parents(
    run_python: RunPython, workdir: Path
) -> None:
    """Nobody told the child to leave the parent's descriptors alone, so it writes to them."""
    run_python(
        START
        + "child = ctypes.PyDLL(None).fork()\n"
        + "if not child:\n"
        + "    os.kill(os.getpid(), signal.SIGTERM)\n"
        + "    os._exit(0)\n"
        + "os.waitpid(child, 0)\n"
        + "time.sleep(0.2)\n"
        + "run.log({'number': 3})\n"
    )
    run = ended_in(workdir)
    assert (run.state.name, run.exits) == ("finished", 1)
    assert run.numbers == [0, 1, 2, 3]
