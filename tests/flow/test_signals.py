from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

import airtape
from tests.ended import LONGEST_WAIT_S, START, ended_in, ended_run, wait_until
from tests.processes import RunPython, StartPython
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

SLEEP = "time.sleep(60)\n"
STUCK = """\
lock = ctypes.create_string_buffer(64)
ctypes.CDLL(None).pthread_mutex_lock(lock)
ctypes.CDLL(None).pthread_mutex_lock(lock)
"""
BUSY = "while True: pass\n"
LOGGING = """\
number = 3
while True:
    run.log({"number": number})
    number += 1
"""


def line_of(program: subprocess.Popen[str]) -> str:
    """Return the next line that a program prints, which tells how far it is."""
    assert program.stdout is not None
    return program.stdout.readline().rstrip("\n")


def seconds_to_die(program: subprocess.Popen[str], number: int) -> float:
    """Send a signal and return after how many seconds the program is gone."""
    began = time.monotonic()
    program.send_signal(number)
    program.wait(LONGEST_WAIT_S)
    return time.monotonic() - began


@pytest.mark.parametrize("number", STATES)
@pytest.mark.parametrize("doing", [SLEEP, BUSY, LOGGING])
def test_a_signal_ends_the_run_and_the_process(
    number: signal.Signals, doing: str, start_python: StartPython, workdir: Path
) -> None:
    """The end is recorded, nothing is lost, and the process dies of the very signal, soon."""
    program = start_python(START + doing, stderr=subprocess.DEVNULL)
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
def test_a_signal_in_the_middle_of_a_record_loses_nothing(
    rounds: Callable[[int], int], start_python: StartPython, workdir: Path
) -> None:
    """Whenever it comes: every number that log() returned for is there, and none is missing."""
    source = random.Random(20261120)
    starter = start_python(FORKING)
    assert starter.stdin is not None
    for trial in range(rounds(100)):
        starter.stdin.write(f"{trial}\n")
        starter.stdin.flush()
        child = int(line_of(starter))
        side, least = workdir / f"{trial}.acknowledged", source.randint(1, 600)
        wait_until(lambda: numbers_acknowledged(side) >= least, "progress")  # noqa: B023 - called at once
        os.kill(child, signal.SIGTERM)
        assert int(line_of(starter)) == -signal.SIGTERM
        run = ended_in(workdir / str(trial))
        assert run.state.name == "preempted"
        assert run.damage == []
        assert run.numbers == list(range(len(run.numbers)))
        assert len(run.numbers) >= numbers_acknowledged(side)


HANDLER = """\
import signal
def handler(number, frame):
    BODY
signal.signal(signal.SIGTERM, handler)
"""


@pytest.mark.parametrize("first", [True, False])
def test_a_programs_own_handler_is_called(
    first: bool,  # noqa: FBT001 - a circumstance
    run_python: RunPython,
    workdir: Path,
) -> None:
    """One that goes on after the signal goes on; the run ends as the program then says."""
    handler = HANDLER.replace("BODY", "print(number, frame.f_code.co_name, flush=True)")
    before, after = (handler, "") if first else ("", handler)
    done = run_python(
        before + START + after + "signal.raise_signal(signal.SIGTERM)\nrun.log({'number': 3})\n"
    )
    assert done.stdout.splitlines()[-1] == "15 <module>"
    run = ended_in(workdir)
    assert (run.state.name, run.cause) == ("finished", {"how": "exit"})
    assert run.numbers == [0, 1, 2, 3]


LEAVES = {
    "sys.exit(0)": ("", 0),
    "sys.exit(4)": ("", 4),
    "raise TimeoutError": ("", 1),
    "raise  TimeoutError": ("except TimeoutError: run.finish()", 0),
    "raise   TimeoutError": ("except TimeoutError: sys.exit(9)", 9),
}


@pytest.mark.parametrize("body", LEAVES)
def test_what_a_programs_own_handler_raises_is_the_signals_work(
    body: str, run_python: RunPython, workdir: Path
) -> None:
    """However the program then ends, the run ended by the signal, with the program's exit code."""
    caught, code = LEAVES[body]
    run_python(
        HANDLER.replace("BODY", body)
        + START
        + "try: signal.raise_signal(signal.SIGTERM)\n"
        + (caught or "finally: pass")
        + "\n",
        returncode=code,
    )
    run = ended_in(workdir)
    assert run.state.name == "preempted"
    assert (run.code, run.cause) == (code, {"how": "signal", "signal": "SIGTERM"})


def test_a_later_handler_may_call_the_one_it_replaces(run_python: RunPython, workdir: Path) -> None:
    """Frameworks compose handlers: as there was nothing to call before ours, it does nothing."""
    run_python(
        START
        + "before = signal.getsignal(signal.SIGTERM)\n"
        + "signal.signal(signal.SIGTERM, lambda number, frame: before(number, frame))\n"
        + "signal.raise_signal(signal.SIGTERM)\n"
        + "time.sleep(0.2)\n"
        + "run.log({'number': 3})\n"
    )
    assert ended_in(workdir).numbers == [0, 1, 2, 3]


def test_a_handler_that_is_put_back_after_the_run_does_what_the_signal_does(
    run_python: RunPython,
) -> None:
    """A program that saves and restores handlers around the end of a run can still be ended."""
    run_python(
        START
        + "ours = signal.signal(signal.SIGTERM, print)\n"
        + "run.finish()\n"
        + "signal.signal(signal.SIGTERM, ours)\n"
        + "signal.raise_signal(signal.SIGTERM)\n",
        returncode=-signal.SIGTERM,
    )


@pytest.mark.parametrize("number", STATES)
def test_an_ignored_signal_stays_ignored(
    number: signal.Signals, run_python: RunPython, workdir: Path
) -> None:
    """As under nohup: the run does not end, and the signal is ignored afterwards too."""
    ignore = f"import signal\nsignal.signal({int(number)}, signal.SIG_IGN)\n"
    start = START.replace("signal.signal(signal.SIGINT, signal.default_int_handler)", "")
    run_python(
        f"{ignore}{start}assert signal.getsignal({int(number)}) == signal.SIG_IGN\n"
        f"signal.raise_signal({int(number)})\nrun.log({{'number': 3}})\n"
    )
    assert ended_in(workdir).numbers == [0, 1, 2, 3]


def test_a_handler_in_native_code_is_left_alone(run_python: RunPython, workdir: Path) -> None:
    """Python does not know of it; debug.log says that such an end is not recorded."""
    done = run_python(
        "import faulthandler, signal\nfaulthandler.register(signal.SIGTERM)\n"
        f"{START}signal.raise_signal(signal.SIGTERM)\n"
    )
    assert "Current thread" in done.stderr
    run = ended_in(workdir)
    assert run.state.name == "finished"
    assert "SIGTERM" in (run.run_dir / "logs" / "debug.log").read_text()


@contextmanager
def handler_of(number: int, handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Have a handler of this process for a while."""
    before = signal.signal(number, handler)
    yield
    signal.signal(number, before)


def test_the_signals_are_the_programs_again_when_the_last_run_has_finished(workdir: Path) -> None:
    """Handlers are ours from the first run to the last, and what they were before and after."""
    assert workdir.is_dir()
    with handler_of(signal.SIGXCPU, lambda _number, _frame: None):
        before = [signal.getsignal(number) for number in STATES]
        first = airtape.init(project="tests", mode="offline")
        second = airtape.init(project="tests", mode="offline", reinit="create_new")
        during = [signal.getsignal(number) for number in STATES]
        first.finish()
        assert [signal.getsignal(number) for number in STATES] == during
        second.finish()
        assert [signal.getsignal(number) for number in STATES] == before
        assert signal.set_wakeup_fd(-1) == -1
    assert during[: len(DEADLY)] != before[: len(DEADLY)]


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


ASYNC = """
import asyncio, os, signal
import airtape

async def get(number, when):
    loop = asyncio.get_running_loop()
    got = asyncio.Event()
    if when == "before":
        loop.add_signal_handler(number, got.set)
    run = airtape.init(project="tests", mode="offline", reinit="create_new")
    if when == "after":
        loop.add_signal_handler(number, got.set)
    os.kill(os.getpid(), number)
    await asyncio.wait_for(got.wait(), 5)
    return run

for when in ("before", "after"):
    for number in (signal.SIGTERM, signal.SIGUSR1):
        run = asyncio.run(get(number, when))
        run.finish()
        assert signal.set_wakeup_fd(-1) == -1
"""


def test_signal_handlers_of_asyncio_work(run_python: RunPython, workdir: Path) -> None:
    """asyncio, which has a descriptor of its own for signals, gets them beside a run as well."""
    run_python(ASYNC)
    for run_dir in workdir.glob("wandb/run-*"):
        assert ended_run(run_dir).state.name == "finished"


def test_a_signal_that_asyncio_does_not_handle_ends_the_run(
    start_python: StartPython, workdir: Path
) -> None:
    """Where asyncio has taken our descriptor away, the handler in Python does."""
    program = start_python(
        START
        + "import asyncio\n"
        + "async def main():\n"
        + "    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, print)\n"
        + "    print('serving', flush=True)\n"
        + "    await asyncio.sleep(60)\n"
        + "asyncio.run(main())\n"
    )
    assert [line_of(program), line_of(program)] == ["ready", "serving"]
    assert seconds_to_die(program, signal.SIGTERM) < EXIT_S
    assert program.returncode == -signal.SIGTERM
    assert ended_in(workdir).state.name == "preempted"


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


def test_a_program_that_waits_for_its_signal_gets_it(run_python: RunPython) -> None:
    """Threads of ours do not take a signal that the program has blocked to wait for it."""
    run_python(
        START
        + "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\n"
        + "os.kill(os.getpid(), signal.SIGTERM)\n"
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


@pytest.mark.timeout(30)
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
        ("", LOGGING, -signal.SIGINT),
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
