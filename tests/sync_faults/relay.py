"""A way over the loopback network to a server that listens on a local socket only."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread

CHUNK = 64 << 10


class Relay:
    """Hands on what comes and goes between clients and a server.

    Args:
        server: The socket that the server listens on.

    Attributes:
        port: The port on 127.0.0.1 that clients connect to.
    """

    def __init__(self, server: Path) -> None:
        self._server = str(server)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._lock = Lock()
        self._threads = [Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        # Shutting the listener down ends the waiting.
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                with self._lock:
                    self._open += [client, server]
                try:
                    server.connect(self._server)
                except OSError:
                    self._end(client, server)
                    continue
                for way in ((client, server), (server, client)):
                    thread = Thread(target=self._pump, args=way)
                    self._threads.append(thread)
                    thread.start()

    def _pump(self, origin: socket.socket, to: socket.socket) -> None:
        with suppress(OSError):
            while data := origin.recv(CHUNK):
                to.sendall(data)
        self._end(origin, to)

    @staticmethod
    def _end(*ends: socket.socket) -> None:
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End all connections, and take no more."""
        self._end(self._listener)
        with self._lock:
            self._end(*self._open)
        for thread in self._threads:
            thread.join()
        for end in [self._listener, *self._open]:
            end.close()
