from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from airtape.records import Plain
from airtape.run_files import RunFiles


@pytest.fixture
def recorded() -> list[dict[str, Plain]]:
    """What is recorded of files."""
    return []


@pytest.fixture
def files(tmp_path: Path, recorded: list[dict[str, Plain]]) -> RunFiles:
    """A run's files, below ``files``; beside it lies ``outside``."""
    for name in ("files", "outside"):
        (tmp_path / name).mkdir()
    return RunFiles(tmp_path / "files", recorded.extend)


def test_a_file_is_written_and_recorded(
    files: RunFiles, recorded: list[dict[str, Plain]], tmp_path: Path
) -> None:
    """The record has its path, its size and its digest; folders are made as needed."""
    files.put("code/a/b.py", b"x = 1\n", "code")
    assert (tmp_path / "files/code/a/b.py").read_bytes() == b"x = 1\n"
    digest = sha256(b"x = 1\n").hexdigest()
    assert recorded == [{"path": "code/a/b.py", "size": 6, "sha256": digest, "type": "code"}]


def test_a_file_is_replaced_as_a_whole(files: RunFiles, tmp_path: Path) -> None:
    """Whoever has the old one open goes on with it, and nothing else is left."""
    files.put("a.txt", b"old and long")
    with (tmp_path / "files/a.txt").open("rb") as old:
        files.put("a.txt", b"new")
        assert old.read() == b"old and long"
    assert [path.name for path in (tmp_path / "files").iterdir()] == ["a.txt"]
    assert (tmp_path / "files/a.txt").read_bytes() == b"new"


@pytest.mark.parametrize("path", ["", "/etc/x", "../x", "a/../../x", "a/..", ".", "a\0b"])
def test_a_path_that_leads_out_is_refused(
    path: str, files: RunFiles, recorded: list[dict[str, Plain]], tmp_path: Path
) -> None:
    """Nothing is written, nothing recorded."""
    with pytest.raises(ValueError, match="no path below the run's files"):
        files.put(path, b"x")
    assert list((tmp_path / "files").rglob("*")) == []
    assert recorded == []


def test_a_link_does_not_lead_out(files: RunFiles, tmp_path: Path) -> None:
    """A folder that is a link is refused; a file that is one is replaced, not written through."""
    outside = tmp_path / "outside"
    (outside / "kept").write_text("kept")
    (tmp_path / "files/folder").symlink_to(outside)
    (tmp_path / "files/kept").symlink_to(outside / "kept")
    with pytest.raises(OSError, match="folder"):
        files.put("folder/x", b"x")
    files.put("kept", b"mine")
    assert (outside / "kept").read_text() == "kept"
    assert [path.name for path in outside.iterdir()] == ["kept"]
    assert not (tmp_path / "files/kept").is_symlink()


def test_permissions_are_those_of_the_setting(tmp_path: Path) -> None:
    """Files get them as they are; who may read a folder may enter it."""
    RunFiles(tmp_path, lambda _: None, file_mode=0o640).put("a/b", b"x")
    assert (tmp_path / "a/b").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o750


def test_nothing_stays_of_a_file_that_cannot_be_written(files: RunFiles, tmp_path: Path) -> None:
    """A folder in its place is an error, and no part of the file is left."""
    (tmp_path / "files/a/b").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        files.put("a", b"x")
    assert sorted(path.name for path in (tmp_path / "files").iterdir()) == ["a"]
