"""`tracker sync --follow` beside programs that record."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from airtape.follow_state import FollowState, read_follow_state
from tests.ended import LONGEST_WAIT_S, line_of, wait_until
from tests.held import rows_in
from tests.logs import log_row, run_dir_of, write_log
from tests.processes import TRACKER, RunTracker, StartPython

PROGRAM = """
import sys, airtape
run = airtape.init(project="tests", mode="offline", id="ab12cd34")
for number, _ in enumerate(sys.stdin):
    run.log({"number": number})
    print(number, flush=True)
run.finish()
"""


def let_log(program: subprocess.Popen[str]) -> None:
    """Let the program record a row."""
    assert program.stdin is not None
    program.stdin.write("\n")
    program.stdin.flush()
    line_of(program)


@pytest.mark.timeout(60)
def test_a_run_is_followed_until_it_has_ended(start_python: StartPython, workdir: Path) -> None:
    """What is recorded is in the store soon, and the command ends with the run."""
    program = start_python(PROGRAM, stderr=subprocess.DEVNULL)
    let_log(program)
    command = [str(TRACKER), "sync", "--follow", "--until-finished", "--state-file", "state"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as follower:
        store = workdir / "wandb" / "tracker.db"
        wait_until(lambda: rows_in(store) == 1, "the first row")
        let_log(program)
        wait_until(lambda: rows_in(store) == 2, "the second row")
        program.communicate(timeout=LONGEST_WAIT_S)
        said, _ = follower.communicate(timeout=LONGEST_WAIT_S)
    assert follower.returncode == 0
    assert "Synced 1 run" in said.splitlines()[-1]
    (log,) = workdir.glob("wandb/run-*/*.txlog")
    state = read_follow_state(workdir / "state")
    assert state is not None
    assert (state.sizes, state.error) == ({log.name: log.stat().st_size}, None)


@pytest.mark.timeout(60)
def test_a_run_is_followed_though_nobody_can_be_told(
    start_python: StartPython, workdir: Path
) -> None:
    """A full disk below its output keeps no row back; the exit code tells of it in the end."""
    program = start_python(PROGRAM, stderr=subprocess.DEVNULL)
    let_log(program)
    command = [str(TRACKER), "sync", "--follow", "--until-finished"]
    store = workdir / "wandb" / "tracker.db"
    with (
        Path("/dev/full").open("w", encoding="utf-8") as full,
        subprocess.Popen(command, stdout=full, stderr=subprocess.PIPE, text=True) as follower,
    ):
        wait_until(lambda: rows_in(store) == 1, "the first row")
        let_log(program)
        wait_until(lambda: rows_in(store) == 2, "the second row")
        program.communicate(timeout=LONGEST_WAIT_S)
        _, said = follower.communicate(timeout=LONGEST_WAIT_S)
    assert (follower.returncode, said) == (1, "Error: No space left on device (stdout)\n")


@pytest.mark.timeout(60)
def test_a_follower_is_told_to_stop(start_python: StartPython, workdir: Path) -> None:
    """It ends well if the target has what was recorded so far."""
    program = start_python(PROGRAM, stderr=subprocess.DEVNULL)
    let_log(program)
    options = ["--watch", "--json", "--state-file", "state"]
    command = [sys.executable, "-m", "airtape_cli", "sync", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as follower:
        # Files of the run come behind its records.
        wait_until((workdir / "state").exists, "the end of a pass")
        follower.send_signal(signal.SIGTERM)
        said, _ = follower.communicate(timeout=LONGEST_WAIT_S)
    assert follower.returncode == 0, said
    assert json.loads(said)["runs"][0]["status"] == "synced"


@pytest.mark.timeout(60)
def test_a_target_that_cannot_be_used(workdir: Path, run_tracker: RunTracker) -> None:
    """It is said once, and in the state file; the exit code tells it."""
    (workdir / "file").write_text("")
    target = f"sqlite:{workdir / 'file' / 'store.db'}"
    write_log(run_dir_of(workdir / "wandb"), log_row(0, loss=0.5))
    done = run_tracker(
        *("sync", "--follow", "--deadline", "2s", "--to", target, "--state-file", "state"),
        returncode=4,
    )
    assert done.stdout.count("does not exist") == 1
    state = read_follow_state(workdir / "state")
    assert state is not None
    assert "does not exist" in str(state.error)


@pytest.mark.timeout(60)
def test_a_server_that_does_not_answer_yet(workdir: Path) -> None:
    """The state file says so at once, while the server is asked again."""
    write_log(run_dir_of(workdir / "wandb"), log_row(0, loss=1.0))
    target = "postgresql://nobody@127.0.0.1:1/none"
    command = [str(TRACKER), "sync", "--follow", "--to", target, "--state-file", "state"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as follower:
        wait_until((workdir / "state").exists, "the first refusal")
        assert follower.poll() is None
        follower.terminate()
    state = read_follow_state(workdir / "state")
    assert state is not None
    assert "the server does not answer" in str(state.error)


@pytest.mark.parametrize("option", [["--dry-run"], ["--filter", "state = running"]])
def test_what_does_not_go_with_follow(
    option: list[str], workdir: Path, run_tracker: RunTracker
) -> None:
    """It is refused, with what to leave out."""
    assert workdir.is_dir()
    assert "leave out" in run_tracker("sync", "--follow", *option, returncode=2).stderr


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"sizes": 1, "held": 0, "time": 0, "error": null}', "\xff"]
)
def test_a_state_that_cannot_be_read(text: str, tmp_path: Path) -> None:
    """It counts as none."""
    (tmp_path / "state").write_text(text, encoding="latin-1")
    assert read_follow_state(tmp_path / "state") is None
    assert read_follow_state(tmp_path / "none") is None


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    """With all its parts."""
    state = FollowState({"run-a.txlog": 12}, 3, 1.5, "no route")
    state.write(tmp_path / "state")
    assert read_follow_state(tmp_path / "state") == state
