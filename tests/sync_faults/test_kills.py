"""S1: a sync that is killed wherever it changes something, and again, and then is let run."""

from __future__ import annotations

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.faults.table import SayRow
from tests.shim.build import Setting, count_in, kill_at, no_locks, on_path
from tests.shim.watch import read_counts
from tests.sync_faults.conftest import looks_of
from tests.sync_faults.exactness import EXACT, NONE, Difference, difference, logs_in, sum_of
from tests.sync_faults.syncs import Syncs, small_batches
from tests.sync_faults.targets import Files, Targets

pytestmark = [pytest.mark.sync_faults, pytest.mark.timeout(300)]

AT_ONCE = 2
"""Trials side by side."""
PLACES = 64
"""Places to die at in the quick suite; the rest of them under ``--rounds``."""


def test_a_sync_that_is_killed_twice_is_completed_by_the_next(
    targets: Targets,
    syncs: Syncs,
    source: Path,
    tmp_path: Path,
    rounds: Callable[[int], int],
    row: SayRow,
) -> None:
    """Before its n-th write, fsync or send, for each n: then the next one lacks nothing."""
    kill_everywhere(targets, syncs, source, tmp_path, rounds(PLACES), row)


def test_killed_where_locks_fail(
    sqlite_targets: Files,
    syncs: Syncs,
    source: Path,
    tmp_path: Path,
    rounds: Callable[[int], int],
    row: SayRow,
) -> None:
    """The same where every lock on the store is refused."""
    kill_everywhere(sqlite_targets, syncs, source, tmp_path, rounds(PLACES // 4), row, locks=False)


def kill_everywhere(
    targets: Targets,
    syncs: Syncs,
    source: Path,
    tmp_path: Path,
    places: int,
    row: SayRow,
    *,
    locks: bool = True,
) -> None:
    """Kill syncs at so many of the places where one changes something."""
    before, logs = looks_of(source), logs_in(source)
    always = [] if locks else [no_locks()]

    def settings(url: str, *more: Setting) -> list[Setting]:
        return [on_path(targets.part(url)), *always, *more]

    def run(url: str, *kill: Setting) -> int:
        # A lock that is a file outlives whoever is killed; the next sync says to remove it.
        for lock in [] if locks else Path(targets.part(url)).glob("*.lock"):
            lock.rmdir()
        return syncs.run(small_batches(source, url), *settings(url, *kill))

    def trial(number: int) -> tuple[int, Difference]:
        url = targets.new()
        codes = [run(url, kill_at(number)), run(url, kill_at(1 + number // 4))]
        assert set(codes) <= {-signal.SIGKILL, 0}, codes
        assert run(url) == 0
        return codes.count(-signal.SIGKILL), difference(url, logs)

    url, counts = targets.new(), tmp_path / "counts"
    assert syncs.run(small_batches(source, url), *settings(url, count_in(counts))) == 0
    total = read_counts(counts).total
    chosen = spread(total, places)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = list(pool.map(trial, chosen))
    kills = sum(count for count, _ in done)
    whole = sum_of(found for _, found in done)
    row(
        "S1" if locks else "S11",
        f"{targets.kind}{'' if locks else ', locks refused'}: kill -9 before one of its {total} "
        "writes, fsyncs and sends, the next one at a quarter of that",
        tries=len(chosen),
        result=f"{kills} kills, {whole}",
        passes=EXACT,
    )
    assert kills >= len(chosen)
    assert whole == NONE
    assert looks_of(source) == before


def spread(total: int, wanted: int) -> list[int]:
    """Return so many of the calls from 1 on, all if that is as many, spread evenly."""
    if wanted >= total:
        return list(range(1, total + 1))
    return [1 + number * (total - 1) // (wanted - 1) for number in range(wanted)]
