from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from airtape.new_rundir import create_run_dir
from airtape.rundir import RunDir, wandb_dir

NOW = datetime(2026, 11, 20, 10, 11, 12, tzinfo=timezone.utc)
NAME = "run-20261120_101112-ab12cd34"


@pytest.fixture
def open_umask() -> Iterator[None]:
    """A umask that takes nothing away."""
    before = os.umask(0)
    yield
    os.umask(before)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_run_dir_is_named_by_time_and_id(tmp_path: Path) -> None:
    """The directory stands in wandb/ and tells when the run started and which it is."""
    run_dir = create_run_dir(tmp_path, "ab12cd34", NOW)
    assert run_dir == RunDir(tmp_path / "wandb" / NAME, "ab12cd34")
    assert _names(run_dir.root) == ["files", "logs"]


def test_runs_of_one_second_get_numbers(tmp_path: Path) -> None:
    """The same id in the same second: the directories differ, the log's name does not."""
    made = [create_run_dir(tmp_path, "ab12cd34", NOW) for _ in range(3)]
    assert [run_dir.root.name for run_dir in made] == [NAME, f"{NAME}-1", f"{NAME}-2"]
    assert {run_dir.log_path.name for run_dir in made} == {"run-ab12cd34.txlog"}


def test_a_missing_base_is_made(tmp_path: Path) -> None:
    """The directory that a user named need not exist."""
    create_run_dir(tmp_path / "no" / "such", "ab12cd34", NOW)
    assert (tmp_path / "no" / "such" / "wandb" / NAME).is_dir()


def test_a_relative_base_is_taken_from_the_working_directory(workdir: Path) -> None:
    """Path("") is the working directory."""
    assert create_run_dir(Path(), "ab12cd34", NOW).root == Path("wandb") / NAME
    assert (workdir / "wandb" / NAME).is_dir()


def test_an_existing_hidden_folder_is_used(tmp_path: Path) -> None:
    """Where .wandb exists, runs go there."""
    (tmp_path / ".wandb").mkdir()
    assert wandb_dir(tmp_path) == tmp_path / ".wandb"
    assert create_run_dir(tmp_path, "ab12cd34", NOW).root.parent == tmp_path / ".wandb"
    assert not (tmp_path / "wandb").exists()


def test_a_file_in_the_way_is_an_error(tmp_path: Path) -> None:
    """A file named wandb is neither replaced nor ignored."""
    (tmp_path / "wandb").write_text("mine")
    with pytest.raises(FileExistsError):
        create_run_dir(tmp_path, "ab12cd34", NOW)
    assert (tmp_path / "wandb").read_text() == "mine"


def test_half_a_run_dir_is_taken_back(tmp_path: Path) -> None:
    """When the directory cannot be completed, nothing stays behind."""
    with pytest.raises(OverflowError):
        create_run_dir(tmp_path, "ab12cd34", NOW, file_mode=1 << 70)
    assert _names(tmp_path / "wandb") == [".gitignore"]


def test_a_new_wandb_folder_is_ignored_by_git(tmp_path: Path) -> None:
    """Only a folder that was made for the run gets a .gitignore."""
    create_run_dir(tmp_path, "ab12cd34", NOW)
    assert (tmp_path / "wandb" / ".gitignore").read_text() == "*\n"
    (tmp_path / "own" / "wandb").mkdir(parents=True)
    create_run_dir(tmp_path / "own", "ab12cd34", NOW)
    assert not (tmp_path / "own" / "wandb" / ".gitignore").exists()


def test_latest_run_is_a_relative_link_to_the_newest(tmp_path: Path) -> None:
    """The link follows each new run and survives a move of the folder."""
    create_run_dir(tmp_path, "ab12cd34", NOW)
    newest = create_run_dir(tmp_path, "ab12cd34", NOW)
    assert (tmp_path / "wandb" / "latest-run").readlink() == Path(newest.root.name)
    assert not list((tmp_path / "wandb").glob(".latest*"))


def test_a_directory_named_latest_run_stays(tmp_path: Path) -> None:
    """What stands in the link's place is left alone, and the run goes on."""
    (tmp_path / "wandb" / "latest-run").mkdir(parents=True)
    create_run_dir(tmp_path, "ab12cd34", NOW)
    assert _names(tmp_path / "wandb") == ["latest-run", NAME]
    assert not (tmp_path / "wandb" / "latest-run").is_symlink()


@pytest.mark.usefixtures("open_umask")
def test_folders_are_never_writable_for_everybody(tmp_path: Path) -> None:
    """Even an empty umask leaves others without write permission."""
    run_dir = create_run_dir(tmp_path / "deep" / "base", "ab12cd34", NOW)
    for folder in (run_dir.root, run_dir.files, run_dir.logs, *run_dir.root.parents[:3]):
        assert _mode(folder) == 0o775


@pytest.mark.usefixtures("open_umask")
def test_the_umask_is_followed(tmp_path: Path) -> None:
    """A private umask makes private directories."""
    os.umask(0o077)
    assert _mode(create_run_dir(tmp_path, "ab12cd34", NOW).files) == 0o700


def test_a_file_mode_decides_about_folders(tmp_path: Path) -> None:
    """Who may read files may enter folders; the set-group-id bit of a shared folder stays."""
    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb").chmod(0o2775)
    run_dir = create_run_dir(tmp_path, "ab12cd34", NOW, file_mode=0o640)
    for folder in (run_dir.root, run_dir.files, run_dir.logs):
        assert _mode(folder) == 0o2750
