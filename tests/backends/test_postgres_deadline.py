"""Hanging up on a server that takes too long, without a server."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator

import pytest

from airtape.backends.postgres_deadline import Deadline
from tests.ended import wait_until

LONG_S = 60.0
SHORT_S = 0.05


def _watching() -> int:
    return sum(thread.name == "deadline" for thread in threading.enumerate())


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a line."""
    near, far = socket.socketpair()
    far.settimeout(LONG_S)
    with near, far:
        yield near, far


def test_what_takes_too_long_is_hung_up_on(line: tuple[socket.socket, socket.socket]) -> None:
    """Whoever waits for an answer learns that there will be none."""
    near, far = line
    deadline = Deadline(os.dup(near.fileno()), SHORT_S)
    with deadline:
        assert far.recv(1) == b""
        assert near.recv(1) == b""
    deadline.close()


def test_what_is_answered_in_time_is_left_alone(line: tuple[socket.socket, socket.socket]) -> None:
    """Only the time of a question counts, not that between two."""
    near, far = line
    deadline = Deadline(os.dup(near.fileno()), SHORT_S)
    with deadline:
        pass
    wait_until(lambda: not _watching(), "the end of the watching")
    near.sendall(b"x")
    assert far.recv(1) == b"x"
    with deadline:
        assert far.recv(1) == b""
    deadline.close()


def test_one_thread_watches_all_questions(line: tuple[socket.socket, socket.socket]) -> None:
    """A thread for each would take longer than most questions; it ends with the connection."""
    before = set(threading.enumerate())
    deadline = Deadline(os.dup(line[0].fileno()), LONG_S)
    started = set()
    for _ in range(20):
        with deadline:
            started |= set(threading.enumerate()) - before
    assert len(started) == 1
    deadline.close()
    wait_until(lambda: not _watching(), "the end of the watching")


def test_a_line_that_is_gone_is_no_fault(line: tuple[socket.socket, socket.socket]) -> None:
    """The other side may have hung up first."""
    near, far = line
    deadline = Deadline(os.dup(near.fileno()), SHORT_S)
    far.close()
    with deadline:
        wait_until(lambda: not _watching() or near.recv(1) == b"", "the end of the line")
    deadline.close()
    wait_until(lambda: not _watching(), "the end of the watching")
