from __future__ import annotations

from pathlib import Path

import pytest

from airtape.fold.keys import Tree
from airtape.overview_facts import leaves_of, privacy, section_of


@pytest.mark.parametrize(
    ("mode", "word"), [(0o700, "private"), (0o750, "shared"), (0o755, "public"), (0o705, "public")]
)
def test_the_privacy_of_a_run_is_that_of_its_directory(
    mode: int, word: str, tmp_path: Path
) -> None:
    """Where no server has accounts, permissions say who can read."""
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    run_dir.chmod(mode)
    said = privacy(run_dir)
    assert said is not None
    assert said.partition(":")[0] == word


def test_a_run_without_a_directory_has_none(tmp_path: Path) -> None:
    """It may have been removed meanwhile."""
    assert privacy(tmp_path / "gone") is None


@pytest.mark.parametrize(
    ("name", "section"), [("loss", ""), ("a/b", "a"), ("a/b/c", "a/b"), ("/x", "")]
)
def test_the_section_of_a_metric_stands_before_its_last_slash(name: str, section: str) -> None:
    """One level of sections."""
    assert section_of(name) == section


def test_a_file_is_one_value() -> None:
    """Other dictionaries are values inside of one another."""
    tree: Tree = {"a": {"b": 1, "c": {}}, "image": {"_type": "image-file", "path": "x.png"}}
    assert [*leaves_of(tree)] == [
        (("a", "b"), 1),
        (("a", "c"), {}),
        ("image", {"_type": "image-file", "path": "x.png"}),
    ]
