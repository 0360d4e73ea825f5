"""What signals do to the runs of this process.

Where the program leaves a signal its default action, death, the end of its runs is recorded and
synced first, and then the process dies by that very signal. A thread does it: the main thread may
be in the middle of a record, or in C code that does not come back. It needs the interpreter lock
for that, so code that holds the lock for long delays the death; nothing that was logged is lost
when SIGKILL comes instead.

A program's own handlers are called as before, whether they were there first or come later, and an
ignored signal stays ignored. Ctrl+C stays Python's: it raises KeyboardInterrupt.
"""

from __future__ import annotations

import ctypes
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGTERM, SIGXCPU, Signals
from time import monotonic
from types import FrameType
from typing import Any, Final, TypeAlias

from airtape.ending import SIGNALLED
from airtape.wakeup import Wakeup

WATCHED: Final = (SIGTERM, SIGXCPU, SIGHUP, SIGINT)

LONGEST_END_S: Final = 8.0
"""Seconds after which the process dies even if recording its end hangs."""

INTERRUPT_S: Final = 1.0
"""Seconds between a handler and the thread beside it at most."""

_Action: TypeAlias = Callable[[int, FrameType | None], Any] | int | None


class SignalWatch:
    """Watches for signals while runs are open.

    Args:
        on_death: Records that the process ends by a signal. Called once, from a thread, and the
            process dies when it returns; what it locks may stay locked.
        on_raise: Told by which signal a program's own handler was called that raised an exception.
    """

    def __init__(
        self, on_death: Callable[[Signals], None], on_raise: Callable[[Signals], None]
    ) -> None:
        self._on_death = on_death
        self._on_raise = on_raise
        self._wakeup = Wakeup(self._noticed)
        self._interrupt = _Interrupt()
        self._forking = threading.local()

    def start(self, note: Callable[[str], None]) -> None:
        """Begin to watch; does nothing more where it was begun before.

        Args:
            note: Told what cannot be watched, and why.
        """
        if threading.current_thread() is not threading.main_thread():
            note("init() was not called in the main thread: an end by a signal is not recorded")
            return
        native = _caught_by_native_code()
        for number in WATCHED:
            action = signal.getsignal(number)
            if isinstance(action, _Handler) or not _is_ours_to_watch(number, action):
                continue
            if number in native and not callable(action):
                note(f"{number.name} has a handler in native code: its end is not recorded")
                continue
            signal.signal(number, _Handler(self, action))
        try:
            self._wakeup.start()
        except (OSError, RuntimeError) as error:
            note(f"an end by a signal is not recorded: {error}")
            self.stop()

    def stop(self) -> None:
        """Give the program its signals back, except in another thread than the main one."""
        if threading.current_thread() is threading.main_thread():
            self._wakeup.stop()
            _unwrap()

    def before_fork(self) -> None:
        """Hold the signals back that a child must not get before it has them back.

        Python forgets those that come between the fork and `after_fork_in_child`.
        """
        deadly = [number for number in WATCHED if _is_deadly(signal.getsignal(number))]
        self._forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, deadly)

    def after_fork_in_parent(self) -> None:
        """Let the signals come again."""
        signal.pthread_sigmask(signal.SIG_SETMASK, self._forking.mask)

    def after_fork_in_child(self) -> None:
        """Give a forked child the signals back that its parent watches."""
        self._wakeup.after_fork()
        _unwrap()
        signal.pthread_sigmask(signal.SIG_SETMASK, self._forking.mask)

    def interrupt_main(self) -> bool:
        """Raise KeyboardInterrupt in the main thread as Ctrl+C does; return False if none can be.

        May be called from any thread.
        """
        main = threading.main_thread().ident
        assert main is not None  # noqa: S101 - it was started
        action = signal.getsignal(SIGINT)
        if callable(action.before if isinstance(action, _Handler) else action):
            signal.pthread_kill(main, SIGINT)
            return True
        # In the background of a shell SIGINT is ignored; a handler of ours can raise as well.
        for number in reversed(WATCHED):
            if isinstance(signal.getsignal(number), _Handler):
                self._interrupt.number = number
                signal.pthread_kill(main, number)
                return True
        return False

    def handle(self, number: int, frame: FrameType | None, handler: _Handler) -> None:
        """Do what a signal does, in the main thread.

        Args:
            number: The signal.
            frame: Where the main thread is.
            handler: The handler of ours that was called.
        """
        if self._interrupt.take(number):
            raise KeyboardInterrupt
        if callable(handler.before):
            try:
                handler.before(number, frame)
            except BaseException:
                self._on_raise(Signals(number))
                raise
        elif signal.getsignal(number) is not handler:
            # A later handler of the program passes the signal on. Had ours not been there, there
            # would have been nobody to pass it on to.
            return
        elif self._wakeup.is_on:
            self._wakeup.notify(number)
        else:
            _die_by(number)

    def _noticed(self, number: int) -> None:
        if _is_deadly(signal.getsignal(number)) and not self._interrupt.is_meant_by(number):
            self._die(Signals(number))

    def _die(self, number: Signals) -> None:
        last_resort = threading.Timer(LONGEST_END_S, _die_by, (number,))
        last_resort.daemon = True
        with suppress(RuntimeError):
            last_resort.start()
        try:
            self._on_death(number)
        finally:
            _die_by(number)


class _Interrupt:
    """A signal that this process sends to itself, to have it raise KeyboardInterrupt.

    Attributes:
        number: The signal while it is on its way.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._taken: tuple[int, float] = (0, 0.0)

    def take(self, number: int) -> bool:
        """Tell, once, whether the signal that has come is the one on its way."""
        if number != self.number:
            return False
        self._taken = number, monotonic()
        self.number = None
        return True

    def is_meant_by(self, number: int) -> bool:
        """Tell the thread, which learns of the signal before or after the handler, the same."""
        taken, at = self._taken
        return number == self.number or (number == taken and monotonic() - at < INTERRUPT_S)


class _Handler:
    """Our handler of one signal.

    Attributes:
        before: What the program had set.
    """

    def __init__(self, watch: SignalWatch, before: _Action) -> None:
        self._watch = watch
        self.before = before

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self._watch.handle(number, frame, self)


def _is_ours_to_watch(number: Signals, action: _Action) -> bool:
    if action is None or action == signal.SIG_IGN or isinstance(action, _Hold):
        return False
    return number != SIGINT or action is not signal.default_int_handler


def _is_deadly(action: _Action) -> bool:
    """Tell whether a handler of ours stands for the default action."""
    return isinstance(action, _Handler) and not callable(action.before)


def _unwrap() -> None:
    for number in WATCHED:
        action = signal.getsignal(number)
        if isinstance(action, _Handler):
            signal.signal(number, action.before)


def _caught_by_native_code() -> set[int]:
    """Return the signals that have a handler, of which Python need not know."""
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/status").read_text("ascii", "replace").splitlines()
        mask = int(next(line for line in lines if line.startswith("SigCgt:")).split()[1], 16)
        return {number for number in WATCHED if mask >> number - 1 & 1}
    return set()


def _die_by(number: int) -> None:
    """End the process by the default action of a signal, from any thread."""
    with suppress(OSError, AttributeError):
        set_action = ctypes.PyDLL(None).signal
        set_action.argtypes = (ctypes.c_int, ctypes.c_void_p)
        set_action.restype = ctypes.c_void_p
        set_action(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
        signal.pthread_kill(threading.get_ident(), number)
    # The first process of a container is immune against default actions.
    os._exit(SIGNALLED + number)


class _Hold:
    """A handler of SIGINT that only counts; from the second time on it raises as usual."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.count > 1:
            signal.default_int_handler(number, frame)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Let Ctrl+C come behind the block instead of in the middle of it; a second one comes at once.

    Raises:
        KeyboardInterrupt: It has come.
    """
    if not _can_hold():
        yield
        return
    hold = _Hold()
    signal.signal(SIGINT, hold)
    try:
        yield
    finally:
        signal.signal(SIGINT, signal.default_int_handler)
    if hold.count:
        raise KeyboardInterrupt


@contextmanager
def interrupts_ignored() -> Iterator[None]:
    """Let Ctrl+C do nothing within the block."""
    if not _can_hold():
        yield
        return
    signal.signal(SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(SIGINT, signal.default_int_handler)


def _can_hold() -> bool:
    is_main = threading.current_thread() is threading.main_thread()
    return is_main and signal.getsignal(SIGINT) is signal.default_int_handler
