"""What tests of queries have: recorded runs, read from their directories or from a store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airtape.backends.registry import open_backend
from airtape.query.api import Api
from airtape.sync.engine import sync
from tests import logs


@pytest.fixture
def wandb(workdir: Path) -> Path:
    """The folder of run directories below the working directory."""
    folder = workdir / "wandb"
    folder.mkdir()
    return folder


MakeRun = Callable[..., Path]
"""Write a run; see `make_run`."""


@pytest.fixture
def make_run(wandb: Path) -> MakeRun:
    """Write a run with a name, a config, five rows and an end, plus whatever else is given."""

    def make(
        run_id: str = "ab12cd34",
        *said: logs.Said,
        stamp: str = "20261120_101112",
        project: str = "digits",
        lr: float = 0.1,
        **header: Any,
    ) -> Path:
        run_dir = logs.run_dir_of(wandb, run_id, stamp)
        logs.write_log(
            run_dir,
            logs.describe(name=f"lion-{run_id}", entity="me", project=project, tags=["best"]),
            logs.machine(user="ada", host="node1", git={"commit": "c0ffee"}),
            logs.config(lr=lr, optimizer={"name": "adam"}),
            *(
                logs.log_row(
                    step, **{"loss": lr / (step + 1), "eval/acc": step, "g": {"max": step}}
                )
                for step in range(5)
            ),
            *(said or [logs.ended(0)]),
            run_id=run_id,
            **{"writer": run_id.encode().ljust(16), **header},
        )
        return run_dir

    return make


@pytest.fixture
def synced(wandb: Path) -> Callable[[], Api]:
    """Sync all runs into a store and return the API that reads it."""

    def bring() -> Api:
        target = f"sqlite:{wandb / 'tracker.db'}"
        backend = open_backend(target)
        try:
            report = sync([wandb], backend)
        finally:
            backend.close()
        assert report.exit_code == 0
        return Api(target)

    return bring
