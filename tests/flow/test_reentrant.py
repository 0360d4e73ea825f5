from __future__ import annotations

from pathlib import Path

import pytest

from tests.processes import RunPython
from tests.recording import only_log, read_back

BEGIN = """\
import gc, os, signal, threading
import airtape

run = airtape.init(project="tests", settings={"silent": True})
handled = 0
"""

HANDLER = """
def handle(signal_number, frame):
    global handled
    mine, handled = handled, handled + 1  # on one line, for handlers nest
    run.log({"handled": mine})

signal.signal(signal.SIGALRM, handle)
signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
number = 0
while handled < 300:
    run.log({"number": number, "nested": {"x": number}} if number % 2 else {"number": number})
    number += 1
signal.setitimer(signal.ITIMER_REAL, 0)
"""

FINALIZER = """
class Logged:
    def __init__(self):
        self.itself = self

    def __del__(self):
        global handled
        mine, handled = handled, handled + 1
        run.log({"handled": mine})

gc.set_threshold(7)
number = 0
while handled < 300:
    run.log({"number": number, "list": [Logged() and {}, number]})
    number += 1
gc.disable()
"""

END = "run.finish()\nprint(number, handled)\n"


@pytest.mark.parametrize("program", [HANDLER, FINALIZER], ids=["handler", "finalizer"])
def test_what_comes_in_between_is_recorded(
    program: str, run_python: RunPython, workdir: Path
) -> None:
    """A handler of a signal, or a finalizer, may log whatever the main thread is doing."""
    numbers, handled = map(int, run_python(BEGIN + program + END).stdout.split())
    said = read_back(only_log(workdir))
    assert sorted(said.logged("number")) == list(range(numbers))
    assert sorted(said.logged("handled")) == list(range(handled))
    assert len(said.rows) == numbers + handled
    assert sorted(row.step for row in said.rows) == list(range(numbers + handled))


def test_a_handler_may_finish_the_run(run_python: RunPython, workdir: Path) -> None:
    """Also in the middle of a call of log(), whose next call then raises as it should."""
    run_python(
        BEGIN + "signal.signal(signal.SIGALRM, lambda *_: run.finish(3))\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.05)\n"
        "number = 0\n"
        "try:\n"
        "    while True:\n"
        "        run.log({'number': number})\n"
        "        number += 1\n"
        "except airtape.UsageError:\n"
        "    pass\n"
    )
    said = read_back(only_log(workdir))
    assert said.logged("number") == list(range(len(said.rows)))
    assert said.fold.exit is not None
    assert said.fold.exit["code"] == 3


def test_the_end_of_the_program_waits_for_its_threads(run_python: RunPython, workdir: Path) -> None:
    """What a thread logs after the last line of the script is recorded too."""
    run_python(
        BEGIN + "go = threading.Event()\n"
        "def work():\n"
        "    go.wait()\n"
        "    for number in range(200):\n"
        "        run.log({'number': number})\n"
        "for _ in range(8):\n"
        "    threading.Thread(target=work).start()\n"
        "go.set()\n"
    )
    said = read_back(only_log(workdir))
    assert sorted(said.logged("number")) == sorted([*range(200)] * 8)
    assert [row.step for row in said.rows] == list(range(1600))
    assert said.fold.exit is not None
    assert said.fold.exit["code"] == 0
