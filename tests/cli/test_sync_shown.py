"""How `tracker sync` shows what it does: bars on a terminal, and a log file for cron jobs."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Progress as Rows
from rich.progress import TextColumn

from airtape.sync.report import RunReport
from airtape_cli.journal import Journal
from airtape_cli.render.progress import MOST_BARS, Bars, OnTerminal, progress
from airtape_cli.spoken import Spoken
from tests import logs
from tests.cli.conftest import MakeRun, Tracker
from tests.processes import TRACKER

TrackerJson = Callable[..., Any]
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d "


def _bars() -> tuple[Bars, Rows, io.StringIO]:
    written = io.StringIO()
    rows = Rows(TextColumn("{task.description}"), console=Console(file=written))
    return Bars(rows), rows, written


def _shown(rows: Rows) -> list[tuple[str, float, float | None]]:
    return [(task.description, task.completed, task.total) for task in rows.tasks]


def test_each_run_has_a_bar_and_so_has_the_whole() -> None:
    """A run's bar moves with the bytes that have arrived, and goes when the run is done."""
    bars, rows, written = _bars()
    shows = OnTerminal(bars, [bars.write], verbose=False, dry_run=False)
    shows.planned(2, 300)
    shows.started(Path("wandb/one"), 100)
    shows.started(Path("wandb/two"), 200)
    shows.advanced(Path("wandb/one"), 60)
    assert _shown(rows) == [("Syncing", 60, 300), ("  one", 60, 100), ("  two", 0, 200)]
    shows.finished(RunReport(Path("wandb/one"), "synced", records=3))
    shows.finished(RunReport(Path("wandb/none")))
    assert _shown(rows) == [("Syncing", 60, 300), ("  two", 0, 200)]
    assert rows.tasks[0].fields["count"] == "1 of 2 runs"
    assert written.getvalue() == "Synced: wandb/one, 3 records\n"


def test_only_a_few_runs_have_a_bar_at_a_time() -> None:
    """The others move that of the whole; ten thousand would not fit."""
    bars, rows, _ = _bars()
    shows = OnTerminal(bars, [], verbose=False, dry_run=False)
    shows.planned(0, 0)
    shows.advanced(Path("early"), 1)
    assert _shown(rows) == []
    shows.planned(20, 2000)
    for number in range(20):
        shows.started(Path(f"run{number}"), 100)
        shows.advanced(Path(f"run{number}"), 100)
    assert len(rows.tasks) == 1 + MOST_BARS
    assert rows.tasks[0].completed == 2000
    for number in range(20):
        shows.finished(RunReport(Path(f"run{number}")))
    assert [task.fields["count"] for task in rows.tasks] == ["20 of 20 runs"]


def test_several_targets_share_the_bars() -> None:
    """A run has one for each target, and the whole is the sum."""
    bars, rows, _ = _bars()
    for target in ("a", "b"):
        shows = OnTerminal(bars, [], target, verbose=False, dry_run=False)
        shows.planned(1, 100)
        shows.started(Path("one"), 100)
        shows.advanced(Path("one"), 50)
    assert _shown(rows) == [("Syncing", 100, 200), ("  one", 50, 100), ("  one", 50, 100)]


def test_a_log_file_gets_what_is_said_with_the_time(
    tracker: Tracker, tracker_json: TrackerJson, make_run: MakeRun, wandb: Path, workdir: Path
) -> None:
    """Whatever is shown: lines, nothing or JSON; where nothing is new it does not grow."""
    log = workdir / "sync.log"
    make_run()
    tracker("sync", "--log-file", "sync.log")
    said = [
        "Synced: wandb/run-20261120_101112-ab12cd34 (likely-lion-9), 6 records",
        "Synced 1 run, 6 records, to sqlite:wandb/tracker.db.",
    ]
    lines = log.read_text().splitlines()
    assert all(re.match(TIME, line) for line in lines)
    assert [re.sub(TIME, "", line) for line in lines] == said
    assert tracker("sync", "--log-file", "sync.log").output == ""
    assert log.read_text().splitlines() == lines
    make_run("second")
    assert tracker("sync", "-q", "--log-file", "sync.log").output == ""
    make_run("third")
    tracker_json("sync", "--log-file", "sync.log")
    assert [
        line.count("second") + line.count("third") for line in log.read_text().splitlines()
    ] == [*(0, 0, 1, 0, 1, 0)]
    (logs.run_dir_of(wandb, "bad")).mkdir()
    (logs.run_dir_of(wandb, "bad") / "run-bad.txlog").write_text("just some text")
    tracker("sync", "-q", "--log-file", "sync.log", exit_code=3)
    assert "Failed: wandb/run-20261120_101112-bad" in log.read_text()
    tracker("sync", "--log-file", "sync.log", "--to", "jsonl:none/x", exit_code=4)
    assert re.search(
        f"{TIME}Error: the target's folder does not exist\n{TIME}  Where: none\n", log.read_text()
    )


def _unread() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def _full() -> int:
    return os.open("/dev/full", os.O_WRONLY)


@pytest.mark.parametrize(
    ("output", "end"),
    [(_unread, (141, "")), (_full, (1, "Error: No space left on device (stdout)\n"))],
)
def test_runs_are_synced_though_nobody_can_be_told(
    output: Callable[[], int], end: tuple[int, str], tracker: Tracker, make_run: MakeRun
) -> None:
    """A reader that goes away after the first line, or a full disk, keeps no run back."""
    for run_id in ("aaaa1111", "bbbb2222", "cccc3333"):
        make_run(run_id)
    stdout = output()
    done = subprocess.run(
        [TRACKER, "sync"], stdout=stdout, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(stdout)
    assert (done.returncode, done.stderr) == end
    assert tracker("status").stdout.startswith("sqlite:wandb/tracker.db has everything of 3 runs.")


def test_a_terminal_that_is_closed_keeps_no_run_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when somebody leaves whose sync goes on; in the end it is told."""
    master, slave = os.openpty()
    spoken = Spoken()
    with open(slave, "w", encoding="utf-8") as stdout:  # noqa: PTH123 - a descriptor, of which there is no path to open
        monkeypatch.setattr(sys, "stdout", stdout)
        with progress(
            quiet=False, verbose=False, dry_run=False, say=spoken.say, terminal=spoken.terminal
        ) as shows:
            shown = shows(None)
            assert isinstance(shown, OnTerminal)
            os.close(master)
            shown.planned(2, 20)
            for name in ("a", "b"):
                shown.finished(RunReport(Path(name), "synced", records=1))
    with pytest.raises(OSError, match="Input/output error"):
        spoken.check()


def test_a_log_file_that_cannot_be_written_is_refused(tracker: Tracker, make_run: MakeRun) -> None:
    """Before anything is sent."""
    make_run()
    result = tracker("sync", "--log-file", "none/sync.log", exit_code=2)
    assert "the log file cannot be written" in result.stderr


def test_a_log_file_may_be_moved_away(tmp_path: Path, capsys: Any) -> None:  # noqa: ANN401 - what pytest gives has no public type
    """As logrotate does it; what cannot be written later stops nothing, and is said once."""
    folder = tmp_path / "logs"
    folder.mkdir()
    journal = Journal(folder / "sync.log")
    journal.write("one")
    (folder / "sync.log").rename(folder / "sync.log.1")
    journal.write("two\nthree")
    assert len((folder / "sync.log.1").read_text().splitlines()) == 1
    assert len((folder / "sync.log").read_text().splitlines()) == 2
    folder.rename(tmp_path / "moved")
    journal.write("four")
    journal.write("five")
    assert capsys.readouterr().err.count("cannot be written") == 1
