"""Comparing a target with the logs, record by record."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from airtape.backends.base import Backend, Held
from airtape.backends.cursor import RunKey, pack_state, unpack_state
from airtape.backends.memory import MemoryBackend
from airtape.backends.tally import Tally
from airtape.records import Plain, Point
from airtape.sync.brake import Brake
from airtape.sync.compare import MOST_TOLD, Comparison, compare
from airtape.sync.engine import sync
from airtape.sync.options import SyncOptions
from airtape.sync.renames import Names, Renames
from airtape.txlog.seqset import SeqSet
from tests.logs import (
    config,
    describe,
    ended,
    frames_of,
    log_row,
    partial_row,
    run_dir_of,
    write_log,
)
from tests.sync.runs import A_RUN

OpenTarget = Callable[[], Backend]


def compared(backend: Backend, *run_dirs: Path) -> Comparison:
    """Return how the only run compares."""
    (comparison,) = compare(run_dirs, backend)
    return comparison


def test_what_was_synced_is_equal(open_target: OpenTarget, run_dir: Path) -> None:
    """Every kind of record and value, on every kind of target."""
    log = write_log(run_dir, *A_RUN, ended())
    (run,) = sync([run_dir], open_target()).runs
    found = compared(open_target(), run_dir)
    assert (found.verdict, found.told, found.receipt) == ("equal", [], run.receipt)
    assert (found.run.run_id, found.directories) == ("ab12cd34", [log.parent])


def test_two_writers_of_a_directory_are_one_run(memory: MemoryBackend, run_dir: Path) -> None:
    """They are compared together."""
    write_log(run_dir, log_row(0, x=1))
    write_log(run_dir, log_row(0, y=1), name="b.txlog", writer=b"b" * 16, root=bytes(range(16)))
    sync([run_dir], memory)
    found = compared(memory, run_dir)
    assert (found.verdict, found.directories, found.receipt.records) == ("equal", [run_dir], 4)


@pytest.mark.parametrize("end", range(1, 17))
@pytest.mark.parametrize("stops", [False, True])
def test_what_was_synced_in_part_is_behind(
    memory: MemoryBackend, run_dir: Path, end: int, *, stops: bool
) -> None:
    """What it has is right at each record, also with a row half done, or after a stop."""
    frames = frames_of(
        *(partial_row(0, a=1), partial_row(0, b=2), log_row(0, c=3), partial_row(1, a=4)),
        *(partial_row(step, x=step) for step in range(2, 40)),
    )
    log = write_log(run_dir)
    log.write_bytes(b"".join(frames if stops else frames[:end]))
    brake = Brake()
    backend = Stopping(brake, end) if stops else memory
    sync([run_dir], backend, SyncOptions(brake=brake, max_points=1 if stops else 1000))
    log.write_bytes(b"".join(frames))
    found = compared(backend, run_dir)
    assert (found.differences, found.told) == (0, [])
    assert found.missing == len(frames) - found.receipt.records
    assert found.verdict == ("behind" if found.missing else "equal")


class Stopping(MemoryBackend):
    """A target that pulls the brake after some batches."""

    def __init__(self, brake: Brake, after: int) -> None:
        super().__init__(uuid4().hex)
        self._brake = brake
        self._left = after

    def commit(self, batch: object) -> bool:
        """Take in a batch."""
        self._left -= 1
        if not self._left:
            self._brake.stop()
        return super().commit(batch)  # type: ignore[arg-type]


def test_a_run_that_never_came_is_absent(memory: MemoryBackend, run_dir: Path) -> None:
    """With the number of its records; a log of nothing is not missed."""
    write_log(run_dir, log_row(0, x=1), ended())
    found = compared(memory, run_dir)
    assert (found.verdict, found.missing) == ("absent", 3)
    empty = run_dir_of(run_dir.parent, "empty")
    write_log(empty, run_id="empty").write_bytes(b"")
    assert list(compare([empty], memory)) == []


def test_a_target_that_has_more_is_ahead(memory: MemoryBackend, wandb: Path) -> None:
    """When a log was cut off since, or one of a run's directories is not given."""
    frames = frames_of(*(log_row(step, x=step) for step in range(9)), ended())
    one, two = (wandb / f"run-2026112{day}_101112-ab12cd34" for day in (1, 2))
    log = write_log(one)
    log.write_bytes(b"".join(frames))
    write_log(two, log_row(0, x=1), writer=b"b" * 16, root=bytes(range(16)))
    sync([wandb], memory)
    assert compared(memory, one, two).verdict == "equal"
    assert compared(memory, one, two).directories == [one, two]
    found = compared(memory, one)
    assert (found.verdict, found.extra) == ("ahead", 2)
    assert found.told == ["it has 1 writers of which no log is here"]
    log.write_bytes(b"".join(frames[:5]))
    found = compared(memory, one, two)
    assert (found.verdict, found.extra) == ("ahead", len(frames) - 5)


class Altered(MemoryBackend):
    """A target that gives out something else than it was given.

    Attributes:
        alter: What it does to what it holds.
    """

    alter: Callable[[Held], Held] = staticmethod(lambda held: held)

    def dump(self, run: RunKey | None = None) -> Iterator[Held]:
        """Yield what it holds, altered."""
        yield from map(self.alter, super().dump(run))


def with_value(value: Plain, place: int = 0) -> Callable[[Held], Held]:
    """Return what changes a value."""

    def alter(held: Held) -> Held:
        points = list(held.points)
        points[place] = points[place]._replace(value=value)
        return replace(held, points=points)

    return alter


def with_config(held: Held) -> Held:
    """Change the config from 1 to True."""
    fold, rows, large = unpack_state(held.cursor.state, None)
    fold.config["lr"] = True
    return replace(held, cursor=replace(held.cursor, state=pack_state(fold, rows, large)))


@pytest.mark.parametrize(
    ("alter", "told"),
    [
        (with_value(1), "step 0, a: 1.0 (record 1) in the log, 1 (record 1) in the target"),
        (with_value(2.0), "step 0, a: 1.0 (record 1) in the log, 2.0 (record 1) in the target"),
        (with_value(0.0, 1), "step 0, b: -0.0 (record 1) in the log, 0.0 (record 1) in the target"),
        (
            with_value([1, [2.5, 1]], 2),
            "step 0, c: [1,[2.5,true]] (record 1) in the log, [1,[2.5,1]] (record 1) in the target",
        ),
        (
            with_value(1.5, 3),
            'step 0, n: {"$float":"NaN"} (record 1) in the log, 1.5 (record 1) in the target',
        ),
        (
            lambda held: replace(held, points=held.points[1:]),
            "step 0, a: 1.0 (record 1) in the log, nothing in the target",
        ),
        (
            lambda held: replace(held, points=[*held.points, Point(7, "z", 1, 9)]),
            "step 7, z: nothing in the log, 1 (record 9) in the target",
        ),
        (
            lambda held: replace(held, points=[held.points[0]._replace(seq=5), *held.points[1:]]),
            "step 0, a: 1.0 (record 1) in the log, 1.0 (record 5) in the target",
        ),
        (lambda held: replace(held, rows={}), "step 0: the time is"),
        (lambda held: replace(held, events=[]), "record 2 is not the same"),
        (
            lambda held: replace(held, cursor=replace(held.cursor, tally=Tally(1, 1))),
            "writer 000102030405060708090a0b0c0d0e0f: the digest of its records is another",
        ),
        (
            with_config,
            "the config is not the same",
        ),
    ],
)
def test_what_is_not_the_same_is_told(
    request: pytest.FixtureRequest, run_dir: Path, alter: Callable[[Held], Held], told: str
) -> None:
    """To the last bit, with both values and where they come from."""
    values = {"a": 1.0, "b": -0.0, "c": [1, [2.5, True]], "n": float("nan"), "t": "x", "o": None}
    write_log(run_dir, log_row(0, **values), (10, ["stdout", "x"]), config(lr=1))
    backend = Altered(f"{request.node.name} {uuid4().hex}")
    sync([run_dir], backend)
    assert compared(backend, run_dir).verdict == "equal"
    backend.alter = alter
    found = compared(backend, run_dir)
    assert found.verdict == "different"
    assert found.differences == len(found.told) == 1
    assert found.told[0].startswith(told)


def test_many_differences_are_counted(memory: MemoryBackend, run_dir: Path) -> None:
    """The first of them are told."""
    write_log(run_dir, *(log_row(step, x=step) for step in range(50)))
    backend = Altered(uuid4().hex)
    sync([run_dir], backend)
    backend.alter = lambda held: replace(held, points=[])
    found = compared(backend, run_dir)
    assert (found.differences, len(found.told)) == (50, MOST_TOLD)
    assert memory.runs() == []


def test_what_came_before_there_were_digests(run_dir: Path) -> None:
    """It is compared by its values."""
    write_log(run_dir, *A_RUN)
    backend = Altered(uuid4().hex)
    sync([run_dir], backend)
    backend.alter = lambda held: replace(held, cursor=replace(held.cursor, tally=None))
    assert compared(backend, run_dir).verdict == "equal"


def test_a_run_is_found_under_the_name_it_has_there(memory: MemoryBackend, wandb: Path) -> None:
    """By what is known of its directory, or, when that was moved, as the only run of that kind."""
    run_dir = run_dir_of(wandb)
    write_log(run_dir, describe(tags=["a"]), log_row(0, x=1), ended())
    names = Names("better", "me", "p", "train", {"a": "b"})
    sync([run_dir], memory, SyncOptions(renames=Renames(names)))
    found = compared(memory, run_dir)
    assert (found.verdict, found.run[:1], found.run[2:]) == ("equal", ("better",), ("me", "p"))
    sync([run_dir], memory, SyncOptions(project="later"))
    assert compared(memory, run_dir).run.project == "later"
    moved = shutil.move(run_dir, wandb / "run-20261120_101112-moved")
    assert compared(memory, Path(moved)).verdict == "absent"
    sync([moved], memory)
    assert compared(memory, Path(moved)).verdict == "equal"


def test_a_directory_that_another_run_has_taken(memory: MemoryBackend, run_dir: Path) -> None:
    """What was known of the directory does not count for it."""
    write_log(run_dir, log_row(0, x=1), ended())
    sync([run_dir], memory, SyncOptions(project="p"))
    write_log(run_dir, log_row(0, x=2), ended(), writer=b"b" * 16)
    assert compared(memory, run_dir).verdict == "absent"


def test_what_cannot_be_read_is_told(memory: MemoryBackend, wandb: Path) -> None:
    """The other runs are compared."""
    good, bad, gone = (run_dir_of(wandb, run_id) for run_id in ("good0000", "bad00000", "gone0000"))
    write_log(good, log_row(0, x=1), run_id="good0000")
    write_log(bad, log_row(0, x=1), run_id="bad00000").write_text("just some text")
    sync([good], memory)
    found = list(compare([bad, gone, good], memory))
    assert [one.verdict for one in found] == ["unreadable", "unreadable", "equal"]
    assert found[0].told[0].startswith("run-bad00000.txlog: this is no transaction log")
    assert found[1].told == ["No such file or directory"]


def test_a_log_that_goes_away_meanwhile(run_dir: Path) -> None:
    """It is told like one that cannot be read."""
    log = write_log(run_dir, log_row(0, x=1))
    backend = Altered(uuid4().hex)
    sync([run_dir], backend)

    def remove(held: Held) -> Held:
        log.unlink()
        return held

    backend.alter = remove
    found = compared(backend, run_dir)
    assert (found.verdict, found.told) == ("unreadable", [f"{log}: No such file or directory"])


def test_a_cursor_that_claims_more_than_it_holds(run_dir: Path) -> None:
    """Records that the target only says it has are found out by what they would amount to."""
    write_log(run_dir, *(log_row(step, x=step) for step in range(5)))
    backend = Altered(uuid4().hex)
    sync([run_dir], backend)
    held_of = replace

    def drop_last(held: Held) -> Held:
        return held_of(held, points=held.points[:-1])

    backend.alter = drop_last
    assert compared(backend, run_dir).verdict == "different"
    backend.alter = lambda held: replace(
        held, cursor=replace(held.cursor, received=SeqSet([(0, 3)]))
    )
    found = compared(backend, run_dir)
    assert (found.verdict, found.missing) == ("different", 2)
