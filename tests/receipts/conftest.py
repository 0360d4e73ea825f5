"""A target in memory and a folder of run directories, as the tests of the sync have them."""

from __future__ import annotations

from tests.sync.conftest import memory, run_dir, wandb

__all__ = ["memory", "run_dir", "wandb"]
