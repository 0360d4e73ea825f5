"""What runs take in of other libraries that a program uses, when they are asked to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from airtape.introduction import working_directory
from airtape.lifecycle import Lifecycle

if TYPE_CHECKING:
    from airtape.run import Run


def take_in(run: Run, lifecycle: Lifecycle, warn: Callable[[str], None]) -> None:
    """Begin what the settings of a run ask for; few runs do.

    Args:
        run: The run.
        lifecycle: Its end, which ends all of this.
        warn: Told in words what goes wrong, once of each thing.
    """
    if run.settings.sync_tensorboard:
        _sync_tensorboard(run, lifecycle, warn)
    if run.settings.monitor_gym:
        _keep_videos(lifecycle)


def _sync_tensorboard(run: Run, lifecycle: Lifecycle, warn: Callable[[str], None]) -> None:
    from airtape.collectors.tensorboard import TensorboardSync  # noqa: PLC0415 - few runs ask
    from airtape.save_paths import SavedPath  # noqa: PLC0415 - as above

    def define(name: str, step: str) -> None:
        run.define_metric(name, step_metric=step, step_sync=False)

    def keep(files: list[tuple[Path, str]]) -> None:
        lifecycle.saved.save([SavedPath(path, source) for source, path in files], "live")

    tensorboard = TensorboardSync(run.log, define, keep, warn, cwd=working_directory())
    lifecycle.tensorboard = tensorboard
    tensorboard.start()


def _keep_videos(lifecycle: Lifecycle) -> None:
    from airtape.collectors.gym_videos import GymVideos  # noqa: PLC0415 - few runs ask
    from airtape.save_paths import SavedPath  # noqa: PLC0415 - as above

    def keep(video: Path, path: str) -> None:
        lifecycle.saved.save([SavedPath(path, video)], "now")

    videos = GymVideos(keep, cwd=working_directory())
    lifecycle.before_end.append(videos.stop)
    videos.start()
