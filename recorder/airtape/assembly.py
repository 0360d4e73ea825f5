"""What works for a run beside its log, put together and not yet at work."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from airtape.collectors.output import console_of
from airtape.introduction import working_directory
from airtape.keeper import Keeper
from airtape.lifecycle import Lifecycle
from airtape.metadata import Metadata
from airtape.opening import Opened
from airtape.records import Kind, Plain
from airtape.run_files import RunFiles
from airtape.saved_files import FILES_EVERY_S, SavedFiles
from airtape.settings import Settings
from airtape.terminal import Terminal

if TYPE_CHECKING:
    from airtape.online import Follower


class Parts(NamedTuple):
    """What works for a run.

    Attributes:
        lifecycle: What ends it; has not begun yet.
        keeper: The thread that does what is due at intervals; was not started yet.
    """

    lifecycle: Lifecycle
    keeper: Keeper


def assembled(
    opened: Opened,
    settings: Settings,
    terminal: Terminal,
    *,
    about: dict[str, Plain],
    on_end: Callable[[Lifecycle], None],
) -> Parts:
    """Make what works for a run of what was opened for it.

    Args:
        opened: Its directory and log.
        settings: What it is told.
        terminal: Where it says what it has to say.
        about: What is known of the machine and the program at once.
        on_end: Called when it has ended.
    """
    keeper = Keeper(
        opened.log,
        sync_every=settings.fsync_interval,
        beat_every=settings.heartbeat_interval,
        checkpoint_every=settings.checkpoint_interval,
        report=opened.report,
    )
    files = RunFiles(
        opened.run_dir.files,
        partial(opened.log.record, Kind.FILES),
        file_mode=settings.file_mode,
    )
    saved = SavedFiles(
        files,
        warn=opened.report,
        is_recording=lambda: opened.log.is_held_here,
    )
    keeper.add(FILES_EVERY_S, saved.glance)
    gathering = Metadata(
        opened.log,
        files,
        settings,
        cwd=working_directory(),
        said=about,
        note=opened.note,
    )
    lifecycle = Lifecycle(
        opened.run_dir,
        opened.log,
        keeper,
        gathering,
        terminal,
        saved=saved,
        cwd=working_directory(),
        on_end=on_end,
    )
    lifecycle.console = console_of(opened.log, opened.run_dir, settings, opened.note)
    return Parts(lifecycle, keeper)


def follower_of(opened: Opened, settings: Settings, terminal: Terminal) -> Follower | None:
    """Start what brings the run to its target; without it the run is recorded all the same.

    Raises:
        UsageError: No target has the name that the settings give.
    """
    from airtape.online import Follower  # noqa: PLC0415 - most runs are recorded offline

    target = settings.target
    if target is not None:
        from airtape.targets import target_url  # noqa: PLC0415 - only who is online needs a target

        folder = opened.run_dir.root.parent
        target = target_url(target, environ=os.environ, cwd=working_directory(), folder=folder)
    follower = Follower(opened.run_dir, target, settings.finish_timeout)
    try:
        follower.start()
    except OSError as error:
        terminal.warn(f"the run is not synced while it goes on: {error}")
        return None
    return follower
