"""Opening what lies below a folder, and nothing outside of it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from airtape.below import folder_below, open_below, open_regular


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A folder with a file in a folder; outside of it lies a secret."""
    (tmp_path / "top/sub").mkdir(parents=True)
    (tmp_path / "top/sub/a.txt").write_text("A")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/a.txt").write_text("secret")
    return tmp_path / "top"


def test_a_file_is_opened_by_its_path(top: Path) -> None:
    """The folder itself may be reached by a link."""
    (top.parent / "link").symlink_to(top)
    for way in (top, top.parent / "link"):
        with os.fdopen(open_below(way, "sub/a.txt")) as file:
            assert file.read() == "A"


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../outside/a.txt", "sub/../../x", "a\0"])
def test_a_path_that_leads_out_is_refused(path: str, top: Path) -> None:
    """Whether there is something or not."""
    with pytest.raises(ValueError, match="no path below"):
        open_below(top, path)


def test_no_link_is_followed(top: Path) -> None:
    """Neither to a file nor to a folder, wherever it leads."""
    (top / "file").symlink_to(top.parent / "outside/a.txt")
    (top / "near").symlink_to("sub/a.txt")
    (top / "folder").symlink_to(top.parent / "outside")
    for path in ("file", "near", "folder/a.txt"):
        with pytest.raises(OSError, match=r"link|Not a directory|Too many levels"):
            open_below(top, path)


def test_only_regular_files_are_opened(top: Path) -> None:
    """A pipe does not block, and a device, a socket or a folder is none."""
    os.mkfifo(top / "pipe")
    listening = socket.socket(socket.AF_UNIX)
    with listening, folder_below(top, []) as folder:
        listening.bind(f"/proc/self/fd/{folder}/socket")
        for path in ("pipe", "socket", "sub"):
            with pytest.raises(OSError, match="no regular file"):
                open_below(top, path)
    for place in (top / "pipe", Path(os.devnull), top / "sub"):
        with pytest.raises(OSError, match="no regular file"):
            open_regular(place)


def test_no_descriptor_is_left_open(top: Path) -> None:
    """Whatever goes wrong."""
    os.mkfifo(top / "pipe")
    before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a mere list
    for path in ("pipe", "missing", "sub/missing/x", "sub/a.txt/x"):
        with pytest.raises(OSError, match=r".+"):
            open_below(top, path)
    assert sorted(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - a mere list
