from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from airtape.backends.registry import open_backend
from tests.held import assert_holds
from tests.processes import RunPython, RunTracker, StartPython
from tests.shim.build import build_shim, errno_from, on_path, shim_env

TEXT = "x" * 2_000_000
"""A value that is too large for a record."""

RECORD = f"""\
import os, sys
import airtape

run = airtape.init(project="tests", id="ab12cd34", settings={{"silent": True}})
number = 0
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if not child:
        run.log({{"child": number}})
        os._exit(0)
    os.waitpid(child, 0)
    for _ in range(int(line)):
        run.log({{"number": number, "d": {{"x": [number]}}}}, commit=number % 3 != 1)
        number += 1
    if number > 150:
        run.log({{"text": "x" * {len(TEXT)}}})
    print("logged", flush=True)
run.finish()
"""
"""Logs as many rows as each line says, and a large value in the end."""


@pytest.fixture
def store(tmp_path: Path) -> str:
    """A target that stands beside everything else."""
    return f"sqlite:{tmp_path}/elsewhere.db"


def assert_store_holds(store: str, run_dir: Path) -> None:
    """Make sure that a store holds exactly what the logs of a directory say."""
    backend = open_backend(store)
    try:
        assert_holds(backend, *sorted(run_dir.glob("*.txlog")))
    finally:
        backend.close()


def copied_whole(source: Path, target: Path) -> None:
    """Copy a directory as ``cp -a`` does."""
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(["cp", "-a", source, target], check=True)


def copied_by_need(source: Path, target: Path) -> None:
    """Copy as ``rsync`` does: what has another size or time, aside first, then renamed."""
    for path in sorted(source.rglob("*")):
        copy = target / path.relative_to(source)
        if path.is_dir():
            copy.mkdir(parents=True, exist_ok=True)
            continue
        before = path.stat()
        if copy.exists() and _looks(copy.stat()) == _looks(before):
            continue
        aside = copy.with_name(f".{copy.name}.aside")
        aside.write_bytes(path.read_bytes())
        os.utime(aside, ns=(before.st_atime_ns, before.st_mtime_ns))
        aside.replace(copy)


def _looks(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns


@pytest.mark.timeout(60)
@pytest.mark.parametrize("copied", [copied_whole, copied_by_need])
def test_a_run_is_copied_while_it_is_written_and_again_later(
    copied: Callable[[Path, Path], None],
    store: str,
    start_python: StartPython,
    run_tracker: RunTracker,
    workdir: Path,
) -> None:
    """Each copy brings the store what is new, also one that was cut in the middle of a record."""
    program = start_python(RECORD)
    assert program.stdin is not None
    assert program.stdout is not None
    assert program.stdout.readline() == "ready\n"
    [run_dir] = workdir.glob("wandb/run-*")
    copy = workdir / "copy" / run_dir.name
    copy.parent.mkdir()
    for cut in (0, 3, 70, 0):
        program.stdin.write("60\n")
        program.stdin.flush()
        assert program.stdout.readline() == "logged\n"
        copied(run_dir, copy)
        log = copy / "run-ab12cd34.txlog"
        os.truncate(log, log.stat().st_size - cut)
        run_tracker("sync", str(copy), "--to", store)
        assert_store_holds(store, copy)
    program.communicate()
    assert program.returncode == 0
    copied(run_dir, copy)
    run_tracker("sync", str(copy), "--to", store)
    assert_store_holds(store, run_dir)
    run_tracker("sync", str(run_dir), "--to", store)
    assert_store_holds(store, run_dir)


@pytest.fixture
def run_dir(run_python: RunPython, workdir: Path) -> Path:
    """The directory of a run that has ended."""
    run_python(RECORD, input="60\n60\n60\n", stdin=None)
    [run_dir] = workdir.glob("wandb/run-*")
    return run_dir


def exported_text(run_tracker: RunTracker, run_dir: Path) -> str:
    """Return the large value of a run, as ``tracker export`` gives it."""
    lines = run_tracker("export", str(run_dir), "--format", "jsonl").stdout.splitlines()
    [text] = [row["text"] for row in map(json.loads, lines) if "text" in row]
    assert isinstance(text, str)
    return text


def test_a_moved_run_has_everything(
    run_dir: Path, store: str, run_tracker: RunTracker, workdir: Path
) -> None:
    """Nothing in a run directory points out of it, and nothing elsewhere is needed."""
    moved = workdir / "another place" / "renamed"
    moved.parent.mkdir()
    run_dir.rename(moved)
    shutil.rmtree(workdir / "wandb")
    assert exported_text(run_tracker, moved) == TEXT
    assert "ab12cd34" in run_tracker("show", str(moved)).stdout
    run_tracker("sync", str(moved), "--to", store)
    assert_store_holds(store, moved)


def tree_of(folder: Path) -> dict[Path, tuple[int, int, int]]:
    """Return all that is in a folder, with mode, size and time."""
    paths = [folder, *folder.rglob("*")]
    return {
        path: (path.stat().st_mode, path.stat().st_size, path.stat().st_mtime_ns) for path in paths
    }


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Take away the permission to write."""
    modes = {path: path.stat().st_mode for path in [folder, *folder.rglob("*")]}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    try:
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


def test_a_read_only_run_is_synced(
    run_dir: Path, store: str, run_tracker: RunTracker, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing is written below it, and nothing would have to be: not even root could here."""
    shim = build_shim(tmp_path_factory.getbasetemp().parent / "shim")
    mounted = shim_env(shim, on_path(run_dir), errno_from("files", errno.EROFS))
    with read_only(run_dir):
        before = tree_of(run_dir)
        for command in (["sync", "--to", store], ["show"], ["export"]):
            name, *options = command
            run_tracker(name, str(run_dir), *options, env=mounted)
        assert tree_of(run_dir) == before
        elsewhere = tmp_path_factory.mktemp("elsewhere")
        edit = run_tracker("edit", str(run_dir), "--name", "tiger", env=mounted, cwd=elsewhere)
        assert edit.stdout.endswith(f"  in wandb/{run_dir.name}\n")
        assert tree_of(run_dir) == before
    assert "tiger" in run_tracker("ls", str(run_dir.parent), cwd=elsewhere).stdout
    assert_store_holds(store, run_dir)
