"""Online runs: a process beside the training brings what it records to the target."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from airtape.backends.registry import open_backend
from airtape.process import process_runs, start_ticks
from tests.ended import LONGEST_WAIT_S, line_of, wait_until
from tests.held import assert_holds, rows_in
from tests.processes import RunPython, RunTracker, StartPython

pytestmark = pytest.mark.timeout(60)

BEGIN = """
import os, signal, sys, time, airtape
run = airtape.init(project="tests", mode="online", id="ab12cd34")
for number in range(20):
    run.log({"number": number})
print("ready", flush=True)
"""


def store_of(workdir: Path) -> Path:
    """Return the store beside the run."""
    return workdir / "wandb" / "tracker.db"


def log_of(workdir: Path) -> Path:
    """Return the only log."""
    (log,) = workdir.glob("wandb/run-*/*.txlog")
    return log


def followers(workdir: Path) -> list[int]:
    """Return the processes that follow a run below a directory."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if b"--follow" in command and os.fsencode(workdir) in command:
            found.append(int(entry.name))
    return [pid for pid in found if process_runs(pid, start_ticks(pid) or 0)]


def assert_all_there(workdir: Path) -> None:
    """Make sure that the store holds exactly what the log says."""
    backend = open_backend(f"sqlite:{store_of(workdir)}")
    try:
        assert_holds(backend, log_of(workdir))
    finally:
        backend.close()


def test_the_target_has_everything_when_finish_returns(
    run_python: RunPython, workdir: Path
) -> None:
    """It is said, and the process that brought it is gone soon."""
    program = BEGIN + "run.finish()\nprint(run.status().sync_items_pending)\n"
    done = run_python(program, env={**os.environ, "TRACKER_FINISH_TIMEOUT": "30"})
    assert done.stdout.splitlines() == ["ready", "0"]
    assert "Syncing run" in done.stderr
    assert "Synced 6 file(s)" in done.stderr
    assert "tracker sync" not in done.stderr
    assert_all_there(workdir)
    wait_until(lambda: not followers(workdir), "the end of the follower")


def test_a_follower_that_found_everything_there(run_python: RunPython, workdir: Path) -> None:
    """It does not know how many records the target has, and none of them is said to wait."""
    program = BEGIN + (
        "from dataclasses import replace\n"
        "from pathlib import Path\n"
        "from airtape.follow_state import FILE_NAME, read_follow_state\n"
        "run.finish()\n"
        "path = Path(run.sync_dir) / 'logs' / FILE_NAME\n"
        "replace(read_follow_state(path), held=0).write(path)\n"
        "print(run.status().sync_items_pending)\n"
    )
    done = run_python(program, env={**os.environ, "TRACKER_FINISH_TIMEOUT": "30"})
    assert done.stdout.splitlines() == ["ready", "0"]
    wait_until(lambda: not followers(workdir), "the end of the follower")


def test_rows_are_there_while_the_run_goes_on(start_python: StartPython, workdir: Path) -> None:
    """And status() tells that nothing waits any more."""
    program = start_python(
        BEGIN
        + "while run.status().sync_items_pending: time.sleep(0.01)\n"
        + "print('there', flush=True)\nsys.stdin.read()\n",
        stderr=subprocess.DEVNULL,
    )
    assert [line_of(program), line_of(program)] == ["ready", "there"]
    assert rows_in(store_of(workdir)) == 20
    program.communicate(timeout=LONGEST_WAIT_S)
    wait_until(lambda: not followers(workdir), "the end of the follower")
    assert_all_there(workdir)


def test_a_killed_training(start_python: StartPython, workdir: Path) -> None:
    """What it recorded last is still brought over, and the follower ends."""
    program = start_python(BEGIN + "time.sleep(60)\n", stderr=subprocess.DEVNULL)
    assert line_of(program) == "ready"
    program.kill()
    program.wait()
    wait_until(lambda: not followers(workdir), "the end of the follower")
    assert rows_in(store_of(workdir)) == 20
    assert_all_there(workdir)


def test_a_target_that_cannot_be_reached(
    run_python: RunPython, run_tracker: RunTracker, workdir: Path
) -> None:
    """The training ends as ever; the footer says what is left and why, and a sync completes it."""
    target = f"sqlite:{workdir / 'not' / 'mounted.db'}"
    environ = {**os.environ, "TRACKER_TARGET": target, "TRACKER_FINISH_TIMEOUT": "3"}
    done = run_python(BEGIN.replace('mode="online", ', ""), env=environ)
    assert "record(s) are not synced yet: " in done.stderr
    assert "You can sync this run by running:" in done.stderr
    (workdir / "not").mkdir()
    # The follower may be there first.
    run_tracker("sync", "--to", target, "--wait", "30s")
    assert rows_in(workdir / "not" / "mounted.db") == 20


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_waits_for_no_target(
    number: signal.Signals, start_python: StartPython, workdir: Path
) -> None:
    """The process dies at once; the follower brings the end over."""
    environ = {**os.environ, "TRACKER_FINISH_TIMEOUT": "50"}
    program = start_python(
        "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        + BEGIN
        + "time.sleep(60)\n",
        stderr=subprocess.DEVNULL,
        env=environ,
    )
    assert line_of(program) == "ready"
    program.send_signal(number)
    assert program.wait(10) == -number
    wait_until(lambda: not followers(workdir), "the end of the follower")
    assert_all_there(workdir)


def test_a_child_leaves_the_follower_to_its_parent(run_python: RunPython, workdir: Path) -> None:
    """It waits for nothing when it ends, and the parent's run is followed on."""
    program = BEGIN + (
        "child = os.fork()\n"
        "if not child:\n"
        "    assert run.status().sync_items_total == 0\n"
        "    os._exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "run.finish()\n"
    )
    run_python(program, env={**os.environ, "TRACKER_FINISH_TIMEOUT": "30"})
    assert_all_there(workdir)


def test_a_follower_that_cannot_be_started(run_python: RunPython, workdir: Path) -> None:
    """The run is recorded all the same, and the user is told."""
    done = run_python("import sys\nsys.executable = '/nowhere/python'\n" + BEGIN)
    assert "the run is not synced while it goes on" in done.stderr
    assert "You can sync this run by running:" in done.stderr
    assert log_of(workdir).stat().st_size


def test_a_target_by_its_name(run_python: RunPython, workdir: Path) -> None:
    """Name and place are looked up where the program was started; an unknown name is refused."""
    (workdir / "pyproject.toml").write_text(
        '[tool.tracker]\ntarget = "lab"\n[tool.tracker.targets]\nlab = "sqlite:lab.db"\n'
    )
    run_python(
        BEGIN.replace('mode="online", ', ""), env={**os.environ, "TRACKER_FINISH_TIMEOUT": "30"}
    )
    assert rows_in(workdir / "lab.db") == 20
    refused = run_python(BEGIN, env={**os.environ, "TRACKER_TARGET": "lap"}, returncode=1)
    assert "no target has the name 'lap'" in refused.stderr


def test_modules_of_the_user_do_not_reach_the_follower(
    run_python: RunPython, workdir: Path
) -> None:
    """Files in the working directory may have the names of modules that it needs."""
    for name in ("click", "airtape_cli", "sqlite3"):
        (workdir / f"{name}.py").write_text("raise SystemExit('not this one')\n")
    run_python(BEGIN, env={**os.environ, "TRACKER_FINISH_TIMEOUT": "30"})
    assert_all_there(workdir)
