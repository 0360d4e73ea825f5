"""Learning of signals from a thread, so that it works while the main thread is in C code.

A signal handler in Python runs when the main thread is back in Python. But Python's handler in C,
which runs at once, also writes the signal's number to a descriptor, and a thread can read that.
"""

from __future__ import annotations

# The module that `socket` is made of: to load that one takes as long as all of `init`.
import _socket as socket
import fcntl
import os
import signal
import stat
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from time import sleep
from typing import Any, Final

from airtape.process import leave_signals_to_the_program

PACE_S: Final = 0.02
"""Rest between two looks: a program may use signals by the thousand, for a profiler."""

_STOP: Final = b"\0"
_AT_ONCE: Final = 256
_CREDENTIALS: Final = struct.Struct("iII")
_HIGH_FD: Final = 512
"""Programs that close what they do not know then get no other file under our numbers."""


class Wakeup:
    """Calls a function, in a thread of its own, for each signal that Python handles.

    A descriptor that was set before, by asyncio for instance, still gets its bytes. One that is set
    later takes the place of this one, which then learns of signals by `notify` alone.

    Args:
        on_signal: Gets the signal's number.
    """

    def __init__(self, on_signal: Callable[[int], None]) -> None:
        self._on_signal = on_signal
        self._listening: socket.socket | None = None
        self._sending: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._before = -1
        self._chained = -1

    @property
    def is_on(self) -> bool:
        """Whether the thread is there."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begin to listen; only the main thread may.

        Raises:
            OSError: There are no descriptors left.
            RuntimeError: No thread can be had.
        """
        for end in (self._listening, self._sending):
            if end is not None and not _is_open_socket(end.fileno()):
                # The program closed all descriptors it found; the number may be another file's.
                end.detach()
                self._listening = self._sending = None
        if self._listening is None or self._sending is None:
            # Kept for good: who has set a descriptor of their own may put ours back at any time.
            self._listening, self._sending = _socket_pair()
        thread = threading.Thread(
            target=self._listen, args=(self._listening,), name="airtape-signals", daemon=True
        )
        self._thread = thread
        thread.start()
        own = self._sending.fileno()
        before = signal.set_wakeup_fd(own, warn_on_full_buffer=False)
        if before not in {-1, own}:
            self._before = before
            with suppress(OSError):
                # A number of our own for the same thing: theirs may belong to another file soon.
                self._chained = os.dup(before)

    def stop(self) -> None:
        """Put everything back as it was; only the main thread may."""
        if self._sending is None:
            return
        self._thread = None
        self._restore(self._sending.fileno())
        self._send(_STOP)

    def _restore(self, own: int) -> None:
        current = signal.set_wakeup_fd(-1)
        if current != own:
            put_back = current
        else:
            put_back = self._before if _same_file(self._before, self._chained) else -1
        if put_back != -1:
            with suppress(OSError, ValueError):  # theirs may be closed by now
                signal.set_wakeup_fd(put_back)
        chained, self._chained, self._before = self._chained, -1, -1
        if chained != -1:
            os.close(chained)

    def after_fork(self) -> None:
        """Leave the descriptors to the parent of this process, a forked child."""
        if self._sending is not None and self._listening is not None:
            self._thread = None
            self._restore(self._sending.fileno())
            self._sending.close()
            self._listening.close()
            self._sending = self._listening = None

    def notify(self, number: int) -> None:
        """Let the thread know of a signal; may be called from anywhere."""
        self._send(bytes([number]))

    def _send(self, data: bytes) -> None:
        if self._sending is not None:
            with suppress(OSError):
                self._sending.send(data)

    def _listen(self, listening: socket.socket) -> None:
        leave_signals_to_the_program()
        while self._thread is threading.current_thread():
            try:
                numbers, ancillary, _, _ = listening.recvmsg(
                    _AT_ONCE, socket.CMSG_SPACE(_CREDENTIALS.size)
                )
            except OSError:
                return  # the program has closed what it did not know
            # A forked child has the same descriptor until it gets to run Python.
            if numbers and _sender(ancillary) in {None, os.getpid()}:
                self._pass_on(numbers.replace(_STOP, b""))
            sleep(PACE_S)

    def _pass_on(self, numbers: bytes) -> None:
        if self._chained != -1 and numbers:
            with suppress(OSError):
                os.write(self._chained, numbers)
        for number in numbers:
            self._on_signal(number)


def _socket_pair() -> tuple[socket.socket, socket.socket]:
    """Return where to listen and where to send; what is sent never waits.

    Raises:
        OSError: There are no descriptors left.
    """
    listening, sending = (_moved_up(end) for end in socket.socketpair())
    sending.settimeout(0)
    if hasattr(socket, "SO_PASSCRED"):
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    return listening, sending


def _moved_up(end: socket.socket) -> socket.socket:
    try:
        high = fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, _HIGH_FD)
    except OSError:
        return end
    end.close()
    return socket.socket(fileno=high)


def _sender(ancillary: list[tuple[int, int, Any]]) -> int | None:
    """Return the process that sent the bytes, None where the system does not tell."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == getattr(socket, "SCM_CREDENTIALS", None):
            process: int = _CREDENTIALS.unpack_from(data)[0]
            return process
    return None


def _same_file(one: int, other: int) -> bool:
    try:
        return os.path.sameopenfile(one, other)
    except OSError:
        return False


def _is_open_socket(fd: int) -> bool:
    try:
        return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:
        return False
