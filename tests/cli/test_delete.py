from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airtape.backends.sqlite import SqliteBackend
from airtape.errors import UsageError
from airtape.fetched import FetchedPart, write_fetched
from airtape.fold.fold import Fold
from airtape.txlog.format import Header
from tests import logs
from tests.cli.conftest import MakeRun, Tracker
from tests.processes import TRACKER
from tests.recording import StartRun
from tests.terminals import answered

STONE = ".tombstones/me/digits/ab12cd34"


def test_a_run_is_removed_and_a_tombstone_stays(
    tracker: Tracker, make_run: MakeRun, wandb: Path
) -> None:
    """Other runs stay, and `latest-run` points to one of them."""
    make_run()
    other = make_run("other")
    (wandb / "latest-run").symlink_to("run-20261120_101112-ab12cd34")
    result = tracker("delete", "ab12cd34", "--yes")
    assert result.stdout == "Deleted: likely-lion-9 (me/digits/ab12cd34)\n"
    assert sorted(path.name for path in wandb.iterdir()) == [
        ".tombstones",
        "latest-run",
        other.name,
    ]
    assert (wandb / "latest-run").resolve() == other
    assert (wandb / STONE).is_file()


def test_all_directories_of_a_run_are_removed(
    tracker: Tracker, make_run: MakeRun, wandb: Path
) -> None:
    """Also when one of them is named, for half a run is none."""
    first = make_run("ab12cd34", logs.ended(1), root=b"r" * 16)
    second = logs.run_dir_of(wandb, "ab12cd34", "20261121_000000")
    logs.write_log(second, logs.ended(), writer=b"2" * 16, root=b"r" * 16)
    tracker("delete", str(first), "--yes")
    assert [path.name for path in wandb.iterdir()] == [".tombstones"]


def test_several_runs_are_deleted_at_once_or_none(
    tracker: Tracker, make_run: MakeRun, wandb: Path
) -> None:
    """A name that is wrong leaves all runs where they are."""
    first, second = make_run(), make_run("other", name="fond-fern-2")
    assert "there is no run 'zzz'" in tracker("delete", "other", "zzz", "-y", exit_code=2).stderr
    assert first.exists()
    assert second.exists()
    assert not (wandb / ".tombstones").exists()
    lines = tracker("delete", "ab12cd34", "other", "likely-lion-9", "--yes").stdout.splitlines()
    assert len(lines) == 2
    assert not first.exists()
    assert not second.exists()


def test_a_script_has_to_say_yes(tracker: Tracker, make_run: MakeRun) -> None:
    """Without a terminal nobody can be asked, so nothing is deleted."""
    run_dir = make_run()
    assert "Say --yes" in tracker("delete", "ab12cd34", exit_code=2).stderr
    assert run_dir.exists()


@pytest.mark.timeout(40)
@pytest.mark.parametrize(("answer", "exit_code"), [("y", 0), ("n", 1)])
def test_a_terminal_is_asked(make_run: MakeRun, workdir: Path, answer: str, exit_code: int) -> None:
    """What will go is listed before the question."""
    run_dir = make_run()
    command = [str(TRACKER), "delete", "ab12cd34"]
    done = answered(command, answer, workdir)
    assert done.returncode == exit_code
    said = done.stdout.splitlines()
    assert said[0] == "likely-lion-9 (me/digits/ab12cd34), finished, 3 rows"
    assert said[1] == f"  wandb/{run_dir.name}"
    assert said[2].startswith("Delete this run, for good? [y/N]: ")
    assert run_dir.exists() == (answer == "n")


def test_a_running_run_is_not_deleted_unless_forced(tracker: Tracker, make_run: MakeRun) -> None:
    """Its recorder would go on writing."""
    run_dir = make_run("ab12cd34", logs.heartbeat(), began_ns=time.time_ns(), host="elsewhere")
    stderr = tracker("delete", "ab12cd34", "--yes", exit_code=2).stderr
    assert "likely-lion-9 is running (last heard " in stderr
    assert "`tracker stop` ends it first" in stderr
    assert run_dir.exists()
    tracker("delete", "ab12cd34", "--yes", "--force")
    assert not run_dir.exists()


def test_a_link_is_not_followed(tracker: Tracker, make_run: MakeRun, workdir: Path) -> None:
    """What lies elsewhere is not removed through a link."""
    run_dir = make_run()
    elsewhere = run_dir.rename(workdir / run_dir.name)
    run_dir.symlink_to(elsewhere)
    stderr = tracker("delete", "ab12cd34", "--yes", exit_code=2).stderr
    assert "the run directory is a link" in stderr
    assert elsewhere.exists()


def test_a_directory_of_two_runs_is_not_removed(tracker: Tracker, make_run: MakeRun) -> None:
    """The other run would be lost with it."""
    run_dir = make_run()
    logs.write_log(run_dir, run_id="other", writer=b"o" * 16)
    stderr = tracker("delete", "ab12cd34", "--yes", exit_code=2).stderr
    assert "its logs belong to ab12cd34, other" in stderr
    assert run_dir.exists()


def test_nothing_is_removed_without_a_tombstone(
    tracker: Tracker, make_run: MakeRun, wandb: Path
) -> None:
    """Else a copy could come back."""
    run_dir = make_run()
    (wandb / ".tombstones").touch()
    assert "cannot be noted" in tracker("delete", "ab12cd34", "--yes", exit_code=4).stderr
    assert run_dir.exists()


def test_a_deletion_that_was_interrupted_is_completed_by_the_next(
    tracker: Tracker, make_run: MakeRun, wandb: Path
) -> None:
    """What it had put aside goes, also when a copy of the same run is deleted."""
    run_dir = make_run()
    left = wandb / f".deleted-{run_dir.name}"
    (left / "files").mkdir(parents=True)
    tracker("delete", "ab12cd34", "--yes")
    assert [path.name for path in wandb.iterdir()] == [".tombstones"]


def test_a_directory_that_cannot_be_removed_is_named(
    tracker: Tracker, make_run: MakeRun, wandb: Path
) -> None:
    """It stays whole, and the command can be said again."""
    run_dir = make_run()
    (wandb / f".deleted-{run_dir.name}").touch()
    stderr = tracker("delete", "ab12cd34", "--yes", exit_code=4).stderr
    assert "the run directory cannot be removed" in stderr
    assert run_dir.name in stderr
    (wandb / f".deleted-{run_dir.name}").unlink()
    tracker("delete", "ab12cd34", "--yes")
    assert not run_dir.exists()


def test_an_id_is_not_used_again(tracker: Tracker, make_run: MakeRun, start_run: StartRun) -> None:
    """`init` refuses it, whether it resumes or not."""
    make_run()
    tracker("delete", "ab12cd34", "--yes")
    for resume in (None, "allow"):
        with pytest.raises(UsageError, match=r"was deleted on .*; ids are not reused"):
            start_run(entity="me", project="digits", id="ab12cd34", resume=resume)


def test_a_copy_that_turns_up_is_not_synced(
    tracker: Tracker, tracker_json: Callable[..., Any], make_run: MakeRun, wandb: Path
) -> None:
    """Neither from its old place nor from another one; the report says why."""
    make_run()
    tracker("delete", "ab12cd34", "--yes")
    copy = make_run()
    assert "me/digits/ab12cd34 was deleted on " in tracker("sync").stdout
    copy.rename(wandb.parent / "copy")
    (report,) = tracker_json("sync", "copy")["runs"]
    assert (report["status"], report["records"]) == ("deleted", 0)


def test_a_target_gives_back_what_it_has(tracker: Tracker, make_run: MakeRun, wandb: Path) -> None:
    """With ``--from``; the other runs stay in it."""
    make_run()
    make_run("other")
    tracker("sync")
    tracker("delete", "ab12cd34", "--yes", "--from", "sqlite:wandb/tracker.db")
    backend = SqliteBackend(str(wandb / "tracker.db"))
    assert [held.run.run_id for held in backend.dump()] == ["other"]
    backend.close()


@pytest.mark.parametrize(
    "renamed", [["--project", "vision"], ["--entity", "team"], ["--id", "new-id"], []]
)
def test_a_target_gives_back_what_it_has_under_other_names(
    tracker: Tracker, make_run: MakeRun, wandb: Path, renamed: list[str]
) -> None:
    """Also where it was synced as another project's, somebody else's, or with another id."""
    run_dir = make_run()
    tracker("sync", str(run_dir), *renamed)
    tracker("sync", str(run_dir))
    make_run("other")
    tracker("sync", str(wandb / "run-20261120_101112-other"))
    tracker("delete", "ab12cd34", "--yes", "--from", "sqlite:wandb/tracker.db")
    backend = SqliteBackend(str(wandb / "tracker.db"))
    assert [run.run_id for run in backend.runs()] == ["other"]
    backend.close()


@pytest.mark.parametrize(("root", "stays"), [(b"ab12cd34".ljust(16), False), (b"r" * 16, True)])
def test_what_was_fetched_of_a_run_goes_with_it(
    tracker: Tracker,
    make_run: MakeRun,
    wandb: Path,
    root: bytes,
    stays: bool,  # noqa: FBT001 - a parameter
) -> None:
    """A copy of another run that took the id stays."""
    make_run()
    header = Header("ab12cd34", b"w" * 16, root=root)
    path = write_fetched(wandb, "ab12cd34", [FetchedPart(header, 3, Fold(), [])])
    tracker("delete", "ab12cd34", "--yes")
    assert path.parent.exists() == stays


def test_a_target_that_gives_nothing_back_is_refused(
    tracker: Tracker, make_run: MakeRun, wandb: Path
) -> None:
    """Before anything is deleted."""
    run_dir = make_run()
    arguments = ("delete", "ab12cd34", "--yes", "--from", f"jsonl:{wandb}/export")
    assert "cannot take back anything" in tracker(*arguments, exit_code=2).stderr
    assert run_dir.exists()
    assert not (wandb / ".tombstones").exists()
