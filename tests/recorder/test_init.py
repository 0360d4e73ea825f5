from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import airtape
from airtape.errors import ConfigError, UsageError
from airtape.records import Kind
from tests.recording import StartRun, log_of, recorded


def test_a_run_needs_no_arguments(workdir: Path, start_run: StartRun) -> None:
    """It has an id of eight characters, a name with a number, and a directory below ``wandb``."""
    run = start_run(reinit=None)
    assert len(run.id) == 8
    assert run.name is not None
    assert run.name.endswith("-1")
    assert Path(run.sync_dir).parent == workdir / "wandb"
    assert log_of(run).is_file()
    assert Path(run.dir).is_dir()
    assert airtape.run is run


def test_names_are_numbered(start_run: StartRun) -> None:
    """The number is that of the run in its ``wandb`` folder."""
    names = [start_run().name or "" for _ in range(3)]
    assert [name.rpartition("-")[2] for name in names] == ["1", "2", "3"]


def test_what_init_is_told_is_recorded(start_run: StartRun) -> None:
    """Name, project and so on stand in the log, before the config, before the machine."""
    run = start_run(
        entity="ada",
        project="digits",
        name="first",
        notes="a try",
        tags=["a", "b"],
        group="g",
        job_type="train",
        config={"lr": 0.1},
    )
    run.finish()
    said = recorded(run)
    assert [record.kind for record in said.records[2:5]] == [Kind.RUN, Kind.CONFIG, Kind.METADATA]
    assert said.fold.run == {
        "entity": "ada",
        "project": "digits",
        "name": "first",
        "notes": "a try",
        "tags": ["a", "b"],
        "group": "g",
        "job_type": "train",
    }
    assert said.fold.config == {"lr": 0.1}
    assert said.fold.metadata["host"] == said.header.host == os.uname().nodename
    assert said.header.pid == os.getpid()


@pytest.mark.parametrize(
    "config",
    [{"lr": 0.1}, SimpleNamespace(lr=0.1), {"lr": 0.1, "left": "out"}],
    ids=["dictionary", "namespace", "in part"],
)
def test_the_config_may_be_given_in_several_ways(config: object, start_run: StartRun) -> None:
    """Anything with attributes is a config, and keys can be chosen."""
    run = start_run(config=config, config_include_keys=["lr"])
    assert run.config.as_dict() == {"lr": 0.1}


def test_the_config_may_be_a_file(workdir: Path, start_run: StartRun) -> None:
    """A path is that of a YAML file."""
    workdir.joinpath("config.yaml").write_text("lr: 0.1\n")
    assert start_run(config="config.yaml").config.lr == 0.1


WRONG: dict[str, dict[str, Any]] = {
    "id with a slash": {"id": "a/b"},
    "no id": {"id": ""},
    "id that is no text": {"id": 5},
    "name that is no text": {"name": 5},
    "tag that is too long": {"tags": ["x" * 65]},
    "project with a hash": {"project": "a#b"},
    "unknown mode": {"mode": "fast"},
    "unknown reinit": {"reinit": "now"},
    "reinit that is a list": {"reinit": []},
    "dir that is no path": {"dir": 5},
    "unknown setting": {"settings": {"colour": "red"}},
    "settings that are none": {"settings": 5},
    "config that is none": {"config": 5},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wrong_argument_is_a_usage_error(
    wrong: dict[str, Any], workdir: Path, start_run: StartRun
) -> None:
    """It is a ValueError too; no run is current, and nothing was made."""
    with pytest.raises(UsageError) as raised:
        start_run(**{"reinit": None} | wrong)
    assert isinstance(raised.value, ValueError)
    assert airtape.run is None
    assert list(workdir.iterdir()) == []


def test_what_is_switched_off_may_be_said(start_run: StartRun) -> None:
    """The arguments that come later may be given as what they are now."""
    run = start_run(force=False, anonymous="never", save_code=False, monitor_gym=False)
    assert not run.disabled


def test_a_second_init_returns_the_active_run(
    start_run: StartRun, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says so, and its other arguments change nothing."""
    run = start_run(reinit=None, config={"lr": 0.1})
    for reinit in (None, False, "default", "return_previous"):
        assert start_run(reinit=reinit, config={"lr": 0.2}) is run
    assert run.config.lr == 0.1
    assert capsys.readouterr().err.count("returned the active run") == 4


@pytest.mark.parametrize("reinit", [True, "finish_previous"])
def test_init_may_finish_what_was_there(reinit: object, start_run: StartRun) -> None:
    """All open runs end, and the new one is current."""
    before = [start_run(), start_run(reinit=None)]
    run = start_run(reinit=reinit)
    assert airtape.run is run
    assert [recorded(one).fold.exit is not None for one in before] == [True, True]


def test_an_init_that_is_refused_finishes_nothing(start_run: StartRun) -> None:
    """A mistake in the call does not end the run that was there."""
    run = start_run(reinit=None)
    with pytest.raises(UsageError):
        start_run(reinit=True, id="a/b")
    run.log({"a": 1})
    assert airtape.run is run


def test_a_run_may_be_made_beside_another(start_run: StartRun) -> None:
    """With ``create_new`` the current run stays the current one, also when the new one ends."""
    run = start_run(reinit=None)
    other = start_run(reinit="create_new")
    airtape.log({"a": 1})
    other.log({"b": 2})
    other.finish()
    assert airtape.run is run
    run.finish()
    assert recorded(run).data == [(0, {"a": 1})]
    assert recorded(other).data == [(0, {"b": 2})]


def test_no_run_becomes_current_by_the_end_of_another(start_run: StartRun) -> None:
    """When the current run ends there is none, whatever other runs are open."""
    run = start_run(reinit=None)
    start_run(reinit="create_new")
    run.finish()
    assert airtape.run is None


CALLS: dict[str, Callable[[], object]] = {
    "wandb.log()": lambda: airtape.log({"a": 1}),
    "wandb.define_metric()": lambda: airtape.define_metric("a"),
    "wandb.config.lr": lambda: airtape.config.lr,
    "wandb.config['lr']": lambda: airtape.config["lr"],
    "wandb.summary['loss']": lambda: airtape.summary.__setitem__("loss", 1),
    "wandb.summary.loss": lambda: setattr(airtape.summary, "loss", 1),
}


@pytest.mark.parametrize(("name", "call"), CALLS.items(), ids=CALLS)
def test_a_call_without_a_run_says_what_to_do(name: str, call: Callable[[], object]) -> None:
    """It is a usage error that names init() and the call."""
    with pytest.raises(UsageError) as raised:
        call()
    assert str(raised.value) == f"You must call wandb.init() before {name}"


def test_finish_without_a_run_does_nothing() -> None:
    """A script may call it whether it has a run or not."""
    airtape.finish()
    assert airtape.run is None


def test_the_modules_functions_act_on_the_current_run(start_run: StartRun) -> None:
    """``airtape.log`` and so on are the run's own."""
    run = start_run(reinit=None)
    airtape.define_metric("loss", summary="max")
    airtape.log({"loss": 1}, step=3, commit=True)
    airtape.config.lr = 0.1
    airtape.summary["best"] = 2
    assert airtape.summary["loss"]["max"] == 1
    airtape.finish(1)
    said = recorded(run)
    assert said.data == [(3, {"loss": 1})]
    assert said.fold.config == {"lr": 0.1}
    assert said.fold.summary["best"] == 2
    assert said.of(Kind.EXIT)[0].fields[0] == 1


def test_a_config_that_is_refused_leaves_nothing(workdir: Path, start_run: StartRun) -> None:
    """A value that is too large raises; the directory is gone, and another run can be started."""
    with pytest.raises(ConfigError, match="big"):
        start_run(reinit=None, config={"big": "x" * 11_000_000})
    assert airtape.run is None
    assert list(workdir.glob("wandb/*run-*")) == []
    start_run(reinit=None)
