"""The limits of a container or a job: what it may use of the machine, by the control groups."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class MemoryUse(NamedTuple):
    """How much memory a group may use, and how much it uses, in bytes.

    Attributes:
        limit: What it may use.
        used: What it uses and cannot give back at once, as it can the cache of files.
    """

    limit: int
    used: int


class ControlGroups:
    """The control groups around this process, of both versions.

    Args:
        root: Where ``proc`` and ``sys`` are.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._cpu = list(_groups(root, "cpu"))
        self._memory = list(_groups(root, "memory"))

    def cpu_limit(self) -> float | None:
        """Return how many processors the time of the process is limited to; None without limit."""
        return min(self._cpu_limits(), default=None)

    def memory_limit(self) -> int | None:
        """Return the smallest limit in bytes, which may be more than there is; None without one."""
        return min((limit for _, limit in self._memory_limits()), default=None)

    def memory(self) -> MemoryUse | None:
        """Return the memory of the group that has the least left; None without any limit."""
        uses = (MemoryUse(limit, _used(group)) for group, limit in self._memory_limits())
        return min(uses, key=lambda use: use.limit - use.used, default=None)

    def _cpu_limits(self) -> Iterator[float]:
        for group in self._cpu:
            with suppress(ValueError, ZeroDivisionError):  # "max 100000", or no such file
                quota, period = map(int, _text(group / "cpu.max").split())
                yield quota / period
            with suppress(ValueError, ZeroDivisionError):
                quota = int(_text(group / "cpu.cfs_quota_us"))
                if quota > 0:
                    yield quota / int(_text(group / "cpu.cfs_period_us"))

    def _memory_limits(self) -> Iterator[tuple[Path, int]]:
        for group in self._memory:
            for name in ("memory.max", "memory.limit_in_bytes"):
                with suppress(ValueError):  # "max", or no such file
                    yield group, int(_text(group / name))


def _used(group: Path) -> int:
    used = 0
    for name in ("memory.current", "memory.usage_in_bytes"):
        with suppress(ValueError):
            used = int(_text(group / name))
    words = _text(group / "memory.stat").split()
    said = dict(zip(words[::2], words[1::2], strict=False))
    # Version 1 counts what is below the group by the second name only.
    cache = said.get("total_inactive_file", said.get("inactive_file", "0"))
    return max(0, used - int(cache))


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of the control groups around this process, the innermost first."""
    top = root / "sys/fs/cgroup"
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        base = top / controllers if controllers else top
        # In a container the path may be one of the host's, of which only the top is there.
        inner = Path(path.lstrip("/"))
        for folder in (inner, *inner.parents):
            if ".." not in folder.parts:
                yield base / folder


def _text(path: Path) -> str:
    with suppress(OSError):
        return path.read_text("utf-8", "replace")
    return ""
