from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import airtape
from airtape.records import Kind
from tests import logs
from tests.cli.conftest import MakeRun, Tracker
from tests.processes import TRACKER
from tests.terminals import on_terminal

TABS = ("overview", "history", "system", "logs", "files", "artifacts")
HARM = "be\x1b]52;c;aGFybQ==\x07\x1b]8;;http://x\x1b\\fore\x1b[2J\x9b2J\u202e\x1b[31mred\x1b[0m\n"


def _said(text: str | bytes, stream: str = "stdout", *dropped: int) -> logs.Said:
    return (Kind.CONSOLE, [stream, text, *dropped])


@pytest.fixture
def trained(make_run: MakeRun) -> Path:
    """A run that logged three rows, measured its machine twice, and printed."""
    run_dir = make_run(
        "ab12cd34",
        logs.metric(name="secret", hidden=True),
        logs.metric(name="eval/acc", step_metric="loss"),
        logs.log_row(3, secret=1, text="a\nb"),
        logs.log_row(4, secret=2),
        logs.system(**{"system.cpu": 12.5, "system.disk": "full"}),
        logs.system(**{"system.cpu": 50.0}),
        _said("epoch 1\n 10%"),
        _said("\r100%\n"),
        _said("Traceback\n", "stderr"),
        (Kind.FILES, [[{"path": "gone.txt", "size": 7, "sha256": "0" * 64, "type": "saved"}]]),
        logs.ended(0),
    )
    (run_dir / "files").mkdir()
    (run_dir / "files/a.txt").write_text("hello")
    return run_dir


@pytest.mark.parametrize("tab", TABS)
def test_each_tab_is_shown_of_any_run(
    tracker: Tracker, tracker_json: Callable[..., Any], wandb: Path, tab: str
) -> None:
    """Also of one of which only the beginning is recorded; as text and as JSON."""
    logs.write_log(logs.run_dir_of(wandb))
    assert tracker("show", "ab12cd34", "--tab", tab).stdout.strip() or tab == "logs"
    assert isinstance(tracker_json("show", "ab12cd34", "--tab", tab), dict)


def test_the_history_has_curves_by_section_and_rows(tracker: Tracker, trained: Path) -> None:
    """A hidden metric is not drawn, and is in the table all the same."""
    assert trained.is_dir()
    assert tracker("show", "ab12cd34", "--tab", "history").stdout.splitlines() == [
        "Charts",
        "  loss  █▃▁  0.333333",
        "",
        "Charts: eval",
        "  acc  ▁▅█  2  over loss",
        "",
        "Rows: 5",
        "  step      loss  secret  text  eval/acc",
        "     0         1                       0",
        "     1       0.5                       1",
        "     2  0.333333                       2",
        "     3                 1    ab",
        "     4                 2",
    ]


def test_rows_and_metrics_of_the_history_can_be_chosen(
    tracker: Tracker, tracker_json: Callable[..., Any], trained: Path
) -> None:
    """The last rows, and some metrics, in either form."""
    assert trained.is_dir()
    chosen = ("show", "ab12cd34", "--tab", "history", "--tail", "3", "--keys", "loss,secret")
    assert tracker(*chosen).stdout.splitlines()[3:] == [
        "Rows: 5, the last 3",
        "  step      loss  secret",
        "     2  0.333333",
        "     3                 1",
        "     4                 2",
    ]
    said = tracker_json(*chosen)
    assert said["total"] == 5
    assert [row.get("secret") for row in said["rows"]] == [None, 1, 2]
    assert list(said["rows"][0]) == ["_step", "_timestamp", "_runtime", "loss"]


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_metric_that_nobody_has_logged_is_noted(
    tracker: Tracker, trained: Path, form: tuple[str, ...]
) -> None:
    """With what may have been meant; one that only rows before the last ones have is there."""
    assert trained.is_dir()
    shown = tracker(
        "show", "ab12cd34", "--tab", "history", "--tail", "1", "--keys", "loss,scret,xyz", *form
    )
    assert shown.stderr.splitlines() == [
        "Note: there is no metric 'scret'; did you mean 'secret'?",
        "Note: there is no metric 'xyz'",
    ]


def test_a_wide_history_shows_some_of_its_metrics(tracker: Tracker, make_run: MakeRun) -> None:
    """How many are left out is said."""
    make_run("ab12cd34", logs.log_row(3, **{f"m{n:02}": n for n in range(20)}))
    lines = tracker("show", "ab12cd34", "--tab", "history", "--tail", "1").stdout.splitlines()
    assert lines[-1] == "  and 10 more metrics; --keys chooses"


def test_large_values_are_whole_in_json(
    tracker_json: Callable[..., Any], workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in an export."""
    monkeypatch.setenv("TRACKER_DISABLE_METADATA", "true")
    run = airtape.init(project="p", dir=workdir, settings={"silent": True})
    run.log({"text": "x" * 2_000_000})
    run.finish()
    (row,) = tracker_json("show", run.sync_dir, "--tab", "history")["rows"]
    assert row["text"] == "x" * 2_000_000


def test_what_was_measured_is_shown_with_its_extremes(
    tracker: Tracker, tracker_json: Callable[..., Any], trained: Path
) -> None:
    """Numbers have a course; JSON has every sample."""
    assert trained.is_dir()
    assert tracker("show", "ab12cd34", "--tab", "system").stdout.splitlines() == [
        "Samples: 2 within 1.0 s",
        "  name        last  lowest  highest  course",
        "  system.cpu    50    12.5       50  ▁█",
    ]
    first, second = tracker_json("show", "ab12cd34", "--tab", "system")["samples"]
    assert (first["system.cpu"], first["system.disk"]) == (12.5, "full")
    assert second["_runtime"] > first["_runtime"]
    (last,) = tracker_json(
        "show", "ab12cd34", "--tab", "system", "--tail", "1", "--keys", "system.disk"
    )["samples"]
    assert "system.cpu" not in last


def test_output_is_what_one_saw(
    tracker: Tracker, tracker_json: Callable[..., Any], trained: Path
) -> None:
    """A bar in its last state; the chunks as they were written with --raw."""
    assert trained.is_dir()
    seen = "epoch 1\n100%\nTraceback\n"
    assert tracker("show", "ab12cd34", "--logs").stdout == seen
    assert tracker("show", "ab12cd34", "--tab", "logs", "--tail", "1").stdout == "Traceback\n"
    lines = tracker_json("show", "ab12cd34", "--logs")["lines"]
    assert [(line["stream"], line["text"]) for line in lines] == [
        ("stdout", "epoch 1"),
        ("stdout", "100%"),
        ("stderr", "Traceback"),
    ]
    raw = tracker("show", "ab12cd34", "--logs", "--raw")
    assert raw.stdout_bytes == b"epoch 1\n 10%\r100%\nTraceback\n"
    chunks = tracker_json("show", "ab12cd34", "--logs", "--raw", "--tail", "2")["chunks"]
    assert [chunk["data"] for chunk in chunks] == ["\r100%\n", "Traceback\n"]


def test_output_of_children_goes_by_their_names(tracker: Tracker, make_run: MakeRun) -> None:
    """In order of time; the run's own lines have nothing in front."""
    run_dir = make_run("ab12cd34", _said("one\n"), _said("two\n"))
    logs.write_log(
        run_dir,
        _said("hello\n"),
        name="c.txlog",
        role="child",
        host="h",
        pid=7,
        writer=b"c" * 16,
    )
    logs.write_log(
        run_dir, _said("hi\n"), name="r.txlog", role="shared", label="rank-1", writer=b"r" * 16
    )
    shown = tracker("show", "ab12cd34", "--logs").stdout.splitlines()
    assert sorted(shown) == ["[child h:7] hello", "[rank-1] hi", "one", "two"]


def test_what_is_missing_of_output_is_said(tracker: Tracker, make_run: MakeRun) -> None:
    """Output that was not recorded has a line, damage a note and exit code 3."""
    run_dir = make_run("ab12cd34", _said("one\n"), _said("two\n"), _said("three\n", "stdout", 5))
    path = next(run_dir.glob("*.txlog"))
    data = bytearray(path.read_bytes())
    data[data.index(b"two")] ^= 1
    path.write_bytes(data)
    result = tracker("show", "ab12cd34", "--logs", exit_code=3)
    assert result.stdout.splitlines() == [
        "one",
        "[airtape: 5 characters of output are not recorded here]",
        "three",
    ]
    assert result.stderr.startswith("Note: run-ab12cd34.txlog: ")


def test_records_that_say_no_output_are_passed_over(tracker: Tracker, make_run: MakeRun) -> None:
    """A log may hold anything."""
    odd = [[], ["stdout"], [1, "x"], ["stdout", 5], ["stdout", "ok\n", "many"], ["stdout", b"\xff"]]
    make_run("ab12cd34", *((Kind.CONSOLE, fields) for fields in odd))
    assert tracker("show", "ab12cd34", "--logs").stdout == "ok\n\ufffd\n"


def test_output_does_no_harm_to_a_terminal(make_run: MakeRun, workdir: Path) -> None:
    """Colours are shown; the clipboard, links, and the rest of the screen are left alone."""
    make_run("ab12cd34", _said(HARM))
    command = [str(TRACKER), "show", "ab12cd34", "--logs"]
    assert on_terminal(command, workdir) == "before\x1b[31mred\x1b[0m\r\n"
    shown = on_terminal([*command, "--raw"], workdir)
    assert "\x1b[31mred\x1b[0m" in shown
    assert not {"\x07", "\x9b", "\u202e"} & set(shown)
    assert shown.count("\x1b") == 2


def test_output_has_no_colours_in_a_file(tracker: Tracker, make_run: MakeRun) -> None:
    """What is piped on is text."""
    make_run("ab12cd34", _said("\x1b[31mred\x1b[0m\tx\n"))
    assert tracker("show", "ab12cd34", "--logs").stdout == "red\tx\n"


def test_files_are_shown_with_what_was_recorded_of_them(
    tracker: Tracker, tracker_json: Callable[..., Any], trained: Path
) -> None:
    """A file that was recorded and is not there is said to be missing."""
    assert trained.is_dir()
    assert tracker("show", "ab12cd34", "--tab", "files").stdout.splitlines() == [
        "Files: 1, 5 B",
        "  path      size  type",
        "  a.txt      5 B",
        "  gone.txt   7 B  saved  not there",
    ]
    there, gone = tracker_json("show", "ab12cd34", "--tab", "files")["files"]
    assert (there["is_there"], gone["is_there"], gone["sha256"]) == (True, False, "0" * 64)


def test_there_are_no_artifacts_yet(tracker: Tracker, trained: Path) -> None:
    """The tab says so."""
    assert trained.is_dir()
    assert "No artifacts were recorded." in tracker("show", "ab12cd34", "--tab", "artifacts").stdout
    assert json.loads(tracker("show", "ab12cd34", "--tab", "artifacts", "--json").stdout) == {
        "artifacts": []
    }
