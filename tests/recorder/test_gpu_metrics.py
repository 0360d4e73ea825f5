"""What is measured of GPUs: of made-up ones, and of those of this machine where it has some."""

from __future__ import annotations

import os
import sys
from types import ModuleType

import psutil
import pynvml
import pytest

from airtape.collectors import nvml
from airtape.collectors.gpu_metrics import GpuMetrics
from airtape.collectors.machine_metrics import belongs_to_this_process
from airtape.collectors.measured import UnavailableError, Values
from airtape.collectors.nvml import gpu_facts, handles, load_nvml
from tests.fake_nvml import FakeNvml

OF_EACH = {
    *("gpu", "memory", "memoryAllocated", "memoryAllocatedBytes", "temp"),
    *("powerWatts", "enforcedPowerLimitWatts", "powerPercent"),
}
"""What every GPU tells that is not a part of one."""


@pytest.fixture
def one() -> FakeNvml:
    """A machine with a GPU that this process uses."""
    return FakeNvml()


def _metrics(module: ModuleType, noted: list[str] | None = None) -> list[GpuMetrics]:
    noted = [] if noted is None else noted
    return [
        GpuMetrics(module, number, handle, is_ours=belongs_to_this_process, note=noted.append)
        for number, handle in handles(module, noted.append)
    ]


def _all(module: ModuleType) -> Values:
    values: Values = {}
    for metrics in _metrics(module):
        values |= metrics()
    return values


def test_a_gpu_has_wandbs_names_and_units(one: FakeNvml) -> None:
    """Percent, bytes, degrees, watts and megahertz; what is derived is right."""
    of_gpu = {
        "gpu": 90,
        "memory": 40,
        "memoryAllocatedBytes": 25 << 30,
        "memoryAllocated": 25.0,
        "temp": 60,
        "powerWatts": 350.5,
        "enforcedPowerLimitWatts": 701.0,
        "powerPercent": 50.0,
        "smClock": 1000 + pynvml.NVML_CLOCK_SM,
        "memoryClock": 1000 + pynvml.NVML_CLOCK_MEM,
        "graphicsClock": 1000 + pynvml.NVML_CLOCK_GRAPHICS,
        "fanSpeed": 30,
        "encoderUtilization": 5,
        "correctedMemoryErrors": pynvml.NVML_MEMORY_ERROR_TYPE_CORRECTED,
        "uncorrectedMemoryErrors": pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
        "throttleReasons": 4,
    }
    assert _all(one) == {
        f"{place}.{name}": value
        for place in ("gpu.0", "gpu.process.0")
        for name, value in of_gpu.items()
    }


@pytest.mark.parametrize("count", [0, 1, 8])
def test_every_gpu_is_measured_under_its_number(count: int) -> None:
    """None, one and eight of them; the one that the run uses stands there twice."""
    values = _all(FakeNvml(count))
    assert [values[f"gpu.{number}.temp"] for number in range(count)] == [
        60 + number for number in range(count)
    ]
    assert len(values) == 16 * (count + (count > 0))
    assert {name for name in values if name.startswith("gpu.process.1.")} == set()


def test_the_gpu_of_another_program_is_none_of_ours() -> None:
    """A process that this one has started belongs to the run, its parent and others do not."""
    values = _all(FakeNvml(1, used_by=os.getppid()))
    assert not any(name.startswith("gpu.process") for name in values)
    assert belongs_to_this_process(os.getpid())
    child = psutil.Popen(["sleep", "30"])
    try:
        assert belongs_to_this_process(child.pid)
    finally:
        child.kill()
        child.wait()
    assert not belongs_to_this_process(child.pid)


def test_what_a_gpu_does_not_have_is_asked_for_once(one: FakeNvml) -> None:
    """No fan, no error correction: nothing is said of it, and the rest is measured."""
    for call in ("nvmlDeviceGetFanSpeed", "nvmlDeviceGetTotalEccErrors"):
        one.refuse(call, pynvml.NVML_ERROR_NOT_SUPPORTED)
    noted: list[str] = []
    (metrics,) = _metrics(one, noted)
    first, second = metrics(), metrics()
    assert first == second
    assert len(first) == 2 * 13
    assert one.calls.count(("nvmlDeviceGetFanSpeed", 0)) == 1
    assert noted == []


def test_a_call_that_fails_costs_its_value_until_it_works_again(one: FakeNvml) -> None:
    """It is said which one, and asked again."""
    one.refuse("nvmlDeviceGetPowerUsage", pynvml.NVML_ERROR_UNKNOWN)
    noted: list[str] = []
    (metrics,) = _metrics(one, noted)
    without = metrics()
    assert "gpu.0.powerWatts" not in without
    assert "gpu.0.powerPercent" not in without
    assert without["gpu.0.temp"] == 60
    assert noted == ["GPU 0 does not tell its power: Unknown Error"]
    one.refusals.clear()
    assert metrics()["gpu.0.powerWatts"] == 350.5


def test_a_gpu_that_is_lost_is_told_from_one_that_fails() -> None:
    """The others go on."""
    module = FakeNvml(8)
    metrics = _metrics(module)
    assert metrics[3]()
    module.lose(3)
    with pytest.raises(UnavailableError, match=r"^GPU 3 is lost: GPU is lost$"):
        metrics[3]()
    assert metrics[4]()["gpu.4.temp"] == 64


def test_gpus_that_do_not_answer_at_all_are_named() -> None:
    """One of several, or the driver as a whole."""
    module = FakeNvml(3)
    module.refuse("nvmlDeviceGetHandleByIndex", pynvml.NVML_ERROR_GPU_IS_LOST, 1)
    noted: list[str] = []
    assert [number for number, _ in handles(module, noted.append)] == [0, 2]
    module.refuse("nvmlDeviceGetCount", pynvml.NVML_ERROR_UNKNOWN)
    assert list(handles(module, noted.append)) == []
    assert noted == [
        "GPU 1 does not answer: GPU is lost",
        "the GPUs cannot be counted: Unknown Error",
    ]


def test_gpus_and_driver_are_described() -> None:
    """Names, memory, and the versions of driver and CUDA."""
    assert gpu_facts(FakeNvml(2)) == {
        "gpu": "NVIDIA H200",
        "gpu_count": 2,
        "gpus": ["NVIDIA H200", "NVIDIA H200"],
        "gpu_memory_bytes": [100 << 30, 100 << 30],
        "gpu_driver": "595.58.03",
        "cuda_version": "13.2",
    }


def test_what_the_driver_does_not_tell_is_left_out() -> None:
    """A machine without GPUs may have a driver, and a driver may fail."""
    module = FakeNvml(0)
    assert gpu_facts(module) == {"gpu_driver": "595.58.03", "cuda_version": "13.2"}
    for name in ("nvmlDeviceGetCount", "nvmlSystemGetDriverVersion"):
        module.refuse(name, pynvml.NVML_ERROR_UNKNOWN)
    module.refuse("nvmlSystemGetCudaDriverVersion", pynvml.NVML_ERROR_UNKNOWN)
    assert gpu_facts(module) == {}


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    """A made-up driver that is found in place of this machine's."""
    fake = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    return fake


def test_a_driver_that_fails_is_as_good_as_none(module: FakeNvml) -> None:
    """Whatever it says when it is asked for the first time."""
    assert load_nvml() is module
    module.refuse("nvmlInit", pynvml.NVML_ERROR_DRIVER_NOT_LOADED)
    assert load_nvml() is None


def test_without_a_driver_the_module_is_not_even_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is large, and most machines have no driver."""
    monkeypatch.delitem(sys.modules, "pynvml")
    monkeypatch.setattr(nvml, "LIBRARY", "libno-such-driver.so.1")
    assert load_nvml() is None
    assert "pynvml" not in sys.modules


def test_the_gpus_of_this_machine_are_measured() -> None:
    """On real ones where there are some: what every GPU tells, in a range that is possible."""
    module = load_nvml() or FakeNvml(2)
    facts, values = gpu_facts(module), _all(module)
    assert facts["gpu_driver"]
    count = facts["gpu_count"]
    assert isinstance(count, int)
    for number in range(count):
        assert {name for name in OF_EACH if f"gpu.{number}.{name}" in values} == OF_EACH
        assert 0 <= values[f"gpu.{number}.gpu"] <= 100
        assert values[f"gpu.{number}.memoryAllocatedBytes"] > 0
        assert 0 < values[f"gpu.{number}.temp"] < 120
        assert 0 < values[f"gpu.{number}.powerWatts"] < 2000
