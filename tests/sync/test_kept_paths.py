"""Run directories under names that are no text: a file system takes any bytes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.backends.base import Backend
from airtape.sync.engine import sync
from airtape.sync.glance import SETTLED_NS
from airtape.sync.kept_paths import found_paths, kept_paths
from airtape.sync.options import SyncOptions
from airtape.sync.report import ExitCode
from airtape.sync.target_names import TargetNames
from tests.cli.conftest import Tracker, tracker, tracker_json
from tests.logs import ended, run_dir_of, write_log
from tests.sync.runs import A_RUN

__all__ = ["tracker", "tracker_json"]

STORE = "sqlite:lab.db"


@given(st.lists(st.binary(min_size=1).map(os.fsdecode), unique=True))
def test_paths_come_back_as_they_were(paths: list[str]) -> None:
    """Each is another one, and text, while a target keeps it."""
    said = {path: place for place, path in enumerate(paths)}
    kept = kept_paths(said)
    assert len(kept) == len(said)
    assert all(path.encode() for path in kept)
    assert found_paths(kept) == said


def test_a_directory_under_such_a_name_is_synced(
    wandb: Path, open_target: Callable[[], Backend]
) -> None:
    """And passed over the next time, as others are."""
    run_dir = run_dir_of(wandb / os.fsdecode(b"caf\xe9"))
    write_log(run_dir, *A_RUN, ended())
    later = SyncOptions(now_ns=lambda: time.time_ns() + 2 * SETTLED_NS)
    report = sync([run_dir], open_target(), later)
    assert (report.exit_code, report.runs[0].status) == (ExitCode.OK, "synced")
    assert sync([run_dir], open_target(), later).runs[0].status == "nothing_new"
    assert TargetNames(open_target()).hint_of(run_dir) is not None


@pytest.mark.timeout(60)
def test_no_command_stumbles_over_such_a_name(
    tracker: Tracker, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is the working directory or said; and what is printed can be read by programs."""
    place = workdir / os.fsdecode(b"caf\xe9")
    run_dir = run_dir_of(place / "wandb")
    write_log(run_dir, *A_RUN, ended())
    monkeypatch.chdir(place)
    for arguments in (
        ("sync", "--to", STORE),
        ("sync", str(run_dir), "--to", STORE, "-v"),
        ("status", "--to", STORE),
        ("ls", str(place / "wandb")),
        ("show", str(run_dir)),
        ("verify", str(run_dir)),
        ("verify", str(run_dir), "--against", STORE),
        ("receipt", "export", "lab.receipt", "--from", STORE, "--name", "lab"),
        ("receipt", "import", "lab.receipt"),
        ("bundle", "create", str(run_dir), "-o", "x.bundle"),
        ("clean", str(run_dir), "--to", STORE, "--dry-run"),
    ):
        tracker(*arguments).output.encode()
        if arguments[0] != "bundle":
            tracker(*arguments, "--json").output.encode()
