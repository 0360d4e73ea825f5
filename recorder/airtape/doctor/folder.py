"""What the file system of a folder can do: it is tried out, in a folder that is removed again."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Final

from airtape.doctor.finding import Finding, State
from airtape.file_events import FileEvents
from airtape.filesystems import filesystem_type, network_type

WATCH_S: Final = 2.0
"""How long to wait until the system tells of a change."""
SLOW_SYNC_S: Final = 0.1
SKEW_S: Final = 5.0
FEW_BYTES: Final = 1 << 30
FEW_FILES: Final = 10_000
_SYNCS: Final = 5
_PREFIX: Final = ".doctor-"


def examine_folder(
    folder: Path, *, watch_s: float = WATCH_S, now: Callable[[], float] = time.time
) -> Iterator[Finding]:
    """Try out what recording and syncing need of a folder; yield what was found.

    Args:
        folder: The folder of run directories; where it is missing, the nearest one above it counts.
        watch_s: How long to wait until the system tells of a change.
        now: The wall clock, in seconds since 1970.
    """
    place = _nearest(folder)
    kind = filesystem_type(place) or "unknown"
    network = network_type(place)
    yield Finding("file system", "good", f"{kind}, {'network' if network else 'local'} ({place})")
    yield from _room(place)
    try:
        trial = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
    except OSError as error:
        yield Finding("writing", "bad", f"{place} cannot be written: {error.strerror}")
        return
    try:
        yield Finding("writing", "good", "files and folders can be made")
        for name, probe in _PROBES.items():
            yield _tried(name, probe, trial)
        yield _skew(trial, now)
        yield _notifications(trial, watch_s)
    finally:
        shutil.rmtree(trial, ignore_errors=True)


def _nearest(folder: Path) -> Path:
    for place in (folder, *folder.absolute().parents):
        if os.path.isdir(place):  # noqa: PTH112 - does not raise where a folder may not be entered
            return place
    return Path("/")


def _room(place: Path) -> Iterator[Finding]:
    try:
        said = os.statvfs(place)
    except OSError as error:
        yield Finding("free space", "poor", f"is not told: {error.strerror}")
        return
    free = said.f_bavail * said.f_frsize
    yield Finding("free space", _enough(free, FEW_BYTES), f"{free / 1e9:.1f} GB")
    if said.f_files:
        left = f"{said.f_favail} inodes of {said.f_files}"
        yield Finding("free files", _enough(said.f_favail, FEW_FILES), left)
    else:
        yield Finding("free files", "good", "no limit is told")


def _enough(free: int, few: int) -> State:
    if free >= few:
        return "good"
    return "poor" if free else "bad"


def _tried(name: str, probe: Callable[[Path], Finding | str], trial: Path) -> Finding:
    try:
        found = probe(trial)
    except OSError as error:
        return Finding(name, "bad", f"fails: {error.strerror or error}")
    return Finding(name, "good", found) if isinstance(found, str) else found


def _appends(trial: Path) -> Finding | str:
    path = trial / "append"
    fds = [os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) for _ in range(2)]
    try:
        for number in range(10):
            os.write(fds[number % 2], b"%d" % number)
    finally:
        for fd in fds:
            os.close(fd)
    if path.read_bytes() != b"0123456789":
        return Finding("O_APPEND", "bad", "two that append overwrite each other")
    return "what is appended stays, whoever appends"


def _syncs(trial: Path) -> Finding | str:
    path = trial / "sync"
    took = []
    for number in range(_SYNCS):
        with path.open("ab") as file:
            file.write(b"%d" % number)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - began)
    folder = os.open(trial, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    fastest = min(took)
    text = f"{1000 * fastest:.1f} ms"
    return Finding("fsync", "poor", f"slow: {text}") if fastest > SLOW_SYNC_S else text


def _renames(trial: Path) -> str:
    path = trial / "whole"
    for text in ("old", "new"):
        aside = trial / "aside"
        aside.write_text(text, encoding="ascii")
        aside.replace(path)
    return "a file is replaced at once"


def _links(trial: Path) -> Finding | str:
    path = trial / "linked"
    path.touch()
    try:
        os.link(path, trial / "link")
        (trial / "symlink").symlink_to("linked")
    except OSError as error:
        return Finding("links", "poor", f"there are none ({error.strerror}): no `latest-run`")
    return "hard and symbolic ones"


def _locks(trial: Path) -> Finding | str:
    if network_type(trial) is not None:
        return Finding(
            "locks", "poor", "not to be trusted on a network file system: put SQLite elsewhere"
        )
    with (trial / "lock").open("wb") as file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return "lockf and flock"


_PROBES: Final[dict[str, Callable[[Path], Finding | str]]] = {
    "O_APPEND": _appends,
    "fsync": _syncs,
    "rename": _renames,
    "links": _links,
    "locks": _locks,
}


def _skew(trial: Path, now: Callable[[], float]) -> Finding:
    path = trial / "clock"
    path.touch()
    apart = path.stat().st_mtime - now()
    if abs(apart) > SKEW_S:
        where = "ahead of" if apart > 0 else "behind"
        return Finding("file clock", "poor", f"{abs(apart):.0f} s {where} this machine's")
    return Finding("file clock", "good", "that of this machine, within seconds")


def _notifications(trial: Path, watch_s: float) -> Finding:
    if network_type(trial) is not None:
        return Finding("inotify", "poor", "not on a network file system: logs are looked at often")
    told = Event()
    events = FileEvents(lambda *_: told.set())
    try:
        events.watch(trial)
        events.start()
    except OSError as error:
        return Finding(
            "inotify", "poor", f"is refused ({error.strerror}): logs are looked at often"
        )
    try:
        (trial / "watched").touch()
        came = told.wait(watch_s)
    finally:
        events.stop(wait=True)
    if not came:
        return Finding("inotify", "poor", "nothing is told: logs are looked at often")
    return Finding("inotify", "good", "changes are told")
