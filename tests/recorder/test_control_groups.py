from __future__ import annotations

from pathlib import Path

import pytest

from airtape.control_groups import ControlGroups, MemoryUse


def _groups(root: Path, cgroup: str, files: dict[str, str]) -> ControlGroups:
    for name, text in {"proc/self/cgroup": cgroup, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text + "\n")
    return ControlGroups(root)


@pytest.mark.parametrize(
    ("cgroup", "folder", "names", "cache"),
    [
        ("0::/job/step", "sys/fs/cgroup/job", ("memory.max", "memory.current"), "inactive_file"),
        (
            "7:cpu:/x\n4:memory:/slurm/job",
            "sys/fs/cgroup/memory/slurm",
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),
            "total_inactive_file",
        ),
    ],
    ids=["version 2", "version 1"],
)
def test_what_the_cache_of_files_takes_is_free(
    tmp_path: Path, cgroup: str, folder: str, names: tuple[str, str], cache: str
) -> None:
    """A job is not about to be killed because it has read large files."""
    limit, used = names
    files = {limit: str(8 << 30), used: str(7 << 30), "memory.stat": f"anon 5\n{cache} {2 << 30}"}
    groups = _groups(tmp_path, cgroup, {f"{folder}/{name}": text for name, text in files.items()})
    assert groups.memory() == MemoryUse(8 << 30, 5 << 30)
    assert groups.memory_limit() == 8 << 30


def test_of_several_groups_the_one_with_the_least_left_counts(tmp_path: Path) -> None:
    """A pod may be nearly full while the limit of its container is far away."""
    top = "sys/fs/cgroup"
    files = {
        f"{top}/pod/one/memory.max": "100",
        f"{top}/pod/one/memory.current": "10",
        f"{top}/pod/memory.max": "150",
        f"{top}/pod/memory.current": "140",
        f"{top}/memory.max": "max",
    }
    assert _groups(tmp_path, "0::/pod/one", files).memory() == MemoryUse(150, 140)


def test_without_limits_there_is_none(tmp_path: Path) -> None:
    """On a machine without control groups, too."""
    for groups in (ControlGroups(tmp_path), _groups(tmp_path, "0::/", {})):
        assert (groups.memory(), groups.memory_limit(), groups.cpu_limit()) == (None, None, None)


def test_the_smallest_share_of_processors_counts(tmp_path: Path) -> None:
    """Whichever group around the process sets it."""
    top = "sys/fs/cgroup"
    files = {f"{top}/a/cpu.max": "400000 100000", f"{top}/cpu.max": "150000 100000"}
    assert _groups(tmp_path, "0::/a", files).cpu_limit() == 1.5
