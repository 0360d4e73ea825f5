from __future__ import annotations

import os
from pathlib import Path

import pytest

from airtape.machine import cluster, hardware

CPUINFO = """\
processor\t: 0
model name\t: Example 9000
physical id\t: 0
siblings\t: 4
core id\t\t: 0

processor\t: 1
model name\t: Example 9000
physical id\t: 0
siblings\t: 4
core id\t\t: 1

processor\t: 2
model name\t: Example 9000
physical id\t: 0
siblings\t: 4
core id\t\t: 0
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine of 64 GiB without limits, GPUs or processors that it knows of."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text("MemTotal:       67108864 kB\nMemFree: 1 kB\n")
    return tmp_path


def test_this_machine_is_described(tmp_path: Path) -> None:
    """Processors, memory and the disk are known wherever there is a kernel to ask."""
    found = hardware(tmp_path)
    assert found["cpu_count_logical"] == os.cpu_count()
    assert found["cpu_count_usable"] == len(os.sched_getaffinity(0))
    memory, disk, used = (found[f"{it}_bytes"] for it in ("memory", "disk", "disk_used"))
    assert isinstance(memory, int)
    assert isinstance(disk, int)
    assert isinstance(used, int)
    assert 1 << 26 < memory < 1 << 50
    assert 0 < used <= disk


def test_processors_are_counted_by_their_cores(root: Path) -> None:
    """Two threads of one core are one processor."""
    (root / "proc/cpuinfo").write_text(CPUINFO)
    found = hardware(root, root)
    assert (found["cpu"], found["cpu_count"]) == ("Example 9000", 2)


@pytest.mark.parametrize(
    ("group", "files"),
    [
        ("0::/job\n", {"job/memory.max": "max", "memory.max": "2147483648"}),
        ("0::/job\n", {"job/memory.max": "2147483648", "memory.max": "max"}),
        ("4:memory:/docker/ab\n", {"memory/memory.limit_in_bytes": "2147483648"}),
    ],
    ids=["around", "innermost", "version 1 in a container"],
)
def test_memory_is_what_the_job_may_use(root: Path, group: str, files: dict[str, str]) -> None:
    """The smallest limit of the control groups around the process counts."""
    _limit(root, group, files)
    assert hardware(root, root)["memory_bytes"] == 2 << 30


@pytest.mark.parametrize(
    ("group", "files"),
    [
        ("0::/job\n", {"job/cpu.max": "150000 100000", "cpu.max": "max 100000"}),
        (
            "2:cpu,cpuacct:/\n",
            {"cpu,cpuacct/cpu.cfs_quota_us": "150000", "cpu,cpuacct/cpu.cfs_period_us": "100000"},
        ),
    ],
    ids=["version 2", "version 1"],
)
def test_processors_that_the_job_may_use_are_told(
    root: Path, group: str, files: dict[str, str]
) -> None:
    """A limit of the control group stands beside the number of processors."""
    _limit(root, group, files)
    assert hardware(root, root)["cpu_limit"] == 1.5


def _limit(root: Path, group: str, files: dict[str, str]) -> None:
    (root / "proc/self/cgroup").write_text(group)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")


def test_gpus_are_named_without_their_library(root: Path) -> None:
    """The driver tells their names."""
    for number in range(2):
        place = root / f"proc/driver/nvidia/gpus/0000:0{number}:00.0"
        place.mkdir(parents=True)
        (place / "information").write_text("Model: \t\t NVIDIA H200\nIRQ:   \t\t 16\n")
    found = hardware(root, root)
    assert (found["gpu"], found["gpu_count"]) == ("NVIDIA H200", 2)


def test_what_cannot_be_found_out_is_left_out(tmp_path: Path) -> None:
    """Without a kernel that tells there is no memory and no GPU, and no error."""
    found = hardware(tmp_path / "missing", tmp_path)
    assert found.keys() == {"cpu_count_logical", "cpu_count_usable"}


def test_the_job_is_described_by_its_variables() -> None:
    """Job, rank and nodes are told by who set them; other variables are not taken."""
    environ = {
        "SLURM_JOB_ID": "77",
        "SLURM_PROCID": "3",
        "SLURM_JOB_NODELIST": "n[1-4]",
        "SLURM_SECRET": "x",
        "RANK": "3",
        "JOB_NAME": "nightly",
        "PBS_JOBID": "",
        "PATH": "/bin",
    }
    assert cluster(environ) == {
        "slurm": {"SLURM_JOB_ID": "77", "SLURM_JOB_NODELIST": "n[1-4]", "SLURM_PROCID": "3"},
        "launcher": {"RANK": "3"},
    }
    environ["KUBERNETES_SERVICE_HOST"] = "10.0.0.1"
    assert cluster(environ)["kubernetes"] == {
        "KUBERNETES_SERVICE_HOST": "10.0.0.1",
        "JOB_NAME": "nightly",
    }


@pytest.mark.parametrize(
    ("who", "variable", "text"),
    [
        ("pbs", "PBS_NODEFILE", "n1\nn1\nn2\n"),
        ("lsf", "LSB_DJOB_HOSTFILE", "n1\nn1\nn2\n"),
        ("sge", "PE_HOSTFILE", "n1 2 all.q@n1 UNDEFINED\nn2 2 all.q@n2 UNDEFINED\n"),
    ],
)
def test_nodes_that_a_file_lists_are_named(
    who: str, variable: str, text: str, tmp_path: Path
) -> None:
    """Each once, in order; the file is gone when the job has ended."""
    place = tmp_path / "hosts"
    place.write_text(text)
    environ = {variable: str(place), "SGE_ROOT": "/opt/sge"}
    assert cluster(environ)[who] == {variable: str(place), "NODES": "n1,n2"}
    place.unlink()
    assert cluster(environ)[who] == {variable: str(place)}
