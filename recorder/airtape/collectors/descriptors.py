"""Hearing the descriptors 1 and 2: what this process and its children write, in whatever language.

A pipe takes the place of each, or a terminal of our own where there was one, so that programs still
find one. A thread passes on what comes through. So there is something in between, which `streams`
does without: what has been written and not passed on is lost with a process that is killed, and
children that outlive the process have nobody to write to any more.
"""

from __future__ import annotations

import codecs
import errno
import fcntl
import os
import select
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from airtape.collectors.streams import STREAMS, StreamName, Take
from airtape.own_lines import own_lines
from airtape.process import leave_signals_to_the_program

DRAIN_S: Final = 1.0
"""Seconds to wait at most until what has been written is passed on."""

_PIECE: Final = 1 << 16
_WINDOW_SIZE: Final = bytes(8)


class RedirectedDescriptors:
    """Hears the descriptors 1 and 2.

    Args:
        note: Told in words what cannot be heard.
    """

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note
        self._take: Take | None = None

    def open(self, take: Take) -> None:
        """Hand on what is written from now on."""
        self._take = take
        try:
            _Redirection.of_this_process().add(take)
        except (OSError, RuntimeError, termios.error) as error:
            self._take = None
            self._note(f"output is not recorded, for it cannot be redirected: {error}")

    def close(self) -> None:
        """Hand on what has been written by now, and no more."""
        if self._take is not None:
            _Redirection.of_this_process().remove(self._take)
            self._take = None

    def drain(self) -> None:
        """Wait until what has been written is handed on, but not for long."""
        if self._take is not None:
            _Redirection.of_this_process().drain()

    def after_fork(self) -> None:
        """Leave a forked child's output to its parent, where it ends up anyway."""
        self._take = None
        _Redirection.of_this_process().forget()


class _Redirection:
    """The one redirection of this process, for all its runs."""

    _only: _Redirection | None = None
    _sees_exec = False

    @classmethod
    def of_this_process(cls) -> _Redirection:
        """Return it; it need not be in force."""
        if cls._only is None:
            cls._only = cls()
        return cls._only

    def __init__(self) -> None:
        self._takes: tuple[Take, ...] = ()
        self._channels: list[_Channel] = []

    def add(self, take: Take) -> None:
        """Hand on to one more; the first one puts the redirection in force.

        Raises:
            OSError: The system does not let us.
            RuntimeError: No thread can be had.
            termios.error: A terminal cannot be set up.
        """
        if not self._takes:
            self._begin()
        self._takes = (*self._takes, take)

    def _begin(self) -> None:
        channels: list[_Channel] = []
        try:
            for fd, name in enumerate(STREAMS, 1):
                channels.append(_Channel(fd, name, self._hand_on))
            _flush()
            for channel in channels:
                channel.switch()
            thread = threading.Thread(
                target=_pass_on, args=(channels,), name="airtape-redirect", daemon=True
            )
            thread.start()
        except BaseException:
            for channel in channels:
                channel.switch_back()
                channel.close()
            raise
        self._channels = channels
        if not _Redirection._sees_exec:
            _Redirection._sees_exec = True
            # There is no way to take it away again.
            sys.addaudithook(_before_exec)

    def _hand_on(self, name: StreamName, text: str) -> None:
        for take in self._takes:
            take(name, text)

    def remove(self, take: Take) -> None:
        """Hand on to one less; without any the descriptors are what they were."""
        _flush()
        if self._takes == (take,):
            for channel in self._channels:
                channel.switch_back()
        self.drain()
        self._takes = tuple(other for other in self._takes if other != take)
        if not self._takes:
            for channel in self._channels:
                channel.end()
            self._channels = []

    def drain(self) -> None:
        """Wait until what has been written is handed on, but not for long."""
        for channel in self._channels:
            channel.mark()
        for channel in self._channels:
            channel.marked.wait(DRAIN_S)

    def give_way(self) -> None:
        """Leave the descriptors to a program that takes the place of this one."""
        for channel in self._channels:
            channel.switch_back()
        self.drain()

    def forget(self) -> None:
        """Have nothing to do any more with what a parent has redirected."""
        for channel in self._channels:
            channel.close()
        self._takes, self._channels = (), []


class _Channel:
    """What stands in the place of one descriptor.

    Attributes:
        reader: What is written comes out here; -1 when nothing will any more.
        marked: Whether everything has come out that was written before the last mark.
    """

    def __init__(self, fd: int, name: StreamName, take: Callable[[StreamName, str], None]) -> None:
        self.marked = threading.Event()
        self.reader = self._writer = self._before = -1
        self._fd = fd
        self._name = name
        self._take = take
        self._mark = b"\0\0airtape:" + os.urandom(16).hex().encode() + b"\0\0"
        self._held = b""
        self._decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
        if not os.get_inheritable(fd):
            # It was closed, and some file that was opened since has got its number.
            raise OSError(errno.EBADF, f"descriptor {fd} is not {name}")
        self._before = os.dup(fd)
        if os.isatty(fd):
            self.reader, self._writer = os.openpty()
            _make_alike(self._before, self._writer)
        else:
            self.reader, self._writer = os.pipe()

    def switch(self) -> None:
        """Take the descriptor's place."""
        os.dup2(self._writer, self._fd)

    def switch_back(self) -> None:
        """Give its place back, unless somebody else has taken it meanwhile."""
        with suppress(OSError):
            if self._writer != -1 and _identity(self._fd) == _identity(self._writer):
                os.dup2(self._before, self._fd)

    def mark(self) -> None:
        """Have `marked` set when everything that is written by now has come out."""
        self.marked.clear()
        poller = select.poll()
        try:
            poller.register(self._writer, select.POLLOUT)
            # Where nothing goes in, because nothing comes out at the other end, one need not wait.
            if poller.poll(DRAIN_S * 1000):
                os.write(self._writer, self._mark)
                return
        except OSError:
            pass
        self.marked.set()

    def end(self) -> None:
        """Write nothing any more; what children write still comes out."""
        self._writer = _closed(self._writer)

    def close(self) -> None:
        """Let go of everything but the descriptor itself."""
        self.end()
        self.stop_reading()

    def stop_reading(self) -> None:
        """Pass on nothing any more: whoever writes gets an error."""
        self.reader = _closed(self.reader)
        self._before = _closed(self._before)
        self.marked.set()

    def pass_on(self) -> bool:
        """Pass on what has come out; return False when no more will come."""
        try:
            data = os.read(self.reader, _PIECE)
        except OSError:
            data = b""  # how Linux says that nobody has our terminal open any more
        try:
            for part in self._parts(data):
                _write_all(self._before, part)
                self._take(self._name, self._decode(part))
        except OSError:
            # Whoever writes gets the error itself from now on.
            self.switch_back()
            data = b""
        if not data:
            self.stop_reading()
        return bool(data)

    def _parts(self, data: bytes) -> Iterator[bytes]:
        """Yield what was written, without our marks in it; hold back what may become one."""
        data, self._held = self._held + data, b""
        while (at := data.find(self._mark)) != -1:
            yield data[:at]
            data = data[at + len(self._mark) :]
            self.marked.set()
        longest = min(len(self._mark) - 1, len(data))
        held = next((size for size in range(longest, 0, -1) if data.endswith(self._mark[:size])), 0)
        self._held = data[len(data) - held :]
        yield data[: len(data) - held]


def _before_exec(event: str, _: tuple[object, ...]) -> None:
    if event == "os.exec":
        _Redirection.of_this_process().give_way()


def _pass_on(channels: list[_Channel]) -> None:
    leave_signals_to_the_program()
    poller = select.poll()
    open_channels = {channel.reader: channel for channel in channels}
    for reader in open_channels:
        poller.register(reader, select.POLLIN)
    # Recording is left to another thread: this one must never wait for what it has to read itself.
    try:
        with own_lines():
            while open_channels:
                for reader, _ in poller.poll():
                    if not open_channels[reader].pass_on():
                        poller.unregister(reader)
                        del open_channels[reader]
    finally:
        for channel in open_channels.values():
            channel.switch_back()
            channel.stop_reading()


def _make_alike(terminal: int, ours: int) -> None:
    """Make a terminal of ours as large as another one, and let it pass on bytes as they are."""
    size = fcntl.ioctl(terminal, termios.TIOCGWINSZ, _WINDOW_SIZE)
    fcntl.ioctl(ours, termios.TIOCSWINSZ, size)
    settings = termios.tcgetattr(ours)
    settings[1] &= ~termios.OPOST
    termios.tcsetattr(ours, termios.TCSANOW, settings)


def _closed(fd: int) -> int:
    """Close a descriptor, if it is one, and return what is none."""
    if fd != -1:
        os.close(fd)
    return -1


def _identity(fd: int) -> tuple[int, int, int]:
    status = os.fstat(fd)
    return status.st_dev, status.st_ino, status.st_rdev


def _write_all(fd: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]


def _flush() -> None:
    for name in STREAMS:
        with suppress(OSError, ValueError, AttributeError):
            getattr(sys, name).flush()
