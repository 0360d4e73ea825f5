"""The library is built once, and settings that make no sense are refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.shim.build import Setting, build_shim, count_in, kill_at, shim_env
from tests.shim.process import Run


def test_a_second_build_takes_the_first_ones_library(tmp_path: Path) -> None:
    """The cache is by the sources' content, and leaves nothing else behind."""
    first = build_shim(tmp_path)
    made = first.stat().st_mtime_ns
    assert build_shim(tmp_path) == first
    assert first.stat().st_mtime_ns == made
    assert list(tmp_path.iterdir()) == [first]


@pytest.mark.parametrize(
    "setting",
    [
        Setting("FAULT_ERRNO", "write:1:ENOSUCH"),
        Setting("FAULT_ERRNO", "wirte:1:EIO"),
        Setting("FAULT_SHORT", "write:1-x:5"),
        Setting("FAULT_KILL", "soon"),
        Setting("FAULT_COUNT_FILE", "/nowhere/at/all"),
    ],
)
def test_a_setting_without_sense_ends_the_process(run: Run, setting: Setting) -> None:
    """A misspelt fault must not look like a survived one."""
    done = run("print('ran')", setting)
    assert (done.returncode, done.stdout) == (97, "")
    assert done.stderr.startswith("faultshim: ")


def test_a_number_can_be_given_once(shim: Path) -> None:
    """Two places to die are a mistake of the test."""
    with pytest.raises(ValueError, match="FAULT_KILL is given twice"):
        shim_env(shim, kill_at(1), kill_at(2))


def test_calls_are_counted_from_one() -> None:
    """There is no call before the first."""
    with pytest.raises(ValueError, match="from 1"):
        kill_at(0)


def test_a_count_file_is_used_once(tmp_path: Path) -> None:
    """Counts of an earlier process would be taken for this one's."""
    (tmp_path / "counted").touch()
    with pytest.raises(FileExistsError, match="counted"):
        count_in(tmp_path / "counted")


def test_faults_around_the_tests_are_not_inherited(
    shim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment holds the settings given, no others."""
    monkeypatch.setenv("FAULT_KILL", "1")
    env = shim_env(shim)
    assert not [name for name in env if name.startswith("FAULT_")]
    assert os.environ["FAULT_KILL"] == "1"
