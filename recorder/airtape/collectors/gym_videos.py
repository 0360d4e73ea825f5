"""The videos that gymnasium or gym records, kept with the run as soon as they are written."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial, wraps
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

from airtape.after_import import AfterImport

FOLDER: Final = "videos"
"""Where videos are kept that lie outside of the working directory."""


class _Recorder(NamedTuple):
    """A class that writes videos.

    Attributes:
        name: Its name.
        ends: The method that has a video written.
        path_of: Returns where that will be.
    """

    name: str
    ends: str
    path_of: Callable[[Any], str]


_OLDER: Final = _Recorder("VideoRecorder", "close", lambda it: str(it.path))
_RECORDERS: Final[Mapping[str, _Recorder]] = {
    "gymnasium.wrappers.rendering": _Recorder(
        "RecordVideo",
        "stop_recording",
        lambda it: os.path.join(it.video_folder, f"{it._video_name}.mp4"),  # noqa: PTH118, SLF001 - as there
    ),
    "gymnasium.wrappers.monitoring.video_recorder": _OLDER,
    "gym.wrappers.monitoring.video_recorder": _OLDER,
}
"""By module; of gymnasium since 1.0, of gymnasium before, and of gym."""


class GymVideos:
    """Keeps videos with a run, whether the library was imported before it began or after.

    Args:
        keep: Keeps a file with the run, by its path among the run's files.
        cwd: The working directory.
    """

    def __init__(self, keep: Callable[[Path, str], None], *, cwd: Path) -> None:
        self._keep = keep
        self._cwd = cwd
        self._imports = AfterImport(
            {module: partial(_let_tell, of) for module, of in _RECORDERS.items()}
        )

    def start(self) -> None:
        """Begin to hear of videos."""
        _listeners.append(self)
        self._imports.begin()

    def stop(self) -> None:
        """Hear of no more; a second call does nothing."""
        self._imports.end()
        with suppress(ValueError):
            _listeners.remove(self)

    def take(self, video: Path) -> None:
        """Keep a video, if there is one: of no frames at all none is made."""
        if video.is_file():
            is_below = self._cwd in video.parents
            path = video.relative_to(self._cwd) if is_below else Path(FOLDER, video.name)
            self._keep(video, path.as_posix())


_listeners: list[GymVideos] = []


def _let_tell(recorder: _Recorder, module: ModuleType) -> None:
    """Have a class tell of its videos; once, and for good, for nobody may be listening."""
    owner = getattr(module, recorder.name, None)
    end = getattr(owner, recorder.ends, None)
    if end is None or getattr(end, "tells_airtape", False):
        return

    @wraps(end)
    def end_and_tell(self: Any, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - any class
        # A version that calls it otherwise has its videos, and the run has not.
        with suppress(Exception):
            video = Path(os.path.abspath(recorder.path_of(self)))  # noqa: PTH100 - links stay
        result = end(self, *arguments, **named)
        with suppress(Exception):  # the program must not learn of it
            for listener in _listeners:
                listener.take(video)
        return result

    vars(end_and_tell)["tells_airtape"] = True
    setattr(owner, recorder.ends, end_and_tell)
