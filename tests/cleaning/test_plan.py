"""Which runs may be cleaned, found out in memory that does not grow with them."""

from __future__ import annotations

import os
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

DAY_S = 86_400
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


@pytest.mark.parametrize(
    ("said_days_ago", "written_days_ago", "verdict"),
    [(0, 0, "kept"), (2, 0, "kept"), (0, 2, "kept"), (2, 2, "refused")],
)
def test_a_run_without_an_end_is_silent_by_each_clock(
    tmp_path: Path, proof: Proof, said_days_ago: float, written_days_ago: float, verdict: str
) -> None:
    """By that of whoever records, which may be behind, and by that of the file system."""
    _silent_run(tmp_path, said_days_ago, written_days_ago)
    (candidate,) = plan_cleaning(tmp_path.iterdir(), [proof], Rules(), _vantage())
    assert candidate.verdict == verdict
    assert (candidate.reasons[0] == "it is running (last heard 0 s ago)") is (verdict == "kept")


def test_a_clock_that_jumps_ends_no_run(tmp_path: Path, proof: Proof) -> None:
    """Here; the run goes on elsewhere, and its log was written to just now."""
    _silent_run(tmp_path, 0, 0)
    late = _vantage(ahead_s=2 * 86_400)
    (candidate,) = plan_cleaning(tmp_path.iterdir(), [proof], Rules(), late)
    assert candidate.verdict == "kept"
    (candidate,) = plan_cleaning(tmp_path.iterdir(), [proof], Rules(older_than_s=86_400), late)
    assert candidate.reasons == ["it is not old enough"]


def test_where_nothing_can_be_made_one_clock_tells(
    tmp_path: Path, proof: Proof, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one here; nothing could be removed there either."""
    _silent_run(tmp_path, 2, 0)
    monkeypatch.setattr("airtape.silence.file_clock_ns", lambda _: None)
    (candidate,) = plan_cleaning(tmp_path.iterdir(), [proof], Rules(), _vantage())
    assert candidate.verdict == "refused"


def _vantage(ahead_s: float = 0) -> Vantage:
    return Vantage(int((time.time() + ahead_s) * 1e9), "here", "", lambda _pid, _ticks: True)


def _silent_run(folder: Path, said_days_ago: float, written_days_ago: float) -> None:
    """Write a run without an end, recorded on another machine."""
    log = write_log(
        run_dir_of(folder),
        log_row(0, loss=1.0),
        began_ns=int((time.time() - said_days_ago * DAY_S) * 1e9),
        host="elsewhere",
    )
    then = time.time() - written_days_ago * DAY_S
    os.utime(log, (then, then))


def test_directories_with_names_of_their_own_are_runs_too(tmp_path: Path, proof: Proof) -> None:
    """They are looked at together."""
    for number, run_dir in enumerate(_runs(tmp_path, 2)):
        run_dir.rename(tmp_path / f"run-mine-{number}")
    run_dirs = sorted(tmp_path.iterdir())
    plan = plan_cleaning(run_dirs, [proof], Rules(), NOW)
    assert sorted(one.directories[-1] for one in plan) == run_dirs
