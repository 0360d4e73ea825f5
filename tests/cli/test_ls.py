from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import logs
from tests.cli.conftest import MakeRun, Tracker
from tests.processes import TRACKER
from tests.terminals import on_terminal


def _table(output: str) -> list[list[str]]:
    return [line.split() for line in output.splitlines()]


def test_runs_are_listed_with_what_matters(tracker: Tracker, make_run: MakeRun) -> None:
    """Each run has a line: state, name, id, project, last step, age, and whether it is synced."""
    make_run()
    titles, line = _table(tracker("ls").stdout)
    assert titles == ["STATE", "NAME", "ID", "PROJECT", "STEP", "AGE", "SYNCED"]
    assert line[:5] == ["finished", "likely-lion-9", "ab12cd34", "digits", "2"]
    assert line[-1] == "no"


def test_the_newest_run_comes_first(tracker: Tracker, wandb: Path) -> None:
    """Runs are sorted by when they began, whatever their directories are called."""
    for place, stamp in enumerate(("20261120_101112", "20261119_101112", "other")):
        run_id = f"run{place}"
        name = logs.run_dir_of(wandb, run_id, stamp)
        logs.write_log(name, logs.ended(), run_id=run_id, began_ns=logs.BEGAN_NS + place * 10**12)
    ids = [line[2] for line in _table(tracker("ls").stdout)[1:]]
    assert ids == ["run2", "run1", "run0"]


def test_only_the_newest_fifty_are_listed_unless_all_are_asked_for(
    tracker: Tracker, wandb: Path
) -> None:
    """Of many runs the newest fifty are shown, and it is said that there are more."""
    for minute in range(55):
        run_id = f"run{minute:02}"
        directory = logs.run_dir_of(wandb, run_id, f"20261120_10{minute:02}00")
        began_ns = logs.BEGAN_NS + minute * 60 * 10**9
        logs.write_log(directory, logs.ended(), run_id=run_id, began_ns=began_ns)
    result = tracker("ls")
    ids = [line[2] for line in _table(result.stdout)[1:]]
    assert ids == [f"run{minute:02}" for minute in range(54, 4, -1)]
    assert result.stderr == "Note: the newest 50 of 55 runs; --all lists every one\n"
    everything = tracker("ls", "--all")
    assert len(_table(everything.stdout)) == 56
    assert everything.stderr == ""


def test_a_run_without_an_end_says_when_it_was_heard(tracker: Tracker, make_run: MakeRun) -> None:
    """A running run shows its last sign of life; silence beyond a limit is a crash."""
    make_run("ab12cd34", logs.heartbeat(), began_ns=10**18, host="elsewhere")
    limit = ("--stale-after", "100000d")
    assert tracker("ls", *limit).stdout.splitlines()[1].startswith("running (last heard ")
    assert tracker("ls").stdout.splitlines()[1].startswith("crashed ")


def test_a_folder_without_runs_says_so(tracker: Tracker, workdir: Path) -> None:
    """An empty folder, given or not, is no error; nor is a working directory without one."""
    assert tracker("ls").stdout == "No runs in wandb.\n"
    (workdir / "empty").mkdir()
    assert tracker("ls", "empty").stdout == "No runs in empty.\n"


def test_the_folder_of_the_settings_is_looked_into(
    tracker: Tracker, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs are looked for where a setting makes the recorder put them."""
    logs.write_log(logs.run_dir_of(workdir / "scratch/wandb"))
    monkeypatch.setenv("WANDB_DIR", "scratch")
    assert "ab12cd34" in tracker("ls").stdout


def test_a_path_that_does_not_exist_is_named(tracker: Tracker, make_run: MakeRun) -> None:
    """What is there is listed; what is not is an error with exit code 2."""
    make_run()
    result = tracker("ls", "wandb", "nowhere", "run-*", exit_code=2)
    assert "likely-lion-9" in result.stdout
    assert result.stderr == ("Error: there is nothing at this path\n  Where: nowhere, run-*\n")


def test_patterns_that_no_shell_expanded_are_expanded(tracker: Tracker, make_run: MakeRun) -> None:
    """A quoted pattern names run directories as the shell would."""
    make_run("aaaa1111")
    make_run("bbbb2222")
    assert [line[2] for line in _table(tracker("ls", "wandb/run-*aaaa*").stdout)[1:]] == [
        "aaaa1111"
    ]


def test_bad_directories_are_named_beside_the_good_ones(
    tracker: Tracker, make_run: MakeRun, wandb: Path
) -> None:
    """A directory without a log, a foreign file and a damaged log each get a remark."""
    make_run()
    (wandb / "run-20261120_101113-nolog").mkdir()
    foreign = logs.run_dir_of(wandb, "foreign")
    foreign.mkdir()
    (foreign / "run-foreign.txlog").write_bytes(b"PK\x03\x04" * 50)
    damaged = logs.write_log(logs.run_dir_of(wandb, "damaged"), logs.heartbeat(), logs.heartbeat())
    damaged.write_bytes(damaged.read_bytes().replace(b"\x09\xcf", b"\x09\xce", 1))
    result = tracker("ls")
    assert len(_table(result.stdout)) == 4
    notes = result.stderr.splitlines()
    assert notes[0].endswith("run-20261120_101113-nolog: no transaction log")
    assert any("run-foreign.txlog: this is no transaction log" in note for note in notes)
    assert any("run-ab12cd34.txlog, bytes " in note and "1 record lost" in note for note in notes)


def test_two_runs_under_one_path_are_named(
    tracker: Tracker, make_run: MakeRun, wandb: Path
) -> None:
    """An id that two runs took without knowing of each other is a clash."""
    first = make_run("ab12cd34", logs.ended(0), root=b"a" * 16)
    second = logs.run_dir_of(wandb, "ab12cd34", "20261121_000000")
    make_run("ab12cd34", logs.ended(0), root=b"b" * 16).rename(second)
    make_run("ab12cd34", logs.ended(0), root=b"a" * 16)
    (note,) = tracker("ls").stderr.splitlines()
    assert note.startswith("Note: me/digits/ab12cd34 stands for 2 different runs: ")
    assert str(first.name) in note
    assert str(second.name) in note


def test_names_cannot_command_the_terminal(tracker: Tracker, make_run: MakeRun) -> None:
    """Control characters of a name are not printed, and a long one is cut."""
    make_run(name="\x1b[31mred\r\n" + "x" * 100)
    line = tracker("ls").stdout.splitlines()[1]
    assert "\x1b" not in line
    assert " [31mred" + "x" * 52 + "… " in line


@pytest.mark.parametrize("name", ["x" * 60, "実験" * 20])
def test_a_long_name_leaves_room_for_the_rest(name: str, make_run: MakeRun, workdir: Path) -> None:
    """A terminal shows all columns, and of names and projects what fits."""
    make_run(name=name)
    titles, line = on_terminal([str(TRACKER), "ls"], workdir, columns=80).splitlines()
    assert "SYNCED" in titles
    assert "…" in line
    assert line.split()[-1].endswith("no\x1b[0m")


def test_json_says_the_same_and_more(
    tracker_json: Callable[..., Any], make_run: MakeRun, wandb: Path
) -> None:
    """One object holds the runs, their number, the target, and what was passed over."""
    directory = make_run()
    (wandb / "run-20261120_101113-nolog").mkdir()
    said = tracker_json("ls", "wandb")
    (run,) = said["runs"]
    assert run["directory"] == f"wandb/{directory.name}"
    assert (run["state"], run["id"], run["last_step"], run["rows"]) == (
        "finished",
        "ab12cd34",
        2,
        3,
    )
    assert (run["start_time"], run["runtime"]) == ("2026-11-20T10:11:12.000000Z", 5.0)
    assert (run["synced"], said["total"]) == ("no", 1)
    assert said["target"] == "sqlite:wandb/tracker.db"
    assert said["problems"] == [
        {"path": "wandb/run-20261120_101113-nolog", "reason": "no transaction log"}
    ]


def test_json_of_no_runs_is_an_empty_list(tracker_json: Callable[..., Any]) -> None:
    """Scripts get the same shape when there is nothing."""
    assert tracker_json("ls")["runs"] == []
