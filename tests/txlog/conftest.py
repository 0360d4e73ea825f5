"""What tests of the log start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.txlog.bytes_of import Reading


@pytest.fixture
def read(tmp_path: Path) -> Reading:
    """Read bytes as a log."""
    return Reading(tmp_path / "run.txlog")
