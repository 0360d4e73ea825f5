"""Bringing back files of runs: `airtape.restore` and `Run.restore`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import pytest

import airtape
from airtape.backends.base import Backend
from airtape.backends.memory import MemoryBackend
from airtape.backends.registry import open_backend
from airtape.errors import CommError, UsageError
from airtape.records import Kind
from airtape.sync.engine import sync
from tests.logs import ended, write_log
from tests.recording import StartRun


def text_of(file: TextIO | None) -> str:
    """Return what is in a file that was brought back."""
    assert file is not None
    with file:
        return file.read()


@pytest.fixture
def run_path(start_run: StartRun, workdir: Path) -> str:
    """The path of a run that has ended and has saved `out/model.txt`."""
    (workdir / "out").mkdir()
    (workdir / "out/model.txt").write_text("weights")
    run = start_run(reinit=None)
    run.save("out/model.txt")
    run.finish()
    (workdir / "out/model.txt").unlink()
    return run.path


def test_a_file_comes_back_to_where_it_was(run_path: str, workdir: Path) -> None:
    """Below the working directory, open for reading."""
    file = airtape.restore("out/model.txt", run_path)
    assert file is not None
    assert Path(file.name) == workdir / "out/model.txt"
    assert text_of(file) == "weights"


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_a_run_is_named_by_its_path_or_the_end_of_it(run_path: str, parts: int) -> None:
    """As everywhere."""
    named = "/".join(run_path.split("/")[-parts:])
    assert text_of(airtape.restore("out/model.txt", named)) == "weights"


def test_a_file_that_is_there_stays(run_path: str, workdir: Path) -> None:
    """Unless it is to be replaced."""
    (workdir / "out/model.txt").write_text("mine")
    assert text_of(airtape.restore("out/model.txt", run_path)) == "mine"
    assert text_of(airtape.restore("out/model.txt", run_path, replace=True)) == "weights"


def test_a_root_may_be_said(run_path: str, workdir: Path) -> None:
    """It need not hold the folders of the name."""
    (workdir / "there").mkdir()
    assert text_of(airtape.restore("out/model.txt", run_path, root="there")) == "weights"
    assert (workdir / "there/out/model.txt").is_file()
    assert [path.name for path in (workdir / "there/out").iterdir()] == ["model.txt"]


def test_a_run_brings_files_into_its_own_directory(run_path: str, start_run: StartRun) -> None:
    """There they belong to it; without a path it is asked itself."""
    run = start_run()
    assert run.restore("out/model.txt") is None
    assert text_of(run.restore("out/model.txt", run_path)) == "weights"
    assert Path(run.dir, "out/model.txt").read_text() == "weights"
    assert text_of(run.restore("out/model.txt")) == "weights"


def test_a_resumed_run_brings_back_what_it_saved_before(run_path: str, start_run: StartRun) -> None:
    """Its earlier directory has it."""
    run = start_run(id=run_path.rsplit("/", maxsplit=1)[-1], resume="must", reinit=None)
    assert text_of(airtape.restore("out/model.txt")) == "weights"
    assert Path(run.dir, "out/model.txt").is_file()


def test_a_file_that_the_run_has_not_is_none(run_path: str) -> None:
    """Nothing is raised."""
    assert airtape.restore("missing.txt", run_path) is None


def test_a_run_that_is_not_there_is_an_error(run_path: str) -> None:
    """A ValueError that says where it was looked for; so is a path that is none."""
    with pytest.raises(ValueError, match="Could not find run"):
        airtape.restore("out/model.txt", "zzzzzzzz")
    with pytest.raises(ValueError, match="is no path of this kind"):
        airtape.restore("out/model.txt", f"a/b/{run_path}")


@pytest.mark.usefixtures("workdir")
def test_without_a_run_one_must_be_named() -> None:
    """And where there are no runs at all, there is none."""
    with pytest.raises(ValueError, match=r"must call wandb\.init\(\) before wandb\.restore\(\)"):
        airtape.restore("a.txt")
    with pytest.raises(ValueError, match="Could not find run"):
        airtape.restore("a.txt", "ab12cd34")


@pytest.mark.parametrize("name", ["../out", "/etc/passwd", ""])
def test_a_name_that_leads_out_is_refused(name: str, run_path: str) -> None:
    """Nothing is written."""
    with pytest.raises(UsageError, match="no path below"):
        airtape.restore(name, run_path)


def test_no_link_is_followed(run_path: str, workdir: Path) -> None:
    """A folder of the root that is a link is refused."""
    (workdir / "there").mkdir()
    (workdir / "there/out").symlink_to(workdir / "wandb")
    with pytest.raises(OSError, match="out"):
        airtape.restore("out/model.txt", run_path, root="there")


def test_a_disabled_run_brings_nothing(run_path: str, start_run: StartRun) -> None:
    """It returns None."""
    assert start_run(mode="disabled").restore("out/model.txt", run_path) is None


@pytest.mark.parametrize("target", ["sqlite:runs.db", "jsonl:runs", "memory:restored", None])
def test_what_is_not_here_comes_from_the_target(
    target: str | None, run_path: str, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that is set, of any kind that keeps content, or the usual store."""
    url = target or "sqlite:wandb/tracker.db"
    backend = open_backend(url)
    sync([workdir / "wandb"], backend)
    (run_dir,) = workdir.glob("wandb/run-*")
    run_dir.rename(workdir / "archive")
    if target is not None:
        monkeypatch.setenv("TRACKER_TARGET", target)
    assert text_of(airtape.restore("out/model.txt", run_path)) == "weights"
    assert airtape.restore("missing.txt", run_path) is None
    with pytest.raises(ValueError, match=r"(?s)Could not find run.*Looked for in .* and in "):
        airtape.restore("new.txt", "zzzzzzzz")
    with pytest.raises(ValueError, match="Could not find run"):
        airtape.restore("new.txt", f"other/{run_path.rpartition('/')[2]}")
    backend.close()
    MemoryBackend.forget("restored")


def test_a_content_that_the_target_lacks_is_an_error(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what to do; the run has the file after all."""
    said = [{"path": "a.txt", "size": 5, "sha256": "ab" * 32}, {"path": "b.txt"}]
    run_dir = workdir / "wandb/run-20261120_101112-ab12cd34"
    write_log(run_dir, (Kind.FILES, [said]), ended())
    backend: Backend = open_backend("memory:lacking")
    sync([run_dir], backend)
    run_dir.rename(workdir / "archive")
    monkeypatch.setenv("TRACKER_TARGET", "memory:lacking")
    for name in ("a.txt", "b.txt"):
        with pytest.raises(UsageError, match=f"knows of {name}, and does not have its content"):
            airtape.restore(name, "ab12cd34")
    MemoryBackend.forget("lacking")


def test_a_target_that_cannot_be_reached_is_a_comm_error(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the documents say."""
    monkeypatch.setenv("TRACKER_TARGET", f"sqlite:{workdir}/missing/runs.db")
    with pytest.raises(CommError, match="the target of the runs cannot be read"):
        airtape.restore("a.txt", "ab12cd34")


def test_a_file_that_became_a_link_is_not_read(
    run_path: str, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between listing and reading."""
    from airtape.query import restore  # noqa: PLC0415 - to meddle with

    listed: Callable[..., Path | None] = restore._place_here  # noqa: SLF001 - see above

    def swapped(*arguments: str) -> Path | None:
        place = listed(*arguments)
        assert place is not None
        place.unlink()
        place.symlink_to("/etc/passwd")
        return place

    monkeypatch.setattr(restore, "_place_here", swapped)
    with pytest.raises(OSError, match="link"):
        airtape.restore("out/model.txt", run_path)
    assert not (workdir / "out/model.txt").exists()
