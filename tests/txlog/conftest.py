"""What tests of the log start from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shim.build import build_shim
from tests.txlog.bytes_of import Reading
from tests.txlog.faulty import Faulty
from tests.txlog.logged import Log
from tests.txlog.paper import Paper


@pytest.fixture
def read(tmp_path: Path) -> Reading:
    """Read bytes as a log."""
    return Reading(tmp_path / "run.txlog")


@pytest.fixture
def paper() -> Paper:
    """Make a log in memory."""
    return Paper()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make the folder of a log."""
    folder = tmp_path / "run-x"
    folder.mkdir()
    return folder


@pytest.fixture
def log(folder: Path) -> Iterator[Log]:
    """Open a log; what the test leaves open is closed."""
    log = Log(folder / "run.txlog")
    yield log
    log.abandon()


@pytest.fixture
def faulty(request: pytest.FixtureRequest, tmp_path: Path) -> Faulty:
    """Run code that writes a log under the fault shim."""
    cache = request.config.cache
    assert cache is not None
    return Faulty(build_shim(cache.mkdir("faultshim")), tmp_path)
