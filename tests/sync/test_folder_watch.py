"""Being told when logs are written."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airtape.sync.folder_watch import MOST_FOLDERS, FolderWatch
from tests.ended import wait_until
from tests.logs import log_row, run_dir_of, write_log

Watch = Callable[..., FolderWatch]


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Make watches, which are disarmed at the end."""
    made: list[FolderWatch] = []

    def make(**options: Callable[[Path], str | None]) -> FolderWatch:
        made.append(FolderWatch(lambda: None, **options))
        return made[-1]

    yield make
    for one in made:
        one.disarm()


def test_a_log_that_grows_is_told_of(watch: Watch, run_dir: Path) -> None:
    """Once; then the watch has to be armed again."""
    log = write_log(run_dir, log_row(0, x=1))
    woken = []
    one = FolderWatch(lambda: woken.append(1))
    for _ in range(2):
        assert one.arm([run_dir])
        assert not one.told
        for _ in range(100):
            with log.open("ab") as file:
                file.write(b"x")
        wait_until(lambda: one.told, "the change")
        one.disarm()
    assert len(woken) == 2
    assert watch().arm([run_dir])


def test_a_run_that_begins_is_told_of(watch: Watch, wandb: Path) -> None:
    """Whether its directory is made there or moved there."""
    one = watch()
    assert one.arm([wandb])
    run_dir_of(wandb).mkdir()
    wait_until(lambda: one.told, "the directory")
    aside = wandb / "aside"
    run_dir_of(wandb).rename(aside)
    assert one.arm([wandb])
    aside.rename(run_dir_of(wandb))
    wait_until(lambda: one.told, "the moved directory")


@pytest.mark.parametrize(
    ("kind", "path", "matters"),
    [
        ("modified", "/w/run-1/run-ab12cd34.txlog", True),
        ("created", "/w/run-20261120_101112-ab12cd34", True),
        ("created", "/w/wandb", True),
        ("modified", "/w/tracker.db-wal", False),
        ("modified", "/w", False),
        ("opened", "/w/run-1/run-ab12cd34.txlog", False),
        ("closed_no_write", "/w/run-1/run-ab12cd34.txlog", False),
    ],
)
def test_what_a_follower_does_itself_does_not_wake_it(
    watch: Watch,
    kind: str,
    path: str,
    matters: bool,  # noqa: FBT001 - a parameter
) -> None:
    """It opens logs, and writes a store that may stand beside the runs."""
    one = watch()
    one.note(kind, path, "")
    assert one.told == matters


def test_where_the_system_does_not_tell_nothing_is_watched(watch: Watch, wandb: Path) -> None:
    """On network file systems, in too many folders, or in one that is not there."""
    assert not watch(find_network=lambda _: "nfs4").arm([wandb])
    assert not watch().arm([])
    assert not watch().arm([wandb / str(number) for number in range(MOST_FOLDERS + 1)])
    assert not watch().arm([wandb / "gone"])


def test_many_wakings_leave_nothing_behind(watch: Watch, run_dir: Path) -> None:
    """Neither threads nor open files, for a follower that runs for weeks."""
    log = write_log(run_dir, log_row(0, x=1))
    one = watch()
    counts = set()
    for _ in range(40):
        assert one.arm([run_dir, run_dir.parent])
        with log.open("ab") as file:
            file.write(b"x")
        wait_until(lambda: one.told, "the change")
        one.disarm()
        counts.add((threading.active_count(), len(os.listdir("/proc/self/fd"))))  # noqa: PTH208 - only counted
    assert len(counts) == 1
