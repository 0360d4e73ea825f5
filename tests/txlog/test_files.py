"""The files of a log: when one is given up, and what the next one repeats."""

from __future__ import annotations

import errno
import resource
from pathlib import Path

import pytest

from airtape.txlog.files import LogFiles
from airtape.txlog.format import Header
from tests.txlog.logged import limit


def files_in(folder: Path) -> LogFiles:
    """Return the files of a log, none of which is made yet."""
    header = Header("ab12cd34", bytes(range(16)))
    return LogFiles(
        folder / "run.txlog",
        header,
        wall_ns=0,
        mode=0o600,
        next_path=lambda: folder / "run-1.txlog",
        take_seq=lambda: 1,
    )


def test_nothing_is_written_or_synced_without_a_file(tmp_path: Path) -> None:
    """A write fails, and a sync finds nothing amiss."""
    files = files_in(tmp_path)
    with pytest.raises(OSError, match="Bad file descriptor"):
        files.write(b"x")
    assert files.sync() is None


def test_a_lost_file_that_is_full_too_is_repeated(tmp_path: Path) -> None:
    """What it holds is not safe in it."""
    files = files_in(tmp_path)
    files.open()
    files.write(b"a frame")
    files.note(OSError(errno.EFBIG, ""))
    files.note(OSError(errno.ESTALE, ""))
    files.continue_in(tmp_path / "next.txlog")
    files.close()
    assert b"a frame" in (tmp_path / "next.txlog").read_bytes()


def test_a_file_has_the_permissions_that_were_asked_for(tmp_path: Path) -> None:
    """Less what the umask takes away."""
    files = files_in(tmp_path)
    files.open()
    files.close()
    assert (tmp_path / "run.txlog").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_well_is_not_given_up(tmp_path: Path) -> None:
    """A disk that refused for another reason gets what waits into the same file."""
    files = files_in(tmp_path)
    files.open()
    files.note(OSError(errno.ENOSPC, ""))
    assert files.renew_if_gone() is None
    assert [path.name for path in tmp_path.iterdir()] == ["run.txlog"]
    files.close()


def test_a_full_file_is_left_for_the_next_one(tmp_path: Path) -> None:
    """The part of a frame that it took is counted, and what it holds is not repeated."""
    files = files_in(tmp_path)
    files.open()
    before = files.size
    with limit(resource.RLIMIT_FSIZE, before + 30), pytest.raises(OSError, match="too large"):
        files.write(bytes(100))
    assert (files.size, files.offset) == (before + 30, before + 30)
    assert files.renew_if_gone() == "run.txlog is given up; run-1.txlog continues it"
    files.write(b"more")
    files.close()
    assert (tmp_path / "run.txlog").stat().st_size == before + 30
    assert (tmp_path / "run-1.txlog").stat().st_size == files.offset


def test_a_file_that_was_just_made_is_not_given_up_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a disk that loses every file would be filled with them."""
    monkeypatch.setattr("airtape.txlog.files.RENEW_S", 60.0)
    files = files_in(tmp_path)
    files.open()
    (tmp_path / "run.txlog").unlink()
    assert files.renew_if_gone() is not None
    (tmp_path / "run.txlog").unlink()
    with pytest.raises(OSError, match="the file was removed"):
        files.renew_if_gone()
    assert list(tmp_path.iterdir()) == []
    files.close()
