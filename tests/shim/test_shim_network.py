"""What is sent over the network."""

from __future__ import annotations

import errno
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.shim.build import count_in, errno_at, kill_at
from tests.shim.process import Run
from tests.shim.watch import read_counts


@contextmanager
def sink() -> Iterator[int]:
    """Take connections on a port of this machine and read what comes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def read() -> None:
            with server.accept()[0] as connection:
                while connection.recv(4096):
                    pass

        reader = threading.Thread(target=read)
        reader.start()
        yield server.getsockname()[1]
        reader.join()


@pytest.mark.parametrize(
    "call",
    [
        "peer.send(b'0123')",
        "peer.sendto(b'0123', ('127.0.0.1', port))",
        "peer.sendmsg([b'01', b'23'])",
        "os.write(peer.fileno(), b'0123')",
    ],
)
def test_what_is_sent_counts_and_can_fail(run: Run, tmp_path: Path, call: str) -> None:
    """Each way to send over the network; path or no path."""
    with sink() as port:
        code = f"""
port = {port}
peer = socket.create_connection(("127.0.0.1", port))
print([attempt(lambda: {call}) for i in range(3)])
"""
        reset = errno_at("send", errno.ECONNRESET, 2)
        done = run(code, reset, count_in(tmp_path / "counted"))
    assert done.stdout == "[4, 'ECONNRESET', 4]\n"
    assert read_counts(tmp_path / "counted").of == {"send": 3}


def test_a_process_dies_between_two_sends(run: Run) -> None:
    """A request that left in two parts ends after the first."""
    with sink() as port:
        code = f"""
peer = socket.create_connection(("127.0.0.1", {port}))
for part in ("head", "body"):
    peer.sendall(part.encode()); print(part, flush=True)
"""
        done = run(code, kill_at(2))
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "head\n")


def test_local_sockets_do_not_count(run: Run, tmp_path: Path) -> None:
    """Event loops wake themselves up through them, however often."""
    run("socket.socketpair()[0].send(b'x')", count_in(tmp_path / "counted"))
    assert read_counts(tmp_path / "counted").total == 0
