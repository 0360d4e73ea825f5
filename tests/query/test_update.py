from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import airtape
from airtape.errors import (
    InvalidDataError,
    LogFormatError,
    UsageError,
)
from airtape.query.api import Api
from airtape.query.run import RecordedRun
from airtape.rundir import log_files
from airtape.txlog.reader import read_log
from tests import logs
from tests.processes import RunPython
from tests.query.conftest import MakeRun
from tests.recording import StartRun

UPDATE_WITHOUT_ROOM = """
    import resource, sys

    import airtape
    run = airtape.Api(sys.argv[2]).run("ab12cd34")
    run.name = "tiger" * 100
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
    try:
        run.update()
    except airtape.TargetError as error:
        print(error)
"""


@pytest.fixture
def run(make_run: MakeRun) -> RecordedRun:
    """A recorded run."""
    make_run()
    return Api().run("ab12cd34")


def test_what_is_assigned_is_written_by_update(run: RecordedRun, wandb: Path) -> None:
    """Names, notes, tags, group, config and summary of a run can be changed after the fact."""
    run.name, run.notes, run.group, run.job_type = "tiger", "a note", "cats", "eval"
    run.tags.append("final")
    run.config["seed"] = 7
    run.config["optimizer"]["name"] = "sgd"
    run.summary["best"] = {"loss": 0.5}
    run.update()
    for seen in (run, Api(wandb).run("ab12cd34")):
        assert (seen.name, seen.notes, seen.group, seen.job_type) == (
            *("tiger", "a note", "cats", "eval"),
        )
        assert seen.tags == ["best", "final"]
        assert seen.config == {"lr": 0.1, "optimizer": {"name": "sgd"}, "seed": 7}
        assert seen.summary["best"] == {"loss": 0.5}
        assert seen.summary["loss"] == 0.1 / 5
        assert seen.state == "finished"


def test_a_change_holds_no_secret(run: RecordedRun, wandb: Path) -> None:
    """Its texts are searched as those of a recording run are, and it has its own list."""
    token = "hf_" + "Ab3dEf6h" * 4
    run.notes = f"uses {token}"
    run.config["key"] = token
    run.summary["key"] = {"text": token, "n": 1}
    run.update()
    mark = "[redacted: Hugging Face token]"
    seen = Api(wandb).run("ab12cd34")
    assert (seen.notes, seen.config["key"]) == (f"uses {mark}", mark)
    assert seen.summary["key"] == {"text": mark, "n": 1}
    [found] = [value for name, value in seen.metadata.items() if name.startswith("redacted_")]
    assert found.keys() == {"run.notes", "config.key", "summary.key.text"}
    for path in wandb.rglob("*.txlog"):
        assert token.encode() not in path.read_bytes()


def test_what_is_taken_out_is_gone(
    run: RecordedRun, wandb: Path, synced: Callable[[], Api], start_run: StartRun
) -> None:
    """From config and summary, here, in a store, and in what goes on with the run."""
    del run.config["lr"]
    run.config["seed"] = 7
    del run.summary["loss"]
    run.update()
    in_store = synced().run("ab12cd34")
    for seen in (run, Api(wandb).run("ab12cd34"), in_store):
        assert seen.config == {"optimizer": {"name": "adam"}, "seed": 7}
        assert "loss" not in seen.summary
    resumed = start_run(id="ab12cd34", resume="must", project=None)
    assert dict(resumed.config) == {"optimizer": {"name": "adam"}, "seed": 7}
    assert "loss" not in resumed.summary


def test_what_goes_on_with_a_changed_run_counts_over_the_change(
    run: RecordedRun, wandb: Path, synced: Callable[[], Api], start_run: StartRun
) -> None:
    """It has read the change, so what it says is later."""
    run.summary["loss"], run.name = -1, "tiger"
    del run.config["lr"]
    run.update()
    resumed = start_run(id="ab12cd34", resume="must", project=None)
    assert (resumed.summary["loss"], resumed.name) == (-1, "tiger")
    resumed.config.lr = 3
    resumed.log({"loss": 0.5})
    resumed.finish()
    for seen in (Api(wandb).run("ab12cd34"), synced().run("ab12cd34")):
        assert (seen.summary["loss"], seen.config["lr"], seen.name) == (0.5, 3, "tiger")


def test_what_was_taken_out_can_be_assigned_again(run: RecordedRun, wandb: Path) -> None:
    """The last word counts."""
    del run.config["lr"]
    run.update()
    run.config["lr"] = 3
    run.update()
    assert Api(wandb).run("ab12cd34").config["lr"] == 3


def test_an_amendment_is_a_log_beside_the_others(run: RecordedRun, wandb: Path) -> None:
    """What was recorded stays as it is; the change is a writer of its own, with those before it."""
    run_dir = wandb / "run-20261120_101112-ab12cd34"
    (first,) = log_files(run_dir)
    before = first.read_bytes()
    for name in ("tiger", "puma"):
        run.name = name
        run.update()
    assert first.read_bytes() == before
    one, other = (read_log(path).header for path in log_files(run_dir)[1:])
    assert one is not None
    assert other is not None
    assert (one.role, other.role) == ("amend", "amend")
    assert one.parents == ((b"ab12cd34".ljust(16), 9),)
    assert [writer for writer, _ in other.parents] == [b"ab12cd34".ljust(16), one.writer]
    assert one.root == b"ab12cd34".ljust(16)
    assert Api(wandb).run("ab12cd34").name == "puma"


def test_without_a_change_nothing_is_written(run: RecordedRun, wandb: Path) -> None:
    """An update of nothing leaves the directory as it is."""
    run.update()
    run.config["lr"] = 0.1
    run.summary.update()
    assert len(log_files(wandb / "run-20261120_101112-ab12cd34")) == 1


def test_an_update_of_the_summary_writes_it(run: RecordedRun, wandb: Path) -> None:
    """The summary's own update takes values and writes them; who holds it sees what is there."""
    summary, config, tags = run.summary, run.config, run.tags
    summary.update({"acc": 1}, f1=0.5)
    summary["acc"] = 2
    config["seed"] = 1
    tags += ["late"]
    summary.update()
    seen = Api(wandb).run("ab12cd34")
    assert (seen.summary["acc"], seen.summary["f1"]) == (2, 0.5)
    assert (seen.config["seed"], seen.tags) == (1, ["best", "late"])
    assert dict(seen.summary) == seen.summary_metrics
    assert len(seen.summary) == len(list(seen.summary))
    assert repr(seen.summary) == repr(seen.summary_metrics)


def test_an_amendment_does_not_prolong_the_run(run: RecordedRun) -> None:
    """Who changes a run years later does not go on with it: its times stay."""
    before = (run.created_at, run.heartbeat_at)
    run.name = "tiger"
    run.update()
    assert (run.created_at, run.heartbeat_at) == before
    (fitting,) = Api().runs(filters="runtime < 1m and duration < 1m")
    assert fitting.name == "tiger"


def test_what_was_not_written_is_lost_when_the_run_is_read_again(run: RecordedRun) -> None:
    """`load` brings back what is recorded."""
    run.name = "tiger"
    run.summary["acc"] = 1
    del run.config["lr"]
    run.load(force=True)
    assert (run.name, run.config["lr"]) == ("lion-ab12cd34", 0.1)
    assert "acc" not in run.summary


def test_what_goes_on_is_seen_when_the_run_is_read_again(run: RecordedRun, wandb: Path) -> None:
    """A run can be watched while it is recorded."""
    rows = [logs.log_row(step, loss=step) for step in range(20)]
    logs.write_log(wandb / "run-20261120_101112-ab12cd34", *rows, writer=b"ab12cd34".ljust(16))
    run.load()
    assert run.lastHistoryStep == 19


def _loop(run: RecordedRun) -> None:
    run.summary["loop"] = [run.config]
    run.config["loop"] = run.summary["loop"]


@pytest.mark.parametrize(
    ("assign", "error", "said"),
    [
        (lambda run: setattr(run, "name", 3), UsageError, "name must be text"),
        (lambda run: run.tags.append(""), UsageError, "Tag at index 1 is empty"),
        (lambda run: run.config.update({3: 3}), UsageError, "must be a text, not 3"),
        (_loop, InvalidDataError, "contain themselves"),
    ],
)
def test_what_cannot_be_kept_is_refused_whole(
    run: RecordedRun,
    wandb: Path,
    assign: Callable[[RecordedRun], Any],
    error: type[Exception],
    said: str,
) -> None:
    """One bad value, and nothing of the update is written."""
    run.notes = "a note"
    assign(run)
    with pytest.raises(error, match=said):
        run.update()
    assert len(log_files(wandb / "run-20261120_101112-ab12cd34")) == 1


def test_a_text_can_be_taken_back(run: RecordedRun) -> None:
    """None takes away a name; so the run has none."""
    run.name = None
    run.tags.clear()
    run.update()
    assert (run.name, run.tags) == (None, [])


def test_a_value_too_large_for_the_log_is_kept_beside_it(run: RecordedRun, wandb: Path) -> None:
    """Large values of config and summary are whole afterwards."""
    long = "x" * (2 << 20)
    run.config["text"] = long
    run.summary["text"] = long
    run.update()
    seen = Api(wandb).run("ab12cd34")
    assert seen.config["text"] == long
    assert seen.summary["text"] == long


def test_a_run_in_a_store_cannot_be_changed(make_run: MakeRun, synced: Callable[[], Api]) -> None:
    """The store is a copy: the error says where to change the run."""
    make_run()
    run = synced().run("ab12cd34")
    run.name = "tiger"
    with pytest.raises(UsageError, match="in its run directory"):
        run.update()


def test_a_change_arrives_with_the_next_sync(make_run: MakeRun, synced: Callable[[], Api]) -> None:
    """What was changed in the run directory is what the store says after a sync."""
    make_run()
    synced()
    run = Api().run("ab12cd34")
    run.name = "tiger"
    run.config["seed"] = 7
    run.update()
    seen = synced().run("ab12cd34")
    assert (seen.name, seen.config["seed"], seen.state) == ("tiger", 7, "finished")
    assert (seen.created_at, seen.heartbeat_at) == (run.created_at, run.heartbeat_at)


def test_a_run_that_is_gone_is_an_error(run: RecordedRun, wandb: Path) -> None:
    """A run whose logs were removed cannot be read again, nor changed."""
    (wandb / "run-20261120_101112-ab12cd34" / "run-ab12cd34.txlog").unlink()
    run.name = "tiger"
    for call in (run.update, run.load, run.scan_history):
        with pytest.raises(LogFormatError, match="no transaction log"):
            call()


def test_a_change_that_cannot_be_written_whole_is_none(
    run: RecordedRun, run_python: RunPython, wandb: Path
) -> None:
    """A full disk, from the first byte or later, is an error and leaves nothing behind."""
    for room in ("0", "600"):
        said = run_python(UPDATE_WITHOUT_ROOM, room, str(wandb)).stdout
        assert said.startswith("the run cannot be changed")
    assert len(log_files(wandb / "run-20261120_101112-ab12cd34")) == 1
    run.load()
    assert run.name == "lion-ab12cd34"


def test_a_running_run_can_be_changed(workdir: Path) -> None:
    """An amendment needs no lock: the run goes on, and both are seen."""
    with airtape.init(project="digits", name="lion") as running:
        running.log({"loss": 1})
        run = Api(workdir).run(running.id)
        run.tags.append("seen")
        run.update()
        running.log({"loss": 0.5})
    seen = Api(workdir).run(run.id)
    assert (seen.tags, seen.state, seen.summary["loss"]) == (["seen"], "finished", 0.5)
