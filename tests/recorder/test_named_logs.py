from __future__ import annotations

from pathlib import Path

import pytest

from airtape.named_logs import NamedLogs, find_logs
from tests import logs


@pytest.fixture
def run_dirs(workdir: Path) -> list[Path]:
    """Two run directories below ./wandb, the second one with two logs."""
    first = logs.run_dir_of(Path("wandb"), "aaaa1111")
    second = logs.run_dir_of(Path("wandb"), "bbbb2222")
    logs.write_log(first, run_id="aaaa1111")
    logs.write_log(second, run_id="bbbb2222")
    logs.write_log(second, run_id="bbbb2222", name="run-bbbb2222.node1-1-1.txlog")
    assert workdir.samefile(".")
    return [first, second]


def test_directories_stand_for_all_of_their_logs(run_dirs: list[Path]) -> None:
    """A run directory, a folder of them and a pattern for them name whole directories."""
    first, second = run_dirs
    assert find_logs([first]).logs == [NamedLogs(first)]
    assert find_logs(["wandb"]).logs == [NamedLogs(first), NamedLogs(second)]
    assert find_logs(["wandb/run-*bbbb*"]).logs == [NamedLogs(second)]
    assert [path.name for path in NamedLogs(second).paths()] == [
        "run-bbbb2222.txlog",
        "run-bbbb2222.node1-1-1.txlog",
    ]


@pytest.mark.parametrize("pattern", ["{}/run-bbbb2222.node1-1-1.txlog", "{}/*node1*"])
def test_a_log_stands_for_itself(run_dirs: list[Path], pattern: str) -> None:
    """Whether it is named or matched by a pattern, the others of its directory are not meant."""
    (named,) = find_logs([pattern.format(run_dirs[1])]).logs
    assert [path.name for path in named.paths()] == ["run-bbbb2222.node1-1-1.txlog"]


def test_a_directory_that_is_named_beside_its_log_stands_for_all(run_dirs: list[Path]) -> None:
    """Nothing is read twice."""
    named = find_logs([run_dirs[1] / "run-bbbb2222.txlog", "wandb"])
    assert named.logs == [NamedLogs(run_dirs[0]), NamedLogs(run_dirs[1])]


def test_what_is_no_log_is_told(run_dirs: list[Path]) -> None:
    """A path that is not there, one that cannot be, and a file that is none are told apart."""
    (run_dirs[0] / "notes.txt").touch()
    named = find_logs(["nowhere", "no\0where", run_dirs[0] / "notes.txt"])
    assert named.logs == []
    assert named.not_found == ["nowhere", "no\0where"]
    assert [problem.path.name for problem in named.problems] == ["notes.txt"]


def test_a_link_to_a_log_is_no_log(run_dirs: list[Path]) -> None:
    """Only regular files count, as in a run directory."""
    link = Path("link.txlog")
    link.symlink_to(run_dirs[0] / "run-aaaa1111.txlog")
    assert all(named.names is None for named in find_logs([link]).logs)
