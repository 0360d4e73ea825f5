"""What every target promises; see `airtape.backends.base`. Runs on each kind of target."""

from __future__ import annotations

import math
import struct
import threading
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airtape.backends.base import Backend, DirectoryHint, FileHint
from airtape.backends.cursor import Loss, RunKey
from airtape.backends.listing import cursors_of
from airtape.errors import UsageError
from airtape.fold.fold import Fold
from airtape.fold.keys import Key
from airtape.records import Kind, Plain, Point, Record
from airtape.txlog.format import Header
from tests.backends.conftest import OpenTarget
from tests.batches import RUN, WRITER, batch_of, exact, with_values
from tests.plain_values import PLAIN, encoded

NUMBERS = count()
OTHER_WRITER = bytes(range(16, 32))
RARE_NANS = st.integers(1, 2**51 - 1).map(
    lambda bits: struct.unpack(">d", struct.pack(">Q", 0x7FF8 << 48 | bits))[0]
)
KEYS = st.text(max_size=8) | st.lists(st.text(max_size=4), min_size=2, max_size=3).map(tuple)


def test_an_empty_target_has_no_cursor(backend: Backend) -> None:
    """Nothing has come of a writer that nobody has sent."""
    assert backend.read_cursor(RUN, WRITER) is None


def test_an_empty_target_holds_nothing(backend: Backend) -> None:
    """Neither runs nor hints are there at first."""
    assert list(backend.dump()) == []
    assert backend.runs() == []
    assert dict(backend.hints()) == {}


def test_a_cursor_comes_back_as_it_was(open_target: OpenTarget) -> None:
    """All that a cursor says is kept, for other processes too."""
    losses = (
        Loss("run-ab12cd34.txlog", 10, 20, 3, 4, "not a frame"),
        Loss("run-ab12cd34.txlog", 90, 99, None, None, "not a frame"),
        Loss("run-ab12cd34.txlog", 700, 800, 9, None, "not a frame"),
    )
    batch = batch_of(*with_values(1, loss=0.5))
    cursor = replace(batch.cursor, losses=losses, ended=True)
    assert open_target().commit(replace(batch, cursor=cursor))
    assert open_target().read_cursor(RUN, WRITER) == cursor


def test_a_batch_is_taken_once(backend: Backend) -> None:
    """A batch that comes again is refused, and changes nothing."""
    batch = batch_of(*with_values(1, loss=0.5), events=[Record(4, Kind.CONSOLE, 9, ("out", "hi"))])
    assert backend.commit(batch)
    assert not backend.commit(batch)
    (held,) = backend.dump()
    assert held.points == [Point(1, "loss", 0.5, 1)]
    assert [event.seq for event in held.events] == [4]


def test_a_batch_that_builds_on_an_older_cursor_is_refused(backend: Backend) -> None:
    """Whoever comes second has to read the cursor again."""
    first = batch_of(*with_values(1, loss=0.5))
    assert backend.commit(first)
    assert backend.commit(batch_of(*with_values(2, loss=0.25), base=first.cursor))
    assert not backend.commit(batch_of(*with_values(2, loss=9.0), base=first.cursor))
    (held,) = backend.dump()
    assert [point.value for point in held.points] == [0.5, 0.25]


def test_a_batch_that_builds_on_nothing_that_came_is_refused(backend: Backend) -> None:
    """A cursor that the target does not have, it may have lost, is no base."""
    first = batch_of(*with_values(1, loss=0.5))
    assert not backend.commit(batch_of(*with_values(2, loss=0.25), base=first.cursor))
    assert list(backend.dump()) == []


def test_of_many_at_once_one_is_taken(open_target: OpenTarget) -> None:
    """Threads that commit the same batch at the same time find that one of them was first."""
    taken: list[bool] = []
    start = threading.Barrier(4)

    def commit() -> None:
        backend = open_target()
        start.wait()
        taken.append(backend.commit(batch_of(*with_values(1, loss=0.5))))
        backend.close()

    threads = [threading.Thread(target=commit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False, False, False, True]


def test_a_later_value_replaces_an_earlier_one(backend: Backend) -> None:
    """A row that is added to over two batches has the last value of each metric."""
    first = batch_of(*with_values(1, loss=0.5, acc=0.1))
    assert backend.commit(first)
    assert backend.commit(batch_of(Point(1, "loss", 0.25, 11), base=first.cursor))
    (held,) = backend.dump()
    assert held.points == [Point(1, "acc", 0.1, 1), Point(1, "loss", 0.25, 11)]


def test_the_last_of_two_values_in_a_batch_counts(backend: Backend) -> None:
    """Points are put in their order."""
    assert backend.commit(batch_of(Point(1, "loss", 1.0, 1), Point(1, "loss", 2.0, 2)))
    (held,) = backend.dump()
    assert held.points == [Point(1, "loss", 2.0, 2)]


def test_an_erased_value_is_gone(backend: Backend) -> None:
    """A value that a dictionary took the place of is deleted; others of the row stay."""
    first = batch_of(*with_values(1, loss=0.5, acc=0.1))
    assert backend.commit(first)
    later = batch_of(
        Point(1, ("loss", "train"), 0.25, 11), base=first.cursor, erased=[(1, "loss"), (7, "new")]
    )
    assert backend.commit(later)
    (held,) = backend.dump()
    assert held.points == [Point(1, "acc", 0.1, 1), Point(1, ("loss", "train"), 0.25, 11)]


def test_a_value_that_was_erased_and_came_again_is_there(backend: Backend) -> None:
    """What is erased goes first, then come the points of the batch."""
    first = batch_of(*with_values(1, loss=0.5))
    assert backend.commit(first)
    later = batch_of(Point(1, "loss", 0.25, 12), base=first.cursor, erased=[(1, "loss")])
    assert backend.commit(later)
    (held,) = backend.dump()
    assert held.points == [Point(1, "loss", 0.25, 12)]


def test_times_of_rows_are_kept(backend: Backend) -> None:
    """A row that is added to has the times of the last addition."""
    first = batch_of(*with_values(1, loss=0.5), *with_values(2, loss=0.5))
    assert backend.commit(first)
    later = batch_of(base=first.cursor)
    later.changes.touch(2, 2000.5, 3.25)
    assert backend.commit(later)
    (held,) = backend.dump()
    assert held.rows == {1: (1001.0, 1.0), 2: (2000.5, 3.25)}


def test_records_of_other_kinds_are_kept_as_they_are(backend: Backend) -> None:
    """Whatever a record says comes back exactly, of kinds that nobody knows yet too."""
    events = [
        Record(3, 200, 17, ({"deep": {"er": [1, 2.5, b"\x00"]}, "empty": {}}, None, [], "text")),
        Record(4, Kind.PREEMPTING, -5, ()),
        Record(2**64 - 1, 2**40, 2**62, (2**70, math.inf, True)),
    ]
    assert backend.commit(batch_of(events=events))
    (held,) = backend.dump()
    assert held.events == events


def test_keys_that_look_the_same_are_different(backend: Backend) -> None:
    """A nested key is not the flat one that is shown alike, whatever characters are in them."""
    keys: list[Key] = [
        "a.b",
        ("a", "b"),
        "a/b",
        ("a", "~b"),
        "a~1b",
        ("a", "", "b"),
        "",
        ("", ""),
        "/",
        "$x",
    ]
    points = [Point(1, key, place, 1) for place, key in enumerate(keys)]
    assert backend.commit(batch_of(*points))
    (held,) = backend.dump()
    assert {point.key: point.value for point in held.points} == dict(
        zip(keys, range(10), strict=True)
    )


def test_a_restart_replaces_the_writer(backend: Backend) -> None:
    """A writer that is sent anew loses what came before; other writers keep theirs."""
    other = batch_of(
        *with_values(1, loss=7.0), header=Header(RUN.run_id, OTHER_WRITER, root=WRITER)
    )
    first = batch_of(*with_values(1, loss=0.5), events=[Record(4, Kind.CONSOLE, 9, ("out", "hi"))])
    assert backend.commit(other)
    assert backend.commit(first)
    header = Header(RUN.run_id, WRITER, root=WRITER, host="elsewhere")
    again = batch_of(*with_values(2, loss=0.25), base=first.cursor, restart=True, header=header)
    assert backend.commit(again)
    mine, others = backend.dump()
    assert (mine.points, mine.events, list(mine.rows)) == ([Point(2, "loss", 0.25, 2)], [], [2])
    assert mine.header.host == "elsewhere"
    assert mine.cursor == again.cursor
    assert [point.value for point in others.points] == [7.0]


def test_a_batch_behind_a_restart_adds_to_it(backend: Backend) -> None:
    """Beginning anew ends with the first batch that does it."""
    first = batch_of(*with_values(1, loss=0.5))
    again = batch_of(*with_values(2, loss=0.25), base=first.cursor, restart=True)
    later = batch_of(*with_values(3, loss=0.125), base=again.cursor)
    assert [backend.commit(batch) for batch in (first, again, later)] == [True, True, True]
    (held,) = backend.dump()
    assert [point.step for point in held.points] == [2, 3]


def test_the_first_header_of_a_writer_stays(backend: Backend) -> None:
    """A later file of the writer does not change who it is."""
    first = batch_of(header=Header(RUN.run_id, WRITER, root=WRITER, start_step=5))
    assert backend.commit(first)
    continued = Header(RUN.run_id, WRITER, root=WRITER, first_seq=10, continues="run-ab.txlog")
    assert backend.commit(batch_of(base=first.cursor, header=continued))
    (held,) = backend.dump()
    assert (held.header.start_step, held.header.first_seq) == (5, 0)


@pytest.mark.parametrize(
    "other",
    [
        RUN._replace(root=OTHER_WRITER),
        RUN._replace(run_id="AB12CD34"),
        RUN._replace(entity="team"),
        RUN._replace(project="p"),
        RUN._replace(run_id="../../../escaped"),
        RUN._replace(run_id=".."),
        RUN._replace(run_id="x" * 1000),
    ],
)
def test_runs_with_different_keys_are_kept_apart(backend: Backend, other: RunKey) -> None:
    """The same writer's records in another run are other records."""
    assert backend.commit(batch_of(*with_values(1, loss=0.5)))
    assert backend.commit(batch_of(*with_values(1, loss=0.25), run=other))
    values = {held.run: held.points[0].value for held in backend.dump()}
    assert values == {RUN: 0.5, other: 0.25}
    assert [held.run for held in backend.dump(other)] == [other]
    assert backend.runs() == sorted([RUN, other])
    assert other in backend.runs(other.run_id)
    assert {run.run_id for run in backend.runs(other.run_id)} == {other.run_id}


def test_hints_come_back_as_they_were(open_target: OpenTarget) -> None:
    """What a directory looked like is kept, for other processes too."""
    file = FileHint(512, 10**18 + 1, RUN, WRITER, done=True)
    hint = DirectoryHint(10**18 + 3, {"run-ab12cd34.txlog": file}, "team", None, "likely-lion-9")
    open_target().keep_hints({"/data/wandb/run-1": hint})
    assert open_target().hints() == {"/data/wandb/run-1": hint}


def test_a_hint_replaces_the_one_of_the_same_directory(backend: Backend) -> None:
    """The last word on a directory counts, others stay."""
    file = FileHint(512, 10**18, RUN, WRITER, done=False)
    old = DirectoryHint(1, {"a.txlog": file, "b.txlog": file}, name="old")
    new = DirectoryHint(2, {"a.txlog": file._replace(done=True)}, name="new")
    backend.keep_hints({"/one": old, "/two": old})
    backend.keep_hints({"/one": new})
    assert backend.hints() == {"/one": new, "/two": old}


def test_what_can_be_retracted_is_gone(backend: Backend) -> None:
    """A retracted run leaves neither values nor cursor nor hint, and another run stays."""
    other = RunKey("other", OTHER_WRITER)
    batch = batch_of(*with_values(1, loss=0.5), events=[Record(4, Kind.CONSOLE, 9, ("out", "hi"))])
    assert backend.commit(batch)
    assert backend.commit(batch_of(*with_values(1, loss=0.5), run=other))
    hints = {
        "/one": DirectoryHint(1, {"a.txlog": FileHint(1, 2, RUN, WRITER, done=True)}),
        "/two": DirectoryHint(1, {"a.txlog": FileHint(1, 2, other, WRITER, done=True)}),
    }
    backend.keep_hints(hints)
    if not backend.can_retract:
        with pytest.raises(UsageError):
            backend.retract(RUN)
        assert len(list(backend.dump())) == 2
        return
    backend.retract(RUN)
    backend.retract(RUN)
    assert [held.run for held in backend.dump()] == [other]
    assert backend.runs() == [other]
    assert backend.read_cursor(RUN, WRITER) is None
    assert list(backend.hints()) == ["/two"]
    assert backend.commit(batch)


def test_a_new_key_after_others_wrote_and_retracted(open_target: OpenTarget) -> None:
    """What a process remembers of a target does not outlive what others do to it."""
    one, two = open_target(), open_target()
    if not one.can_retract:
        return
    first = batch_of(*with_values(1, loss=0.5, acc=0.25))
    assert one.commit(first)
    two.retract(RUN)
    assert two.commit(batch_of(*with_values(1, other=1.0, loss=2.0)))
    base = two.read_cursor(RUN, WRITER)
    assert one.commit(batch_of(*with_values(2, loss=0.5, acc=0.25), base=base))
    (held,) = one.dump()
    assert [(point.step, point.key) for point in held.points] == [
        (1, "loss"),
        (1, "other"),
        (2, "acc"),
        (2, "loss"),
    ]


def test_cursors_are_listed_without_values(backend: Backend) -> None:
    """Of each writer of each run, sorted, and the same as each is read."""
    others = [
        batch_of(*with_values(2, loss=1.5), header=Header("ab12cd34", OTHER_WRITER)),
        batch_of(*with_values(1, loss=0.5), run=RunKey("other", WRITER, "me", "vision")),
    ]
    for batch in [*others, batch_of(*with_values(1, loss=0.5))]:
        assert backend.commit(batch)
    listed = list(cursors_of(backend))
    assert [one[:2] for one in listed] == [
        (RUN, WRITER),
        (RUN, OTHER_WRITER),
        (others[1].run, WRITER),
    ]
    for run, writer, cursor in listed:
        assert cursor == backend.read_cursor(run, writer)


def test_closing_twice_does_no_harm(open_target: OpenTarget) -> None:
    """A target may be closed again."""
    backend = open_target()
    backend.close()
    backend.close()


@pytest.mark.timeout(60)
@settings(suppress_health_check=list(HealthCheck))
@given(
    values=st.dictionaries(st.tuples(st.integers(0, 2**63 - 1), KEYS), PLAIN | RARE_NANS),
    summary=st.dictionaries(st.text(), PLAIN),
)
def test_every_value_is_exact(
    backend: Backend,
    values: dict[tuple[int, str | tuple[str, ...]], Plain],
    summary: dict[str, Plain],
) -> None:
    """Whatever a log can hold comes back with its type and every bit."""
    points = [Point(step, key, value, 1) for (step, key), value in values.items()]
    fold = Fold()
    fold.apply(Record(0, Kind.CONFIG, 0, (summary, [])))
    run = RUN._replace(run_id=f"run-{next(NUMBERS)}")
    assert backend.commit(batch_of(*points, run=run, fold=fold))
    (held,) = backend.dump(run)
    got = {(step, key): (value, seq) for step, key, value, seq in exact(held)}
    assert got == {(p.step, p.key): (encoded(p.value), 1) for p in points}
    assert encoded(held.cursor.fold().config) == encoded(fold.config)
