from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest

from airtape.file_events import FileEvents

Told = Queue[tuple[str, str, str]]


@pytest.fixture
def told() -> Told:
    """What the system has told."""
    return Queue()


@pytest.fixture
def events(told: Told, tmp_path: Path) -> Iterator[FileEvents]:
    """Events of a folder."""
    made = FileEvents(lambda kind, path, other: told.put((kind, path, other)))
    made.start()
    made.watch(tmp_path)
    yield made
    made.stop(wait=True)


@pytest.mark.usefixtures("events")
def test_a_change_is_told(told: Told, tmp_path: Path) -> None:
    """With its kind and the path."""
    (tmp_path / "a").touch()
    assert told.get(timeout=5) == ("created", str(tmp_path / "a"), "")


def test_a_folder_that_is_not_there(events: FileEvents, tmp_path: Path) -> None:
    """It is an error of the system's, and the others are watched on."""
    with pytest.raises(FileNotFoundError):
        events.watch(tmp_path / "nowhere")


def test_nothing_is_told_after_the_end(events: FileEvents, told: Told, tmp_path: Path) -> None:
    """It may be ended again, and also when it was never started."""
    events.stop(wait=True)
    (tmp_path / "a").touch()
    events.stop(wait=True)
    FileEvents(lambda *_: None).stop(wait=True)
    assert told.empty()


@pytest.mark.usefixtures("events")
def test_that_it_was_ended_is_not_said(caplog: pytest.LogCaptureFixture) -> None:
    """The library under it calls that an error; whatever else it has to say comes through."""
    logger = logging.getLogger("watchdog.observers.inotify")
    logger.error("InotifyEmitter.queue_events() called when the thread is inactive")
    logger.error("the queue overflowed")
    assert caplog.messages == ["the queue overflowed"]
