"""What tests of the command have: `tracker` in this process, in an empty working directory."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest
from click.testing import CliRunner, Result

from airtape_cli.main import main
from tests import logs


class Tracker(Protocol):
    """Run the command; see `tracker`."""

    def __call__(self, *arguments: str, exit_code: int = 0) -> Result:
        """Return what it wrote."""


@pytest.fixture
def tracker(workdir: Path) -> Tracker:
    """Run ``tracker`` in the working directory, and expect that it ends with ``exit_code``."""
    assert workdir.is_dir()

    def run(*arguments: str, exit_code: int = 0) -> Result:
        result = CliRunner().invoke(main, arguments, prog_name="tracker")
        assert result.exit_code == exit_code, result.output
        return result

    return run


@pytest.fixture
def tracker_json(tracker: Tracker) -> Callable[..., Any]:
    """Run ``tracker … --json`` and return the object that it printed."""

    def run(*arguments: str, exit_code: int = 0) -> object:
        return json.loads(tracker(*arguments, "--json", exit_code=exit_code).stdout)

    return run


@pytest.fixture
def wandb(workdir: Path) -> Path:
    """The folder of run directories that commands look into when no other one is named."""
    folder = workdir / "wandb"
    folder.mkdir()
    return folder


MakeRun = Callable[..., Path]


@pytest.fixture
def make_run(wandb: Path) -> MakeRun:
    """Write a run with a name, three rows and an end, plus whatever else is given."""

    def make(
        run_id: str = "ab12cd34", *said: logs.Said, name: str = "likely-lion-9", **header: Any
    ) -> Path:
        run_dir = logs.run_dir_of(wandb, run_id)
        logs.write_log(
            run_dir,
            logs.describe(name=name, entity="me", project="digits"),
            *(
                logs.log_row(step, **{"loss": 1 / (step + 1), "eval/acc": step})
                for step in range(3)
            ),
            *(said or [logs.ended(0)]),
            run_id=run_id,
            **{"writer": run_id.encode().ljust(16), **header},
        )
        return run_dir

    return make
