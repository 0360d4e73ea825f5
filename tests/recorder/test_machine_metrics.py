from __future__ import annotations

import os
import threading
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import psutil
import pytest

from airtape.collectors.machine_metrics import MachineMetrics, mount_point
from airtape.collectors.measured import Values
from airtape.control_groups import ControlGroups, MemoryUse

GIB = 1 << 30


class Limits(NamedTuple):
    """Control groups with the limits that a test needs."""

    cpus: float | None = None
    use: MemoryUse | None = None

    def cpu_limit(self) -> float | None:
        """See `ControlGroups.cpu_limit`."""
        return self.cpus

    def memory(self) -> MemoryUse | None:
        """See `ControlGroups.memory`."""
        return self.use


def _metrics(limits: Limits | None = None) -> MachineMetrics:
    return MachineMetrics(limits or Limits(), ["/"])  # type: ignore[arg-type]  # all that is asked


def _sample(metrics: MachineMetrics) -> Values:
    return {name: value for part in metrics.parts.values() for name, value in part().items()}


def test_a_sample_has_wandbs_names() -> None:
    """The first one at once; what needs two looks comes with the second."""
    metrics = MachineMetrics(ControlGroups(), ["/"])
    first = _sample(metrics)
    transfer = {"network.sent", "network.recv"}
    assert first.keys() - {"disk.in", "disk.out"} == transfer | {
        *("cpu", "proc.cpu.threads", "proc.openFiles", "memory_percent"),
        *("proc.memory.availableMB", "proc.memory.rssMB", "proc.memory.percent"),
        *("disk./.usagePercent", "disk./.usageGB"),
    }
    assert {first[name] for name in transfer} == {0}
    later = _sample(metrics).keys() - first.keys()
    assert later == {"cpu.usagePercent"} | {
        f"cpu.{number}.cpu_percent" for number in os.sched_getaffinity(0)
    }


def test_values_are_those_of_this_process() -> None:
    """Its memory, threads and open files; percentages are within bounds."""
    metrics = _metrics()
    before = _sample(metrics)
    done = threading.Event()
    threads = [threading.Thread(target=done.wait) for _ in range(50)]
    with ExitStack() as files:
        for thread in threads:
            thread.start()
            files.enter_context(Path("/dev/null").open())
        values = _sample(metrics)
    done.set()
    for thread in threads:
        thread.join()
    # Threads of other tests may end meanwhile.
    assert values["proc.cpu.threads"] - before["proc.cpu.threads"] > 25
    assert values["proc.openFiles"] - before["proc.openFiles"] > 25
    assert values["proc.memory.rssMB"] == pytest.approx(
        psutil.Process().memory_info().rss / (1 << 20), rel=0.2
    )
    for name in ("cpu", "memory_percent", "proc.memory.percent", "disk./.usagePercent"):
        assert 0 <= values[name] <= 101, name


def test_time_is_a_share_of_the_processors_that_may_be_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A process that keeps half of a processor busy uses all of a job that has half a one."""
    times = SimpleNamespace(user=1.0, system=0.5)
    now = 100.0
    monkeypatch.setattr(psutil.Process, "cpu_times", lambda _: times)
    monkeypatch.setattr("airtape.collectors.machine_metrics.time.monotonic", lambda: now)
    metrics = _metrics(Limits(cpus=0.5))
    _sample(metrics)
    now, times.user = 110.0, 6.0
    assert _sample(metrics)["cpu"] == 100


def test_memory_is_that_of_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its limit is the whole, and what it has left is what is available."""
    machine = SimpleNamespace(total=64 * GIB, available=32 * GIB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: machine)
    assert _sample(_metrics())["memory_percent"] == 50
    job = _sample(_metrics(Limits(use=MemoryUse(8 * GIB, 7 * GIB))))
    assert (job["memory_percent"], job["proc.memory.availableMB"]) == (87.5, 1024)
    rss = job["proc.memory.rssMB"]
    assert job["proc.memory.percent"] == pytest.approx(100 * rss / 8192)
    machine.available = GIB // 2
    assert _sample(_metrics(Limits(use=MemoryUse(8 * GIB, GIB))))["proc.memory.availableMB"] == 512
    assert _sample(_metrics(Limits(use=MemoryUse(99 * GIB, 0))))["proc.memory.availableMB"] == 512


def test_of_many_processors_only_the_whole_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value for each would be most of what is recorded."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(128)))
    monkeypatch.setattr(psutil, "cpu_percent", lambda **_: [25.0] * 256)
    metrics = _metrics()
    _sample(metrics)
    second = _sample(metrics)
    assert second["cpu.usagePercent"] == 25
    assert not any(name.startswith("cpu.0") for name in second)


def test_without_affinity_all_processors_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that has no such thing."""
    monkeypatch.delattr(os, "sched_getaffinity")
    metrics = _metrics()
    _sample(metrics)
    assert f"cpu.{(os.cpu_count() or 1) - 1}.cpu_percent" in _sample(metrics)


def test_transfers_are_counted_from_the_first_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """What disks and network did before is none of the run's; a machine may have neither."""
    network = SimpleNamespace(bytes_sent=500, bytes_recv=900)
    monkeypatch.setattr(psutil, "net_io_counters", lambda: network)
    monkeypatch.setattr(psutil, "disk_io_counters", lambda: None)
    metrics = _metrics()
    _sample(metrics)
    network.bytes_sent, network.bytes_recv = 700, 901
    values = _sample(metrics)
    assert (values["network.sent"], values["network.recv"]) == (200, 1)
    assert "disk.in" not in values
    disk = SimpleNamespace(read_bytes=1 << 30, write_bytes=0)
    monkeypatch.setattr(psutil, "disk_io_counters", lambda: disk)
    monkeypatch.setattr(psutil, "net_io_counters", lambda: None)
    _sample(metrics)
    disk.write_bytes = 3 << 20
    values = _sample(metrics)
    assert (values["disk.in"], values["disk.out"]) == (0, 3)
    assert "network.sent" not in values


def test_a_disk_is_named_by_where_it_is_mounted(tmp_path: Path) -> None:
    """Whatever is on it."""
    assert mount_point(Path("/proc/self/net")) == "/proc"
    assert Path(mount_point(tmp_path / "missing")).is_mount()
