"""What one GPU does, under W&B's names without ``system.``: ``gpu.0.powerWatts`` and so on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from types import ModuleType
from typing import Any

from airtape.collectors.measured import Measure, UnavailableError, Values


class GpuMetrics:
    """Measures one GPU.

    What it does not have, a fan or error correction for instance, is asked for once only.

    Args:
        nvml: The module `pynvml`.
        number: The GPU's number.
        handle: What the driver knows it by.
        is_ours: Tells whether a process, by its id, belongs to the run.
        note: Told what does not work at the moment.
    """

    def __init__(
        self,
        nvml: ModuleType,
        number: int,
        handle: Any,  # noqa: ANN401 - the driver's own
        *,
        is_ours: Callable[[int], bool],
        note: Callable[[str], None],
    ) -> None:
        self._nvml = nvml
        self._number = number
        self._handle = handle
        self._is_ours = is_ours
        self._note = note
        absent = ("NOT_SUPPORTED", "FUNCTION_NOT_FOUND", "NO_PERMISSION", "INVALID_ARGUMENT")
        lost = ("GPU_IS_LOST", "RESET_REQUIRED", "UNINITIALIZED")
        self._absent = {getattr(nvml, f"NVML_ERROR_{name}", None) for name in absent}
        self._lost = {getattr(nvml, f"NVML_ERROR_{name}", None) for name in lost}
        self._questions: list[Measure] = [
            self._utilization,
            self._memory,
            self._temperature,
            self._power,
            self._power_limit,
            self._sm_clock,
            self._memory_clock,
            self._graphics_clock,
            self._fan,
            self._encoder,
            self._corrected_errors,
            self._uncorrected_errors,
            self._throttling,
        ]

    def __call__(self) -> Values:
        """Return what it does now; values of a GPU that the run uses stand there twice.

        Raises:
            UnavailableError: The GPU is lost.
        """
        found: Values = {}
        for question in self._questions.copy():
            found |= self._answer(question)
        if "powerWatts" in found and found.get("enforcedPowerLimitWatts"):
            share = found["powerWatts"] / found["enforcedPowerLimitWatts"]
            found["powerPercent"] = 100 * share
        places = [f"gpu.{self._number}"]
        if any(self._is_ours(process) for process in self._processes()):
            places.append(f"gpu.process.{self._number}")
        return {f"{place}.{name}": value for place in places for name, value in found.items()}

    def _answer(self, question: Measure) -> Values:
        try:
            return question()
        except self._nvml.NVMLError as error:
            if error.value in self._lost:
                raise UnavailableError(f"GPU {self._number} is lost: {error}") from error
            if error.value in self._absent:
                self._questions.remove(question)
            else:
                what = question.__name__.strip("_").replace("_", " ")
                self._note(f"GPU {self._number} does not tell its {what}: {error}")
            return {}

    def _processes(self) -> Iterator[int]:
        for what in ("Compute", "Graphics"):
            with suppress(self._nvml.NVMLError):
                ask = getattr(self._nvml, f"nvmlDeviceGet{what}RunningProcesses")
                yield from (process.pid for process in ask(self._handle))

    def _utilization(self) -> Values:
        rates = self._nvml.nvmlDeviceGetUtilizationRates(self._handle)
        return {"gpu": rates.gpu, "memory": rates.memory}

    def _memory(self) -> Values:
        memory = self._nvml.nvmlDeviceGetMemoryInfo(self._handle)
        share = memory.used / memory.total
        return {"memoryAllocatedBytes": memory.used, "memoryAllocated": 100 * share}

    def _temperature(self) -> Values:
        sensor = self._nvml.NVML_TEMPERATURE_GPU
        return {"temp": self._nvml.nvmlDeviceGetTemperature(self._handle, sensor)}

    def _power(self) -> Values:
        return {"powerWatts": self._nvml.nvmlDeviceGetPowerUsage(self._handle) / 1000}

    def _power_limit(self) -> Values:
        limit = self._nvml.nvmlDeviceGetEnforcedPowerLimit(self._handle)
        return {"enforcedPowerLimitWatts": limit / 1000}

    def _sm_clock(self) -> Values:
        return {"smClock": self._clock(self._nvml.NVML_CLOCK_SM)}

    def _memory_clock(self) -> Values:
        return {"memoryClock": self._clock(self._nvml.NVML_CLOCK_MEM)}

    def _graphics_clock(self) -> Values:
        return {"graphicsClock": self._clock(self._nvml.NVML_CLOCK_GRAPHICS)}

    def _clock(self, which: int) -> int:
        megahertz: int = self._nvml.nvmlDeviceGetClockInfo(self._handle, which)
        return megahertz

    def _fan(self) -> Values:
        return {"fanSpeed": self._nvml.nvmlDeviceGetFanSpeed(self._handle)}

    def _encoder(self) -> Values:
        return {"encoderUtilization": self._nvml.nvmlDeviceGetEncoderUtilization(self._handle)[0]}

    def _corrected_errors(self) -> Values:
        kind = self._nvml.NVML_MEMORY_ERROR_TYPE_CORRECTED
        return {"correctedMemoryErrors": self._errors(kind)}

    def _uncorrected_errors(self) -> Values:
        kind = self._nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED
        return {"uncorrectedMemoryErrors": self._errors(kind)}

    def _errors(self, kind: int) -> int:
        since_boot = self._nvml.NVML_VOLATILE_ECC
        count: int = self._nvml.nvmlDeviceGetTotalEccErrors(self._handle, kind, since_boot)
        return count

    def _throttling(self) -> Values:
        return {
            "throttleReasons": self._nvml.nvmlDeviceGetCurrentClocksThrottleReasons(self._handle)
        }
