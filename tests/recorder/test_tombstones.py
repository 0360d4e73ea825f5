from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import airtape
from airtape.errors import TargetError, UsageError
from airtape.tombstones import (
    TOMBSTONES,
    RunPath,
    Tombstone,
    all_tombstones,
    bury,
    find_tombstone,
)
from tests.recording import StartRun

RUN = RunPath("me", "digits", "ab12cd34")
STONE = Tombstone(RUN, "2026-11-20T10:11:12+00:00", "you")


def test_a_tombstone_says_which_run_when_and_by_whom(tmp_path: Path) -> None:
    """What was buried is found, alone and among all."""
    bury(tmp_path, STONE)
    assert find_tombstone(tmp_path, RUN) == STONE
    assert list(all_tombstones(tmp_path)) == [STONE]
    assert str(STONE) == "me/digits/ab12cd34 was deleted on 2026-11-20T10:11:12+00:00 by you"
    stone = tmp_path / TOMBSTONES / "me/digits/ab12cd34"
    assert json.loads(stone.read_text())["run"] == "me/digits/ab12cd34"


def test_other_runs_have_none(tmp_path: Path) -> None:
    """The same id in another project, or of another entity, is another run."""
    bury(tmp_path, STONE)
    assert find_tombstone(tmp_path, RUN._replace(project="letters")) is None
    assert find_tombstone(tmp_path, RUN._replace(entity="you")) is None
    assert find_tombstone(tmp_path / "elsewhere", RUN) is None
    assert list(all_tombstones(tmp_path / "elsewhere")) == []


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1)


@given(entity=NAMES, project=NAMES, run_id=NAMES)
@example(entity="..", project=".", run_id="..")
@example(entity=".hidden", project="a\0b", run_id="ü" * 160)
def test_whatever_a_run_is_called_its_tombstone_stays_in_the_folder(
    tmp_path_factory: pytest.TempPathFactory, entity: str, project: str, run_id: str
) -> None:
    """Each name is one part of a path, and leads nowhere else."""
    folder = tmp_path_factory.mktemp("wandb")
    run = RunPath(entity, project, run_id)
    bury(folder, Tombstone(run))
    (stone,) = (path for path in folder.rglob("*") if path.is_file())
    assert len(stone.relative_to(folder).parts) == 4
    assert find_tombstone(folder, run) == Tombstone(run)
    assert list(all_tombstones(folder)) == [Tombstone(run)]


def test_two_long_names_that_begin_alike_are_two(tmp_path: Path) -> None:
    """Only what fits a file name is kept of a long one; the file itself says which run it is."""
    first, second = (RUN._replace(run_id="ü" * 79 + end) for end in "ab")
    bury(tmp_path, Tombstone(first))
    assert find_tombstone(tmp_path, first) is not None
    assert find_tombstone(tmp_path, second) is None


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b'{"run": 7}', b'{"run": "a/b"}'])
def test_a_tombstone_that_cannot_be_read_still_stands(tmp_path: Path, content: bytes) -> None:
    """What was deleted does not come back because its tombstone is damaged."""
    bury(tmp_path, STONE)
    (tmp_path / TOMBSTONES / "me/digits/ab12cd34").write_bytes(content)
    assert find_tombstone(tmp_path, RUN) == Tombstone(RUN)
    assert list(all_tombstones(tmp_path)) == []


def test_a_tombstone_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """Nothing may be deleted without one."""
    (tmp_path / TOMBSTONES).touch()
    with pytest.raises(TargetError, match="cannot be noted"):
        bury(tmp_path, STONE)


def test_a_deleted_id_cannot_begin_again(start_run: StartRun, workdir: Path) -> None:
    """`init` refuses it before anything is made, and takes the id in another project."""
    bury(workdir / "wandb", STONE)
    with pytest.raises(UsageError, match=r"was deleted on .* by you; ids are not reused"):
        start_run(entity="me", project="digits", id="ab12cd34")
    assert [path.name for path in (workdir / "wandb").iterdir()] == [TOMBSTONES]
    assert airtape.run is None
    assert start_run(entity="me", project="letters", id="ab12cd34").id == "ab12cd34"


def test_a_copy_of_a_deleted_run_cannot_be_resumed(start_run: StartRun, workdir: Path) -> None:
    """The project that counts is the one of the run that would be resumed."""
    start_run(entity="me", project="digits", id="ab12cd34").finish()
    bury(workdir / "wandb", STONE)
    with pytest.raises(UsageError, match="ids are not reused"):
        start_run(project=None, id="ab12cd34", resume="allow")
    with pytest.raises(UsageError, match="ids are not reused"):
        start_run(project=None, resume_from="ab12cd34?_step=0")
