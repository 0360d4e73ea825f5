"""A service and a timer of systemd."""

from __future__ import annotations

import re
from typing import Final

from airtape.errors import UsageError
from airtape.schedules.job import SyncJob

_SPECIAL: Final = re.compile(r'[\\"]')
_DELAY_SHARE: Final = 10


def unit_name(job: SyncJob) -> str:
    """Return what both are called: ``airtape-sync-lab``."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", job.target).strip("-.")
    return f"airtape-sync-{name[:100]}"


def systemd_units(job: SyncJob) -> dict[str, str]:
    """Return the texts of a service and a timer, by the names of their files.

    systemd never starts a service that is at work. That another sync held all runs, or that time
    ran out with work left, is no failure.

    Raises:
        UsageError: The command or the folder cannot stand in a unit.
    """
    job.check()
    for text in (job.folder, job.target):
        if text != text.strip() or text.endswith("\\"):
            raise UsageError(
                "systemd drops blanks at the ends of a value, and goes on after a backslash",
                where=ascii(text),
                hint="Give the folder another name, or use a crontab line.",
            )
    name = unit_name(job)
    command = " ".join(map(_quoted, job.arguments))
    service = f"""\
[Unit]
Description=Bring runs to {_literal(job.target)}

[Service]
Type=oneshot
WorkingDirectory={_literal(job.folder)}
ExecStart={command}
SuccessExitStatus=5 6
TimeoutStartSec={2 * job.every_s + 60}
Nice=10
"""
    timer = f"""\
[Unit]
Description=Bring runs to {_literal(job.target)} from time to time

[Timer]
OnActiveSec=0
OnUnitActiveSec={job.every_s}
RandomizedDelaySec={job.every_s // _DELAY_SHARE}
AccuracySec=1

[Install]
WantedBy=timers.target
"""
    return {f"{name}.service": service, f"{name}.timer": timer}


def _literal(text: str) -> str:
    """Return text in which nothing is a specifier."""
    return text.replace("%", "%%")


def _quoted(argument: str) -> str:
    """Return an argument of ``ExecStart=``, with nothing in it that systemd replaces."""
    escaped = _SPECIAL.sub(lambda found: "\\" + found[0], argument)
    return f'"{_literal(escaped).replace("$", "$$")}"'
