from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import airtape
from airtape.errors import LogFormatError, UsageError
from airtape.fetched import fetched_path
from airtape.tombstones import RunPath, Tombstone, bury
from tests import logs
from tests.cli.conftest import MakeRun, Tracker
from tests.recording import StartRun

TARGETS = ["sqlite:runs.db", "jsonl:export"]


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest) -> str:
    """The URL of a target in the working directory."""
    url: str = request.param
    return url


@pytest.fixture
def synced(tracker: Tracker, make_run: MakeRun, wandb: Path, target: str) -> str:
    """A target that has a run of which nothing is here; its URL."""
    make_run()
    tracker("sync", "--to", target)
    shutil.rmtree(wandb)
    return target


def test_a_run_is_gone_on_with(tracker: Tracker, synced: str, start_run: StartRun) -> None:
    """Name, summary and step are there as if it had been recorded here."""
    result = tracker("fetch", "ab12cd34", "--from", synced)
    assert result.stdout == (
        "Fetched: likely-lion-9 (me/digits/ab12cd34), rows up to step 2\n"
        'Go on with it: init(id="ab12cd34", resume="must")\n'
    )
    run = start_run(id="ab12cd34", resume="must", project=None)
    assert (run.resumed, run.step, run.name, run.path) == (
        *(True, 3, "likely-lion-9", "me/digits/ab12cd34"),
    )
    assert run.summary["eval/acc"] == 2


@pytest.mark.parametrize("said", ["ab12cd34", "digits/ab12cd34", "me/digits/ab12cd34"])
def test_a_run_is_named_by_its_path(tracker: Tracker, synced: str, said: str) -> None:
    """As much of it as is needed."""
    assert "Fetched" in tracker("fetch", said, "--from", synced).stdout


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("ab12cd35", "Did you mean ab12cd34?"),
        ("zzz", "A run is named by its id."),
        ("other/ab12cd34", "Did you mean ab12cd34?"),
        ("you/digits/ab12cd34", "Did you mean ab12cd34?"),
        ("a/me/digits/ab12cd34", "Write entity/project/id"),
    ],
)
def test_an_unknown_run_is_refused(
    tracker: Tracker, synced: str, wandb: Path, said: str, hint: str
) -> None:
    """What was meant is guessed, and nothing is made."""
    assert hint in tracker("fetch", said, "--from", synced, exit_code=2).stderr
    assert not wandb.exists()


def test_a_target_without_runs_is_named(tracker: Tracker) -> None:
    """A store that is not there yet is one without runs."""
    stderr = tracker("fetch", "x", "--from", "sqlite:none.db", exit_code=2).stderr
    assert "Where: sqlite:none.db" in stderr
    assert "The target has no runs." in stderr


@pytest.mark.parametrize(
    ("url", "exit_code"),
    [("sqlite:text.db", 4), ("jsonl:text.db", 4), ("nosuch:place", 2), ("sqlite:gone/x.db", 4)],
)
def test_a_target_that_cannot_be_read_is_refused(
    tracker: Tracker, workdir: Path, url: str, exit_code: int
) -> None:
    """As everywhere: 4 for a target that fails, 2 for one that is no target."""
    (workdir / "text.db").write_text("no store of runs\n" * 100)
    tracker("fetch", "x", "--from", url, exit_code=exit_code)


def test_an_id_of_two_projects_is_ambiguous(
    tracker: Tracker, make_run: MakeRun, wandb: Path, target: str
) -> None:
    """The paths are named, and each of them is one run."""
    run_dir = make_run()
    other = logs.run_dir_of(wandb, "ab12cd34", "20261121_000000")
    logs.write_log(other, logs.describe(entity="me", project="faces"), writer=b"2" * 16)
    tracker("sync", "--to", target)
    shutil.rmtree(run_dir)
    shutil.rmtree(other)
    stderr = tracker("fetch", "ab12cd34", "--from", target, exit_code=2).stderr
    assert "has 2 runs 'ab12cd34'" in stderr
    assert "Name one: me/digits/ab12cd34, me/faces/ab12cd34" in stderr
    assert "me/faces" in tracker("fetch", "faces/ab12cd34", "--from", target).stdout


def test_of_two_runs_with_one_path_one_is_chosen(
    tracker: Tracker, make_run: MakeRun, wandb: Path, target: str
) -> None:
    """By the writer that began it."""
    make_run()
    other = logs.run_dir_of(wandb, "ab12cd34", "20261121_000000")
    logs.write_log(
        other, logs.describe(entity="me", project="digits"), logs.log_row(9), writer=b"2" * 16
    )
    tracker("sync", "--to", target)
    shutil.rmtree(wandb)
    stderr = tracker("fetch", "ab12cd34", "--from", target, exit_code=2).stderr
    assert "took the same id" in stderr
    assert "--first-writer: 32323232 (1 rows), 61623132 (3 rows)" in stderr
    chosen = ("fetch", "ab12cd34", "--from", target, "--first-writer", "3232")
    assert "step 9" in tracker(*chosen).stdout


def test_nothing_is_fetched_of_what_is_here(
    tracker: Tracker, make_run: MakeRun, wandb: Path, target: str
) -> None:
    """Logs that have all that the target has, and more, are what a job goes on from."""
    run_dir = make_run("ab12cd34", logs.log_row(3, loss=1))
    tracker("sync", "--to", target)
    assert "Nothing to fetch" in tracker("fetch", "ab12cd34", "--from", target).stdout
    shutil.rmtree(run_dir)
    make_run("ab12cd34", logs.log_row(3, loss=1), logs.log_row(4, loss=1), logs.ended())
    assert "Nothing to fetch" in tracker("fetch", "ab12cd34", "--from", target).stdout
    assert not fetched_path(wandb, "ab12cd34").exists()


def test_an_older_copy_is_gone_on_from_where_the_target_is(
    tracker: Tracker, make_run: MakeRun, target: str, start_run: StartRun
) -> None:
    """The logs stay where they are, and what was fetched goes further."""
    run_dir = make_run("ab12cd34", logs.log_row(3, loss=1), logs.log_row(4, loss=0.5))
    tracker("sync", "--to", target)
    shutil.rmtree(run_dir)
    make_run("ab12cd34", logs.log_row(3, loss=1))
    assert "Fetched" in tracker("fetch", "ab12cd34", "--from", target).stdout
    run = start_run(id="ab12cd34", resume="allow", project=None)
    assert (run.step, run.summary["loss"]) == (5, 0.5)


def test_logs_that_the_target_lacks_are_to_be_synced_first(
    tracker: Tracker, make_run: MakeRun, wandb: Path, target: str
) -> None:
    """When each has what the other lacks, going on from either would leave something behind."""
    run_dir = make_run("ab12cd34", logs.log_row(3))
    further = logs.run_dir_of(wandb, "ab12cd34", "20261121_000000")
    root = b"ab12cd34".ljust(16)
    logs.write_log(further, logs.log_row(4), writer=b"2" * 16, root=root, parents=[(root, 4)])
    tracker("sync", str(run_dir), str(further), "--to", target)
    shutil.rmtree(further)
    shutil.rmtree(run_dir)
    make_run("ab12cd34", logs.log_row(3), logs.log_row(4))
    stderr = tracker("fetch", "ab12cd34", "--from", target, exit_code=2).stderr
    assert "with records that the target lacks" in stderr
    assert "`tracker sync` these directories" in stderr
    tracker("sync", "--to", target)
    assert "Fetched" in tracker("fetch", "ab12cd34", "--from", target).stdout


def test_another_run_of_the_same_id_is_in_the_way(
    tracker: Tracker, synced: str, make_run: MakeRun
) -> None:
    """Two runs are never taken for one."""
    make_run("ab12cd34", writer=b"2" * 16)
    stderr = tracker("fetch", "ab12cd34", "--from", synced, exit_code=2).stderr
    assert "another run took the id ab12cd34" in stderr


def test_a_deleted_run_stays_deleted(tracker: Tracker, synced: str, wandb: Path) -> None:
    """A job could not go on with it."""
    bury(wandb, Tombstone(RunPath("me", "digits", "ab12cd34"), "today", "me"))
    stderr = tracker("fetch", "ab12cd34", "--from", synced, exit_code=2).stderr
    assert "was deleted" in stderr


def test_who_may_still_be_recording_is_named(
    tracker: Tracker, make_run: MakeRun, wandb: Path, target: str
) -> None:
    """A run that has not ended may be going on elsewhere."""
    make_run("ab12cd34", logs.heartbeat(), host="elsewhere", began_ns=2**62)
    tracker("sync", "--to", target)
    shutil.rmtree(wandb)
    assert "has not ended" in tracker("fetch", "ab12cd34", "--from", target).stderr


@pytest.mark.parametrize("said", ["job", "job/wandb", "job/.wandb"])
def test_it_is_brought_to_the_folder_that_is_named(
    tracker: Tracker, synced: str, workdir: Path, said: str
) -> None:
    """That of the runs, or the one above it, as `dir=` of init."""
    tracker("fetch", "ab12cd34", "--from", synced, "--in", said)
    folder = workdir / (f"{said}/wandb" if said == "job" else said)
    assert fetched_path(folder, "ab12cd34").is_file()


def test_a_folder_that_cannot_be_written_is_refused(
    tracker: Tracker, synced: str, workdir: Path
) -> None:
    """With the exit code of what cannot be written."""
    (workdir / "wandb").write_text("in the way")
    tracker("fetch", "ab12cd34", "--from", synced, exit_code=4)


def test_what_was_fetched_is_no_recording(tracker: Tracker, synced: str, wandb: Path) -> None:
    """No other command takes it for one."""
    tracker("fetch", "ab12cd34", "--from", synced)
    before = fetched_path(wandb, "ab12cd34").read_bytes()
    for command in (["ls"], ["sync", "--to", synced], ["verify"], ["sync", "wandb/fetched-*"]):
        assert "No runs" in tracker(*command).stdout
    tracker("fetch", "ab12cd34", "--from", synced)
    assert fetched_path(wandb, "ab12cd34").read_bytes() == before


def _damage(data: bytes, *, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize("at", [0, 20, 60])
def test_a_damaged_copy_stops_what_would_begin_anew(
    tracker: Tracker, synced: str, wandb: Path, start_run: StartRun, at: int
) -> None:
    """Rather than to start from nothing beside what is there."""
    tracker("fetch", "ab12cd34", "--from", synced)
    path = fetched_path(wandb, "ab12cd34")
    path.write_bytes(_damage(path.read_bytes(), at=at))
    with pytest.raises(LogFormatError, match="fetch"):
        start_run(id="ab12cd34", resume="allow", project=None)
    tracker("fetch", "ab12cd34", "--from", synced)
    assert start_run(id="ab12cd34", resume="allow", project=None).resumed


@pytest.mark.parametrize("how", [{}, {"resume": "never"}, {"id": "other", "resume": "must"}])
def test_only_who_asks_for_it_goes_on_with_it(
    tracker: Tracker, synced: str, start_run: StartRun, how: dict[str, Any]
) -> None:
    """A run without `resume` is a new one, `never` refuses, another id is not there."""
    tracker("fetch", "ab12cd34", "--from", synced)
    arguments = {"id": "ab12cd34", "project": None, **how}
    if how:
        with pytest.raises(UsageError):
            start_run(**arguments)
    else:
        assert isinstance(run := start_run(**arguments), airtape.Run)
        assert (run.resumed, run.step) == (False, 0)
