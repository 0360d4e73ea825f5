from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airtape.settings import SETTINGS
from tests.cli.conftest import Tracker


def test_each_setting_has_its_value_and_source(
    tracker: Tracker, wandb: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables and files are named; what nobody said is a default."""
    monkeypatch.setenv("WANDB_PROJECT", "digits")
    monkeypatch.setenv("TRACKER_QUIET", "yes")
    monkeypatch.setenv("TRACKER_FILE_MODE", "640")
    (wandb / "settings").write_text("[default]\nmode = disabled\ntags = a, b\n")
    lines = [line.split(None, 2) for line in tracker("config").stdout.splitlines()]
    assert lines[0] == ["SETTING", "VALUE", "SOURCE"]
    assert [line[0] for line in lines[1:]] == list(SETTINGS)
    assert ["project", "digits", "WANDB_PROJECT"] in lines
    assert ["quiet", "true", "TRACKER_QUIET"] in lines
    assert ["file_mode", "640", "TRACKER_FILE_MODE"] in lines
    assert ["mode", "disabled", "wandb/settings"] in [
        [*line[:2], line[2].removeprefix(f"{wandb.parent}/")] for line in lines
    ]
    assert ["entity", "-", "default"] in lines


@pytest.mark.parametrize("name", ["run_id", "id"])
def test_one_setting_can_be_asked_for(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """By its own name or by that of the argument; its meaning is told too."""
    monkeypatch.setenv("WANDB_RUN_ID", "ab12cd34")
    assert tracker("config", name).stdout.splitlines() == [
        "SETTING  VALUE     SOURCE",
        "run_id   ab12cd34  WANDB_RUN_ID",
        "",
        "the run's id; a random one",
    ]


def test_an_unknown_setting_offers_the_near_one(tracker: Tracker) -> None:
    """A typing error is answered with what was meant."""
    assert "Did you mean project?" in tracker("config", "projct", exit_code=2).stderr
    assert "lists all of them" in tracker("config", "zzz", exit_code=2).stderr


def test_secrets_are_not_shown(
    tracker: Tracker, tracker_json: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A target may hold a password, so only that it is set is told."""
    assert tracker_json("config", "target")["settings"]["target"]["value"] is None
    monkeypatch.setenv("TRACKER_TARGET", "postgres://me:hunter2@host/runs")
    said = tracker_json("config")["settings"]["target"]
    assert (said["value"], said["source"], said["secret"]) == ("***", "TRACKER_TARGET", True)
    assert "hunter2" not in tracker("config").output


def test_json_has_values_of_their_kind(
    tracker_json: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lists, numbers and truths stay what they are."""
    monkeypatch.setenv("WANDB_TAGS", "a,b")
    settings = tracker_json("config")["settings"]
    assert settings["tags"]["value"] == ["a", "b"]
    assert settings["fsync_interval"]["value"] == 5.0
    assert settings["silent"]["value"] is False


def test_settings_without_effect_are_noted(tracker: Tracker, wandb: Path) -> None:
    """What stands in a file for nothing is said."""
    (wandb / "settings").write_text("[default]\nbase_url = https://host\n")
    assert "base_url has no effect here" in tracker("config").stderr


def test_a_wrong_value_is_an_error_that_names_its_place(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is shown as if it held."""
    monkeypatch.setenv("WANDB_MODE", "sometimes")
    assert "WANDB_MODE" in tracker("config", exit_code=2).stderr
