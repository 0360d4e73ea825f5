from __future__ import annotations

import errno
import signal
import time
from pathlib import Path

import pytest

import airtape
from airtape.txlog.rescue import SAVE_WAIT_S
from airtape.txlog.writer import END_WAIT_S
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


def test_a_run_without_its_directory_ends_with_a_word_on_it(run_python: RunPython) -> None:
    """What could not be written at the end is said in a line; the program goes on."""
    said = run_python(
        """
import shutil, time
from pathlib import Path
import airtape

run = airtape.init(mode="offline")
run.log({"a": 1})
while not Path(run.sync_dir, "files", "wandb-metadata.json").exists():
    time.sleep(0.01)
shutil.rmtree(Path(run.sync_dir))
run.finish()
print("goes on")
"""
    )
    assert said.stdout == "goes on\n"
    assert "at the end of run" in said.stderr
    assert "Traceback" not in said.stderr
