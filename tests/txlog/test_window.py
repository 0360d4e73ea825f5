from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.errors import LogFormatError
from airtape.txlog.window import CHUNK, Window

CONTENT = bytes(range(256)) * (3 * CHUNK // 256) + b"the end"
OPEN_FILES = Path("/proc/self/fd")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of a little more than three chunks."""
    path = tmp_path_factory.mktemp("window") / "large"
    path.write_bytes(CONTENT)
    return path


@given(
    places=st.lists(
        st.tuples(st.integers(0, len(CONTENT) + 5), st.integers(0, CHUNK + 5)), max_size=5
    )
)
def test_bytes_anywhere_are_those_of_the_file(large: Path, places: list[tuple[int, int]]) -> None:
    """Forth and back, across chunks and beyond the end, a window shows what stands there."""
    window = Window(large)
    for at, size in places:
        assert window.bytes_at(at, size) == CONTENT[at : at + size]
    window.close()


def test_window_stays_small(large: Path) -> None:
    """Going through a file keeps no more of it than a chunk and the longest request."""
    window = Window(large)
    for at in range(0, window.size, 1000):
        window.bytes_at(at, 2000)
        assert len(window.data) <= CHUNK + 2000
    window.close()


def test_what_is_appended_later_is_not_seen(tmp_path: Path) -> None:
    """A reader has the file as it was when it was opened."""
    path = tmp_path / "log"
    path.write_bytes(b"before")
    window = Window(path)
    with path.open("ab") as file:
        file.write(b" and after")
    assert (window.size, window.bytes_at(0, 100)) == (6, b"before")
    window.close()


def test_a_file_that_shrinks_ends_where_it_ends_now(tmp_path: Path) -> None:
    """A copy tool that begins anew cuts the file under the reader."""
    path = tmp_path / "log"
    path.write_bytes(b"before")
    window = Window(path)
    os.truncate(path, 2)
    assert (window.bytes_at(0, 6), window.size) == (b"be", 2)
    window.close()


def test_closing_twice_is_allowed(large: Path) -> None:
    """Whoever is done first may close."""
    window = Window(large)
    window.close()
    window.close()


def test_a_link_is_not_followed(large: Path, tmp_path: Path) -> None:
    """Nobody can make us read a file elsewhere."""
    (tmp_path / "link").symlink_to(large)
    with pytest.raises(OSError, match="symbolic links"):
        Window(tmp_path / "link")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_regular_file_is_refused_at_once(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    """A pipe without a writer would make a reader wait for ever."""
    make(tmp_path / "log")
    with pytest.raises(LogFormatError, match="must be a regular file"):
        Window(tmp_path / "log")


def test_a_socket_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system itself refuses."""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("log")
        with pytest.raises(OSError, match="No such device"):
            Window(Path("log"))


def test_refusing_leaves_no_descriptor_open(tmp_path: Path) -> None:
    """Ten thousand foreign files in a directory do no harm."""
    before = len(list(OPEN_FILES.iterdir()))
    for _ in range(3):
        with pytest.raises(LogFormatError):
            Window(tmp_path)
    assert len(list(OPEN_FILES.iterdir())) == before
