"""The thread that measures the machine: what it records, and that it harms nobody."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pynvml
import pytest

import airtape
from airtape.collectors.machine_metrics import MachineMetrics
from airtape.control_groups import ControlGroups
from airtape.records import Kind
from tests.fake_nvml import FakeNvml
from tests.processes import RunPython
from tests.recording import StartRun, log_of, only_log, read_back, recorded

OFTEN = {"stats_sampling_interval": 0.02}
PATIENCE_S = 10.0


@pytest.fixture
def measured(start_run: StartRun, monkeypatch: pytest.MonkeyPatch) -> StartRun:
    """Start runs that measure the machine."""
    monkeypatch.delenv("TRACKER_DISABLE_STATS")
    return start_run


def _samples(run: airtape.Run) -> list[dict[str, float]]:
    return [record.fields[0] for record in read_back(log_of(run)).of(Kind.SYSTEM)]


def _until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _threads() -> list[str]:
    return [thread.name for thread in threading.enumerate()]


def _said(run: airtape.Run) -> str:
    place = Path(run.sync_dir, "logs", "debug.log")
    return place.read_text() if place.exists() else ""


def test_the_first_sample_comes_at_once(measured: StartRun) -> None:
    """Without waiting for the interval; its values are numbers with W&B's names."""
    run = measured()
    _until(lambda: _samples(run))
    run.finish()
    (sample,) = _samples(run)
    assert all(name.startswith("system.") for name in sample)
    assert {type(value) for value in sample.values()} <= {int, float}
    assert sample["system.proc.memory.rssMB"] > 1
    assert _said(run) == ""


def test_samples_come_at_the_interval_until_the_run_ends(measured: StartRun) -> None:
    """Then the thread is gone, and nothing is recorded any more."""
    run = measured(settings=OFTEN)
    _until(lambda: len(_samples(run)) > 3)
    run.finish()
    _until(lambda: "airtape-system" not in _threads())
    said = recorded(run)
    assert said.records[-1].kind == Kind.EXIT
    assert len(said.of(Kind.SYSTEM)) > 3


@pytest.mark.parametrize("name", ["TRACKER_DISABLE_STATS", "WANDB_X_DISABLE_STATS"])
def test_a_variable_switches_it_off(
    name: str, measured: StartRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No thread, no sample."""
    monkeypatch.setenv(name, "true")
    run = measured()
    assert "airtape-system" not in _threads()
    run.finish()
    assert _samples(run) == []


@pytest.mark.parametrize("name", ["_disable_stats", "x_disable_stats"])
def test_wandbs_settings_switch_it_off(name: str, measured: StartRun) -> None:
    """As scripts pass them."""
    run = measured(settings={name: True})
    assert "airtape-system" not in _threads()
    run.finish()


def test_where_no_thread_can_be_had_the_run_goes_on(
    measured: StartRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is noted, and the program gets its signals as before."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])

    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("airtape.collectors.system.threading.Thread.start", refuse)
    run = measured()
    run.log({"loss": 1})
    run.finish()
    assert "no thread measures the machine: can't start new thread" in _said(run)
    assert recorded(run).logged("loss") == [1]
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == blocked


def test_a_part_that_fails_is_said_once_and_the_others_go_on(
    measured: StartRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it raises."""

    def fail(*_: object) -> None:
        raise psutil.AccessDenied(1, "x")

    monkeypatch.setattr(psutil, "virtual_memory", fail)
    run = measured(settings=OFTEN)
    _until(lambda: len(_samples(run)) > 3)
    run.finish()
    assert not any("system.memory_percent" in sample for sample in _samples(run))
    assert "system.network.sent" in _samples(run)[-1]
    assert _said(run).count("the memory cannot be measured: AccessDenied") == 1


def test_without_psutil_the_run_goes_on(
    measured: StartRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module that cannot be loaded is a part that fails."""

    def fail(*_: object) -> None:
        raise ImportError("no psutil")

    monkeypatch.setattr(MachineMetrics, "__init__", fail)
    run = measured(settings=OFTEN)
    _until(lambda: "machine cannot be measured: ImportError: no psutil" in _said(run))
    run.finish()
    assert _samples(run) == []


@pytest.mark.parametrize("count", [0, 1, 8])
def test_gpus_are_in_the_samples(
    count: int, measured: StartRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the machine's own values, from the second sample on in one record with them."""
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(count))
    run = measured(settings=OFTEN)
    _until(lambda: len(_samples(run)) > 3)
    run.finish()
    last = _samples(run)[-1]
    assert sum(name.endswith(".temp") and "process" not in name for name in last) == count
    assert "system.cpu" in last
    assert _said(run) == ""


def test_a_gpu_lost_midway_is_said_once_and_the_others_go_on(
    measured: StartRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not asked again."""
    module = FakeNvml(8)
    monkeypatch.setitem(sys.modules, "pynvml", module)
    run = measured(settings=OFTEN)
    _until(lambda: "system.gpu.3.temp" in (_samples(run) or [{}])[-1])
    module.lose(3)
    _until(lambda: "GPU 3 is lost" in _said(run))
    count = len(_samples(run))
    _until(lambda: len(_samples(run)) > count + 2)
    run.finish()
    last = _samples(run)[-1]
    assert "system.gpu.3.temp" not in last
    assert last["system.gpu.4.temp"] == 64
    assert _said(run).count("GPU 3") == 1


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("nvmlInit", pynvml.NVML_ERROR_DRIVER_NOT_LOADED),
        ("nvmlDeviceGetCount", pynvml.NVML_ERROR_UNKNOWN),
        ("nvmlDeviceGetMemoryInfo", pynvml.NVML_ERROR_UNKNOWN),
    ],
)
def test_a_driver_that_errors_makes_no_noise(
    call: str,
    code: int,
    measured: StartRun,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """At most one line in debug.log; machine and run go on."""
    module = FakeNvml(1)
    module.refuse(call, code)
    monkeypatch.setitem(sys.modules, "pynvml", module)
    run = measured(settings={**OFTEN, "silent": True})
    _until(lambda: len(_samples(run)) > 3)
    run.finish()
    assert "system.cpu" in _samples(run)[-1]
    assert _said(run).count("\n") <= 1
    assert capfd.readouterr() == ("", "")


def test_an_anonymous_run_does_not_tell_where_its_disk_is(
    measured: StartRun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Folders at which disks are mounted may have the name of a user."""
    monkeypatch.setattr(Path, "is_mount", lambda path: path == tmp_path)
    for anonymous in ("never", "must"):
        run = measured(anonymous=anonymous)
        _until(lambda: _samples(run))  # noqa: B023 - called at once
        run.finish()
        named = f"system.disk.{tmp_path}.usagePercent" in _samples(run)[0]
        assert named == (anonymous == "never")


def test_a_forked_child_measures_nothing(measured: StartRun) -> None:
    """What its parent does is its parent's; the child's own log has only what it logs."""
    run = measured(settings=OFTEN)
    _until(lambda: _samples(run))
    child = os.fork()
    if not child:
        run.log({"child": 1})
        time.sleep(0.1)
        os._exit("airtape-system" in _threads())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    run.finish()
    (log,) = set(Path(run.sync_dir).glob("*.txlog")) - {log_of(run)}
    assert read_back(log).of(Kind.SYSTEM) == []


DIES = """
    import os
    import airtape
    run = airtape.init(project="p", mode="offline", settings={"stats_sampling_interval": 0.001})
    {death}
"""


@pytest.mark.parametrize("death", ["os._exit(0)", "raise SystemExit(0)", "run.finish()"])
def test_the_end_of_a_program_does_not_wait_for_it(
    death: str, run_python: RunPython, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However it ends, in the middle of whatever the thread is doing, and without a word."""
    monkeypatch.setenv("TRACKER_DISABLE_STATS", "false")
    monkeypatch.setenv("TRACKER_SILENT", "true")
    ended = run_python(DIES.replace("{death}", death))
    assert (ended.stdout, ended.stderr) == ("", "")
    assert read_back(only_log(workdir)).header


def test_modules_are_loaded_by_the_thread_only(run_python: RunPython) -> None:
    """Neither the library nor init() loads them."""
    program = """
        import os, sys, threading
        import airtape
        names = []
        threading.Thread.start = lambda thread: names.append(thread.name)
        run = airtape.init(project="p", mode="offline", settings={"disable_stats": False})
        print(*names)
        print(*[name for name in ("psutil", "pynvml") if name in sys.modules], flush=True)
        os._exit(0)  # its end would wait for threads that were never started
    """
    names, loaded = run_python(program).stdout.split("\n")[:2]
    assert "airtape-system" in names
    assert loaded == ""


def test_sampling_costs_less_than_a_thousandth_of_a_processor() -> None:
    """At the usual interval: the processor time of a sample, at the least of several."""
    metrics = MachineMetrics(ControlGroups(), ["/"])
    taken = []
    for _ in range(20):
        start = time.thread_time()
        for part in metrics.parts.values():
            part()
        taken.append(time.thread_time() - start)
    assert min(taken) < 15.0 / 1000
