"""The open runs of this process, and what becomes of them when the process ends."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from signal import Signals

from airtape.ending import INTERRUPTED, SIGNALLED, Ending, ProgramEnd
from airtape.lifecycle import Lifecycle
from airtape.signals import SignalWatch, interrupts_ignored


class OpenRuns:
    """The open runs; iterating yields the newest first."""

    def __init__(self) -> None:
        self._open: list[Lifecycle] = []
        self._program = ProgramEnd(self._end_all)
        self._signals = SignalWatch(self._cut_short, self._blame)
        self._is_hooked = False

    def __iter__(self) -> Iterator[Lifecycle]:
        return reversed(self._open.copy())

    def add(self, lifecycle: Lifecycle, note: Callable[[str], None]) -> None:
        """Take in a run; it ends with the process at the latest.

        Args:
            lifecycle: The run's.
            note: Told what will not be recorded of an end by a signal, and why.
        """
        if not self._is_hooked:
            self._is_hooked = True
            os.register_at_fork(
                before=self._signals.before_fork,
                after_in_parent=self._signals.after_fork_in_parent,
                after_in_child=self._after_fork,
            )
        self._program.watch()
        self._open.append(lifecycle)
        self._signals.start(note)

    def remove(self, lifecycle: Lifecycle) -> None:
        """Take out a run that has ended; with the last one the program gets its signals back."""
        with suppress(ValueError):
            self._open.remove(lifecycle)
        if not self._open:
            self._signals.stop()

    def ask_to_stop(self, lifecycle: Lifecycle) -> None:
        """End a run on request, as Ctrl+C would; may be called from any thread."""
        lifecycle.imposed = {"how": "stop"}
        if not self._signals.interrupt_main():
            lifecycle.end(Ending(INTERRUPTED, lifecycle.imposed))

    def _end_all(self) -> None:
        """End all runs with the program."""
        with interrupts_ignored():
            for lifecycle in self:
                lifecycle.end(self._program.ending)

    def _cut_short(self, number: Signals) -> None:
        """Record that the process dies by a signal."""
        ending = Ending(SIGNALLED + number, {"how": "signal", "signal": number.name})
        for lifecycle in self:
            lifecycle.cut_short(ending)

    def _blame(self, number: Signals) -> None:
        """Keep in mind that the program ends because of a signal: its own handler says so."""
        for lifecycle in self._open:
            lifecycle.imposed = {"how": "signal", "signal": number.name}

    def _after_fork(self) -> None:
        self._signals.after_fork_in_child()
        self._program.after_fork()
        for lifecycle in self._open:
            lifecycle.after_fork()
