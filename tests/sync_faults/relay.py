"""A way over the loopback network to a server on a local socket, which can be made a bad one."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Condition, Event, Thread, current_thread

CHUNK = 64 << 10
SLICES_A_SECOND = 20
"""In how many parts a second's worth of bytes is handed on by a slow way."""
LONGEST_LIFE_S = 30
"""Seconds after which what the end of a way waits for is taken never to come."""


@dataclass(frozen=True)
class Way:
    """How bytes are handed on, both ways.

    Attributes:
        rate: Bytes in a second at most; None for no limit.
        latency_s: How long each piece is on its way, in seconds.
        stalls: Whether nothing comes through for now.
    """

    rate: float | None = None
    latency_s: float = 0.0
    stalls: bool = False


@dataclass
class Trap:
    """What happens once at some piece of what clients send.

    Attributes:
        part: What the piece contains; empty for any.
        nth: Which of the pieces that do, from 1.
        act: What is done then.
        answered: Whether the server has the piece by then, and only its answer gets lost.
        sprung: Set when it has been done.
    """

    part: bytes
    nth: int
    act: Callable[[], object]
    answered: bool
    sprung: Event


class Relay:
    """Hands on what comes and goes between clients and a server, as well as it is told to.

    Args:
        server: The socket that the server listens on.

    Attributes:
        port: The port on 127.0.0.1 that clients connect to.
        pieces: Number of pieces that clients have sent.
    """

    def __init__(self, server: Path) -> None:
        self._server = str(server)
        self._listener = _bound()
        self.port: int = self._listener.getsockname()[1]
        self.pieces = 0
        self._open: set[socket.socket] = set()
        self._changed = Condition()
        self._way = Way()
        self._trap: Trap | None = None
        self._losing: Trap | None = None
        self._closed = False
        self._serving: set[Thread] = set()
        self._accepting: Thread
        self._listen()

    def hand_on(self, way: Way = Way()) -> None:
        """Take connections, and hand on their bytes in this way, those of open ones too."""
        with self._changed:
            self._way = way
            self._changed.notify_all()
        if not self._accepting.is_alive():
            self._listen()

    def refuse(self) -> None:
        """End all connections, and refuse others until something else is said."""
        self._end(self._listener)
        self._accepting.join(LONGEST_LIFE_S)
        self.cut()

    def cut(self) -> None:
        """End all connections; others may come."""
        with self._changed:
            self._end(*self._open)

    def trap(
        self, act: Callable[[], object], part: bytes = b"", nth: int = 1, *, answered: bool = False
    ) -> Event:
        """Do something once, at some piece of what clients send; return what is set then.

        Args:
            act: What to do.
            part: What the piece contains; empty for any.
            nth: Which of the pieces that do, from 1.
            answered: Whether to do it only when the server has the piece and answers; the answer
                gets lost.
        """
        sprung = Event()
        with self._changed:
            # The answer that an earlier trap waits for never comes where a client said goodbye.
            self._losing = None
            self._trap = Trap(part, nth, act, answered, sprung)
        return sprung

    def close(self) -> None:
        """End all connections, and take no more."""
        self._closed = True
        self.hand_on()
        self._end(self._listener)
        self._accepting.join(LONGEST_LIFE_S)
        self.cut()
        for thread in list(self._serving):
            thread.join(LONGEST_LIFE_S)
        self._listener.close()

    def _listen(self) -> None:
        self._listener.listen()
        self._accepting = Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def _accept(self) -> None:
        # Shutting the listener down ends the waiting.
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with self._changed:
                    self._open.add(client)
                thread = Thread(target=self._serve, args=(client,), daemon=True)
                self._serving.add(thread)
                thread.start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            with self._changed:
                self._open.add(server)
            # A server that is not there refuses, which ends the connection.
            with suppress(OSError):
                server.connect(self._server)
                answers = Thread(target=self._pump_to_client, args=(client, server), daemon=True)
                answers.start()
                self._pump_to_server(client, server)
                answers.join()
            with self._changed:
                self._open -= {client, server}
        self._serving.discard(current_thread())

    def _pump_to_server(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(self._size()):
                self._wait_for(len(data))
                trap = self._trap_at(data)
                if trap is not None and trap.answered:
                    self._losing = trap
                elif trap is not None:
                    self._spring(trap)
                server.sendall(data)
        self._end(client, server)

    def _pump_to_client(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(self._size()):
                self._wait_for(len(data))
                if self._losing is not None:
                    trap, self._losing = self._losing, None
                    self._spring(trap)
                    break
                client.sendall(data)
        self._end(client, server)

    def _size(self) -> int:
        rate = self._way.rate
        return CHUNK if rate is None else max(1, min(CHUNK, int(rate / SLICES_A_SECOND)))

    def _wait_for(self, size: int) -> None:
        """Let bytes take the time that they take, or until the way is another one."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not self._way.stalls)
            way = self._way
            took_s = way.latency_s + (size / way.rate if way.rate else 0)
            if took_s:
                self._changed.wait_for(lambda: self._way is not way, took_s)

    def _trap_at(self, data: bytes) -> Trap | None:
        """Return the trap if this piece springs it, which it does once."""
        with self._changed:
            self.pieces += 1
            trap = self._trap
            if trap is None or trap.part not in data:
                return None
            trap.nth -= 1
            if trap.nth:
                return None
            self._trap = None
            return trap

    @staticmethod
    def _spring(trap: Trap) -> None:
        trap.act()
        trap.sprung.set()

    @staticmethod
    def _end(*ends: socket.socket) -> None:
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def _bound() -> socket.socket:
    """Return a socket that keeps its port also while it takes no connections."""
    deadline = time.monotonic() + LONGEST_LIFE_S
    while True:
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = free.getsockname()
        # The system keeps only a port that was asked for by its number.
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind(address)
        except OSError:
            bound.close()
            assert time.monotonic() < deadline, "no port is free"
        else:
            return bound
