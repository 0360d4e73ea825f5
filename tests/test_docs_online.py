"""The examples of docs/ONLINE.md, as they stand there."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from airtape.settings_sources import load_settings
from airtape.targets import target_url
from tests.processes import RunPython

PAGE = Path(__file__).parent.parent / "docs" / "ONLINE.md"


def example(language: str) -> str:
    """Return the page's only example in a language."""
    (text,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return str(text)


@pytest.mark.timeout(60)
def test_a_run_goes_to_the_store_beside_it(run_python: RunPython, workdir: Path) -> None:
    """Without a word on the target."""
    run_python(example("python"), env={**os.environ, "TRACKER_FINISH_TIMEOUT": "30"})
    assert (workdir / "wandb" / "tracker.db").exists()


@pytest.mark.parametrize(
    ("language", "place"), [("ini", ".config/airtape/settings"), ("toml", "pyproject.toml")]
)
def test_a_target_gets_a_name(language: str, place: str, tmp_path: Path) -> None:
    """In either file."""
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_text(example(language), encoding="utf-8")
    environ = {"HOME": str(tmp_path)}
    url = target_url("lab", environ=environ, cwd=tmp_path, folder=tmp_path / "wandb")
    assert url == "sqlite:/data/runs.db"


def test_a_project_gives_settings(tmp_path: Path) -> None:
    """Beside the names."""
    (tmp_path / "pyproject.toml").write_text(example("toml"), encoding="utf-8")
    settings = load_settings({}, environ={}, cwd=tmp_path)
    assert (settings.project, settings.notices) == ("digits", ())
