"""A test double of the module `pynvml`: the calls that are made, and GPUs that are made up."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import pynvml


class Rates(NamedTuple):
    """How busy a GPU is, in percent."""

    gpu: int
    memory: int


class Memory(NamedTuple):
    """Bytes of a GPU."""

    total: int
    used: int


class Running(NamedTuple):
    """A process that uses a GPU."""

    pid: int


class FakeNvml(ModuleType):
    """The module, on a machine with so many GPUs; errors and constants are the real ones.

    Args:
        gpus: How many there are.
        used_by: Process that uses the first one.

    Attributes:
        refusals: Error codes by call, or by call and number of the GPU.
        calls: The calls that were made, each with the number of its GPU.
    """

    def __init__(self, gpus: int = 1, *, used_by: int | None = None) -> None:
        super().__init__("pynvml")
        self.gpus = gpus
        self.used_by = os.getpid() if used_by is None else used_by
        self.refusals: dict[str | tuple[str, int], int] = {}
        self.calls: list[tuple[str, int | None]] = []
        answers: dict[str, Callable[..., Any]] = {
            "nvmlInit": lambda: None,
            "nvmlSystemGetDriverVersion": lambda: "595.58.03",
            "nvmlSystemGetCudaDriverVersion": lambda: 13020,
            "nvmlDeviceGetCount": lambda: self.gpus,
            "nvmlDeviceGetHandleByIndex": lambda number: number,
            "nvmlDeviceGetName": lambda _: b"NVIDIA H200",
            "nvmlDeviceGetUtilizationRates": lambda number: Rates(90 + number, 40),
            "nvmlDeviceGetMemoryInfo": lambda _: Memory(100 << 30, 25 << 30),
            "nvmlDeviceGetTemperature": lambda number, _: 60 + number,
            "nvmlDeviceGetPowerUsage": lambda _: 350_500,
            "nvmlDeviceGetEnforcedPowerLimit": lambda _: 701_000,
            "nvmlDeviceGetClockInfo": lambda _, which: 1000 + which,
            "nvmlDeviceGetFanSpeed": lambda _: 30,
            "nvmlDeviceGetEncoderUtilization": lambda _: [5, 167_000],
            "nvmlDeviceGetTotalEccErrors": lambda _, kind, __: kind,
            "nvmlDeviceGetCurrentClocksThrottleReasons": lambda _: 4,
            "nvmlDeviceGetComputeRunningProcesses": self._running,
            "nvmlDeviceGetGraphicsRunningProcesses": lambda _: [],
        }
        for name, answer in answers.items():
            setattr(self, name, self._call(name, answer))

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - constants and classes of errors
        return getattr(pynvml, name)

    def install(self) -> FakeNvml:
        """Be the module that is imported from now on."""
        sys.modules["pynvml"] = self
        return self

    def refuse(self, call: str, code: int, gpu: int | None = None) -> None:
        """Answer a call with an error from now on, of one GPU or of all."""
        self.refusals[call if gpu is None else (call, gpu)] = code

    def lose(self, gpu: int) -> None:
        """Let a GPU fall off the bus."""
        for name in vars(self):
            if name.startswith("nvmlDevice") and name != "nvmlDeviceGetCount":
                self.refuse(name, pynvml.NVML_ERROR_GPU_IS_LOST, gpu)

    def _call(self, name: str, answer: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:  # noqa: ANN401 - as the call answers
            gpu = arguments[0] if arguments else None
            self.calls.append((name, gpu))
            code = (
                self.refusals.get((name, gpu), self.refusals.get(name))
                if gpu is not None
                else (self.refusals.get(name))
            )
            if code is not None:
                raise pynvml.NVMLError(code)
            return answer(*arguments)

        return call

    def _running(self, number: int) -> list[Running]:
        return [Running(self.used_by)] if number == 0 else []
