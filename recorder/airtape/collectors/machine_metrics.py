"""What process and machine do, by psutil, under W&B's names without ``system.``: ``cpu`` and so on.

What a container or a job may use is the whole of which percentages are taken.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil

from airtape.collectors.measured import Measure, Values
from airtape.control_groups import ControlGroups

MAX_PROCESSORS: Final = 64
"""Processors that have a value each; of more there is only what they do together."""

_MB: Final = 1 << 20
_GB: Final = 1 << 30


class MachineMetrics:
    """Measures this process and the machine.

    Args:
        groups: The limits of what the process may use.
        disks: Directories whose disks are looked at.
    """

    def __init__(self, groups: ControlGroups, disks: Sequence[str]) -> None:
        self._groups = groups
        self._disks = disks
        self._process = psutil.Process()
        self._usable = _usable_processors()
        # Over the whole life of the process, until there is a sample to compare with.
        self._cpu_before = 0.0
        self._cpu_at = self._process.create_time() - time.time() + time.monotonic()
        self._disk_before: tuple[int, int] | None = None
        self._network_before: tuple[int, int] | None = None
        psutil.cpu_percent(percpu=True)  # the next call says what was between the two
        self._has_before = False

    @property
    def parts(self) -> Mapping[str, Measure]:
        """What measures each part, by what it is."""
        return {
            "the processors": self._processors,
            "the process": self._of_process,
            "the memory": self._memory,
            **{f"the disk of {disk}": self._space_of(disk) for disk in self._disks},
            "disk transfer": self._disk_transfer,
            "network transfer": self._network_transfer,
        }

    def _processors(self) -> Values:
        by_number = psutil.cpu_percent(percpu=True)
        if not self._has_before:
            self._has_before = True
            return {}
        usable = {n: by_number[n] for n in self._usable if n < len(by_number)}
        said = {"cpu.usagePercent": sum(usable.values()) / len(usable)} if usable else {}
        if len(usable) <= MAX_PROCESSORS:
            said |= {f"cpu.{number}.cpu_percent": value for number, value in usable.items()}
        return said

    def _of_process(self) -> Values:
        times = self._process.cpu_times()
        now, used = time.monotonic(), times.user + times.system
        passed, spent = now - self._cpu_at, used - self._cpu_before
        self._cpu_at, self._cpu_before = now, used
        said = {
            "proc.cpu.threads": self._process.num_threads(),
            "proc.openFiles": self._process.num_fds(),
        }
        if passed > 0:
            said["cpu"] = 100 * spent / passed / self._processor_count()
        return said

    def _processor_count(self) -> float:
        count = len(self._usable) or os.cpu_count() or 1
        return min(count, self._groups.cpu_limit() or count)

    def _memory(self) -> Values:
        machine = psutil.virtual_memory()
        total, available = machine.total, machine.available
        group = self._groups.memory()
        if group is not None and group.limit < total:
            total, available = group.limit, min(available, group.limit - group.used)
        mine = self._process.memory_info().rss
        return {
            "memory_percent": 100 * (1 - available / total),
            "proc.memory.availableMB": available / _MB,
            "proc.memory.rssMB": mine / _MB,
            "proc.memory.percent": 100 * mine / total,
        }

    def _space_of(self, disk: str) -> Measure:
        def space() -> Values:
            usage = psutil.disk_usage(disk)
            return {
                f"disk.{disk}.usagePercent": usage.percent,
                f"disk.{disk}.usageGB": usage.used / _GB,
            }

        return space

    def _disk_transfer(self) -> Values:
        counted = psutil.disk_io_counters()
        if counted is None:  # a machine without disks of its own
            return {}
        now = counted.read_bytes, counted.write_bytes
        before = self._disk_before = self._disk_before or now
        return {"disk.in": (now[0] - before[0]) / _MB, "disk.out": (now[1] - before[1]) / _MB}

    def _network_transfer(self) -> Values:
        counted = psutil.net_io_counters()
        if counted is None:  # a container without network
            return {}
        now = counted.bytes_sent, counted.bytes_recv
        before = self._network_before = self._network_before or now
        return {"network.sent": now[0] - before[0], "network.recv": now[1] - before[1]}


def _usable_processors() -> list[int]:
    try:
        return sorted(os.sched_getaffinity(0))
    except (OSError, AttributeError):
        return list(range(os.cpu_count() or 1))


def mount_point(path: Path) -> str:
    """Return the directory at which the disk begins that an absolute path is on."""
    return next(str(folder) for folder in (path, *path.parents) if folder.is_mount())


def belongs_to_this_process(process: int) -> bool:
    """Tell whether a process is this one or was started by it, however many steps down.

    Args:
        process: Its id.
    """
    mine = os.getpid()
    try:
        while process not in {0, mine}:
            process = psutil.Process(process).ppid()
    except psutil.Error:
        return False
    return process == mine
