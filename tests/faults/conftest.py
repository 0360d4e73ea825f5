"""What fault tests start from: a server of trials, and the fault shim."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.trials import Server
from tests.shim.build import build_shim


@pytest.fixture(scope="session")
def shim(request: pytest.FixtureRequest) -> Path:
    """Build the fault shim once for all sessions."""
    cache = request.config.cache
    assert cache is not None
    return build_shim(cache.mkdir("faultshim"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Start trials without any shim."""
    server = Server(tmp_path)
    yield server
    server.close()


@pytest.fixture(scope="session")
def is_root() -> bool:
    """Whether file systems can be mounted, and other users be taken on."""
    return os.geteuid() == 0
