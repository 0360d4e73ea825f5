"""Comparing many runs with a target: each takes the same work, however many there are."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from airtape.backends.base import DirectoryHint, Held
from airtape.backends.cursor import RunKey
from airtape.backends.memory import MemoryBackend
from airtape.backends.registry import open_backend
from airtape.sync.compare import compare
from airtape.sync.engine import sync
from tests.logs import ended, log_row, run_dir_of, write_log

FEW, MANY = 10, 40
CountSteps = Callable[[], int]


def runs_in(folder: Path, count: int) -> list[Path]:
    """Write some runs, and return their directories."""
    run_dirs = [run_dir_of(folder, f"run{number}") for number in range(count)]
    for run_dir in run_dirs:
        run_id = run_dir.name.rpartition("-")[2]
        write_log(
            run_dir, log_row(0, x=1), ended(), run_id=run_id, writer=run_id.encode().rjust(16)
        )
    return run_dirs


@pytest.fixture
def count_steps(monkeypatch: pytest.MonkeyPatch) -> CountSteps:
    """Return the number of steps that SQLite has taken for connections that were opened since."""
    steps = 0
    connect = sqlite3.connect

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    def watched(database: str, **how: bool) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(database, **how)  # type: ignore[call-overload]  # passed on as it came
        connection.set_progress_handler(step, 1)
        return connection

    monkeypatch.setattr(sqlite3, "connect", watched)
    return lambda: steps


@pytest.mark.parametrize("moved", [False, True])
def test_a_run_of_many_costs_a_store_no_more_steps_than_one_of_few(
    tmp_path: Path, count_steps: CountSteps, *, moved: bool
) -> None:
    """Also where the directories stand in another place than when they were synced."""
    each: list[float] = []
    for count in (FEW, MANY):
        top = tmp_path / str(count)
        run_dirs = runs_in(top / "wandb", count)
        with closing(open_backend(f"sqlite:{top}/store.db")) as backend:
            sync(run_dirs, backend)
        if moved:
            (top / "wandb").rename(top / "moved")
            run_dirs = [top / "moved" / run_dir.name for run_dir in run_dirs]
        before = count_steps()
        with closing(open_backend(f"sqlite:{top}/store.db")) as backend:
            assert {one.verdict for one in compare(run_dirs, backend)} == {"equal"}
        each.append((count_steps() - before) / count)
    few, many = each
    assert 0 < many <= few


class Counting(MemoryBackend):
    """A target that counts what it is asked."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.asked: Counter[str] = Counter()

    def hints(self) -> Mapping[str, DirectoryHint]:
        """Count."""
        self.asked["hints"] += 1
        return super().hints()

    def runs(self, run_id: str | None = None) -> list[RunKey]:
        """Count."""
        self.asked["runs"] += 1
        return super().runs(run_id)

    def dump(self, run: RunKey | None = None) -> Iterator[Held]:
        """Count, by the run."""
        self.asked["everything" if run is None else run.run_id] += 1
        return super().dump(run)


def test_a_target_is_asked_once_for_each_run_and_once_for_their_names(wandb: Path) -> None:
    """Whatever kind of target it is; never for everything that it has."""
    run_dirs = runs_in(wandb, FEW)
    backend = Counting(uuid4().hex)
    sync(run_dirs, backend)
    moved = wandb.rename(wandb.with_name("moved"))
    backend.asked.clear()
    assert len(list(compare(sorted(moved.iterdir()), backend))) == FEW
    names = {run_dir.name.rpartition("-")[2]: 1 for run_dir in run_dirs}
    assert backend.asked == {"hints": 1, "runs": 1, **names}
