"""A line of a crontab."""

from __future__ import annotations

import os
import shlex
from typing import Final
from zlib import crc32

from airtape.errors import UsageError
from airtape.schedules.job import SyncJob, span_text

LONGEST: Final = 990
"""Characters of a line that every cron takes."""
_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_DAY_S: Final = 86_400


def crontab_line(job: SyncJob) -> str:
    r"""Return a line for ``crontab -e``.

    It says only what is wrong, which cron sends by mail. A ``%`` is a line break to cron unless a
    backslash stands before it.

    Raises:
        UsageError: Cron has no words for the interval, or no room for the line.
    """
    job.check()
    command = f"cd {shlex.quote(job.folder)} && {job.shell}"
    line = f"{_when(job)} {command}".replace("%", r"\%")
    size = len(os.fsencode(line))
    if size > LONGEST:
        raise UsageError(
            "the line is too long for cron",
            because=f"it has {size} bytes, and cron takes {LONGEST}",
            hint="Name a folder or a pattern in place of many paths, or use --systemd.",
        )
    return line


def _when(job: SyncJob) -> str:
    """Return the five fields.

    Which minute of an hour it is depends on the job, so that not all machines come at once.
    """
    seconds = job.every_s
    own = crc32(os.fsencode(job.shell))
    if seconds % _MINUTE_S == 0 and _HOUR_S % seconds == 0 and seconds < _HOUR_S:
        minutes = seconds // _MINUTE_S
        return "* * * * *" if minutes == 1 else f"*/{minutes} * * * *"
    if seconds % _HOUR_S == 0 and _DAY_S % seconds == 0 and seconds < _DAY_S:
        hours = seconds // _HOUR_S
        return f"{own % 60} {'*' if hours == 1 else f'*/{hours}'} * * *"
    if seconds == _DAY_S:
        return f"{own % 60} {own // 60 % 24} * * *"
    raise UsageError(
        f"cron has no words for every {span_text(seconds)}",
        hint="Say what divides an hour or a day, such as 1m, 5m, 10m, 30m, 1h, 6h or 1d; or use "
        "--systemd.",
    )
