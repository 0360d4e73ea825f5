from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.txlog.seqset import SeqSet

SEQS = st.integers(0, 60)
RANGES = st.tuples(SEQS, SEQS).map(lambda pair: (min(pair), max(pair)))


def filled(numbers: list[int]) -> SeqSet:
    """Return the set of these numbers, added one by one."""
    made = SeqSet()
    for number in numbers:
        made.add(number)
    return made


def numbers_of(ranges: list[tuple[int, int]]) -> set[int]:
    """Return all numbers in some ranges."""
    return {number for first, last in ranges for number in range(first, last + 1)}


@given(st.lists(SEQS))
def test_adding_tells_whether_the_number_is_new(numbers: list[int]) -> None:
    """Each number is new exactly the first time."""
    made = SeqSet()
    assert [made.add(number) for number in numbers] == [
        number not in numbers[:place] for place, number in enumerate(numbers)
    ]


@given(st.lists(SEQS))
def test_holds_what_was_added(numbers: list[int]) -> None:
    """Members, their count and the largest are those of a set of Python."""
    made, model = filled(numbers), set(numbers)
    assert {number for number in range(62) if number in made} == model
    assert len(made) == len(model)
    assert made.max == max(model, default=None)


@given(st.lists(SEQS), st.lists(RANGES))
def test_ranges_add_all_their_numbers(numbers: list[int], ranges: list[tuple[int, int]]) -> None:
    """A range is the same as each of its numbers."""
    made = filled(numbers)
    for first, last in ranges:
        made.add_range(first, last)
    assert made == filled(sorted(set(numbers) | numbers_of(ranges)))


@given(st.lists(RANGES))
def test_intervals_make_the_same_set_again(ranges: list[tuple[int, int]]) -> None:
    """Overlapping and touching intervals become one."""
    made = SeqSet(ranges)
    assert numbers_of(made.intervals()) == numbers_of(ranges)
    assert all(first > last + 1 for (_, last), (first, _) in pairwise(made.intervals()))
    assert SeqSet(made.intervals()) == made


@given(st.lists(SEQS), RANGES)
def test_missing_is_what_a_set_lacks(numbers: list[int], span: tuple[int, int]) -> None:
    """The gaps between two numbers are in order, apart, and complete."""
    low, high = span
    missing = filled(numbers).missing(low, high)
    assert numbers_of(missing) == set(range(low, high + 1)) - set(numbers)
    assert missing == SeqSet(missing).intervals()


@given(st.lists(RANGES))
def test_text_comes_back(ranges: list[tuple[int, int]]) -> None:
    """Decoding undoes encoding."""
    made = SeqSet(ranges)
    assert SeqSet.decode(made.encode()) == made


def test_text_is_short() -> None:
    """A dense sequence with one gap is two ranges, however long."""
    assert SeqSet([(122, 300_000), (0, 120)]).encode() == "0-120,122-300000"


@pytest.mark.parametrize(
    "text", ["5", "5-", "-5", "5-3", "a-b", "1-2-3", "1-2,", ",", "1--2", "²-³"]
)
def test_other_text_is_refused(text: str) -> None:
    """What is no list of ranges raises ValueError."""
    with pytest.raises(ValueError, match="no range of sequence numbers"):
        SeqSet.decode(text)


def test_empty_set_has_no_largest_number() -> None:
    """Nothing is in a new set, nor in one of empty intervals."""
    assert SeqSet([(0, -1), (7, 5)]).max is None
    assert SeqSet.decode("") == SeqSet()


def test_copy_is_independent() -> None:
    """What is added to a copy is not in the original."""
    original = SeqSet([(0, 3)])
    twin = original.copy()
    twin.add(4)
    assert (4 in twin, 4 in original) == (True, False)


def test_set_is_shown_as_its_text() -> None:
    """A failing assertion shows which numbers there are."""
    assert repr(SeqSet([(0, 3), (5, 5)])) == "SeqSet('0-3,5-5')"


def test_set_equals_only_sets() -> None:
    """Comparing with anything else is no error."""
    assert SeqSet() != set()
