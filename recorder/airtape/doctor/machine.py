"""What the machine and what is installed on it can do."""

from __future__ import annotations

import importlib.util
import platform
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import msgpack

from airtape.doctor.finding import Finding
from airtape.process import boot_id, process_runs, this_process
from airtape.version import __version__

_LIBRARIES: Final = ("msgpack", "click", "rich", "sqlite-utils", "watchdog", "psutil", "psycopg")
_FEW_FILES: Final = 256
_EARLIEST: Final = 1_700_000_000
"""A wall clock before 2023-11-14 was never set."""


def _sqlite_version() -> str:
    import sqlite3  # noqa: PLC0415 - other commands do without it

    return sqlite3.sqlite_version


def examine_machine() -> Iterator[Finding]:
    """Yield what was found of this machine, its Python and its libraries."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    yield Finding("airtape", "good", f"{__version__}, {python} ({sys.executable})")
    yield Finding(
        "system", "good", f"{platform.system()} {platform.release()} {platform.machine()}"
    )
    yield Finding("libraries", "good", ", ".join(_libraries()))
    yield Finding("sqlite", "good", _sqlite_version())
    yield _log_code()
    yield _clock(time.time())
    yield _processes()
    yield _open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _libraries() -> Iterator[str]:
    for name in _LIBRARIES:
        said = None
        with suppress(PackageNotFoundError):
            said = version(name)
        if said is None:
            # In a single file there are no data of packages.
            there = importlib.util.find_spec(name.replace("-", "_")) is not None
            said = "(version unknown)" if there else "missing"
        yield f"{name} {said}"


def _log_code() -> Finding:
    module = msgpack.Packer.__module__
    if module == "msgpack.fallback":
        return Finding("msgpack", "poor", "in pure Python: slow, but works")
    return Finding("msgpack", "good", "compiled")


def _clock(wall_s: float) -> Finding:
    text = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(wall_s))
    if wall_s < _EARLIEST:
        return Finding("clock", "poor", f"{text}: it was never set")
    return Finding("clock", "good", text)


def _processes() -> Finding:
    """Tell whether a run that was killed is known to be dead at once, not after a day."""
    me = this_process()
    if boot_id() and process_runs(me.pid, me.start_ticks):
        return Finding("processes", "good", "that one is gone is seen at once")
    return Finding("processes", "poor", "that one is gone is only taken for granted after a day")


def _open_files(limit: int) -> Finding:
    if limit == resource.RLIM_INFINITY:
        return Finding("open files", "good", "no limit")
    return Finding("open files", "good" if limit >= _FEW_FILES else "poor", f"at most {limit}")
