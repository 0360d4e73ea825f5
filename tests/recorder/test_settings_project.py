"""Settings in the ``pyproject.toml`` of a project."""

from __future__ import annotations

from pathlib import Path

import pytest

from airtape.errors import UsageError
from airtape.settings import Settings
from airtape.settings_sources import load_settings


def settings_in(cwd: Path, **environ: str) -> Settings:
    """Return the settings that hold in a directory."""
    return load_settings({}, environ={"HOME": str(cwd), **environ}, cwd=cwd)


def say(folder: Path, text: str) -> Path:
    """Write the project's file."""
    path = folder / "pyproject.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_project_says_settings(tmp_path: Path) -> None:
    """With the types of TOML; W&B's names do too."""
    say(
        tmp_path,
        '[tool.tracker]\nproject = "digits"\ntags = ["a", "b"]\nquiet = true\n'
        'heartbeat_interval = 2\nrun_group = "fold-1"\n',
    )
    settings = settings_in(tmp_path)
    assert (settings.project, settings.tags, settings.quiet) == ("digits", ("a", "b"), True)
    assert (settings.heartbeat_interval, settings.group) == (2.0, "fold-1")


def test_the_nearest_file_above_counts(tmp_path: Path) -> None:
    """A program may be started from a folder inside the project."""
    say(tmp_path, '[tool.tracker]\nproject = "outer"\n')
    inner = tmp_path / "inner"
    (inner / "src").mkdir(parents=True)
    assert settings_in(inner / "src").project == "outer"
    say(inner, '[tool.tracker]\nproject = "inner"\n')
    assert settings_in(inner / "src").project == "inner"


def test_what_counts_over_what(tmp_path: Path) -> None:
    """Variables, the folder's file, the project's, the user's."""
    say(tmp_path, '[tool.tracker]\nproject = "p"\nentity = "p"\ngroup = "p"\n')
    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb" / "settings").write_text("[default]\nproject = f\nentity = f\n")
    users = tmp_path / ".config" / "airtape"
    users.mkdir(parents=True)
    (users / "settings").write_text("[default]\ngroup = u\njob_type = u\n")
    settings = settings_in(tmp_path, TRACKER_PROJECT="v")
    said = settings.project, settings.entity, settings.group, settings.job_type
    assert said == ("v", "f", "p", "u")


@pytest.mark.parametrize("text", ["", "[tool.other]\nproject = 1\n", "# tracker\n[tool]\na = 1\n"])
def test_a_project_that_says_nothing(text: str, tmp_path: Path) -> None:
    """Its file is no reason to say anything."""
    say(tmp_path, text)
    settings = settings_in(tmp_path)
    assert (settings.said, settings.notices) == (frozenset(), ())


def test_an_unknown_setting_is_noted(tmp_path: Path) -> None:
    """The run goes on."""
    path = say(
        tmp_path, '[tool.tracker]\nprojekt = "x"\n[tool.tracker.targets]\nlab = "memory:x"\n'
    )
    (notice,) = settings_in(tmp_path).notices
    assert notice == f"The setting projekt has no effect here ({path} [tool.tracker])"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.tracker\n", "cannot be understood"),
        ("[tool]\ntracker = 3\n", "has to be a table"),
        ('[tool.tracker]\nmode = "sometimes"\n', "Invalid mode"),
        ("[tool.tracker]\nproject = 3\n", "project"),
    ],
)
def test_a_wrong_file_is_named(text: str, said: str, tmp_path: Path) -> None:
    """With what is wrong in it."""
    path = say(tmp_path, text)
    with pytest.raises(UsageError, match=said) as caught:
        settings_in(tmp_path)
    assert str(path) in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """It is noted, and counts as none."""
    (tmp_path / "pyproject.toml").symlink_to("/proc/self/mem")
    (notice,) = settings_in(tmp_path).notices
    assert "cannot be read" in notice
