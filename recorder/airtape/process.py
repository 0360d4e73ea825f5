"""Who this process is, so that a reader can tell later whether it still runs."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_START_TICKS_FIELD = 19
"""Place of the start time in ``/proc/<pid>/stat`` behind the command name; see proc(5)."""

_ENDED = frozenset({b"Z", b"X"})
"""States of a process that has ended, though nobody has asked for its exit code yet."""

_OF_A_THREAD = frozenset(
    {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT, signal.SIGTRAP}
)
"""Signals that a thread gets for what it has done itself."""


class ProcessIdentity(NamedTuple):
    """What tells one process from every other one.

    Attributes:
        host: Host name.
        boot_id: The kernel's boot id; empty where there is none.
        pid: Process id.
        start_ticks: Start time in clock ticks since boot; 0 where it is not known.
    """

    host: str
    boot_id: str
    pid: int
    start_ticks: int


def this_process() -> ProcessIdentity:
    """Return the identity of the calling process."""
    pid = os.getpid()
    return ProcessIdentity(os.uname().nodename, boot_id(), pid, start_ticks(pid) or 0)


def boot_id() -> str:
    """Return an id that changes with each boot of the machine; empty where there is none."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text("utf-8").strip()
    except OSError:
        return ""


def start_ticks(pid: int) -> int | None:
    """Return when a process started, in clock ticks since boot; None if that cannot be known."""
    fields = _stat_fields(pid)
    return None if fields is None else int(fields[_START_TICKS_FIELD])


def process_runs(pid: int, ticks: int) -> bool:
    """Tell whether the process may still run; False only with proof that it does not.

    Args:
        pid: Its process id on this machine.
        ticks: When it started, in clock ticks since boot.
    """
    if pid <= 0:
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass  # somebody else's process: it exists, though /proc may hide it from us
    fields = _stat_fields(pid)
    if fields is None:
        return True
    return fields[0] not in _ENDED and int(fields[_START_TICKS_FIELD]) == ticks


def _stat_fields(pid: int) -> list[bytes] | None:
    """Return the fields of ``/proc/<pid>/stat`` behind the command name."""
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # The command name stands in parentheses and may itself hold spaces and parentheses.
    return stat[stat.rindex(b")") + 2 :].split()


def leave_signals_to_the_program() -> None:
    """Let the calling thread, one of ours, get no signals that are meant for the process.

    A program that blocks a signal and then waits for it would not get it otherwise.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals() - _OF_A_THREAD)
