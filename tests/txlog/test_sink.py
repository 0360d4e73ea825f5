"""One file of a log and its descriptor: what a write says, and what is noticed."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

import pytest

from airtape.txlog import sink
from airtape.txlog.format import MAX_FRAME
from airtape.txlog.sink import Sink
from tests.shim.build import short_write_at
from tests.txlog.faulty import Faulty


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


def test_a_write_may_be_as_long_as_the_longest_frame(tmp_path: Path) -> None:
    """Its size arrives whole, whatever width the system has for it."""
    file = Sink(tmp_path / "log")
    data = bytes(range(256)) * (MAX_FRAME // 256)
    assert sink.write_keeping_gil(file.fd, data, len(data)) == MAX_FRAME
    file.close()
    assert (tmp_path / "log").read_bytes() == data


def test_a_write_that_takes_nothing_is_not_tried_for_ever(faulty: Faulty) -> None:
    """It counts as a full disk; what went before is said."""
    facts = faulty(
        """
from airtape.txlog.sink import ShortWriteError, Sink

file = Sink(folder / "log")
try:
    file.write(b"abcd")
except ShortWriteError as error:
    say(errno=error.errno, why=str(error), written=error.written)
""",
        short_write_at(1, 3),
        short_write_at(2, 0),
    )
    assert (facts["errno"], facts["written"]) == (errno.ENOSPC, 3)
    assert "nothing was written" in facts["why"]
    assert (faulty.folder / "log").read_bytes() == b"abc"
