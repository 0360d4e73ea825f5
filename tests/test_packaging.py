from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import entry_points, metadata
from pathlib import Path

import pytest

import airtape

ROOT = Path(__file__).parent.parent


def build(source: Path, kind: str, target: Path) -> Path:
    """Build the wheel or sdist of a source tree, offline."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


def modules(package: Path) -> set[str]:
    """The files of a package that its users need, by their path in the wheel."""
    found = {*package.rglob("*.py"), package / "py.typed"}
    return {path.relative_to(package.parent).as_posix() for path in found}


def test_the_wheel_holds_both_packages_and_nothing_else(wheel: Path) -> None:
    """The wheel has every module of the library and the command, their types, and no tests."""
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = modules(ROOT / "recorder/airtape") | modules(ROOT / "cli/airtape_cli")
    assert names == expected


def test_the_wheel_carries_the_licence(wheel: Path) -> None:
    """The licence travels with the wheel."""
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in names if name.endswith("licenses/LICENSE")] != []


def test_a_wheel_built_from_the_sdist_is_the_same(wheel: Path, tmp_path: Path) -> None:
    """The sdist is complete: the wheel that it builds has the files of the wheel of this tree."""
    sdist = build(ROOT, "sdist", tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    rebuilt = build(source, "wheel", tmp_path / "wheel")
    assert zipfile.ZipFile(rebuilt).namelist() == zipfile.ZipFile(wheel).namelist()


def test_the_module_tells_the_version_of_its_distribution() -> None:
    """airtape.__version__ is the version that pip shows."""
    assert airtape.__version__ == metadata("airtape")["Version"]


def test_the_changelog_begins_with_the_current_version() -> None:
    """The newest entry of the changelog is about the version of this tree."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = next(line for line in text.splitlines() if line.startswith("## "))
    assert newest.split()[1] == metadata("airtape")["Version"]


@pytest.mark.parametrize("name", ["jsonl", "memory", "sqlite"])
def test_the_built_in_backends_are_entry_points_that_load(name: str) -> None:
    """The backends that ship are found in the group where other people's are found."""
    (point,) = entry_points(group="airtape.backends", name=name)
    assert isinstance(point.load(), type)
