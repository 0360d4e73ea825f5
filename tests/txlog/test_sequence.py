from __future__ import annotations

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.records import Kind, Record
from airtape.txlog.seqset import SeqSet
from airtape.txlog.sequence import FIRST_PRUNING, Missing, Sequence

Span = tuple[int, int]


def taken(*seqs: int, seen: SeqSet | None = None, first_seq: int = 0) -> Sequence:
    """Return a sequence that took these records, each at an offset of ten times its number."""
    sequence = Sequence(SeqSet() if seen is None else seen, first_seq)
    for seq in seqs:
        sequence.take(record(seq), 10 * seq)
    return sequence


def record(seq: int, kind: int = Kind.HISTORY, *fields: object) -> Record:
    """Return a record of which only number and fields count."""
    return Record(seq, kind, 0, fields)


def numbers(missing: list[Missing]) -> list[int]:
    """Return every number that is said to be missing, as often as it is said."""
    spans = (range(0 if m.before is None else m.before + 1, m.after) for m in missing)
    return list(chain.from_iterable(spans))


@given(st.lists(st.integers(0, 30)))
def test_what_never_comes_is_missing_once(seqs: list[int]) -> None:
    """In whatever order records come, exactly those that never do are missing, each once."""
    sequence = taken(*seqs)
    absent = set(range(max(seqs, default=-1) + 1)) - set(seqs)
    assert sorted(numbers(list(sequence.absent()))) == sorted(absent)


@given(st.lists(st.integers(0, 30)), st.integers(0, 30))
def test_what_came_before_is_not_missing(seqs: list[int], before: int) -> None:
    """Records of an earlier pass, or of the file before, count."""
    sequence = taken(*seqs, seen=SeqSet([(0, before)]))
    absent = set(range(max(seqs, default=-1) + 1)) - set(seqs) - set(range(before + 1))
    assert sorted(numbers(list(sequence.absent()))) == sorted(absent)


def test_missing_records_have_a_place() -> None:
    """The place is the first frame behind them."""
    assert list(taken(0, 1, 5, 6).absent()) == [Missing(50, 1, 5)]


def test_missing_at_the_start_has_nothing_before() -> None:
    """The first record of a log has none before it."""
    assert list(taken(2).absent()) == [Missing(20, None, 2)]


def test_a_file_that_continues_another_lacks_nothing_before_it() -> None:
    """The numbers run on from file to file."""
    sequence = taken(100, 101, first_seq=100)
    assert (list(sequence.absent()), sequence.last) == ([], 101)


@pytest.mark.parametrize(("first_seq", "last"), [(0, None), (100, 99)])
def test_last_record_before_the_first(first_seq: int, last: int | None) -> None:
    """At its beginning a file knows what it continues."""
    assert taken(first_seq=first_seq).last == last


def test_records_in_another_order_are_not_missing() -> None:
    """Two threads may write in the other order; what came late has come."""
    sequence = taken(0, 2, 1, 3, 5, 4)
    assert (list(sequence.absent()), sequence.last) == ([], 5)


def test_a_record_that_comes_again_is_known() -> None:
    """A frame may stand in the file twice, or in two files."""
    sequence = taken(0, 1)
    assert [sequence.take(record(seq), 0) for seq in (1, 2, 2)] == [False, True, False]


@pytest.mark.parametrize(
    ("dropped", "span"),
    [((1, 4), []), ((1, 3), [4]), ((2, 4), [1]), ((2, 3), [1, 4]), ((0, 5), [])],
)
def test_what_the_writer_dropped_is_not_missing(dropped: Span, span: list[int]) -> None:
    """A gap record accounts for the records that it names."""
    sequence = taken(0, 5)
    sequence.note_dropped(record(5, Kind.GAP, *dropped, "disk full"))
    assert numbers(list(sequence.absent())) == span


@pytest.mark.parametrize(
    "said",
    [
        record(5, Kind.GAP),
        record(5, Kind.GAP, 1),
        record(5, Kind.GAP, "1", 4),
        record(5, Kind.GAP, 1, "4"),
        record(5, Kind.GAP, *(True, 4)),
        record(5, Kind.GAP, -1, 4),
        record(5, Kind.GAP, 4, 1),
        record(5, Kind.GAP, 1, 6),
        record(5, Kind.HISTORY, 1, 4),
    ],
)
def test_what_is_no_word_of_the_writer_changes_nothing(said: Record) -> None:
    """Only a gap record about records before itself accounts for them."""
    sequence = taken(0, 5)
    sequence.note_dropped(said)
    assert numbers(list(sequence.absent())) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("before", "after", "dropped", "expected"),
    [
        ((), 3, None, (None, 3)),
        ((0, 1), 5, None, (1, 5)),
        ((0, 1), 2, None, (1, 2)),
        ((0, 1), 1, None, (1, 1)),
        ((0, 1), 5, (3, 5), (1, 3)),
        ((0, 1), 5, (2, 5), (1, 2)),
        ((0, 4, 1), 5, None, (1, 4)),
        ((0, 2, 3, 1), 4, None, (1, 2)),
    ],
)
def test_damage_costs_what_is_not_accounted_for(
    before: tuple[int, ...], after: int, dropped: Span | None, expected: tuple[int | None, int]
) -> None:
    """Damage in front of a record has a last record before it and a first one behind it."""
    sequence = taken(*before)
    last = record(after, Kind.GAP, *(dropped or ()))
    sequence.note_dropped(last)
    assert sequence.lost_in_damage(last) == expected


def test_what_damage_cost_is_not_missing_as_well() -> None:
    """Every record that is lost is reported once."""
    sequence = taken(0)
    sequence.lost_in_damage(record(3))
    sequence.take(record(3), 30)
    sequence.take(record(5), 50)
    assert list(sequence.absent()) == [Missing(50, 3, 5)]


def test_a_log_of_many_threads_takes_little_memory() -> None:
    """Jumps over records that have come since are forgotten on the way."""
    seqs = range(4 * FIRST_PRUNING)
    swapped = chain.from_iterable((seq + 1, seq) for seq in seqs if seq % 2 == 0)
    sequence = taken(*swapped, len(seqs) + 1)
    assert list(sequence.absent()) == [Missing(10 * (len(seqs) + 1), len(seqs) - 1, len(seqs) + 1)]
    assert len(sequence._jumps) < 2 * FIRST_PRUNING  # noqa: SLF001 - memory is what this is about
