"""Targets that have names."""

from __future__ import annotations

from pathlib import Path

import pytest

from airtape.errors import UsageError
from airtape.targets import named_targets, target_url, without_password


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of runs, below a project, with targets in all three files."""
    folder = tmp_path / "wandb"
    folder.mkdir()
    (folder / "settings").write_text("[default]\nmode = offline\n[targets]\nlab = sqlite:a.db\n")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.tracker.targets]\nLab = "sqlite:b.db"\ngroup = "jsonl:/data/group"\n'
    )
    users = tmp_path / ".config" / "airtape"
    users.mkdir(parents=True)
    (users / "settings").write_text("[targets]\nmine = memory:x\ngroup = memory:y\n")
    return folder


def test_the_first_file_that_has_a_name_counts(folder: Path) -> None:
    """The folder's, the project's, the user's."""
    found, problems = named_targets({"HOME": str(folder.parent)}, folder.parent, folder)
    assert {name: (one.url, Path(one.source).name) for name, one in found.items()} == {
        "lab": ("sqlite:a.db", "settings"),
        "group": ("jsonl:/data/group", "pyproject.toml"),
        "mine": ("memory:x", "settings"),
    }
    assert problems == []


@pytest.mark.parametrize(
    ("said", "url"),
    [("lab", "sqlite:a.db"), ("LAB", "sqlite:a.db"), ("jsonl:lab", "jsonl:lab")],
)
def test_a_name_or_a_url(said: str, url: str, folder: Path) -> None:
    """Either will do."""
    environ = {"HOME": str(folder.parent)}
    assert target_url(said, environ=environ, cwd=folder.parent, folder=folder) == url


def test_an_unknown_name(folder: Path) -> None:
    """The error says which are known."""
    with pytest.raises(UsageError, match="'lap'") as caught:
        target_url("lap", environ={}, cwd=folder.parent, folder=folder)
    assert "group, lab" in str(caught.value)


def test_a_file_that_cannot_be_read(folder: Path) -> None:
    """It is a problem, and the others count."""
    (folder / "settings").unlink()
    (folder / "settings").symlink_to(folder / "settings")
    found, problems = named_targets({}, folder.parent, folder)
    assert found.keys() == {"lab", "group"}
    assert "cannot be read" in problems[0]


@pytest.mark.parametrize("value", ["3", '["sqlite:x.db"]'])
def test_a_target_that_is_no_text(value: str, folder: Path) -> None:
    """The file is named."""
    (folder.parent / "pyproject.toml").write_text(f"[tool.tracker.targets]\nlab = {value}\n")
    with pytest.raises(UsageError, match="gives each name a URL"):
        named_targets({}, folder.parent, folder)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:s3:cret@host:5432/runs", "postgresql://ann:***@host:5432/runs"),
        ("postgresql://ann@host/runs", "postgresql://ann@host/runs"),
        ("sqlite:/data/runs.db", "sqlite:/data/runs.db"),
        ("https://:key@host/", "https://:***@host/"),
        ("postgresql://host/runs?password=s3cret&a=1", "postgresql://host/runs?password=***&a=1"),
        (
            "postgresql://h/r?passfile=/p&sslpassword=x",
            "postgresql://h/r?passfile=/p&sslpassword=***",
        ),
        (
            "postgresql:host=h password='a b\\' c' dbname=r",
            "postgresql:host=h password=*** dbname=r",
        ),
        ("host=h PASSWORD = x dbname=r", "host=h PASSWORD = *** dbname=r"),
        (
            "https://h/x?api_key=k&b=1#access_token=t",
            "https://h/x?api_key=***&b=1#access_token=***",
        ),
        ("s3://bucket?X-Amz-Signature=5f&key=a", "s3://bucket?X-Amz-Signature=***&key=a"),
    ],
)
def test_a_password_is_not_shown(url: str, shown: str) -> None:
    """The rest of the URL is."""
    assert without_password(url) == shown
