from __future__ import annotations

from pathlib import Path

import pytest

import airtape
from airtape.errors import ConfigError, InvalidDataError
from tests.recording import StartRun


@pytest.fixture
def run(start_run: StartRun) -> airtape.Run:
    """A disabled run, the current one."""
    return start_run(reinit=None, mode="disabled", name="n", config={"a": 1})


def test_a_disabled_run_writes_and_says_nothing(
    run: airtape.Run, workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No directory is made and nothing is printed, whatever is called."""
    run.log({"a": 1}, step=3)
    run.log({"a": 1}, step=1)
    run.define_metric("a", summary="max")
    run.finish()
    assert list(workdir.iterdir()) == []
    assert capsys.readouterr().err == ""


def test_a_disabled_run_looks_like_one(run: airtape.Run) -> None:
    """It has everything that a run has, and never leaves step 0."""
    run.log({"a": 1})
    assert isinstance(run, airtape.Run)
    assert (run.disabled, run.offline, run.mode) == (True, False, "disabled")
    assert (run.name, len(run.id), run.step, run.url) == ("n", 8, 0, None)
    assert Path(run.dir).is_dir()
    assert run.status().dropped == 0
    run.tags += ("b",)
    assert run.tags == ("b",)


def test_the_summary_of_a_disabled_run_works(run: airtape.Run) -> None:
    """It has the last values that were logged or set."""
    run.log({"x": 1})
    run.log({"x": 2}, commit=False)
    run.summary["y"] = 3
    assert dict(run.summary.items()) == {"x": 2, "y": 3}


def test_the_config_of_a_disabled_run_works(run: airtape.Run) -> None:
    """Its rules hold, so that a script fails as it would with a run."""
    run.config.b = 2
    assert run.config.as_dict() == {"a": 1, "b": 2}
    with pytest.raises(ConfigError):
        run.config.a = 2


def test_a_mistake_is_one_in_a_disabled_run_too(run: airtape.Run) -> None:
    """What log() does not take, it does not take here either."""
    with pytest.raises(InvalidDataError):
        run.log(None)  # type: ignore[arg-type]  # what the test is about


def test_a_disabled_run_ends(start_run: StartRun) -> None:
    """No run is current afterwards; logging goes on being nothing."""
    with start_run(reinit=None, mode="disabled") as run:
        assert airtape.run is run
    assert airtape.run is None
    run.log({"a": 1})
    run.finish()


def test_init_returns_the_disabled_run_that_is_active(
    run: airtape.Run, start_run: StartRun
) -> None:
    """As it would any other; with ``reinit=True`` it is replaced."""
    assert start_run(reinit=None) is run
    other = start_run(reinit=True)
    assert airtape.run is other
    assert not other.disabled


def test_a_disabled_run_beside_another_is_not_current(start_run: StartRun) -> None:
    """With ``create_new`` the current run stays the current one, also when the other ends."""
    run = start_run(reinit=None)
    other = start_run(mode="disabled")
    assert airtape.run is run
    other.finish()
    assert airtape.run is run
    run.finish()
    other.finish()
    assert airtape.run is None


@pytest.mark.parametrize("name", ["WANDB_MODE", "TRACKER_MODE"])
def test_a_variable_disables(
    name: str, start_run: StartRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No change of the script is needed."""
    monkeypatch.setenv(name, "disabled")
    assert start_run().disabled
