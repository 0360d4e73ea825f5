"""Being told by the system when logs are written, instead of looking again and again.

The system does not tell where several machines write to a file system, or a user's program stands
behind it, nor when too much is watched on the machine already.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from airtape.file_events import FileEvents
from airtape.filesystems import network_type
from airtape.rundir import LOG_SUFFIX

MOST_FOLDERS: Final = 16
"""How many folders are watched at most: each takes threads, and a share of what there is."""

_CHANGES: Final = frozenset({"created", "modified", "moved", "deleted"})


class FolderWatch:
    """Wakes somebody at the first change of a log, or of a run directory, in some folders.

    It tells of one change and is deaf then, so that a run which logs thousands of rows in a second
    costs nothing more; it has to be armed again.

    Args:
        wake: Wakes him; called in another thread.
        find_network: Returns the type of the network file system that a folder is on, if it is.

    Attributes:
        told: Whether it has told of a change since it was armed.
    """

    def __init__(
        self,
        wake: Callable[[], object],
        find_network: Callable[[Path], str | None] = network_type,
    ) -> None:
        self.told = False
        self._wake = wake
        self._find_network = find_network
        self._events: FileEvents | None = None

    def arm(self, folders: Collection[Path]) -> bool:
        """Begin to watch what stands in some folders; False where the system does not tell.

        Changes that come while it begins may escape it, so one has to look once more afterwards.
        """
        self.disarm()
        self.told = False
        if not folders or len(folders) > MOST_FOLDERS:
            return False
        if any(self._find_network(folder) is not None for folder in folders):
            return False
        events = FileEvents(self.note)
        self._events = events
        try:
            events.start()
            for folder in folders:
                events.watch(folder)
        except OSError:
            self.disarm()
            return False
        return True

    def disarm(self) -> None:
        """Watch nothing any more, and let go of all that it takes; may be called again."""
        events, self._events = self._events, None
        if events is not None:
            events.stop(wait=True)

    def note(self, kind: str, *paths: str) -> None:
        """Take note of what the system tells."""
        if not self.told and kind in _CHANGES and any(map(_matters, paths)):
            self.told = True
            self._wake()


def _matters(path: str) -> bool:
    """Tell whether a path may be a log, a run directory, or a folder of them."""
    name = path.rpartition("/")[2]
    return name.endswith(LOG_SUFFIX) or name.startswith("run-") or name in {"wandb", ".wandb"}
