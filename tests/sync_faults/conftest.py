"""What the tests of a sync's faults start from: the shim, syncs, targets and logs to bring."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.trials import Server, serving
from tests.logs import ended, log_row, run_dir_of, write_log
from tests.shim.fixture import shim as shim  # noqa: PLC0414 - a fixture
from tests.sync.runs import A_RUN
from tests.sync_faults.syncs import Syncs, syncing
from tests.sync_faults.targets import postgres_targets as postgres_targets  # noqa: PLC0414 - a fixture
from tests.sync_faults.targets import sqlite_targets as sqlite_targets  # noqa: PLC0414 - a fixture
from tests.sync_faults.targets import targets as targets  # noqa: PLC0414 - a fixture


@pytest.fixture
def syncs(shim: Path) -> Iterator[Syncs]:
    """Start syncs that end with the test."""
    with syncing(shim) as syncs:
        yield syncs


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Start trainings without any shim."""
    yield from serving(tmp_path)


@pytest.fixture
def wandb(tmp_path: Path) -> Path:
    """A folder for run directories."""
    folder = tmp_path.resolve() / "wandb"
    folder.mkdir()
    return folder


@pytest.fixture
def source(wandb: Path) -> Path:
    """Two runs, one of them of two writers in two directories; nobody may write there."""
    root = b"a" * 16
    write_log(run_dir_of(wandb), *A_RUN, writer=root)
    rows = [log_row(step, loss=step / 3, eval={"acc": step}) for step in range(14, 30)]
    again = run_dir_of(wandb, stamp="20261120_111213")
    name = "run-ab12cd34.host-9-1.txlog"
    write_log(again, *rows, ended(), name=name, writer=b"b" * 16, root=root, parents=[(root, 5)])
    write_log(run_dir_of(wandb, "ef56ab78"), *A_RUN, ended(), run_id="ef56ab78", writer=b"c" * 16)
    make_read_only(wandb)
    return wandb


def make_read_only(folder: Path) -> None:
    """Take the permission to write from a folder and all that is in it."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode & 0o555)


def looks_of(folder: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Return all that a sync must leave as it is: files, times, modes and bytes."""
    looks = {}
    for path in sorted([folder, *folder.rglob("*")]):
        status = os.lstat(path)
        contents = path.read_bytes() if path.is_file() else b""
        looks[str(path)] = (status.st_mtime_ns, status.st_mode, status.st_size, contents)
    return looks
