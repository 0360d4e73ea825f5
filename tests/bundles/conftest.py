"""Two sides of a gap: a folder of runs here, and one that bundles are applied to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sync.conftest import run_dir, wandb

__all__ = ["far", "run_dir", "wandb"]


@pytest.fixture
def far(tmp_path: Path) -> Path:
    """The folder on the other side, not made yet."""
    return tmp_path / "far/wandb"
