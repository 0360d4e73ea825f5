"""Runs of a sweep: what it has chosen is theirs, and nobody changes it."""

from __future__ import annotations

from pathlib import Path

import pytest

import airtape
from airtape.errors import ConfigError
from tests.recording import StartRun, recorded

PARAMETERS = """\
wandb_version: 1

lr:
  value: 0.5
net:
  value: {depth: 3}
"""


@pytest.fixture(autouse=True)
def _in_a_sweep(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an agent leaves to the program that it starts."""
    path = workdir / "sweep" / "config.yaml"
    path.parent.mkdir()
    path.write_text(PARAMETERS)
    monkeypatch.setenv("WANDB_SWEEP_ID", "sw33p")
    monkeypatch.setenv("WANDB_SWEEP_PARAM_PATH", str(path))


def test_the_values_of_a_sweep_count_over_those_of_init(start_run: StartRun) -> None:
    """And are recorded once, with those that it says nothing of."""
    run = start_run(config={"lr": 0.1, "epochs": 2})
    assert dict(run.config) == {"epochs": 2, "lr": 0.5, "net": {"depth": 3}}
    assert recorded(run).fold.config == dict(run.config)


def test_the_values_of_a_sweep_are_locked(
    start_run: StartRun, capsys: pytest.CaptureFixture[str]
) -> None:
    """Later changes are ignored with a warning, the others of the same call are made."""
    run = start_run()
    run.config.update({"lr": 0.1, "seed": 7}, allow_val_change=True)
    run.config.lr = 0.2
    run.config["net"] = {}
    run.config.setdefaults({"lr": 3, "more": 1})
    assert dict(run.config) == {"lr": 0.5, "net": {"depth": 3}, "seed": 7, "more": 1}
    said = capsys.readouterr().err
    assert said.count("Config item 'lr' was locked by 'sweep' (ignored update).") == 2
    assert said.count("Config item 'net' was locked by 'sweep' (ignored update).") == 1


@pytest.mark.parametrize("mode", ["offline", "disabled"])
def test_a_run_knows_its_sweep(start_run: StartRun, mode: str) -> None:
    """In every mode; no server has an address for it."""
    run = start_run(mode=mode)
    assert (run.sweep_id, run.sweep_url, run.config.lr) == ("sw33p", None, 0.5)


def test_a_resumed_run_stays_in_its_sweep(
    start_run: StartRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when it is resumed by hand; then its values may be changed again."""
    start_run(id="x").finish()
    again = start_run(id="x", resume="must")
    again.config.lr = 0.1
    assert (again.sweep_id, again.config.lr) == ("sw33p", 0.5)
    again.finish()
    monkeypatch.delenv("WANDB_SWEEP_ID")
    monkeypatch.delenv("WANDB_SWEEP_PARAM_PATH")
    by_hand = start_run(id="x", resume="must")
    by_hand.config.update({"lr": 0.1}, allow_val_change=True)
    assert (by_hand.sweep_id, by_hand.config.lr) == ("sw33p", 0.1)


def test_the_sweep_says_which_run_it_is(
    monkeypatch: pytest.MonkeyPatch, start_run: StartRun, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its scripts all say the same; what it does not say is theirs to say."""
    monkeypatch.setenv("WANDB_RUN_ID", "of-the-sweep")
    monkeypatch.setenv("WANDB_PROJECT", "tests")
    run = start_run(id="mine", project="tests", entity="me", name="a name")
    assert (run.id, run.path, run.name) == ("of-the-sweep", "me/tests/of-the-sweep", "a name")
    said = capsys.readouterr().err
    assert "Ignoring run_id 'mine' when running a sweep." in said
    assert "Ignoring project" not in said


def test_a_sweep_without_its_file_is_an_error(
    monkeypatch: pytest.MonkeyPatch, start_run: StartRun, workdir: Path
) -> None:
    """Rather than a run with other values than the sweep believes; nothing is left of it."""
    monkeypatch.setenv("WANDB_SWEEP_PARAM_PATH", "none.yaml")
    with pytest.raises(ConfigError, match="doesn't exist"):
        start_run()
    assert airtape.run is None
    assert not list(workdir.glob("wandb/run-*"))
