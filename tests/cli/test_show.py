from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import logs
from tests.cli.conftest import MakeRun, Tracker


@pytest.fixture
def rich_run(wandb: Path) -> Path:
    """A run of which everything is known."""
    run_dir = logs.run_dir_of(wandb)
    logs.write_log(
        run_dir,
        logs.describe(
            name="likely-lion-9",
            entity="me",
            project="digits",
            notes="a try\nof two lines",
            tags=["a", "b"],
            group="g",
            job_type="train",
        ),
        logs.machine(
            host="node1",
            user="me",
            os="Linux 6.1",
            python="3.11.7",
            executable="/usr/bin/python",
            program="train.py",
            args=["--lr", "0.1"],
            hardware={"cpus": 8, "gpus": ["A", "B"], "memory_bytes": 64_000_000_000},
            git={"remote": "git@host:me/digits", "commit": "c0ffee"},
        ),
        logs.config(lr=0.1, opt={"name": "adam", "betas": [0.9, 0.99]}, deep={}, none=None),
        logs.metric(name="secret", hidden=True),
        logs.metric(glob="best/", summary=["max"]),
        *(
            logs.log_row(
                step,
                **{"loss": 4.0 - step, "eval/deep/acc": step, "secret": step, "best/x": step},
            )
            for step in range(4)
        ),
        logs.dropped_row(1, loss=9.0),
        logs.summary(note="done", flag=True, picture={"_type": "image-file", "path": "m/a.png"}),
        logs.ended(0),
        library="0.1.0",
    )
    (run_dir / "files/media").mkdir(parents=True)
    (run_dir / "files/media/a.png").write_bytes(bytes(1234))
    return run_dir


def _facts(output: str) -> dict[str, str]:
    lines = output.partition("\n\n")[0].splitlines()[1:]
    return dict(re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in lines)


def test_the_overview_stands_under_the_names_of_the_documents(
    tracker: Tracker, rich_run: Path
) -> None:
    """Every fact about a run has its label; what nobody said is left out."""
    output = tracker("show", "ab12cd34").stdout
    assert output.splitlines()[0] == "likely-lion-9"
    facts = _facts(output)
    start = facts.pop("Start time")
    assert start.startswith("2026-11-")
    assert facts.pop("Privacy").startswith(("private: ", "shared: ", "public: "))
    assert facts == {
        "Run path": "me/digits/ab12cd34",
        "Description": "a try of two lines",
        "Tags": "a, b",
        "Author": "me",
        "State": "finished",
        "Runtime": "12.0 s",
        "Duration": "12.0 s",
        "Group": "g",
        "Job type": "train",
        "Command": "train.py --lr 0.1",
        "Git repository": "git@host:me/digits",
        "Git commit": "c0ffee",
        "Host name": "node1",
        "OS": "Linux 6.1",
        "Python version": "3.11.7",
        "Python executable": "/usr/bin/python",
        "System hardware": "cpus 8, gpus [A, B], memory 64.0 GB",
        "Library version": "0.1.0",
        "Steps": "up to 3, 4 rows, 1 dropped",
        "Directory": f"wandb/{rich_run.name}",
    }


def test_config_summary_and_files_follow(tracker: Tracker, rich_run: Path) -> None:
    """Metrics stand in sections with their curves; hidden ones are not drawn."""
    assert rich_run.is_dir()
    blocks = tracker("show", "ab12cd34").stdout.rstrip("\n").split("\n\n")[1:]
    assert [block.splitlines() for block in blocks] == [
        [
            "Config",
            "  lr         0.1",
            "  opt.name   adam",
            "  opt.betas  [0.9, 0.99]",
            "  deep       {}",
            "  none       null",
        ],
        [
            "Summary",
            "  flag     true",
            "  loss     1                     █▆▃▁",
            "  note     done",
            "  picture  [image-file] m/a.png",
            "  secret   3",
        ],
        ["Summary: best", "  x.max  3  ▁▃▆█"],
        ["Summary: eval/deep", "  acc  3  ▁▃▆█"],
        ["Files: 1, 1.2 kB", "  media/a.png  1.2 kB"],
    ]


@pytest.mark.parametrize(
    "said",
    [
        "ab12cd34",
        "likely-lion-9",
        "me/digits/ab12cd34",
        "wandb/run-20261120_101112-ab12cd34",
        "wandb/run-20261120_101112-ab12cd34/run-ab12cd34.txlog",
        "wandb/latest-run",
    ],
)
def test_a_run_is_found_by_whatever_names_it(
    tracker: Tracker, make_run: MakeRun, said: str
) -> None:
    """A run is its directory, its log, its id, its name, or its path."""
    run_dir = make_run()
    make_run("other", name="other-name")
    (run_dir.parent / "latest-run").symlink_to(run_dir.name)
    assert _facts(tracker("show", said).stdout)["Run path"] == "me/digits/ab12cd34"


def test_a_run_is_found_in_another_folder(tracker: Tracker, workdir: Path) -> None:
    """``--in`` names the folder to look into, also for a directory that is called otherwise."""
    logs.write_log(workdir / "elsewhere/wandb/run-renamed-by-hand", logs.ended())
    output = tracker("show", "ab12cd34", "--in", "elsewhere").stdout
    assert _facts(output)["Directory"] == "elsewhere/wandb/run-renamed-by-hand"


def test_an_unknown_name_offers_the_near_ones(tracker: Tracker, make_run: MakeRun) -> None:
    """A typing error is answered with what was meant."""
    make_run()
    result = tracker("show", "likely-loin-9", exit_code=2)
    assert result.stderr == (
        "Error: there is no run 'likely-loin-9'\n"
        "  Where: looked in wandb\n"
        "  Try: Did you mean likely-lion-9?\n"
    )
    assert "me/digits/ab12cd34" in tracker("show", "me/digit/ab12cd34", exit_code=2).stderr


def test_a_name_unlike_any_other_points_to_the_list(tracker: Tracker, make_run: MakeRun) -> None:
    """Without a near name the way to all of them is told; without any run, that there is none."""
    assert "There are no runs in wandb" in tracker("show", "zzz", exit_code=2).stderr
    make_run()
    assert "`tracker ls` lists the runs" in tracker("show", "zzz", exit_code=2).stderr
    assert "there is no run ''" in tracker("show", "", exit_code=2).stderr


def test_the_name_of_a_directory_is_told_from_its_path(
    tracker: Tracker, make_run: MakeRun, wandb: Path
) -> None:
    """Who names a directory as it is called in the folder is told its path from here."""
    run_dir = make_run()
    (wandb / "latest-run").symlink_to(run_dir.name)
    for name in (run_dir.name, "latest-run"):
        assert f"  Try: Did you mean wandb/{name}?" in tracker("show", name, exit_code=2).stderr


def test_a_run_that_cannot_be_read_may_be_the_one(tracker: Tracker, make_run: MakeRun) -> None:
    """Nobody looks elsewhere for a name that stands in a log which is damaged."""
    (log,) = make_run().glob("*.txlog")
    log.write_bytes(b"no log")
    why = f"  Why: it may be one that cannot be read: wandb/{log.parent.name}: {log.name}"
    assert why in tracker("show", "likely-lion-9", exit_code=2).stderr


def test_a_name_of_several_runs_lists_them(tracker: Tracker, make_run: MakeRun) -> None:
    """An ambiguous name is an error that names the directories to choose from."""
    first, second = make_run("aaaa1111"), make_run("bbbb2222")
    result = tracker("show", "likely-lion-9", exit_code=2)
    assert "2 runs are called 'likely-lion-9'" in result.stderr
    assert f"name one: wandb/{first.name}, wandb/{second.name}" in result.stderr


def test_a_folder_of_many_runs_is_not_one(tracker: Tracker, make_run: MakeRun) -> None:
    """Of many candidates ten are named."""
    for number in range(12):
        make_run(f"run{number:02}")
    result = tracker("show", "wandb", exit_code=2)
    assert "there are several runs here" in result.stderr
    assert result.stderr.count("run-2026") == 10
    assert "and 2 more" in result.stderr


def test_paths_that_are_no_runs_say_why(tracker: Tracker, workdir: Path, wandb: Path) -> None:
    """An empty folder, a foreign file and a directory without a log each have their reason."""
    (workdir / "empty").mkdir()
    assert "there is no run here" in tracker("show", "empty", exit_code=2).stderr
    (workdir / "notes.txt").touch()
    stderr = tracker("show", "notes.txt", exit_code=3).stderr
    assert "this is no run" in stderr
    assert "neither a run directory nor a log" in stderr
    (wandb / "run-20261120_101112-nolog").mkdir()
    stderr = tracker("show", "wandb/run-20261120_101112-nolog", exit_code=3).stderr
    assert "no transaction log" in stderr


def test_a_log_of_a_later_major_version_is_refused(tracker: Tracker, wandb: Path) -> None:
    """A log that cannot be read says which version wrote it and what to do."""
    run_dir = logs.run_dir_of(wandb)
    logs.write_log(run_dir, version=(9, 0))
    stderr = tracker("show", str(run_dir.relative_to(wandb.parent)), exit_code=3).stderr
    assert "the run cannot be read" in stderr
    assert "format version 9.0" in stderr
    assert "install a later airtape" in stderr


def test_damage_and_losses_are_shown(tracker: Tracker, wandb: Path) -> None:
    """What is wrong with a run stands at the end of its overview."""
    path = logs.write_log(
        logs.run_dir_of(wandb), logs.gap(4, 4, "disk full"), logs.heartbeat(), host="elsewhere"
    )
    path.write_bytes(path.read_bytes()[:-3])
    output = tracker("show", "ab12cd34", "--stale-after", "1s").stdout
    assert output.split("\n\n")[-1] == (
        "Problems\n"
        "  1 records were lost while recording: disk full\n"
        "  the log ends in the middle of a record, which is lost\n"
    )


def test_several_writers_are_named(tracker: Tracker, make_run: MakeRun) -> None:
    """Ranks go by their labels, forked children by host and process id."""
    run_dir = make_run()
    logs.write_log(
        run_dir, name="a.txlog", writer=b"r" * 16, role="shared", label="rank-1", host="h"
    )
    logs.write_log(run_dir, name="b.txlog", writer=b"c" * 16, role="child", host="h", pid=7)
    writers = _facts(tracker("show", "ab12cd34").stdout)["Writers"]
    assert sorted(writers.split(", ")) == ["child h:7", "primary :0", "rank-1"]


def test_only_some_of_many_files_are_shown(tracker: Tracker, make_run: MakeRun) -> None:
    """The overview shows fifty files and says how many more there are."""
    files = make_run() / "files"
    files.mkdir()
    for number in range(53):
        (files / f"{number:02}.txt").touch()
    block = tracker("show", "ab12cd34").stdout.split("\n\n")[-1].splitlines()
    assert block[0] == "Files: 53, 0 B"
    assert block[50:] == ["  49.txt  0 B", "  and 3 more; --json lists them all"]


def test_json_has_every_fact(tracker_json: Callable[..., Any], rich_run: Path) -> None:
    """Scripts get all that is shown, exactly, and files and writers with it."""
    assert rich_run.is_dir()
    run = tracker_json("show", "ab12cd34")
    assert (run["author"], run["command"]) == ("me", "train.py --lr 0.1")
    assert (run["git_commit"], run["python_version"]) == ("c0ffee", "3.11.7")
    assert run["config"]["opt"] == {"name": "adam", "betas": [0.9, 0.99]}
    assert run["summary"]["loss"] == 1.0
    assert run["metrics"][0] == {"name": "secret", "hidden": True}
    assert run["files"] == [{"path": "media/a.png", "bytes": 1234}]
    (writer,) = run["writers"]
    assert (writer["role"], writer["state"]) == ("primary", "finished")
    assert writer["records"] == 13


def test_a_run_that_only_began_can_be_shown(tracker: Tracker, wandb: Path) -> None:
    """The barest log has an overview."""
    logs.write_log(logs.run_dir_of(wandb))
    assert _facts(tracker("show", "ab12cd34").stdout)["Steps"] == "none logged"


def test_alerts_are_shown(
    tracker: Tracker, make_run: MakeRun, tracker_json: Callable[..., Any]
) -> None:
    """What was told, how urgent it is and when; of many, the last ones."""
    alerts = [(14, [f"title {n}", "a\nlong " + "text " * 200, "WARN"]) for n in range(12)]
    make_run("ab12cd34", *alerts, (14, ["no text"]), logs.CHECKPOINT, logs.ended())
    output = tracker("show", "ab12cd34").stdout
    assert "Alerts: 13" in output
    assert "title 11" in output
    assert "no text" in output
    assert "title 2 " not in output
    assert "and 3 before; log-dump shows them" in output
    said = tracker_json("show", "ab12cd34")
    assert said["alerts"] == 13
    assert [alert["title"] for alert in said["last_alerts"]] == [
        *(f"title {n}" for n in range(3, 12)),
        "no text",
    ]
    assert {alert["level"] for alert in said["last_alerts"]} == {"WARN", "INFO"}
    assert {len(alert["text"]) for alert in said["last_alerts"]} == {0, 500}


def test_alerts_that_say_something_else_are_counted(tracker: Tracker, make_run: MakeRun) -> None:
    """A log can be anybody's."""
    make_run("ab12cd34", (14, []), (14, [1, 2, 3]), (14, ["t", "x", None]), logs.ended())
    assert "Alerts: 3" in tracker("show", "ab12cd34").stdout
