"""S6: the source is a copy that is still being made: in part, out of order, replaced, shrunk."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airtape.backends.registry import open_backend
from airtape.sync.engine import sync
from airtape.sync.options import SyncOptions
from tests.faults.table import SayRow
from tests.logs import ended, frames_of, header, log_row, run_dir_of
from tests.sync.runs import A_RUN
from tests.sync_faults.exactness import EXACT, NONE, difference
from tests.sync_faults.targets import Targets

pytestmark = [pytest.mark.sync_faults, pytest.mark.timeout(120)]

DAY_NS = 86_400 * 10**9
BLOCK = 256
WHOLE = b"".join(
    frames_of(*A_RUN, *(log_row(step, loss=step / 7) for step in range(14, 40)), ended())
)
Ways = Callable[[Path, random.Random], Iterator[None]]


def appended(log: Path, source: random.Random) -> Iterator[None]:
    """Written from the start to the end, cut anywhere."""
    cuts = sorted(source.sample(range(1, len(WHOLE)), 6))
    for begin, end in zip([0, *cuts], [*cuts, len(WHOLE)], strict=True):
        with log.open("ab") as file:
            file.write(WHOLE[begin:end])
        yield


def in_place(log: Path, source: random.Random) -> Iterator[None]:
    """Block by block in any order, with zeros where none is yet."""
    log.touch()
    places = list(range(0, len(WHOLE), BLOCK))
    source.shuffle(places)
    for number, place in enumerate(places):
        with log.open("r+b") as file:
            file.seek(place)
            file.write(WHOLE[place : place + BLOCK])
        if number % 3 == 0:
            yield


def replaced(log: Path, source: random.Random) -> Iterator[None]:
    """Each time another file in place of the one before, longer or shorter."""
    for end in [*source.sample(range(1, len(WHOLE)), 6), len(WHOLE)]:
        fresh = log.with_name(".fresh")
        fresh.write_bytes(WHOLE[:end])
        fresh.replace(log)
        yield


def shrunk(log: Path, source: random.Random) -> Iterator[None]:
    """Cut off at its end again and again, and begun from there."""
    log.touch()
    size = 0
    for _ in range(4):
        for end in (min(len(WHOLE), size + source.randrange(1, 900)), source.randrange(size + 1)):
            with log.open("r+b") as file:
                file.truncate(min(end, size))
                file.seek(0)
                file.write(WHOLE[:end])
            size = end
            yield


WAYS: dict[str, Ways] = {
    "cut anywhere, appended to": appended,
    "in place, in any order": in_place,
    "replaced by longer and shorter ones": replaced,
    "shrinking and growing": shrunk,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_that_is_being_made(
    targets: Targets, tmp_path: Path, rounds: Callable[[int], int], row: SayRow, way: str
) -> None:
    """However it comes to be, and whatever its times say: in the end everything is there once."""
    trials, syncs, early, whole = rounds(8), 0, 0, NONE
    for number in range(trials):
        source = random.Random(number)
        run_dir = run_dir_of(tmp_path / f"{number}" / "wandb")
        run_dir.mkdir(parents=True)
        log, url = run_dir / "run-ab12cd34.txlog", targets.new()
        for _ in WAYS[way](log, source):
            early += _ended(run_dir, url) and log.read_bytes() != WHOLE
            age = source.choice([0, -DAY_NS, DAY_NS])
            os.utime(log, ns=(log.stat().st_mtime_ns + age,) * 2)
            syncs += 1
        log.write_bytes(WHOLE)
        assert _ended(run_dir, url)
        whole = whole.plus(difference(url, [log]))
    row(
        "S6",
        f"{targets.kind}: a copy {way}; times a day off",
        tries=syncs,
        result=f"{whole}, {early} times complete too early",
        passes=f"{EXACT}, never complete too early",
    )
    assert (whole, early) == (NONE, 0)
    assert header().run_id in run_dir_of(tmp_path).name


def _ended(run_dir: Path, url: str) -> bool:
    """Sync, and tell whether the run is taken to have ended and to be whole."""
    backend = open_backend(url)
    (run,) = sync([run_dir], backend, SyncOptions(pause=lambda _: None)).runs
    backend.close()
    return run.ended and not (run.damage or run.known)
