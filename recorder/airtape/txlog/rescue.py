"""The records that a disk has not taken by the end of the run are saved in another place."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import time_ns

import msgpack

from airtape.records import Kind
from airtape.txlog.files import LogFiles
from airtape.txlog.format import encode_frame
from airtape.txlog.trouble import within

SAVE_WAIT_S = 0.8
"""How long the end of a run waits for each place where its last records may be saved."""


def gap_frame(first: int, last: int, reason: str, salt: int) -> bytes:
    """Return the record that stands in the place of dropped ones; it has the last one's seq."""
    body = msgpack.packb([int(Kind.GAP), time_ns(), first, last, reason])
    return encode_frame(last, body, salt)


def save_elsewhere(
    files: LogFiles,
    frames: Sequence[bytes],
    folders: Iterable[Path],
    report: Callable[[str], None],
) -> bool:
    """Let a log go on in the first folder that takes its last records; tell whether one did.

    Args:
        files: The files of the log.
        frames: What was not written yet.
        folders: Where it may go on, tried in order.
        report: Told where the records are, also when that takes too long to be waited for.
    """
    for folder in folders:
        saved = threading.Event()
        # It may hang, as the first place did; then it is not waited for.
        within(SAVE_WAIT_S, partial(_save_in, folder, files, frames, report, saved))
        if saved.is_set():
            return True
    return False


def _save_in(
    folder: Path,
    files: LogFiles,
    frames: Sequence[bytes],
    report: Callable[[str], None],
    saved: threading.Event,
) -> None:
    with suppress(OSError):
        files.continue_in(folder / files.path.name, frames)
        saved.set()
        report(f"the last records were saved in {files.path}: sync that file too")
