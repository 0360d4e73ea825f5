"""What the shim's own tests start from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from tests.shim.build import Setting, on_path, shim_env
from tests.shim.fixture import shim as shim  # noqa: PLC0414 - a fixture
from tests.shim.process import PRELUDE, Run


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
