from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.errors import UsageError
from airtape_cli.settings_file import with_setting
from tests.cli.conftest import Tracker
from tests.processes import RunPython

RECORD = """
    import airtape

    with airtape.init(project="tests") as run:
        print(run.mode if not run.disabled else "disabled")
"""


@pytest.mark.parametrize("mode", ["offline", "online", "disabled"])
def test_the_mode_stands_in_the_settings_of_the_directory(
    tracker: Tracker, workdir: Path, mode: str
) -> None:
    """The folder is made if need be, and left out of git as if a run had made it."""
    assert "from now on" in tracker(mode).stdout
    assert (workdir / "wandb/settings").read_text() == f"[default]\nmode = {mode}\n"
    assert (workdir / "wandb/.gitignore").read_text() == "*\n"
    assert f" {mode} " in tracker("config", "mode").stdout


def test_scripts_follow_the_mode(tracker: Tracker, workdir: Path, run_python: RunPython) -> None:
    """`disabled` makes `init` record nothing, `enabled` undoes it."""
    tracker("disabled")
    assert run_python(RECORD).stdout == "disabled\n"
    assert list(workdir.glob("wandb/run-*")) == []
    tracker("enabled")
    assert run_python(RECORD).stdout == "offline\n"
    assert len(list(workdir.glob("wandb/run-*"))) == 1


def test_a_variable_that_counts_over_the_mode_is_named(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is left to think that the command had worked."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    result = tracker("disabled")
    assert "Runs here are recorded offline" in result.stdout
    assert "Note: WANDB_MODE counts over " in result.stderr


def test_the_folder_of_the_settings_is_written_to(
    tracker: Tracker, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mode goes where the recorder reads it."""
    monkeypatch.setenv("WANDB_DIR", "scratch")
    tracker("disabled")
    assert "disabled" in (workdir / "scratch/wandb/settings").read_text()


def test_a_settings_file_keeps_its_permissions_and_its_link(
    tracker: Tracker, workdir: Path, wandb: Path
) -> None:
    """The file is replaced where it is, by one like it."""
    target = workdir / "shared-settings"
    target.write_text("[default]\n")
    target.chmod(0o640)
    (wandb / "settings").symlink_to(target)
    tracker("offline")
    assert target.read_text() == "[default]\nmode = offline\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert (wandb / "settings").is_symlink()


def test_a_folder_that_cannot_be_written_is_an_error(tracker: Tracker, workdir: Path) -> None:
    """It says which, with the exit code of a place that cannot be written."""
    (workdir / "wandb").touch()
    stderr = tracker("offline", exit_code=4).stderr
    assert "the mode cannot be set" in stderr
    assert "wandb" in stderr


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "[default]\nmode = x\n"),
        (
            "# mine\n[default]\nmode: old\n  more\nname = n\n",
            "# mine\n[default]\nmode = x\nname = n\n",
        ),
        ("[other]\nmode = 1\n", "[other]\nmode = 1\n[default]\nmode = x\n"),
        ("[default]\nMODE=old\n[other]\na = 1", "[default]\nmode = x\n[other]\na = 1\n"),
        ("[default]\nmodel = m\n", "[default]\nmode = x\nmodel = m\n"),
    ],
)
def test_only_the_setting_changes(before: str, after: str) -> None:
    """Comments, other settings and sections stay as they are."""
    assert with_setting(before, "mode", "x") == after


def test_a_setting_that_is_unsaid_leaves_no_trace() -> None:
    """Its line goes, the others stay; where it is not said nothing changes."""
    assert with_setting("[default]\nmode = a\nname = n\n", "mode", None) == "[default]\nname = n\n"
    assert with_setting("", "mode", None) == ""


def test_a_file_that_would_say_something_else_is_refused() -> None:
    """What is not understood is left to its owner."""
    with pytest.raises(UsageError, match="cannot be changed in this file"):
        with_setting("[default]\n  mode = a\n", "mode", "b")


NAMES = st.sampled_from(["mode", "name", "model", "tags"])


@given(st.dictionaries(NAMES, st.sampled_from(["a", "b c", "1"])), st.sampled_from(["x", None]))
def test_changing_is_exact_for_any_settings(said: dict[str, str], value: str | None) -> None:
    """Undoing a change gives the file without the setting, whatever else is in it."""
    text = "[default]\n" + "".join(f"{name} = {one}\n" for name, one in said.items())
    without = with_setting(text, "mode", None)
    assert with_setting(with_setting(text, "mode", value), "mode", None) == without
