"""What the doctor finds: each thing is tried out, and said as it is."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airtape.doctor import folder as folders
from airtape.doctor import machine
from airtape.doctor.finding import Finding
from airtape.doctor.folder import examine_folder
from airtape.doctor.machine import examine_machine

Found = dict[str, Finding]


def _of(folder: Path, **options: Any) -> Found:
    return {found.name: found for found in examine_folder(folder, **options)}


def _refuse(*_: object, **__: object) -> Any:  # noqa: ANN401 - returns nothing at all
    raise OSError(errno.EIO, "Input/output error")


def test_a_good_folder_is_good(tmp_path: Path) -> None:
    """And as it was, afterwards; one that is not made yet is tried above."""
    found = _of(tmp_path / "wandb")
    bad = [one for one in found.values() if one.state != "good" and one.name != "fsync"]
    assert bad == []
    assert str(tmp_path) in found["file system"].detail
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "place", "state"),
    [
        ("fsync", (os, "fsync"), "bad"),
        ("rename", (Path, "replace"), "bad"),
        ("links", (os, "link"), "poor"),
        ("locks", (fcntl, "lockf"), "bad"),
        ("writing", (tempfile, "mkdtemp"), "bad"),
        ("free space", (os, "statvfs"), "poor"),
    ],
)
def test_what_fails_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    place: tuple[Any, str],
    state: str,
) -> None:
    """The others are tried all the same."""
    monkeypatch.setattr(*place, _refuse)
    found = _of(tmp_path)
    assert found[name].state == state
    assert "Input/output error" in found[name].detail
    assert list(tmp_path.iterdir()) == []


def test_an_append_that_overwrites_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on file systems that do not know O_APPEND."""
    monkeypatch.setattr(os, "O_APPEND", 0)
    assert _of(tmp_path)["O_APPEND"].state == "bad"


def test_a_slow_disk_is_poor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the fastest of a few tries."""
    ticks = iter(range(100))
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(ticks)))
    assert _of(tmp_path)["fsync"] == Finding("fsync", "poor", "slow: 1000.0 ms")


@pytest.mark.parametrize(("apart", "words"), [(60, "behind"), (-60, "ahead of")])
def test_a_server_with_another_clock_is_poor(tmp_path: Path, apart: float, words: str) -> None:
    """What is recent looks old there."""
    found = _of(tmp_path, now=lambda: time.time() + apart)["file clock"]
    assert found.state == "poor"
    assert words in found.detail


@pytest.mark.parametrize(
    ("room", "states"),
    [
        ((1, 0, 0), ("poor", "good")),
        ((0, 10, 0), ("bad", "bad")),
        ((1 << 40, 1 << 30, 5), ("good", "poor")),
    ],
)
def test_little_room(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    room: tuple[int, int, int],
    states: tuple[str, str],
) -> None:
    """In bytes and in files; some file systems tell of no limit."""
    free, files, left = room
    said = SimpleNamespace(f_bavail=free, f_frsize=1, f_files=files, f_favail=left)
    monkeypatch.setattr(os, "statvfs", lambda _: said)
    found = _of(tmp_path)
    assert (found["free space"].state, found["free files"].state) == states


def test_a_network_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is told of changes there, and locks are not to be trusted."""
    monkeypatch.setattr(folders, "network_type", lambda _: "lustre")
    found = _of(tmp_path)
    assert (found["locks"].state, found["inotify"].state) == ("poor", "poor")
    assert "network" in found["file system"].detail


@pytest.mark.parametrize("refuses", [True, False])
def test_a_system_that_does_not_tell_of_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, refuses: bool
) -> None:
    """Because too much is watched already, or at all."""

    class Observer:
        def schedule(self, *_: object) -> None:
            if refuses:
                _refuse()

        start = stop = join = is_alive = lambda _: None

    monkeypatch.setattr("watchdog.observers.Observer", Observer)
    found = _of(tmp_path, watch_s=0)["inotify"]
    assert found.state == "poor"
    assert "looked at often" in found.detail


def test_the_machine_is_described() -> None:
    """What is installed, and whether the log's code is compiled."""
    found = {one.name: one for one in examine_machine()}
    assert "airtape" in found
    assert "msgpack 1." in found["libraries"].detail
    assert found["msgpack"].state == "good"
    assert found["processes"].state == "good"


CASES: dict[str, Callable[[pytest.MonkeyPatch], Finding]] = {
    "clock": lambda _: machine._clock(5.0),  # noqa: SLF001 - no clock is set for a test
    "open files": lambda _: machine._open_files(64),  # noqa: SLF001 - nor a limit
    "processes": lambda patch: (
        patch.setattr(machine, "boot_id", str),
        machine._processes(),  # noqa: SLF001 - nor another system
    )[1],
}


@pytest.mark.parametrize("name", CASES)
def test_a_poor_machine(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Each costs something, and nothing fails."""
    found = CASES[name](monkeypatch)
    assert (found.name, found.state) == (name, "poor")


def test_a_library_in_pure_python_is_poor(monkeypatch: pytest.MonkeyPatch) -> None:
    """It works, slowly."""
    from msgpack import fallback  # noqa: PLC0415 - slow, and of use here alone

    monkeypatch.setattr("msgpack.Packer", fallback.Packer)
    assert machine._log_code().state == "poor"  # noqa: SLF001 - as installed where it is slow


def test_no_limit_of_files_is_good() -> None:
    """As some systems have it."""
    assert machine._open_files(resource.RLIM_INFINITY).detail == "no limit"  # noqa: SLF001 - see above


def test_libraries_without_data_of_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a single file: those that are there have no version, others are missing."""

    def nothing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(machine, "version", nothing)
    said = list(machine._libraries())  # noqa: SLF001 - see above
    assert "click (version unknown)" in said
    monkeypatch.setattr(machine, "_LIBRARIES", ("nosuchpackage",))
    assert list(machine._libraries()) == ["nosuchpackage missing"]  # noqa: SLF001 - see above
