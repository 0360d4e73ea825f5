"""The library of NVIDIA's driver, by the module `pynvml`; without a driver there is none."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import ModuleType
from typing import Any

from airtape.loading import loading
from airtape.records import Plain

LIBRARY = "libnvidia-ml.so.1"


def load_nvml() -> ModuleType | None:
    """Return the module, ready to be asked; None where there is no driver, or one that fails.

    May take seconds: call it in a thread that nobody waits for.
    """
    if "pynvml" not in sys.modules:
        try:
            ctypes.CDLL(LIBRARY)
        except OSError:
            # The module is large, and would find out just that.
            return None
    with loading():
        import pynvml  # noqa: PLC0415 - see `airtape.collectors.system`
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    module: ModuleType = pynvml
    return module


def handles(nvml: ModuleType, failed: Callable[[str], None]) -> Iterator[tuple[int, Any]]:
    """Yield number and handle of each GPU.

    Args:
        nvml: The module.
        failed: Told what is wrong with one that does not answer.
    """
    try:
        count = nvml.nvmlDeviceGetCount()
    except nvml.NVMLError as error:
        failed(f"the GPUs cannot be counted: {error}")
        return
    for number in range(count):
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(number)
        except nvml.NVMLError as error:  # noqa: PERF203 - the others go on
            failed(f"GPU {number} does not answer: {error}")
        else:
            yield number, handle


def gpu_facts(nvml: ModuleType) -> dict[str, Plain]:
    """Return what the driver and the GPUs are, as far as they say."""
    names: list[Plain] = []
    memory: list[Plain] = []
    for _, handle in handles(nvml, lambda _: None):
        with suppress(nvml.NVMLError):
            names.append(_as_text(nvml.nvmlDeviceGetName(handle)))
            memory.append(int(nvml.nvmlDeviceGetMemoryInfo(handle).total))
    said: dict[str, Plain] = {}
    if names:
        said |= {"gpu": names[0], "gpu_count": len(names), "gpus": names}
        said["gpu_memory_bytes"] = memory
    with suppress(nvml.NVMLError):
        said["gpu_driver"] = _as_text(nvml.nvmlSystemGetDriverVersion())
    with suppress(nvml.NVMLError):
        version = nvml.nvmlSystemGetCudaDriverVersion()
        said["cuda_version"] = f"{version // 1000}.{version % 1000 // 10}"
    return said


def _as_text(said: str | bytes) -> str:
    """Return a text of the driver's, which earlier versions of the module give as bytes."""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said
