"""Applying bundles where a file system takes one name for another."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from airtape.bundles.applying import apply_bundle
from tests.bundles.caseless import make_caseless
from tests.bundles.made import make, tree
from tests.logs import ended, log_row, run_dir_of, write_log

LOWER, UPPER, OTHER = "ab12cd34", "AB12CD34", "ef56ab78"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the bundle is."""
    return tmp_path / "x.bundle"


@pytest.fixture
def caseless(far: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder on the other side."""
    far.mkdir(parents=True)
    make_caseless(far, monkeypatch)
    return far


def _run(wandb: Path, run_id: str, *names: str) -> Path:
    """Write a run with files, each of which holds its own name."""
    run_dir = run_dir_of(wandb, run_id)
    write_log(run_dir, log_row(0, loss=1.0), ended(), run_id=run_id, writer=run_id.encode() * 2)
    for name in names:
        (run_dir / "files" / name).parent.mkdir(parents=True, exist_ok=True)
        (run_dir / "files" / name).write_text(name)
    return run_dir


def _runs_in(folder: Path) -> list[str]:
    return sorted(name.rpartition("-")[2] for name in os.listdir(folder) if name[0] != ".")  # noqa: PTH208 - the names themselves


def test_the_folder_is_one(caseless: Path) -> None:
    """Else nothing here would be tried."""
    (caseless / "a").write_text("x")
    (caseless / "Dir").mkdir()
    assert (caseless / "A").read_text() == "x"
    assert (caseless / "dIR").is_dir()


@pytest.mark.parametrize("names", [("a.txt", "A.TXT"), ("A.txt", "a.txt/b"), ("a.txt/b", "A.txt")])
def test_a_run_with_both_names_is_refused(
    wandb: Path, caseless: Path, path: Path, names: tuple[str, str]
) -> None:
    """With all that it has; the others are taken."""
    _run(wandb, LOWER, *names)
    _run(wandb, OTHER, "b.txt")
    make(path, wandb)
    (problem,) = apply_bundle(path, caseless).problems
    assert "something with another name is in the way" in str(problem)
    assert _runs_in(caseless) == [OTHER]


def test_of_two_runs_with_one_name_the_first_is_taken(
    wandb: Path, caseless: Path, path: Path
) -> None:
    """However often the bundle comes."""
    for run_id in (LOWER, UPPER):
        _run(wandb, run_id, f"of-{run_id}")
    make(path, wandb)
    before: dict[str, bytes] = {}
    for _ in range(2):
        (problem,) = apply_bundle(path, caseless).problems
        assert LOWER in str(problem)
        assert _runs_in(caseless) == [UPPER]
        before = before or tree(caseless)
        assert tree(caseless) == before


def test_a_file_with_another_name_is_not_written_over(
    wandb: Path, caseless: Path, path: Path
) -> None:
    """It came with a bundle before."""
    files = _run(wandb, LOWER, "a.txt") / "files"
    make(path, wandb)
    assert apply_bundle(path, caseless).problems == []
    before = tree(caseless)
    (files / "a.txt").unlink()
    (files / "A.TXT").write_text("another")
    make(path, wandb)
    (problem,) = apply_bundle(path, caseless).problems
    assert "something with another name is in the way" in str(problem)
    assert tree(caseless) == before
