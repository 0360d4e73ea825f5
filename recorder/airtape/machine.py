"""What machine a run runs on, as the kernel and the scheduler tell it.

What a container or a job may use is what counts, not what the machine has. What cannot be found
out is left out.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from airtape.control_groups import ControlGroups
from airtape.records import Plain
from airtape.regular_files import text_of

_KIB: Final = 1024

CLUSTERS: Final[Mapping[str, tuple[str, ...]]] = {
    "slurm": (
        *("SLURM_JOB_ID", "SLURM_JOB_NAME", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID"),
        *("SLURM_CLUSTER_NAME", "SLURM_JOB_PARTITION", "SLURM_JOB_NODELIST", "SLURM_NODEID"),
        *("SLURM_JOB_NUM_NODES", "SLURM_NTASKS", "SLURM_PROCID", "SLURM_LOCALID"),
        *("SLURM_STEP_ID", "SLURM_STEP_NODELIST", "SLURM_TASKS_PER_NODE", "SLURM_HET_JOB_ID"),
        *("SLURM_CPUS_PER_TASK", "SLURM_GPUS_ON_NODE", "SLURM_MEM_PER_NODE"),
        *("SLURM_JOB_GPUS", "SLURM_RESTART_COUNT", "SLURM_SUBMIT_DIR"),
        *("SLURM_SUBMIT_HOST", "SLURM_JOB_ACCOUNT", "SLURM_JOB_QOS"),
    ),
    "pbs": (
        *("PBS_JOBID", "PBS_JOBNAME", "PBS_QUEUE", "PBS_ARRAY_INDEX", "PBS_NODENUM"),
        *("PBS_TASKNUM", "PBS_NODEFILE", "PBS_O_HOST", "PBS_O_WORKDIR", "PBS_NP", "PBS_NCPUS"),
    ),
    "lsf": (
        *("LSB_JOBID", "LSB_JOBNAME", "LSB_JOBINDEX", "LSB_QUEUE", "LSB_HOSTS"),
        *("LSB_MCPU_HOSTS", "LSB_SUB_HOST", "LSF_PM_TASKID", "LS_SUBCWD", "LSB_DJOB_NUMPROC"),
        "LSB_DJOB_HOSTFILE",
    ),
    "sge": (
        *("JOB_ID", "JOB_NAME", "QUEUE", "SGE_TASK_ID", "NSLOTS", "NHOSTS", "PE_HOSTFILE"),
        "SGE_O_WORKDIR",
    ),
    "kubernetes": (
        *("KUBERNETES_SERVICE_HOST", "HOSTNAME", "POD_NAME", "POD_NAMESPACE", "NODE_NAME"),
        *("JOB_NAME", "JOB_COMPLETION_INDEX"),
    ),
    "launcher": (
        *("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "NODE_RANK", "GROUP_RANK"),
        *("MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT"),
        *("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "PMI_RANK", "PMI_SIZE"),
        *("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"),
    ),
    "conda": ("CONDA_DEFAULT_ENV", "CONDA_PREFIX"),
}
"""The variables that tell what job this is and which part of it, by who sets them."""

_FIRST: Final = {"kubernetes": "KUBERNETES_SERVICE_HOST", "sge": "SGE_ROOT"}
"""A variable without which the others mean something else."""

_HOST_FILES: Final = {"pbs": "PBS_NODEFILE", "lsf": "LSB_DJOB_HOSTFILE", "sge": "PE_HOSTFILE"}
"""The variable that names a file with a line for each of the job's processors or hosts."""

_MAX_HOST_FILE: Final = 1 << 20


def cluster(environ: Mapping[str, str]) -> dict[str, Plain]:
    """Return what the scheduler and the launcher have said, by who said it."""
    said: dict[str, Plain] = {}
    for who, names in CLUSTERS.items():
        if who in _FIRST and _FIRST[who] not in environ:
            continue
        if values := {name: environ[name] for name in names if environ.get(name)}:
            said[who] = dict(values)
            if nodes := _nodes(values.get(_HOST_FILES.get(who, ""))):
                said[who] = {**values, "NODES": nodes}
    return said


def _nodes(place: str | None) -> str:
    """Return the names of the hosts that a file lists, each once, with commas between them."""
    text = text_of(Path(place), _MAX_HOST_FILE) if place else ""
    return ",".join(dict.fromkeys(re.findall(r"^\s*(\S+)", text, re.MULTILINE)))


def hardware(place: Path, root: Path = Path("/")) -> dict[str, Plain]:
    """Return what the machine has.

    Args:
        place: A directory on the disk that is asked for.
        root: Where ``proc`` and ``sys`` are.
    """
    said: dict[str, Plain] = {"cpu_count_logical": os.cpu_count()}
    said |= _processor(root)
    with suppress(OSError, AttributeError):
        said["cpu_count_usable"] = len(os.sched_getaffinity(0))
    groups = ControlGroups(root)
    said["cpu_limit"] = groups.cpu_limit()
    totals = (_memory_total(root), groups.memory_limit())
    said["memory_bytes"] = min((total for total in totals if total is not None), default=None)
    with suppress(OSError):
        usage = shutil.disk_usage(place)
        said["disk_bytes"], said["disk_used_bytes"] = usage.total, usage.used
    if gpus := [*_gpus(root)]:
        said["gpu_count"] = len(gpus)
        said["gpu"] = gpus[0]
        said["gpus"] = list(gpus)
    return {name: value for name, value in said.items() if value is not None}


def _processor(root: Path) -> dict[str, Plain]:
    text = _text(root / "proc/cpuinfo")
    model = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    cores = set(
        re.findall(r"^physical id\s*: (\d+)$(?:\n.+)*?\ncore id\s*: (\d+)$", text, re.MULTILINE)
    )
    said: dict[str, Plain] = {"cpu": model[1]} if model else {}
    return said | {"cpu_count": len(cores)} if cores else said


def _memory_total(root: Path) -> int | None:
    found = re.search(r"^MemTotal:\s+(\d+) kB", _text(root / "proc/meminfo"), re.MULTILINE)
    return int(found[1]) * _KIB if found else None


def _gpus(root: Path) -> Iterator[str]:
    """Yield the names of the GPUs, as the driver tells them without its library."""
    for place in sorted((root / "proc/driver/nvidia/gpus").glob("*/information")):
        if found := re.search(r"^Model:\s+(.+?)\s*$", _text(place), re.MULTILINE):
            yield found[1]


def _text(path: Path) -> str:
    with suppress(OSError):
        return path.read_text("utf-8", "replace")
    return ""
