"""What the system tells of changes in folders, by way of watchdog, which is loaded when needed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

_STOPPED: Final = "called when the thread is inactive"


class FileEvents:
    """Calls a function at each change in some folders, in a thread of its own.

    Args:
        note: Gets the kind of a change, such as "modified", the path, and the other path of a move.
    """

    def __init__(self, note: Callable[[str, str, str], None]) -> None:
        from watchdog.events import FileSystemEvent, FileSystemEventHandler  # noqa: PLC0415 - only whoever needs it waits for it to load
        from watchdog.observers import Observer  # noqa: PLC0415 - only whoever needs it waits for it to load

        class Listener(FileSystemEventHandler):
            def on_any_event(self, event: FileSystemEvent) -> None:
                note(event.event_type, str(event.src_path), str(event.dest_path))

        # Being stopped while something is told it calls an error, which Python prints.
        logging.getLogger("watchdog.observers.inotify").addFilter(_is_worth_saying)
        self._listener = Listener()
        self._observer: Any = Observer()

    def start(self) -> None:
        """Start the thread.

        Raises:
            OSError: Too much is watched on this machine already.
            RuntimeError: No thread can be started.
        """
        self._observer.start()

    def watch(self, folder: Path) -> None:
        """Tell of what changes in a folder from now on.

        Raises:
            OSError: The folder is not there, or too much is watched on this machine already.
        """
        self._observer.schedule(self._listener, str(folder))

    def stop(self, *, wait: bool) -> None:
        """End the thread, if it was started.

        Args:
            wait: Whether to return only when nothing is told any more.
        """
        self._observer.stop()
        if wait and self._observer.is_alive():
            self._observer.join()


def _is_worth_saying(record: logging.LogRecord) -> bool:
    return _STOPPED not in str(record.msg)
