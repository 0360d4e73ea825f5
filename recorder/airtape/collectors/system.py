"""The thread that measures the machine as a run goes on, and records it.

It loads psutil and pynvml itself, so that a program waits for neither. Whatever goes wrong with a
part is said once, in ``debug.log``, and the other parts go on. A forked child measures nothing.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import TypeVar

from airtape.collectors.measured import Measure, UnavailableError, Values
from airtape.loading import HEAD_START_S, loading
from airtape.process import leave_signals_to_the_program
from airtape.records import Kind
from airtape.rundir import RunDir
from airtape.runlog import RunLog
from airtape.settings import Settings

T = TypeVar("T")


class SystemMetrics(threading.Thread):
    """Measures the machine at once and then at an interval, until it is stopped.

    Args:
        log: Gets the samples.
        every: Seconds from one to the next; None measures nothing.
        place: A directory whose disk is looked at, beside that of ``/``; None for none.
        note: Writes a line to ``debug.log``.
    """

    def __init__(
        self, log: RunLog, *, every: float | None, place: Path | None, note: Callable[[str], None]
    ) -> None:
        super().__init__(name="airtape-system", daemon=True)
        self._log = log
        self._every = every
        self._place = place
        self._note = note
        self._noted: set[str] = set()
        self._parts: dict[str, Measure] = {}
        self._stopped = threading.Event()

    def begin(self) -> None:
        """Start the thread, if it shall measure and can be had."""
        if not self._every:
            return
        try:
            self.start()
        except RuntimeError as error:
            self._note(f"no thread measures the machine: {error}")

    def stop(self) -> None:
        """Measure nothing more; does not wait."""
        self._stopped.set()

    def run(self) -> None:
        """Measure until `stop`."""
        leave_signals_to_the_program()
        if self._stopped.wait(HEAD_START_S):
            return
        due, every = monotonic(), self._every or math.inf
        # One after the other, for a driver may take seconds to answer at first.
        for load in (self._machine, self._gpus):
            loaded = self._attempt(load.__name__.strip("_"), load) or {}
            self._parts |= loaded
            self._sample(loaded)
        while True:
            # Not the samples that it would have taken while the machine was asleep.
            due = max(due + every, monotonic())
            if self._stopped.wait(due - monotonic()):
                return
            self._sample(self._parts)

    def _sample(self, parts: Mapping[str, Measure]) -> None:
        values: Values = {}
        for what, measure in [*parts.items()]:
            if self._stopped.is_set():
                return
            values |= self._attempt(what, measure) or {}
        if values:
            said = {f"system.{name}": value for name, value in values.items()}
            self._attempt("the log", lambda: self._log.record(Kind.SYSTEM, said))

    def _attempt(self, what: str, step: Callable[[], T]) -> T | None:
        try:
            return step()
        except UnavailableError as error:
            self._parts.pop(what, None)
            self._note_once(str(error))
        except Exception as error:  # noqa: BLE001 - the training must not learn of it
            if not self._stopped.is_set():
                self._note_once(f"{what} cannot be measured: {type(error).__name__}: {error}")
        return None

    def _note_once(self, text: str) -> None:
        if text not in self._noted:
            self._noted.add(text)
            self._note(text)

    def _machine(self) -> Mapping[str, Measure]:
        """Return what measures process and machine."""
        with loading():
            from airtape.collectors.machine_metrics import (  # noqa: PLC0415 - see the top
                MachineMetrics,
                mount_point,
            )
            from airtape.control_groups import ControlGroups  # noqa: PLC0415 - see the top
        disks = ["/"] if self._place is None else ["/", mount_point(self._place)]
        return MachineMetrics(ControlGroups(), list(dict.fromkeys(disks))).parts

    def _gpus(self) -> Mapping[str, Measure]:
        """Return what measures each GPU; nothing where there is none."""
        with loading():
            from airtape.collectors import gpu_metrics, nvml  # noqa: PLC0415 - see the top
            from airtape.collectors.machine_metrics import (  # noqa: PLC0415 - see the top
                belongs_to_this_process,
            )
        module = nvml.load_nvml()
        if module is None:
            return {}
        return {
            f"GPU {number}": gpu_metrics.GpuMetrics(
                module, number, handle, is_ours=belongs_to_this_process, note=self._note_once
            )
            for number, handle in nvml.handles(module, self._note_once)
        }


def system_metrics(
    log: RunLog, run_dir: RunDir, settings: Settings, note: Callable[[str], None]
) -> SystemMetrics:
    """Return what measures the machine of a run, not begun yet.

    Args:
        log: The run's log.
        run_dir: The run's directory.
        settings: What it is told.
        note: Writes a line to ``debug.log``.
    """
    every = None if settings.disable_stats else settings.stats_sampling_interval
    # Where the disk of the directory is mounted may tell whose run it is.
    place = None if settings.anonymous == "must" else run_dir.root
    return SystemMetrics(log, every=every, place=place, note=note)
