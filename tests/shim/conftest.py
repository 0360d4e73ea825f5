"""What the shim's own tests start from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from tests.shim.build import Setting, build_shim, on_path, shim_env
from tests.shim.process import PRELUDE, Run


@pytest.fixture(scope="session")
def shim(request: pytest.FixtureRequest) -> Path:
    """Build the library once for all sessions."""
    cache = request.config.cache
    assert cache is not None
    return build_shim(cache.mkdir("faultshim"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Make the only folder whose files count; count files and controls stand beside it."""
    folder = tmp_path.resolve() / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def run(shim: Path, data: Path) -> Run:
    """Run code in a process whose files in `data` count, and which works there."""

    def _run(
        code: str, *settings: Setting, stdout: int | IO[str] = subprocess.PIPE
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", PRELUDE + code, data],
            env=shim_env(shim, on_path(data), *settings),
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    return _run
