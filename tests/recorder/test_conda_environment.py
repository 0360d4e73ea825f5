from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from airtape.conda_environment import conda_environment

PACKAGES = {
    "python-3.11.7-h955ad1f_0": "https://repo.anaconda.com/pkgs/main/linux-64",
    "scikit-learn-1.4.0-py311_0": "https://conda.anaconda.org/conda-forge/linux-64",
    "tzdata-2024a-h04d1e81_0": "https://repo.anaconda.com/pkgs/main/noarch",
    "own-1.0-0": "https://conda.example.org/team/linux-64",
}


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """An environment with packages of three channels, and one that pip has installed."""
    notes = tmp_path / "env" / "conda-meta"
    notes.mkdir(parents=True)
    (notes / "history").write_text("")
    for package, channel in PACKAGES.items():
        note = {"arch": "x86_64", "channel": channel, "files": ["x" * 100] * 1000}
        (notes / f"{package}.json").write_text(json.dumps(note, indent=2))
    for name, installer in (("tqdm-4.66.0", "pip"), ("scikit_learn-1.4.0", "conda")):
        info = tmp_path / "site" / f"{name}.dist-info"
        info.mkdir(parents=True)
        (info / "INSTALLER").write_text(f"{installer}\n")
    (tmp_path / "site" / "mine.egg-info").mkdir()
    return tmp_path / "env"


def test_an_environment_is_described_as_conda_takes_it(prefix: Path) -> None:
    """Its name, its channels, its packages by version and build, and what pip has added."""
    search = [str(prefix.parent / "site")]
    text = conda_environment(prefix, search, {})
    assert text is not None
    assert yaml.safe_load(text) == {
        "name": "env",
        "channels": ["https://conda.example.org/team", "defaults", "conda-forge"],
        "dependencies": [
            "own=1.0=0",
            "python=3.11.7=h955ad1f_0",
            "scikit-learn=1.4.0=py311_0",
            "tzdata=2024a=h04d1e81_0",
            {"pip": ["tqdm==4.66.0"]},
        ],
    }


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"CONDA_DEFAULT_ENV": "digits", "CONDA_PREFIX": "{prefix}"}, "digits"),
        ({"CONDA_DEFAULT_ENV": "/envs/digits", "CONDA_PREFIX": "{prefix}"}, "digits"),
        ({"CONDA_DEFAULT_ENV": "base", "CONDA_PREFIX": "/opt/conda"}, "env"),
    ],
)
def test_it_is_called_as_its_user_calls_it(said: dict[str, str], name: str, prefix: Path) -> None:
    """If it is the active one; else by its folder."""
    environ = {key: value.format(prefix=prefix) for key, value in said.items()}
    text = conda_environment(prefix, [], environ)
    assert text is not None
    assert yaml.safe_load(text)["name"] == name


def test_elsewhere_there_is_none(tmp_path: Path) -> None:
    """Most programs run outside of conda."""
    assert conda_environment(tmp_path, [], {}) is None
    (tmp_path / "conda-meta").mkdir()
    assert conda_environment(tmp_path, [], {}) is None


def test_a_note_that_cannot_be_read_costs_its_channel_only(prefix: Path) -> None:
    """The package is known by the name of its note."""
    broken = prefix / "conda-meta" / "own-1.0-0.json"
    broken.unlink()
    broken.mkdir()
    text = conda_environment(prefix, [], {})
    assert text is not None
    told = yaml.safe_load(text)
    assert told["channels"] == ["defaults", "conda-forge"]
    assert "own=1.0=0" in told["dependencies"]
