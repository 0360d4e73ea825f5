"""W5: directories that are read-only, removed, moved, or on a server that is gone for a while."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import Mount
from tests.faults.table import SayRow
from tests.faults.trials import Left, Server, Trial, read_left
from tests.processes import RunPython
from tests.shim.build import controlled_by, on_path, shim_env
from tests.shim.watch import Control

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

MOST_S = 0.005
RIGHTS = "-dac_override,-dac_read_search"
WITHOUT_RIGHTS = ["setpriv", "--inh-caps", RIGHTS, "--bounding-set", RIGHTS]
"""Starts a program for which the permissions of files count though it is root's."""

PROGRAM = """
import os, sys
if len(sys.argv) > 2:
    os.execvp(sys.argv[2], [*sys.argv[2:], sys.executable, *sys.argv[:2]])
import airtape
run = airtape.init(project="faults", dir=sys.argv[1])
for i in range(50):
    run.log({"i": i, "v": i * 0.5 + 0.25})
print(run.sync_dir)
"""


def test_a_directory_that_cannot_be_written(
    mount: Mount, tmp_path: Path, run_python: RunPython, row: SayRow
) -> None:
    """The run goes elsewhere, says where, and loses nothing; or init() raises, if asked to."""
    unwritable = tmp_path / "unwritable"
    unwritable.mkdir(0o555)
    places = [(unwritable, [] if os.geteuid() else WITHOUT_RIGHTS)]
    read_only = mount("ro,size=1m")
    if read_only is not None:
        places.append((read_only, []))
    tries = lost = silent = 0
    for place, arguments in places:
        for setting in ("TRACKER_FALLBACK_DIR", "SLURM_SUBMIT_DIR", "TMPDIR"):
            other = tmp_path / f"{place.name}-{setting}"
            other.mkdir()
            environ = {**os.environ, "HOME": str(other), setting: str(other)}
            done = run_python(PROGRAM, str(place), *arguments, env=environ)
            run_dir = done.stdout.strip()
            tries += 1
            silent += run_dir not in done.stderr or str(place) not in done.stderr
            inner = other / "airtape" if setting == "TMPDIR" else other
            lost += 50 - len(read_left(inner).places)
        environ = {**os.environ, "TRACKER_ON_ERROR": "raise"}
        refused = run_python(PROGRAM, str(place), *arguments, env=environ, returncode=1)
        tries += 1
        silent += str(place) not in refused.stderr
    row(
        "W5",
        f"a directory without the right to write{' and a read-only disk' * bool(read_only)}, "
        "at init()",
        tries=tries,
        result=f"{lost} lost, {silent} without a word on where",
        passes="0 lost, the other directory printed, or raised if asked to",
    )
    assert (lost, silent) == (0, 0)


def training(server: Server) -> Trial:
    """Start a training that logs 500 rows a second."""
    trial = server.start("plain", rate=500, settings={"fsync_interval": 0.5})
    trial.wait_until_ready()
    time.sleep(0.5)
    return trial


def finished(trial: Trial) -> Left:
    """Let a training go on a little and finish, and read what it left."""
    time.sleep(0.8)
    trial.stop()
    assert trial.wait() == 0, trial.output
    return trial.left()


def run_dir_of(trial: Trial) -> Path:
    """Return the only run directory of a trial."""
    (run_dir,) = trial.folder.glob("wandb/run-*")
    return run_dir


def remove(trial: Trial) -> None:
    """Remove the run directory."""
    shutil.rmtree(run_dir_of(trial))


def remove_all(trial: Trial) -> None:
    """Remove everything above it too."""
    shutil.rmtree(trial.folder)


def move(trial: Trial) -> None:
    """Give the run directory another name."""
    run_dir = run_dir_of(trial)
    run_dir.rename(run_dir.with_name("run-20261120_000000-moved"))


def remove_log(trial: Trial) -> None:
    """Remove the log alone."""
    (log,) = run_dir_of(trial).glob("*.txlog")
    log.unlink()


def is_wanted(slowest: list[float], times: int) -> bool:
    """Tell whether one more trial is wanted: two more at most until one is quick throughout.

    What a fault does to log() it does in each trial, unlike what else the machine is doing.
    """
    most = times if slowest and min(slowest) <= MOST_S else times + 2
    return len(slowest) < most


def in_words(slowest: list[float]) -> str:
    """Return what the table says of the slowest call of each trial."""
    slow = sum(took > MOST_S for took in slowest)
    return f"slowest log() {min(slowest) * 1e3:.1f} ms, above 5 in {slow} trials"


MEDDLING: dict[str, Callable[[Trial], None]] = {
    "rm -rf of the run directory": remove,
    "rm -rf of all above it": remove_all,
    "rm of the log": remove_log,
    "mv of the run directory": move,
}


@pytest.mark.parametrize("name", MEDDLING)
def test_somebody_tidies_up(
    name: str, server: Server, rounds: Callable[[int], int], row: SayRow
) -> None:
    """While the training goes on."""
    lost = unsound = 0
    slowest: list[float] = []
    while is_wanted(slowest, rounds(2)):
        trial = training(server)
        MEDDLING[name](trial)
        left = finished(trial)
        lost += trial.lost(left)
        unsound += not left.is_sound
        slowest.append(trial.said["slowest"])
    row(
        "W5",
        name,
        tries=len(slowest),
        result=f"{lost} lost, {unsound} unsound, training alive, {in_words(slowest)}",
        passes="0 lost of the last 4 MiB, 0 raised, log() <= 5 ms",
    )
    assert (lost, unsound) == (0, 0)
    assert min(slowest) <= MOST_S


@pytest.fixture
def disk(tmp_path: Path) -> Control:
    """Make faults in the trials."""
    return Control(tmp_path / "control")


@pytest.fixture
def shimmed(tmp_path: Path, shim: Path, disk: Control) -> Iterator[Server]:
    """Start trials under the fault shim."""
    server = Server(
        tmp_path, shim_env(shim, on_path(tmp_path.resolve() / "runs"), controlled_by(disk.path))
    )
    yield server
    server.close()


OUTAGES: dict[str, Callable[[Control], None]] = {
    "remounted read-only": lambda disk: disk.refuse(errno.EROFS, "write", "open", "mkdir"),
    "NFS, simulated: ESTALE from everything": lambda disk: disk.refuse(errno.ESTALE, "files"),
    "NFS, simulated: EIO from syncs": lambda disk: disk.refuse(errno.EIO, "fsync"),
    "NFS, simulated: syncs that hang": lambda disk: disk.hang("fsync"),
}


@pytest.mark.parametrize("name", OUTAGES)
def test_an_outage(
    name: str,
    shimmed: Server,
    disk: Control,
    rounds: Callable[[int], int],
    row: SayRow,
) -> None:
    """For three seconds the disk refuses or hangs; then it is there again."""
    lost = unsound = 0
    slowest: list[float] = []
    while is_wanted(slowest, rounds(1)):
        trial = training(shimmed)
        OUTAGES[name](disk)
        time.sleep(3)
        disk.clear()
        time.sleep(1)
        left = finished(trial)
        lost += trial.lost(left)
        unsound += not left.is_sound
        slowest.append(trial.said["slowest"])
    row(
        "W5",
        f"{name} for 3 s",
        tries=len(slowest),
        result=f"{lost} lost, {unsound} unsound, {in_words(slowest)}",
        passes="0 lost, 0 raised, log() <= 5 ms",
    )
    assert (lost, unsound) == (0, 0)
    assert min(slowest) <= MOST_S


def test_real_nfs(row: SayRow) -> None:
    """It takes a server and a kernel that can mount it, which a test suite does not bring along."""
    known = Path("/proc/filesystems").read_text(encoding="ascii").split()
    why = "a client in the kernel but no server" if "nfs" in known else "no client in the kernel"
    row("W5", f"real NFS: {why}", tries=0, result="simulated, see above", passes="-")
    assert OUTAGES
