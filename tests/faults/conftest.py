"""What fault tests start from: a server of trials, and the fault shim."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.trials import Server
from tests.shim.fixture import shim as shim  # noqa: PLC0414 - a fixture


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Start trials without any shim."""
    server = Server(tmp_path)
    yield server
    server.close()


Mount = Callable[[str], Path | None]


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    """Mount file systems in memory, by their options; None where that is not permitted."""
    places: list[Path] = []

    def mount_one(options: str) -> Path | None:
        place = tmp_path / f"mounted-{len(places)}"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        if subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode:
            return None
        places.append(place)
        return place

    yield mount_one
    for place in places:
        subprocess.run(["umount", "-l", place], check=True)
