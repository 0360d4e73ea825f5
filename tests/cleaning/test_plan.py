"""Which runs may be cleaned, found out in memory that does not grow with them."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import pytest

from airtape.backends.memory import MemoryBackend
from airtape.cleaning import plan as plans
from airtape.cleaning.plan import Rules, plan_cleaning
from airtape.cleaning.proof import Proof
from airtape.states import Vantage
from tests.logs import ended, log_row, run_dir_of, write_log

NOW = Vantage(1 << 62, "", "", lambda _pid, _ticks: True)


@pytest.fixture
def proof() -> Proof:
    """A target of its own, asked what it has."""
    return Proof(MemoryBackend(f"plan {time.time_ns()}"), "memory")


def _runs(folder: Path, count: int) -> list[Path]:
    rows = [log_row(step, text="x" * 1000 + str(step)) for step in range(40)]
    run_dirs = []
    for number in range(count):
        run_dir = run_dir_of(folder, f"run{number:03d}")
        write_log(
            run_dir, *rows, ended(), run_id=f"run{number:03d}", writer=number.to_bytes(16, "big")
        )
        run_dirs.append(run_dir)
    return run_dirs


def test_memory_does_not_grow_with_the_runs(tmp_path: Path, proof: Proof) -> None:
    """Twelve runs take little more than one."""
    run_dirs = _runs(tmp_path, 12)
    peaks = []
    for some in (run_dirs[:1], run_dirs):
        tracemalloc.start()
        plan = plan_cleaning(some, [proof], Rules(), NOW)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert {one.verdict for one in plan} == {"refused"}
    assert peaks[1] < 3 * peaks[0]


def test_logs_that_vanish_are_no_proof(
    tmp_path: Path, proof: Proof, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two looks; nothing is removed for it."""
    monkeypatch.setattr(plans, "run_of", lambda _: None)
    (candidate,) = plan_cleaning(_runs(tmp_path, 1), [proof], Rules(), NOW)
    assert candidate.verdict == "refused"
    assert candidate.reasons == ["its logs cannot be read any more"]


def test_directories_with_names_of_their_own_are_runs_too(tmp_path: Path, proof: Proof) -> None:
    """They are looked at together."""
    for number, run_dir in enumerate(_runs(tmp_path, 2)):
        run_dir.rename(tmp_path / f"run-mine-{number}")
    run_dirs = sorted(tmp_path.iterdir())
    plan = plan_cleaning(run_dirs, [proof], Rules(), NOW)
    assert sorted(one.directories[-1] for one in plan) == run_dirs
