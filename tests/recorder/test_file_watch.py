"""Noticing that files change."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest

from airtape import file_watch
from airtape.file_watch import FileWatch


@pytest.fixture
def calls() -> Queue[str]:
    """What the watch has called."""
    return Queue()


@pytest.fixture
def watch(calls: Queue[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[FileWatch]:
    """A watch that looks but when it is told to."""
    monkeypatch.setattr(file_watch, "SETTLE_S", 0.01)
    monkeypatch.setattr(file_watch, "LOOK_EVERY_S", 60)

    def refresh() -> bool:
        calls.put("refresh")
        return False

    made = FileWatch(refresh, calls.put)
    yield made
    made.stop()


def test_the_system_tells_of_a_file(watch: FileWatch, calls: Queue[str], tmp_path: Path) -> None:
    """Written in place, moved there, or made anew; another file of the folder is none of it."""
    file = tmp_path / "a.txt"
    watch.add([file])
    watch.start()
    calls.get(timeout=5)
    file.write_text("new")
    calls.get(timeout=5)
    (tmp_path / "aside").write_text("moved")
    (tmp_path / "aside").replace(file)
    calls.get(timeout=5)


def test_only_changes_of_the_files_count(watch: FileWatch) -> None:
    """Reading is none, and neighbours are not watched."""
    watch.add([Path("/x/a.txt")])
    assert watch._news.is_set()  # noqa: SLF001 - it may not wake anybody
    watch._news.clear()  # noqa: SLF001 - the only way to see it
    watch.note("opened", "/x/a.txt", "")
    watch.note("modified", "/x/b.txt", "")
    assert not watch._news.is_set()  # noqa: SLF001 - the only way to see it
    watch.note("moved", "/x/b.txt", "/x/a.txt")
    assert watch._news.is_set()  # noqa: SLF001 - the only way to see it


def test_a_folder_that_is_gone_is_looked_for(
    watch: FileWatch, calls: Queue[str], tmp_path: Path
) -> None:
    """It may come back; nothing is raised."""
    watch.add([tmp_path / "missing/a.txt"])
    watch.start()
    assert calls.get(timeout=5) == "refresh"
    watch.wake()
    assert calls.get(timeout=5) == "refresh"


def test_a_failure_is_said_and_outlived(calls: Queue[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread goes on."""
    monkeypatch.setattr(file_watch, "SETTLE_S", 0.01)

    def refresh() -> bool:
        raise ZeroDivisionError("once more")

    watch = FileWatch(refresh, calls.put)
    watch.start()
    assert calls.get(timeout=5) == "saved files: ZeroDivisionError: once more"
    watch.wake()
    assert calls.get(timeout=5) == "saved files: ZeroDivisionError: once more"
    watch.stop()


def test_where_no_thread_can_be_had_it_is_said(
    watch: FileWatch, calls: Queue[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files are brought up to date when the run ends."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    watch.start()
    assert "taken in at the end only: can't start new thread" in calls.get(timeout=5)
