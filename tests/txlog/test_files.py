"""The files of a log, and calls on descriptors: what they say when something is not there."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

import pytest

from airtape.txlog import sink
from airtape.txlog.files import LogFiles
from airtape.txlog.format import Header
from airtape.txlog.sink import Sink


def files_in(folder: Path) -> LogFiles:
    """Return the files of a log, none of which is made yet."""
    header = Header("ab12cd34", bytes(range(16)))
    return LogFiles(
        folder / "run.txlog",
        header,
        wall_ns=0,
        mode=0o600,
        next_path=None,
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


def test_a_closed_descriptor_is_a_loss(tmp_path: Path) -> None:
    """Closing it once more closes nobody else's."""
    file = Sink(tmp_path / "log")
    assert file.loss() is None
    os.close(file.fd)
    assert file.loss() == "the program closed its descriptor"
    file.close()
    assert file.loss() == "the program closed its descriptor"


def test_an_existing_file_is_nobodys_log(tmp_path: Path) -> None:
    """Nothing is ever written over."""
    (tmp_path / "log").write_text("precious")
    with pytest.raises(FileExistsError):
        Sink(tmp_path / "log")
    assert (tmp_path / "log").read_text() == "precious"


def test_names_of_files_are_unknown_where_the_system_does_not_tell() -> None:
    """Then only numbers tell files apart."""
    assert sink.name_of(-1) == ""


@pytest.mark.parametrize("has_ctypes", [True, False])
def test_a_write_says_how_much_it_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_ctypes: bool
) -> None:
    """With the interpreter lock kept, or where ctypes cannot do that without."""
    if not has_ctypes:
        monkeypatch.delattr(ctypes, "PyDLL")
    write, write_or_raise = sink.find_write(), sink.find_write(tells_why=True)
    file = Sink(tmp_path / "log")
    assert write(file.fd, b"a\0b", 3) == 3
    assert write_or_raise(file.fd, b"cd", 2) == 2
    assert write(-1, b"x", 1) == -1
    with pytest.raises(OSError, match="Bad file descriptor"):
        write_or_raise(-1, b"x", 1)
    file.close()
    assert (tmp_path / "log").read_bytes() == b"a\0bcd"
