"""Runs of which `tracker clean` has left what they were: the API shows them with the others."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from airtape.errors import LogFormatError, UsageError
from airtape.query.api import Api
from airtape.query.run import RecordedRun
from tests.cli.conftest import Tracker, tracker
from tests.query.conftest import MakeRun

__all__ = ["tracker"]

STORE = "sqlite:lab.db"


@pytest.fixture
def run_dir(make_run: MakeRun, tracker: Tracker) -> Path:
    """The directory of a run that was cleaned, beside one that was not."""
    run_dir = make_run()
    make_run("other", stamp="20261121_101112", lr=0.5)
    tracker("sync", "--to", STORE)
    tracker("clean", str(run_dir), "--to", STORE, "--yes")
    return run_dir


WHAT_IT_WAS = (
    *("path", "name", "tags", "state", "config", "summary_metrics", "metadata"),
    *("created_at", "heartbeat_at", "lastHistoryStep", "user"),
)


def test_a_cleaned_run_is_what_it_was(make_run: MakeRun, tracker: Tracker) -> None:
    """Names, state, times, config, summary and metadata; and when it was cleaned."""
    run_dir = make_run()
    run = Api().run("ab12cd34")
    before = {name: getattr(run, name) for name in WHAT_IT_WAS}
    assert run.cleaned_at is None
    tracker("sync", "--to", STORE)
    tracker("clean", str(run_dir), "--to", STORE, "--yes")
    run = Api().run("me/digits/ab12cd34")
    assert run.cleaned_at is not None
    assert {name: getattr(run, name) for name in WHAT_IT_WAS} == before


def test_it_is_listed_filtered_and_ordered_with_the_others(run_dir: Path) -> None:
    """By what is left of it."""
    del run_dir
    assert [run.id for run in Api().runs(order="-config.lr")] == ["other", "ab12cd34"]
    (run,) = Api().runs("me/digits", "config.lr < 0.2")
    assert run.id == "ab12cd34"


@pytest.mark.parametrize(
    "ask",
    [
        lambda run: run.scan_history(),
        lambda run: run.history(),
        lambda run: run.history(stream="system"),
        lambda run: run.config.update(lr=1) or run.update(),
    ],
)
def test_what_is_not_here_any_more_is_refused(
    run_dir: Path, ask: Callable[[RecordedRun], object]
) -> None:
    """With the targets that have it: an empty history would be a wrong answer."""
    with pytest.raises(UsageError, match=f"removed by `tracker clean`[^$]*{STORE}"):
        ask(Api(run_dir).run("ab12cd34"))


def test_files_that_are_left_are_listed(make_run: MakeRun, tracker: Tracker) -> None:
    """Config and summary."""
    run_dir = make_run()
    (run_dir / "files").mkdir()
    (run_dir / "files/config.yaml").write_text("lr: 0.1\n")
    tracker("bundle", "create", "-o", "x.bundle")
    tracker("bundle", "apply", "x.bundle", "far", "--receipt", "far.receipt", "--name", "far")
    tracker("receipt", "import", "far.receipt")
    tracker("clean", "--to", "far", "--yes")
    (file,) = Api().run("ab12cd34").files()
    assert file.name == "config.yaml"


def test_what_is_left_may_vanish_or_be_changed(run_dir: Path) -> None:
    """The one is an error where it is read again, the other a problem that is named."""
    run = Api().run("ab12cd34")
    run.load()
    (stub,) = run_dir.glob("*.cleaned")
    stub.write_bytes(stub.read_bytes()[:-2])
    with pytest.warns(UserWarning, match="cut or changed"):
        assert [run.id for run in Api().runs()] == ["other"]
    shutil.rmtree(run_dir)
    with pytest.raises(LogFormatError, match="nothing is left of the run"):
        run.load()
