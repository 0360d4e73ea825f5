"""The thread that notices when saved files change: told by the system where it can, else looking.

The system does not tell where several machines write to a file system, or a user's program stands
behind it, nor when too much is watched on the machine already.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from airtape.file_events import FileEvents
from airtape.filesystems import network_type
from airtape.process import leave_signals_to_the_program

LOOK_EVERY_S: Final = 5.0
"""Seconds between two looks where the system does not tell."""
SELDOM_S: Final = 60.0
"""The same where it does: some change may have escaped it."""
SETTLE_S: Final = 1.0
"""Seconds between two looks at least; a file that looks the same for so long is at rest."""

_CHANGES: Final = frozenset({"modified", "created", "moved", "closed"})


class FileWatch:
    """Calls a function when some files may have changed.

    Args:
        refresh: Does what there is to do; tells whether to be called again soon.
        warn: Told in words what goes wrong.
    """

    def __init__(self, refresh: Callable[[], bool], warn: Callable[[str], None]) -> None:
        self._refresh = refresh
        self._warn = warn
        self._news = threading.Event()
        self._ended = threading.Event()
        self._paths: set[str] = set()
        self._waiting: list[Path] = []
        self._folders: dict[Path, bool] = {}
        self._events: FileEvents | None = None

    def start(self) -> None:
        """Start the thread; without one files are brought up to date at the end only."""
        try:
            threading.Thread(target=self._run, name="airtape-files", daemon=True).start()
        except RuntimeError as error:
            self._warn(f"changes of saved files are taken in at the end only: {error}")

    def add(self, paths: Iterable[Path]) -> None:
        """Watch further files, given by absolute paths."""
        for path in paths:
            self._paths.add(str(path))
            self._waiting.append(path.parent)
        self.wake()

    def wake(self) -> None:
        """Look now."""
        self._news.set()

    def stop(self) -> None:
        """Ask the thread to end; does not wait for it."""
        self._ended.set()
        self._news.set()

    def _run(self) -> None:
        leave_signals_to_the_program()
        while not self._ended.is_set():
            is_restless = False
            try:
                self._watch_folders()
                is_restless = self._refresh()
            except Exception as error:  # noqa: BLE001 - the thread must outlive any one failure
                self._warn(f"saved files: {type(error).__name__}: {error}")
            self._ended.wait(SETTLE_S)
            if not is_restless:
                self._news.wait(SELDOM_S if all(self._folders.values()) else LOOK_EVERY_S)
            self._news.clear()
        if self._events is not None:
            self._events.stop(wait=False)

    def _watch_folders(self) -> None:
        """Have the system tell of further folders, where it does."""
        while self._waiting:
            folder = self._waiting.pop()
            if folder not in self._folders:
                self._folders[folder] = False
                # Refused: the folder is gone, or too much is watched already.
                with suppress(OSError):
                    self._folders[folder] = network_type(folder) is None and self._tells(folder)

    def _tells(self, folder: Path) -> bool:
        if self._events is None:
            events = FileEvents(self.note)
            events.start()
            self._events = events
        self._events.watch(folder)
        return True

    def note(self, kind: str, *paths: str) -> None:
        """Take note of what the system tells."""
        if kind in _CHANGES and not self._paths.isdisjoint(paths):
            self._news.set()
