from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

import airtape
from tests.ended import START, ended_in, ended_run, line_of, seconds_to_die
from tests.processes import RunPython, StartPython

WATCHED = [signal.SIGTERM, signal.SIGXCPU, signal.SIGHUP, signal.SIGINT]

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


@pytest.mark.parametrize("then", ["", "run.finish()\n"])
def test_a_later_handler_may_call_the_one_it_replaces(
    then: str, run_python: RunPython, workdir: Path
) -> None:
    """Frameworks compose handlers: as there was nothing to call before ours, it does nothing."""
    run_python(
        START
        + "before = signal.getsignal(signal.SIGTERM)\n"
        + "signal.signal(signal.SIGTERM, lambda number, frame: before(number, frame))\n"
        + then
        + "signal.raise_signal(signal.SIGTERM)\n"
        + "time.sleep(0.1)\n"
    )
    assert ended_in(workdir).state.name == "finished"


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


@pytest.mark.parametrize("number", WATCHED)
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
        before = [signal.getsignal(number) for number in WATCHED]
        first = airtape.init(project="tests", mode="offline")
        second = airtape.init(project="tests", mode="offline", reinit="create_new")
        during = [signal.getsignal(number) for number in WATCHED]
        first.finish()
        assert [signal.getsignal(number) for number in WATCHED] == during
        second.finish()
        assert [signal.getsignal(number) for number in WATCHED] == before
        assert signal.set_wakeup_fd(-1) == -1
    assert during[:3] != before[:3]


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
    got.clear()
    run.finish()
    os.kill(os.getpid(), number)
    await asyncio.wait_for(got.wait(), 5)

for when in ("before", "after"):
    for number in (signal.SIGTERM, signal.SIGUSR1):
        asyncio.run(get(number, when))
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
    assert seconds_to_die(program, signal.SIGTERM) < 1
    assert program.returncode == -signal.SIGTERM
    assert ended_in(workdir).state.name == "preempted"
