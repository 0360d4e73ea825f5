"""A sync that is killed anywhere, and syncs that run side by side: nothing lost, nothing twice."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import islice, product
from pathlib import Path

import pytest

from airtape.backends.registry import open_backend
from airtape.sync.engine import sync
from airtape.sync.options import SyncOptions
from airtape.sync.report import ExitCode
from tests.held import assert_holds
from tests.logs import ended, log_row, write_log
from tests.processes import StartPython
from tests.shim.build import (
    Kinds,
    Setting,
    build_shim,
    count_in,
    delay_at,
    each_kill,
    errno_from,
    kill_at,
    no_locks,
    on_path,
    only_kinds,
    shim_env,
)
from tests.shim.watch import read_counts
from tests.sync.runs import A_RUN

EVERY = 8
"""How many calls lie between two at which a sync is killed."""
SYNC = """
import sys
from airtape.backends.registry import open_backend
from airtape.errors import TargetError
from airtape.sync.engine import sync
from airtape.sync.options import SyncOptions

source, url, leases = sys.argv[1:]
if sys.stdin.readline():
    try:
        backend = open_backend(url)
    except TargetError:
        sys.exit(4)
    report = sync([source], backend, SyncOptions(max_points=12, leases=leases == "yes"))
    backend.close()
    sys.exit(report.exit_code)
"""


@pytest.fixture(scope="session")
def shim(request: pytest.FixtureRequest) -> Path:
    """Build the fault shim once for all sessions."""
    cache = request.config.cache
    assert cache is not None
    return build_shim(cache.mkdir("faultshim"))


class Syncs:
    """Syncs of one log into one target, in processes of their own, under the fault shim.

    Attributes:
        needs: Kinds of calls without which a sync cannot be.
    """

    def __init__(self, folder: Path, shim: Path, log: Path, kind: str, *, new: bool) -> None:
        self._folder = folder
        self._shim = shim
        self._log = log
        self._kind = kind
        self._new = new
        self._made = 0
        self.needs = {"write", "fsync", "link"} if kind == "jsonl" else {"write"}

    def target(self) -> str:
        """Return the URL of another target; it has a run already unless it is to be new."""
        self._made += 1
        place = self._folder / f"target-{self._made}"
        place.mkdir()
        url = f"{self._kind}:{place}/store.db"
        if not self._new:
            other = write_log(self._folder / "other", log_row(0, x=1), writer=b"o" * 16)
            backend = open_backend(url)
            sync([other.parent], backend, SyncOptions(project="other"))
            backend.close()
        return url

    def run(self, url: str, *settings: Setting) -> int:
        """Sync in a process of its own, and return how it ended."""
        files = on_path(Path(url.partition(":")[2]).parent)
        process = subprocess.run(
            [sys.executable, "-c", SYNC, self._log.parent, url, "yes"],
            env=shim_env(self._shim, files, only_kinds("files"), *settings),
            input="go\n",
            text=True,
            check=False,
        )
        return process.returncode

    def count(self) -> int:
        """Return how often a sync changes a file."""
        counts = self._folder / "counts"
        assert self.run(self.target(), count_in(counts)) == 0
        return read_counts(counts).total

    def assert_complete(self, url: str) -> None:
        """Sync again, and make sure that the target has what the log says."""
        backend = open_backend(url)
        assert sync([self._log.parent], backend).exit_code == 0
        (run,) = (held.run for held in backend.dump() if held.run.project != "other")
        assert_holds(backend, self._log, run=run)
        assert sync([self._log.parent], backend).runs[0].status == "nothing_new"
        backend.close()


@pytest.fixture(params=["sqlite", "jsonl"])
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of target."""
    kind: str = request.param
    return kind


@pytest.fixture(params=[True, False], ids=["new", "grown"])
def syncs(
    request: pytest.FixtureRequest, tmp_path: Path, shim: Path, run_dir: Path, kind: str
) -> Syncs:
    """Syncs of a log into targets that are new, or have something already."""
    log = write_log(run_dir, *A_RUN, ended())
    return Syncs(tmp_path, shim, log, kind, new=request.param)


@pytest.mark.timeout(120)
def test_a_sync_that_is_killed_is_completed_by_the_next(
    syncs: Syncs, rounds: Callable[[int], int]
) -> None:
    """Killed at some of the calls with which it changes files, it leaves nothing half done."""
    total = syncs.count()
    wanted = rounds(6)
    for number in range(wanted):
        url = syncs.target()
        assert syncs.run(url, kill_at(1 + number * (total - 1) // wanted)) == -signal.SIGKILL
        syncs.assert_complete(url)


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_a_sync_may_be_killed_at_any_call(syncs: Syncs, rounds: Callable[[int], int]) -> None:
    """Killed before every eighth of its calls, and the next one too, nothing is left half done."""
    # With eight rounds or more, before every single one.
    for setting in islice(each_kill(syncs.count()), 0, None, max(1, EVERY // rounds(1))):
        url = syncs.target()
        assert syncs.run(url, setting) in {-signal.SIGKILL, 0}
        syncs.run(url, setting)
        syncs.assert_complete(url)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("calls", ["write", "fsync", "link"])
def test_a_full_or_broken_disk_costs_no_data(syncs: Syncs, calls: Kinds) -> None:
    """The sync may say that the target cannot be written; the next one completes it."""
    url = syncs.target()
    code = syncs.run(url, errno_from(calls, errno.ENOSPC, 2))
    assert code == ExitCode.UNREACHABLE or calls not in syncs.needs
    syncs.assert_complete(url)


@pytest.mark.timeout(120)
def test_a_disk_without_locks(syncs: Syncs) -> None:
    """A target works there too, and two syncs exclude each other in another way."""
    url = syncs.target()
    assert syncs.run(url, no_locks()) == ExitCode.OK
    syncs.assert_complete(url)


@pytest.mark.timeout(120)
def test_two_syncs_at_once(
    syncs: Syncs,
    shim: Path,
    run_dir: Path,
    rounds: Callable[[int], int],
    start_python: StartPython,
) -> None:
    """Two processes that bring the same run bring it once, however slow the disk is."""
    # Leases have no part in that; with them one of the two may leave the run to the other.
    for number, leases in product(range(rounds(2)), ("yes", "no")):
        url = syncs.target()
        place = on_path(Path(url.partition(":")[2]).parent)
        slow = [delay_at("fsync", 0.02 * number, 1, 50), delay_at("link", 0.02 * number, 1, 50)]
        processes = [
            start_python(SYNC, str(run_dir), url, leases, env=shim_env(shim, place, *slow))
            for _ in range(2)
        ]
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            process.communicate()
            assert process.returncode in ({0} if leases == "no" else {0, ExitCode.HELD})
        syncs.assert_complete(url)
