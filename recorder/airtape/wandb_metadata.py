"""What is known of a run's machine and program, in the names of W&B's ``wandb-metadata.json``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Final

from airtape.records import Plain

_NAMES: Final[Mapping[str, str]] = {
    "os": "os",
    "python": "python",
    "host": "host",
    "user": "username",
    "executable": "executable",
    "program": "program",
    "args": "args",
    "code_path": "codePath",
    "root": "root",
    "git": "git",
}
_HARDWARE: Final = ("cpu_count", "cpu_count_logical", "gpu", "gpu_count")
_SCHEDULERS: Final[Mapping[str, str]] = {"slurm": "SLURM_", "pbs": "PBS_", "lsf": "LSB_"}


def wandb_metadata(said: Mapping[str, Any], began_ns: int | None) -> dict[str, Plain]:
    """Return the metadata of a run under W&B's names.

    Args:
        said: What the records of the kind METADATA amount to.
        began_ns: When the run began, in nanoseconds since 1970.
    """
    hardware = said.get("hardware") or {}
    told: dict[str, Plain] = {
        theirs: said[ours] for ours, theirs in _NAMES.items() if said.get(ours)
    }
    if began_ns is not None:
        began = datetime.fromtimestamp(began_ns / 1e9, timezone.utc)
        told["startedAt"] = began.isoformat(timespec="microseconds").replace("+00:00", "Z")
    told |= {name: hardware[name] for name in _HARDWARE if name in hardware}
    if "cpu_count_logical" in hardware:
        logical = hardware["cpu_count_logical"]
        told["cpu"] = {"count": hardware.get("cpu_count", logical), "countLogical": logical}
    if "memory_bytes" in hardware:
        told["memory"] = {"total": str(hardware["memory_bytes"])}
    if "disk_bytes" in hardware:
        used = {"total": str(hardware["disk_bytes"]), "used": str(hardware["disk_used_bytes"])}
        told["disk"] = {"/": dict(used)}
    if gpus := hardware.get("gpus"):
        told["gpu_nvidia"] = [{"name": name} for name in gpus]
        if sizes := hardware.get("gpu_memory_bytes"):
            told["gpu_nvidia"] = [
                {"name": name, "memoryTotal": str(size)}
                for name, size in zip(gpus, sizes, strict=False)
            ]
    if "cuda_version" in hardware:
        told["cudaVersion"] = hardware["cuda_version"]
    for who, prefix in _SCHEDULERS.items():
        if values := said.get(who):
            told[who] = {name.removeprefix(prefix).lower(): value for name, value in values.items()}
    return told
