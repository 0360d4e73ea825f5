from __future__ import annotations

import errno
import signal
import time
from pathlib import Path

import pytest

import airtape
from airtape.errors import ConfigError
from airtape.txlog.writer import END_WAIT_S, SAVE_WAIT_S
from tests.ended import START, ended_in, ended_run
from tests.processes import Arguments, RunPython, StartPython
from tests.shim.build import build_shim, errno_from, on_path, shim_env

ENDS = {
    "at its end": ("", 0, ("finished", ""), 0, {"how": "exit"}),
    "finish": ("run.finish()", 0, ("finished", ""), 0, {"how": "finish"}),
    "finish with a code": (
        "run.finish(exit_code=2)",
        0,
        ("failed", "exit code 2"),
        2,
        {"how": "finish"},
    ),
    "an exception": (
        "raise KeyError('x')",
        1,
        ("failed", "KeyError, exit code 1"),
        1,
        {"how": "exception", "exception": "KeyError"},
    ),
    "sys.exit": ("sys.exit(3)", 3, ("failed", "exit code 3"), 3, {"how": "exit"}),
    "sys.exit with words": ("sys.exit('no')", 1, ("failed", "exit code 1"), 1, {"how": "exit"}),
    "sys.exit with more than a byte": ("sys.exit(256)", 0, ("finished", ""), 0, {"how": "exit"}),
    "exit": ("exit(4)", 4, ("failed", "exit code 4"), 4, {"how": "exit"}),
    "Ctrl+C": (
        "signal.raise_signal(signal.SIGINT)",
        -signal.SIGINT,
        ("killed", "SIGINT"),
        130,
        {"how": "signal", "signal": "SIGINT"},
    ),
    "with": ("with run: pass", 0, ("finished", ""), 0, {"how": "with"}),
    "an exception in with": (
        "with run: raise ValueError",
        1,
        ("failed", "ValueError, exit code 1"),
        1,
        {"how": "exception", "exception": "ValueError"},
    ),
    "SystemExit in with": (
        "with run: raise SystemExit(5)",
        5,
        ("failed", "exit code 5"),
        5,
        {"how": "with"},
    ),
    "Ctrl+C in with": (
        "with run: signal.raise_signal(signal.SIGINT)",
        -signal.SIGINT,
        ("killed", "SIGINT"),
        130,
        {"how": "signal", "signal": "SIGINT"},
    ),
    "os._exit": ("os._exit(6)", 6, ("crashed", "process {pid} is gone"), None, {}),
    "a segmentation fault": (
        "ctypes.string_at(0)",
        -signal.SIGSEGV,
        ("crashed", "process {pid} is gone"),
        None,
        {},
    ),
    "SIGKILL": (
        "os.kill(os.getpid(), signal.SIGKILL)",
        -signal.SIGKILL,
        ("crashed", "process {pid} is gone"),
        None,
        {},
    ),
}
"""Last line of a program; its status, and the run's state, exit code and cause."""


@pytest.mark.parametrize("end", ENDS)
def test_a_run_ends_as_its_program_does(end: str, run_python: RunPython, workdir: Path) -> None:
    """Every row is there, and readers see how the program ended."""
    last_line, status, (state, detail), code, cause = ENDS[end]
    program = f"{START}print(os.getpid(), flush=True)\n{last_line}\n"
    pid = run_python(program, returncode=status).stdout.split()[-1]
    run = ended_in(workdir)
    assert run.numbers == [0, 1, 2]
    assert run.damage == []
    assert (run.state.name, run.state.detail) == (state, detail.format(pid=pid))
    assert (run.code, run.cause) == (code, cause)
    assert run.exits == (code is not None)


GOES_ON = {
    "a caught sys.exit": """\
try:
    sys.exit(7)
except SystemExit:
    pass
""",
    "a sys.exit in a thread": """\
thread = threading.Thread(target=sys.exit, args=(7,))
thread.start()
thread.join()
""",
    "an exception in a thread": """\
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
""",
    "an exception that is only shown": """\
try:
    1 / 0
except ZeroDivisionError:
    sys.excepthook(*sys.exc_info())
""",
}


@pytest.mark.parametrize("what", GOES_ON)
def test_a_program_that_goes_on_has_not_failed(
    what: str, run_python: RunPython, workdir: Path
) -> None:
    """What looks like an end but is none leaves no trace in the end of the run."""
    run_python(START + GOES_ON[what] + "run.log({'number': 3})\n")
    run = ended_in(workdir)
    assert run.state.name == "finished"
    assert run.numbers == [0, 1, 2, 3]


def test_the_programs_own_excepthook_is_called(run_python: RunPython, workdir: Path) -> None:
    """A hook that was there before, or that calls the one it replaces, works; the run failed."""
    done = run_python(
        """
        import sys
        def before(kind, error, trace):
            print("before", kind.__name__)
        sys.excepthook = before
        import airtape
        airtape.init(project="tests", mode="offline").log({"number": 0})
        inner = sys.excepthook
        def after(kind, error, trace):
            print("after", kind.__name__)
            inner(kind, error, trace)
        sys.excepthook = after
        1 / 0
        """,
        returncode=1,
    )
    assert done.stdout.split() == ["after", "ZeroDivisionError", "before", "ZeroDivisionError"]
    assert ended_in(workdir).cause == {"how": "exception", "exception": "ZeroDivisionError"}


def test_a_programs_own_atexit_still_logs(run_python: RunPython, workdir: Path) -> None:
    """What the program registered for its end comes before the end of the run."""
    run_python(START + "import atexit\natexit.register(run.log, {'number': 3})\n")
    assert ended_in(workdir).numbers == [0, 1, 2, 3]


def test_several_runs_end_with_the_program(run_python: RunPython, workdir: Path) -> None:
    """All open runs get the end of the program; one that was finished keeps its own."""
    run_python(
        """
        import sys, airtape
        runs = [
            airtape.init(project="tests", mode="offline", reinit="create_new") for _ in range(3)
        ]
        runs[0].finish()
        sys.exit(3)
        """,
        returncode=3,
    )
    runs = [ended_run(run_dir) for run_dir in workdir.glob("wandb/run-*")]
    assert sorted(run.state.name for run in runs) == ["failed", "failed", "finished"]


def test_an_error_that_somebody_typed_is_not_the_end(
    python: Arguments, run_python: RunPython, workdir: Path
) -> None:
    """In an interactive session Ctrl+D ends the run, with its footer; errors before do not."""
    typed = Path(python(START.replace("print(", "\nprint(") + "1 / 0\nrun.log({'number': 3})\n")[1])
    with typed.open() as stdin:
        session = run_python(
            "import os, sys\nos.execv(sys.executable, [sys.executable, '-i'])", stdin=stdin
        )
    run = ended_in(workdir)
    assert "ZeroDivisionError" in session.stderr
    assert "Find logs at: ./wandb/" in session.stderr
    assert (run.state.name, run.cause) == ("finished", {"how": "exit"})
    assert run.numbers == [0, 1, 2, 3]


def test_the_footer_is_printed_after_ctrl_c(run_python: RunPython, workdir: Path) -> None:
    """Whoever interrupts a run is still told where it is."""
    done = run_python(START + "signal.raise_signal(signal.SIGINT)\n", returncode=-signal.SIGINT)
    assert f"Find logs at: ./{ended_in(workdir).run_dir.relative_to(workdir)}/logs" in done.stderr


def test_ctrl_c_in_finish_is_tried_again_at_the_end(run_python: RunPython, workdir: Path) -> None:
    """An interrupted finish() leaves the run to the end of the program, which records it."""
    run_python(
        START
        + "run._lifecycle.before_end.insert(0, lambda: signal.raise_signal(signal.SIGINT))\n"
        + "run.finish()\n",
        returncode=-signal.SIGINT,
    )
    run = ended_in(workdir)
    assert (run.state.name, run.exits) == ("killed", 1)


def test_an_end_that_cannot_be_prepared_is_recorded(
    workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever fails before the end of a run is said, and does not keep the run from ending."""
    run = airtape.init(project="tests", mode="offline")

    def fail() -> None:
        raise LookupError("nobody is there")

    run._lifecycle.before_end.append(fail)  # noqa: SLF001 - what the parts of a run do
    run.finish()
    assert ended_in(workdir).state.name == "finished"
    assert f"at the end of run {run.id}: nobody is there" in capsys.readouterr().err


@pytest.mark.parametrize("leave", ["os._exit(3)", "sys.exit(3)", "raise ValueError", "pass"])
def test_the_end_of_a_forked_child_is_not_the_runs(
    leave: str, run_python: RunPython, workdir: Path
) -> None:
    """However a child ends, the run goes on, and ends as its own process does."""
    run_python(
        START
        + f"if not os.fork():\n    {leave}\n"
        + "else:\n    os.wait()\n    run.log({'number': 3})\n    sys.exit(4)\n",
        returncode=4,
    )
    run = ended_in(workdir)
    assert run.numbers == [0, 1, 2, 3]
    assert (run.code, run.exits) == (4, 1)


WORKER = """
import multiprocessing, sys, airtape
def work():
    airtape.init(project="tests", mode="offline", reinit="create_new").log({"number": 0})
    LEAVE
if __name__ == "__main__":
    if OPEN_BEFORE:
        run = airtape.init(project="parent", mode="offline", dir="parent")
    process = multiprocessing.get_context("METHOD").Process(target=work)
    process.start()
    process.join()
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("open_before", [True, False])
@pytest.mark.parametrize(
    ("leave", "state", "code"),
    [("return", "finished", 0), ("sys.exit(3)", "failed", 3), ("raise ValueError", "failed", 1)],
)
def test_a_run_of_a_worker_ends_with_the_worker(  # noqa: PLR0913, PLR0917 - each is one circumstance
    method: str,
    open_before: bool,  # noqa: FBT001 - a circumstance
    leave: str,
    state: str,
    code: int,
    run_python: RunPython,
    workdir: Path,
) -> None:
    """A worker of multiprocessing, which goes by no usual exit hook, ends its run all the same."""
    (workdir / "parent").mkdir()
    said = {"LEAVE": leave, "METHOD": method, "OPEN_BEFORE": str(open_before)}
    program = WORKER
    for name, value in said.items():
        program = program.replace(name, value)
    run_python(program)
    run = ended_in(workdir)
    assert (run.state.name, run.code) == (state, code)
    if open_before:
        assert ended_in(workdir / "parent").cause == {"how": "exit"}


@pytest.mark.timeout(30)
def test_the_end_waits_for_a_full_disk_only_so_long(
    start_python: StartPython, workdir: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A disk that stays full delays the end of the program by a few seconds, not for ever."""
    shim = build_shim(tmp_path_factory.getbasetemp().parent / "shim")
    full = shim_env(shim, on_path(workdir / "wandb"), errno_from("write", errno.ENOSPC, 9))
    program = start_python(START + "sys.stdin.readline()\n", env=full)
    assert program.stdout is not None
    assert program.stdout.readline() == "ready\n"
    began = time.monotonic()
    program.communicate("\n")
    assert program.returncode == 0
    assert time.monotonic() - began < END_WAIT_S + 2 * SAVE_WAIT_S + 1


INTERRUPTED_INITS = """
import os, signal, sys, threading
signal.signal(signal.SIGINT, signal.default_int_handler)
import airtape

def init():
    return airtape.init(project="tests", mode="offline", settings={"silent": True})

def left():
    for thread in threading.enumerate():
        if thread.name.startswith("airtape"):
            thread.join(10)
    return (
        airtape.run,
        threading.active_count(),
        sorted(os.listdir("wandb")),
        os.readlink("wandb/latest-run"),
        signal.getsignal(signal.SIGTERM),
        signal.getsignal(signal.SIGINT),
    )

init().finish()
before = left()
at, calls = 0, 0

def count(frame, event, argument):
    global calls
    calls += 1
    if calls == at:
        signal.raise_signal(signal.SIGINT)

while True:
    at, calls = at + int(sys.argv[1]), 0
    try:
        sys.setprofile(count)
        init()
        calls = at
    except KeyboardInterrupt:
        sys.setprofile(None)
        assert left() == before, (at, left())
    else:
        sys.setprofile(None)
        break
print(at // int(sys.argv[1]))
"""
"""Interrupts init() at its first call of a function, at its second one, and so on."""


@pytest.mark.timeout(60)
def test_ctrl_c_during_init_leaves_nothing(run_python: RunPython, workdir: Path) -> None:
    """Wherever it comes, no run is current, no thread goes on, and no directory is left."""
    assert workdir.is_dir()
    assert int(run_python(INTERRUPTED_INITS, "17").stdout) > 50


def test_an_init_that_fails_leaves_nothing(workdir: Path) -> None:
    """A config that is refused leaves no run and no directory."""
    with pytest.raises(ConfigError):
        airtape.init(project="tests", mode="offline", config={"large": "x" * 11_000_000})
    assert airtape.run is None
    assert list(workdir.glob("wandb/*run*")) == []
