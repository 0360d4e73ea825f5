"""How a program ends, as far as Python tells: what was raised, the exit code it asked for.

What only the kernel sees, such as SIGKILL or a segmentation fault, leaves no ending at all; readers
then find that the process is gone.
"""

from __future__ import annotations

import atexit
import builtins
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from types import CodeType, FrameType, TracebackType
from typing import Final, NamedTuple, NoReturn

from airtape.loading import load_no_more
from airtape.records import Plain

INTERRUPTED: Final = 130
"""Exit code of a program ended by Ctrl+C, as shells count it."""

SIGNALLED: Final = 128
"""What shells add to a signal's number for the exit code of a program that it ended."""


class Ending(NamedTuple):
    """The end of a run, as its exit record says it.

    Attributes:
        code: The exit code, None if there is none.
        cause: How it ended: ``how``, and ``signal`` or ``exception`` where there is one.
    """

    code: int | None
    cause: dict[str, Plain]


def ending_of(error: BaseException | None, how: str) -> Ending:
    """Return what it means that the program, or a ``with`` block, is left.

    Args:
        error: What it is left with, None for nothing.
        how: The word for an end without error: ``exit`` or ``with``.
    """
    if error is None:
        return Ending(0, {"how": how})
    if isinstance(error, SystemExit):
        return Ending(exit_status(error.code), {"how": how})
    if isinstance(error, KeyboardInterrupt):
        return Ending(INTERRUPTED, {"how": "signal", "signal": "SIGINT"})
    return Ending(1, {"how": "exception", "exception": type(error).__name__})


def exit_status(code: object) -> int:
    """Return the status that the system sees of a program that calls ``sys.exit(code)``."""
    if code is None:
        return 0
    return code & 0xFF if isinstance(code, int) else 1


def is_interactive() -> bool:
    """Tell whether somebody types in what runs, so that an error is not the end."""
    return hasattr(sys, "ps1") or bool(sys.flags.interactive) or "ipykernel" in sys.modules


def traceback_of(error: BaseException) -> str:
    """Return what Python says of an error that ends a program."""
    # It was loaded for the error, or takes long to.
    from traceback import format_exception  # noqa: PLC0415 - see above

    return "".join(format_exception(error))


class ProgramEnd:
    """Learns with what the program is about to end, by wrapping the hooks that Python has for it.

    ``raise SystemExit(n)`` passes by all of them: outside of a ``with`` block of a run it is taken
    for a normal end. So is an end in a thread, which is none of the program.

    Args:
        at_exit: Called when the program ends, before the modules are gone.

    Attributes:
        ending: What it ends with, as things stand.
    """

    def __init__(self, at_exit: Callable[[], None]) -> None:
        self.ending = _NORMAL
        self._at_exit = at_exit
        self._outermost: CodeType | None = None

    def watch(self) -> None:
        """Wrap the hooks; a second call does nothing."""
        if self._outermost is not None:
            return
        self._outermost = _outermost_code(sys._current_frames()[_main_thread_id()])  # noqa: SLF001 - the only way to another thread's frames
        atexit.register(self._ends)
        self._wrap_excepthook()
        self._wrap_exit()
        self._watch_worker()

    def after_fork(self) -> None:
        """Start over in a forked child: what its parent ends with is not its own end."""
        self.ending = _NORMAL
        if (util := sys.modules.get("multiprocessing.util")) is not None:
            util.register_after_fork(self, ProgramEnd._watch_worker)

    def _watch_worker(self) -> None:
        """Have a worker of `multiprocessing` tell of its end, since it goes by no usual hook."""
        process = sys.modules.get("multiprocessing.process")
        util = sys.modules.get("multiprocessing.util")
        if process is not None and util is not None and process.parent_process() is not None:
            util.Finalize(None, self._ends, exitpriority=0)

    def _ends(self) -> None:
        error, code = sys.exc_info()[1], _code_of_worker(sys._getframe())  # noqa: SLF001 - as `inspect` does
        if error is not None:
            self.ending = ending_of(error, "exit")
        elif code is not None:
            self.ending = Ending(exit_status(code), {"how": "exit"})
        self._at_exit()
        if self.ending.code == INTERRUPTED and self.ending.cause["how"] == "signal":
            _remind_of_interrupt()

    def _wrap_excepthook(self) -> None:
        previous = sys.excepthook

        def note_exception(
            kind: type[BaseException], error: BaseException, trace: TracebackType | None
        ) -> None:
            if not is_interactive() and not self._goes_on():
                self.ending = ending_of(error, "exit")
            previous(kind, error, trace)

        sys.excepthook = note_exception

    def _wrap_exit(self) -> None:
        sys.exit = self._noting(sys.exit)
        quitter = type(getattr(builtins, "exit", None))
        if quitter.__name__ == "Quitter":
            quitter.__call__ = self._noting(quitter.__call__)  # type: ignore[method-assign]  # a class written in Python

    def _noting(self, leave: Callable[..., NoReturn]) -> Callable[..., NoReturn]:
        @wraps(leave)
        def note_and_leave(*args: object, **kwargs: object) -> NoReturn:
            try:
                leave(*args, **kwargs)
            except SystemExit as error:
                self._note_leaving(error)
                raise

        return note_and_leave

    def _note_leaving(self, error: SystemExit) -> None:
        if threading.get_ident() == _main_thread_id():
            self.ending = ending_of(error, "exit")
            error.__dict__["_airtape_leaving"] = _Leaving(self, self.ending)

    def take_back(self, ending: Ending) -> None:
        """Forget an ending that did not come about: the program goes on."""
        if self.ending is ending and self._goes_on():
            self.ending = _NORMAL

    def _goes_on(self) -> bool:
        """Tell whether the program itself is still running below the function that asks."""
        return _outermost_code(sys._getframe()) is self._outermost  # noqa: SLF001 - as `inspect` does


def _remind_of_interrupt() -> None:
    """Let Python end the process by SIGINT, as it does when nobody catches a KeyboardInterrupt.

    It forgets that when the text of a program is run before it comes to that; each named tuple has
    such a text, and a thread may be loading a module that defines some.
    """
    load_no_more()
    with suppress(KeyboardInterrupt):
        exec("raise KeyboardInterrupt")  # noqa: S102 - our text, and only with a text it remembers


_NORMAL: Final = Ending(0, {"how": "exit"})


class _Leaving:
    """Goes away with the exception that it hangs on: when that was caught, or has ended all."""

    def __init__(self, program_end: ProgramEnd, ending: Ending) -> None:
        self._program_end = program_end
        self._ending = ending

    def __del__(self) -> None:
        self._program_end.take_back(self._ending)


def _code_of_worker(frame: FrameType | None) -> object:
    """Return the exit code of a forked worker; None while its work, or an error, is on the stack.

    From Python 3.13 on workers have done with errors before they tell of their end.
    """
    while frame is not None and frame.f_code.co_name != "_bootstrap":
        if frame.f_code.co_name == "_launch":
            return frame.f_locals.get("code")
        frame = frame.f_back
    return None


def _outermost_code(frame: FrameType) -> CodeType:
    while frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code


def _main_thread_id() -> int:
    identity = threading.main_thread().ident
    assert identity is not None  # noqa: S101 - it was started
    return identity
