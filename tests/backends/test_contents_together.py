"""What every target promises that takes the content of many files together."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from hashlib import sha256
from typing import Protocol, runtime_checkable

import pytest

from airtape.backends.contents import KeepsFiles, TakesFilesTogether
from airtape.file_copy import Digest
from tests.backends.conftest import PLACES, OpenTarget
from tests.targets import in_turn

TAKING = [kind for kind in PLACES if kind != "memory"]
pytestmark = pytest.mark.parametrize("url", in_turn(TAKING), indirect=True)

SMALL = {
    Digest(len(data), sha256(data).hexdigest()): data
    for data in (str(number).encode() for number in range(300))
}
LARGE = [random.Random(number).randbytes(400_000) for number in range(3)]
"""The pieces of a content that a target may have to take in several goes."""
LARGE_FILE = Digest(1_200_000, sha256(b"".join(LARGE)).hexdigest())


@runtime_checkable
class Together(KeepsFiles, TakesFilesTogether, Protocol):
    """A target that takes contents together."""


def opened(open_target: OpenTarget) -> Together:
    """Return the target, as another process would open it."""
    backend = open_target()
    assert isinstance(backend, Together)
    return backend


@pytest.fixture
def target(open_target: OpenTarget) -> Together:
    """The target."""
    return opened(open_target)


def test_many_arrive_together(target: Together, open_target: OpenTarget) -> None:
    """Those that are what their digests say, whatever the others are; each comes once."""
    offered = [(file, [data]) for file, data in SMALL.items()]
    other = Digest(3, "ab" * 32)
    assert target.put_files([*offered[:100], (other, [b"abc"]), *offered[99:]]) == {*SMALL}
    assert opened(open_target).missing_files({*SMALL, other}) == {other}
    for file, data in offered[::30]:
        assert [b"".join(target.read_file(file))] == data


def test_what_is_there_counts(target: Together, open_target: OpenTarget) -> None:
    """Whatever is handed over for it this time; it is left as it was."""
    target.put_files([(LARGE_FILE, LARGE), *((file, [data]) for file, data in SMALL.items())])
    again = [(LARGE_FILE, LARGE[::-1]), *((file, [b"other"]) for file in SMALL)]
    assert opened(open_target).put_files(again) == {LARGE_FILE, *SMALL}
    assert b"".join(target.read_file(LARGE_FILE)) == b"".join(LARGE)


def test_none_are_none(target: Together) -> None:
    """There is nothing to do."""
    assert target.put_files([]) == set()


def test_a_large_one_arrives_among_small_ones(target: Together) -> None:
    """Though it does not fit beside them."""
    offered = [(file, [data]) for file, data in SMALL.items()]
    taken = target.put_files([*offered[:150], (LARGE_FILE, LARGE), *offered[150:]])
    assert taken == {LARGE_FILE, *SMALL}
    assert b"".join(target.read_file(LARGE_FILE)) == b"".join(LARGE)


@pytest.mark.parametrize("pieces", [LARGE[:2], LARGE[1:], [*LARGE, b"x"], LARGE[::-1], []])
def test_nothing_stays_of_another_content(target: Together, pieces: list[bytes]) -> None:
    """Those that come with it do; when what was said comes as well, it is taken."""
    first, last = list(SMALL)[:2]
    around = [(first, [SMALL[first]]), (LARGE_FILE, pieces), (last, [SMALL[last]])]
    assert target.put_files(around) == {first, last}
    assert target.missing_files([first, LARGE_FILE, last]) == {LARGE_FILE}
    assert target.put_files([(LARGE_FILE, pieces), (LARGE_FILE, LARGE)]) == {LARGE_FILE}
    assert b"".join(target.read_file(LARGE_FILE)) == b"".join(LARGE)


def test_what_came_before_something_broke_stays(target: Together) -> None:
    """The exception is passed on; nothing that is half written is left."""

    def broken() -> Iterator[tuple[Digest, list[bytes]]]:
        yield LARGE_FILE, LARGE
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        target.put_files(broken())
    assert target.missing_files([LARGE_FILE]) == set()


def test_nothing_stays_of_a_content_that_breaks_off(target: Together) -> None:
    """Even if all of it was there; what came before it stays."""
    (file, data), *_ = SMALL.items()

    def broken() -> Iterator[bytes]:
        yield from LARGE
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        target.put_files([(file, [data]), (LARGE_FILE, broken())])
    assert target.missing_files([file, LARGE_FILE]) == {LARGE_FILE}


def test_a_content_is_used_up_before_the_next_is_asked_for(target: Together) -> None:
    """Its file is closed then; and the target may be asked for other things in between."""
    at_hand: list[Digest] = []

    def content(file: Digest, pieces: list[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            assert at_hand == [file]
            yield piece

    def offered() -> Iterator[tuple[Digest, Iterator[bytes]]]:
        for file, pieces in {LARGE_FILE: LARGE, **{f: [d] for f, d in SMALL.items()}}.items():
            assert file in target.missing_files([file])
            at_hand[:] = [file]
            yield file, content(file, pieces)

    assert target.put_files(offered()) == {LARGE_FILE, *SMALL}


def test_several_may_bring_the_same(target: Together, open_target: OpenTarget) -> None:
    """At the same time and each in an order of its own; all of them have brought it."""
    ready = threading.Barrier(3)
    results: list[set[Digest]] = []

    def bring(number: int) -> None:
        mine = opened(open_target)
        offered = [(file, [data]) for file, data in SMALL.items()]
        random.Random(number).shuffle(offered)
        ready.wait()
        results.append(mine.put_files(offered))

    threads = [threading.Thread(target=bring, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [{*SMALL}] * 3
    assert target.missing_files(SMALL.keys()) == set()
