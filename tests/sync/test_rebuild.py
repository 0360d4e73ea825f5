"""Making a target anew from the logs."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airtape.backends.jsonl import GENERATION, JsonlBackend
from airtape.backends.memory import MemoryBackend
from airtape.backends.registry import open_backend
from airtape.backends.sqlite import SqliteBackend
from airtape.backends.sqlite_replacement import SqliteReplacement
from airtape.errors import TransientError, UsageError
from airtape.run_search import Found, find_run_dirs
from airtape.sync.brake import Brake
from airtape.sync.engine import sync, sync_to
from airtape.sync.options import SyncOptions
from airtape.sync.progress import Silent
from airtape.sync.rebuild import Rebuilt, rebuild
from airtape.sync.renames import Names, Renames
from airtape.sync.report import ExitCode, RunReport
from airtape.sync.retry import Retry
from tests.held import contents_in
from tests.logs import WRITER, describe, ended, frames_of, header, log_row, run_dir_of, write_log
from tests.processes import RunPython
from tests.sync.runs import A_RUN

VIEWS = {
    **dict.fromkeys(("run_list", "history", "summary", "config", "metrics", "records"), "*"),
    "segments": "id, run, writer, role, label, start_step, last_step, place, records, ended",
}
"""The columns of views that do not tell in how many batches something came."""
AT_ONCE = SyncOptions(retry=Retry(patience_s=0))

REBUILD_THAT_IS_KILLED = """
    import os, sys
    from airtape.backends.sqlite_replacement import SqliteReplacement
    from airtape.backends.jsonl_replacement import JsonlReplacement
    from airtape.run_search import find_run_dirs
    from airtape.sync.progress import Silent
    from airtape.sync.options import SyncOptions
    from airtape.sync.rebuild import rebuild

    source, url, moment = sys.argv[1:]

    def die(*_):
        os.kill(os.getpid(), 9)

    progress = Silent()
    if moment == "swap":
        SqliteReplacement.swap = JsonlReplacement.swap = die
    else:
        setattr(progress, moment, die)
    rebuild(find_run_dirs([source]), url, SyncOptions(), progress)
"""


@pytest.fixture
def runs(wandb: Path) -> Path:
    """A folder with a run that was resumed, one of two processes, and one that goes on."""
    first = run_dir_of(wandb)
    write_log(first, *A_RUN, ended())
    parents = [(WRITER, 30)]
    resumed: dict[str, Any] = {"writer": b"2" * 16, "root": WRITER, "parents": parents}
    write_log(run_dir_of(wandb, stamp="20261121_000000"), log_row(40, loss=2), **resumed)
    write_log(run_dir_of(wandb, "shared"), *A_RUN, run_id="shared", writer=b"3" * 16)
    rank: dict[str, Any] = {
        "writer": b"4" * 16,
        "root": b"3" * 16,
        "role": "shared",
        "label": "rank-1",
    }
    write_log(
        run_dir_of(wandb, "shared"),
        log_row(1, rank=1),
        name="run-shared.host-7-1.txlog",
        run_id="shared",
        **rank,
    )
    return wandb


def dump_of(url: str) -> list[dict[str, Any]]:
    """Return all that a target holds, but for what tells in how many batches it came."""
    with closing(open_backend(url)) as backend:
        held = list(backend.dump())
    return [
        {
            **contents_in(one),
            "run": one.run,
            "header": one.header,
            "cursor": replace(one.cursor, version=0, state=b""),
        }
        for one in held
    ]


def rebuilt_from(folder: Path | Found, url: str, **options: Any) -> Rebuilt:
    """Make a target anew from the runs of a folder."""
    found = folder if isinstance(folder, Found) else find_run_dirs([folder])
    force = options.pop("force", False)
    return rebuild(found, url, replace(AT_ONCE, **options), force=force)


def views_of(store: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of a store's views, without the numbers that it gave to its runs."""
    with closing(sqlite3.connect(store)) as db:
        return {
            view: sorted((row[1:] for row in db.execute(f"SELECT {said} FROM {view}")), key=repr)  # noqa: S608 - ours
            for view, said in VIEWS.items()
        }


def synced_often(folder: Path, url: str) -> None:
    """Bring the runs of a folder to a target, a few values at a time."""
    options = SyncOptions(max_points=7)
    assert sync_to([folder], lambda: open_backend(url), options).exit_code == ExitCode.OK


def test_a_target_made_anew_holds_the_same(target: str, runs: Path) -> None:
    """The dump is identical, however the old one came about, and syncing goes on from there."""
    synced_often(runs, target)
    before = dump_of(target)
    rebuilt = rebuilt_from(runs, target)
    assert (rebuilt.swapped, rebuilt.missing, rebuilt.exit_code) == (True, [], ExitCode.OK)
    assert dump_of(target) == before
    log = write_log(run_dir_of(runs, "later"), log_row(0, x=1), run_id="later", writer=b"5" * 16)
    report = sync_to([runs], lambda: open_backend(target))
    assert sum(run.records for run in report.runs) == 2
    with log.open("ab") as file:
        file.write(frames_of(log_row(0, x=1), ended(), of=header("later", writer=b"5" * 16))[-1])
    report = sync_to([runs], lambda: open_backend(target))
    assert sum(run.records for run in report.runs) == 1


def test_the_views_of_a_store_made_anew_are_the_same(tmp_path: Path, runs: Path) -> None:
    """What people query does not change; the old file is kept beside the new one."""
    store = tmp_path / "store.db"
    synced_often(runs, f"sqlite:{store}")
    before = views_of(store)
    assert rebuilt_from(runs, f"sqlite:{store}").kept == tmp_path / "store.db.old"
    assert views_of(store) == before == views_of(tmp_path / "store.db.old")
    assert rebuilt_from(runs, f"sqlite:{store}").kept == tmp_path / "store.db.old-2"
    assert sorted(path.name for path in tmp_path.iterdir() if "store" in path.name) == [
        *("store.db", "store.db.old", "store.db.old-2"),
    ]


def _overwritten(at: int) -> Callable[[Path], None]:
    def damage(store: Path) -> None:
        with store.open("r+b") as file:
            file.seek(at)
            file.write(b"\xff" * 9000)

    return damage


def _cut(store: Path) -> None:
    with store.open("r+b") as file:
        file.truncate(9000)


def _replaced(store: Path) -> None:
    store.write_text("no database")
    Path(f"{store}-wal").write_bytes(b"left over")


@pytest.mark.parametrize("damage", [_overwritten(0), _overwritten(12_000), _cut, _replaced])
def test_a_damaged_store_is_made_anew(
    tmp_path: Path, runs: Path, damage: Callable[[Path], None]
) -> None:
    """Whatever is left of it; what stands beside it is put aside with it."""
    store = tmp_path / "store.db"
    synced_often(runs, f"sqlite:{store}")
    before = dump_of(f"sqlite:{store}")
    damage(store)
    rebuilt = rebuilt_from(runs, f"sqlite:{store}")
    assert rebuilt.swapped
    assert dump_of(f"sqlite:{store}") == before
    assert not Path(f"{store}-wal").exists()


def test_a_damaged_directory_is_made_anew(tmp_path: Path, runs: Path) -> None:
    """Also where the last batch of a writer can no longer be read."""
    url = f"jsonl:{tmp_path}/store"
    synced_often(runs, url)
    before = dump_of(url)
    for batch in (tmp_path / "store/runs").glob("*/*/*.jsonl"):
        batch.write_text("{")
    rebuilt = rebuilt_from(runs, url)
    assert (rebuilt.swapped, rebuilt.kept) == (True, tmp_path / "store.old")
    assert rebuilt.unread is not None
    assert "has been changed" in rebuilt.unread
    assert dump_of(url) == before


def test_a_target_that_is_gone_is_made(tmp_path: Path, runs: Path) -> None:
    """There is nothing to keep then."""
    for url in (f"sqlite:{tmp_path}/store.db", f"jsonl:{tmp_path}/store"):
        rebuilt = rebuilt_from(runs, url)
        assert (rebuilt.swapped, rebuilt.kept, rebuilt.unread) == (True, None, None)
        assert len(dump_of(url)) == 4


def test_what_no_log_has_keeps_the_old_target(tmp_path: Path, runs: Path) -> None:
    """A run, or records of one, that only the target has would be lost; unless that is wanted."""
    for url in (f"sqlite:{tmp_path}/store.db", f"jsonl:{tmp_path}/store"):
        elsewhere = tmp_path / f"elsewhere-{url[0]}"
        log = write_log(run_dir_of(elsewhere, "far"), *A_RUN, run_id="far", writer=b"9" * 16)
        sync_to([runs, elsewhere], lambda url=url: open_backend(url))  # type: ignore[misc]
        before = dump_of(url)
        rebuilt = rebuilt_from(runs, url)
        assert (rebuilt.swapped, rebuilt.missing) == (False, ["run far"])
        assert rebuilt.exit_code == ExitCode.INCOMPLETE
        log.write_bytes(b"".join(frames_of(*A_RUN, of=header("far", writer=b"9" * 16))[:4]))
        rebuilt = rebuilt_from(find_run_dirs([runs, elsewhere]), url)
        (said,) = rebuilt.missing
        assert said.startswith("run far: ")
        assert said.endswith(f"records of writer {(b'9' * 16).hex()}")
        assert dump_of(url) == before
        assert rebuilt_from(runs, url, force=True).swapped
        assert [held for held in before if held["run"].run_id != "far"] == dump_of(url)


def test_runs_keep_the_names_that_they_have_in_the_target(tmp_path: Path, runs: Path) -> None:
    """Those that were renamed, also one that is there twice; others are named as is said."""
    url = f"sqlite:{tmp_path}/store.db"
    for renames in (
        Renames(Names(project="vision")),
        Renames(by_id={"shared": Names(run_id="other", entity="us")}),
    ):
        sync_to([runs], lambda: open_backend(url), SyncOptions(renames=renames))
    (run_dir_of(runs, "broken")).mkdir()
    (run_dir_of(runs, "broken") / "run-broken.txlog").write_bytes(b"PK\x03\x04" * 50)
    before = dump_of(url)
    assert {held["run"][0::2] for held in before} == {
        ("ab12cd34", ""),
        ("other", "us"),
        ("shared", ""),
    }
    write_log(run_dir_of(runs, "later"), log_row(0, x=1), run_id="later", writer=b"5" * 16)
    rebuilt = rebuilt_from(runs, url, renames=Renames(Names(project="new")))
    assert (rebuilt.swapped, rebuilt.exit_code) == (True, ExitCode.INCOMPLETE)
    after = dump_of(url)
    assert [held for held in after if held["run"].run_id != "later"] == before
    (later,) = (held for held in after if held["run"].run_id == "later")
    assert later["run"].project == "new"


def test_a_target_of_another_kind_is_made_anew_in_its_place(runs: Path, memory_url: str) -> None:
    """Each run is sent anew; what no log tells of stays."""
    with closing(open_backend(memory_url)) as backend:
        write_log(run_dir_of(runs, "far"), *A_RUN, run_id="far", writer=b"9" * 16)
        sync([runs], backend)
        before = dump_of(memory_url)
        (run_dir_of(runs, "far") / "run-far.txlog").unlink()
        rebuilt = rebuilt_from(runs, memory_url)
    assert (rebuilt.swapped, rebuilt.kept) == (True, None)
    assert sum(run.records for run in rebuilt.report.runs) == sum(
        len(held["received"]) for held in before if held["run"].run_id != "far"
    )
    assert dump_of(memory_url) == before


@pytest.fixture
def memory_url(tmp_path: Path) -> Iterator[str]:
    """The URL of a target in memory."""
    yield f"memory:{tmp_path}"
    MemoryBackend.forget(str(tmp_path))


def test_without_runs_nothing_is_made_anew(tmp_path: Path, wandb: Path) -> None:
    """A wrong path must not empty a target."""
    with pytest.raises(UsageError, match="no runs"):
        rebuilt_from(wandb, f"sqlite:{tmp_path}/store.db")


def test_a_target_that_cannot_be_made_is_an_error(tmp_path: Path, runs: Path) -> None:
    """The report says so, for a target that stands alone too."""
    for url in (f"sqlite:{tmp_path}/none/store.db", f"jsonl:{tmp_path}/none/store"):
        rebuilt = rebuilt_from(runs, url)
        assert (rebuilt.swapped, rebuilt.exit_code) == (False, ExitCode.UNREACHABLE)


def test_a_store_that_somebody_has_open_stays(tmp_path: Path, runs: Path) -> None:
    """What others write into the old file would be lost with it."""
    store = tmp_path / "store.db"
    synced_often(runs, f"sqlite:{store}")
    with closing(sqlite3.connect(store)) as db:
        db.execute("SELECT count(*) FROM points").fetchone()
        replacement = SqliteReplacement(store, SqliteBackend, busy_s=0.1)
        replacement.open().close()
        with pytest.raises(TransientError, match="somebody has it open"):
            replacement.swap()
        replacement.discard()
    assert not list(tmp_path.glob(".store*"))
    assert len(dump_of(f"sqlite:{store}")) == 4


def test_one_that_is_stopped_leaves_the_target(tmp_path: Path, runs: Path) -> None:
    """A signal in the middle: nothing has changed, and nothing is left beside it."""
    url = f"sqlite:{tmp_path}/store.db"
    synced_often(runs, url)
    sync_to([runs], lambda: open_backend(url), SyncOptions(project="vision"))
    before = dump_of(url)
    brake = Brake()
    brake.stop()
    rebuilt = rebuilt_from(runs, url, brake=brake)
    assert (rebuilt.swapped, rebuilt.exit_code) == (False, ExitCode.DEADLINE)
    assert dump_of(url) == before
    assert not list(tmp_path.glob(".store*"))


class _AtEnd(Silent):
    """Does something when a run has been sent."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act

    def finished(self, report: RunReport) -> None:
        """Do it."""
        del report
        self._act()


def test_one_that_waits_for_others_leaves_the_target(tmp_path: Path, run_dir: Path) -> None:
    """It asks again as long as a sync does, unless it is stopped."""
    write_log(run_dir, *A_RUN)
    url, brake = f"sqlite:{tmp_path}/store.db", Brake()
    synced_often(run_dir, url)
    with closing(sqlite3.connect(tmp_path / "store.db")) as db:
        db.execute("SELECT count(*) FROM points").fetchone()
        found = find_run_dirs([run_dir])
        rebuilt = rebuild(found, url, AT_ONCE)
        assert (rebuilt.swapped, rebuilt.exit_code) == (False, ExitCode.UNREACHABLE)
        rebuilt = rebuild(found, url, SyncOptions(brake=brake), _AtEnd(brake.stop))
        assert (rebuilt.swapped, rebuilt.exit_code) == (False, ExitCode.DEADLINE)


def test_one_that_is_killed_leaves_the_target(
    tmp_path: Path, runs: Path, run_python: RunPython
) -> None:
    """Whenever that is, the target is the old one, whole, until it is the new one, whole."""
    for kind in ("sqlite", "jsonl"):
        url = f"{kind}:{tmp_path}/store-{kind}"
        synced_often(runs, url)
        before = dump_of(url)
        for moment in ("advanced", "swap"):
            run_python(REBUILD_THAT_IS_KILLED, str(runs), url, moment, returncode=-9)
            assert dump_of(url) == before
        assert rebuilt_from(runs, url).swapped


def test_what_a_killed_one_left_is_swept(tmp_path: Path, runs: Path) -> None:
    """A day later; before that somebody may be at work."""
    for name in (".store.db.new-0011", ".store.new-0011/runs"):
        left = tmp_path / name
        left.parent.mkdir(exist_ok=True)
        left.touch()
    rebuilt_from(runs, f"sqlite:{tmp_path}/store.db")
    rebuilt_from(runs, f"jsonl:{tmp_path}/store")
    assert len(list(tmp_path.glob(".store*"))) == 2
    for left in tmp_path.glob(".store*"):
        os.utime(left, (time.time() - 100_000,) * 2)
    rebuilt_from(runs, f"sqlite:{tmp_path}/store.db")
    rebuilt_from(runs, f"jsonl:{tmp_path}/store")
    assert not list(tmp_path.glob(".store*"))


def test_a_sync_that_began_in_the_old_directory_adds_nothing_to_the_new_one(
    tmp_path: Path, run_dir: Path
) -> None:
    """What it has read of the old one is no base for a batch: it looks again, and is exact."""
    write_log(run_dir, describe(name="a"), log_row(0, x=1))
    url = f"jsonl:{tmp_path}/store"
    backend = JsonlBackend(str(tmp_path / "store"))
    sync([run_dir], backend)
    write_log(run_dir, describe(name="a"), log_row(0, x=1), log_row(1, x=2), ended())
    once = [True]

    def swapped_in_between() -> int:
        if once.pop() if once else False:
            assert rebuilt_from(run_dir, url).swapped
        return time.time_ns()

    report = sync([run_dir], backend, SyncOptions(now_ns=swapped_in_between))
    assert report.exit_code == ExitCode.OK
    (held,) = JsonlBackend(str(tmp_path / "store")).dump()
    assert held.cursor.version > GENERATION
    assert [point.value for point in held.points] == [1, 2]
    assert rebuilt_from(run_dir, url).swapped
    (held,) = JsonlBackend(str(tmp_path / "store")).dump()
    assert held.cursor.version > 2 * GENERATION
