"""S10 and S11: among the sources stands what cannot be read, or what a network makes of files."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.table import SayRow
from tests.logs import ended, log_row, run_dir_of, write_log
from tests.shim.build import delay_at, no_locks, on_path
from tests.sync_faults.conftest import looks_of
from tests.sync_faults.exactness import EXACT, NONE, difference, logs_in
from tests.sync_faults.syncs import Syncs, small_batches, tracker
from tests.sync_faults.targets import Files, Targets

pytestmark = [pytest.mark.sync_faults, pytest.mark.timeout(120)]

HEALTHY = 49
LONGEST_S = 30.0


def a_link_that_goes_round(run_dir: Path) -> None:
    """A directory that leads to itself."""
    run_dir.symlink_to(run_dir.name)


def a_pipe(run_dir: Path) -> None:
    """A log that makes whoever opens it wait for ever."""
    run_dir.mkdir()
    os.mkfifo(run_dir / "run-bad.txlog")


def a_socket(run_dir: Path) -> None:
    """A log that cannot be opened."""
    run_dir.mkdir()
    here = os.open(".", os.O_RDONLY)
    os.chdir(run_dir)  # the name of a socket must be short
    try:
        with socket.socket(socket.AF_UNIX) as place:
            place.bind("run-bad.txlog")
    finally:
        os.fchdir(here)
        os.close(here)


def a_foreign_file(run_dir: Path) -> None:
    """A log that is none."""
    run_dir.mkdir()
    (run_dir / "run-bad.txlog").write_bytes(os.urandom(5000))


def a_log_that_is_a_folder(run_dir: Path) -> None:
    """A folder by the name of a log."""
    (run_dir / "run-bad.txlog").mkdir(parents=True)


def a_log_that_is_a_link(run_dir: Path) -> None:
    """A link out of the run directory."""
    run_dir.mkdir()
    (run_dir / "run-bad.txlog").symlink_to("/etc/passwd")


BAD = {
    "a link in a circle": (a_link_that_goes_round, 3),
    "a FIFO": (a_pipe, 3),
    "a socket": (a_socket, 3),
    "a foreign file": (a_foreign_file, 3),
    "a folder named like a log": (a_log_that_is_a_folder, 3),
    "a link out of the run directory": (a_log_that_is_a_link, 3),
}


@pytest.mark.parametrize("bad", BAD)
def test_one_bad_directory_among_many(
    targets: Targets, syncs: Syncs, wandb: Path, row: SayRow, bad: str
) -> None:
    """The others arrive, nothing hangs, and the exit code tells."""
    for number in range(HEALTHY):
        write_one(wandb, number)
    make, code = BAD[bad]
    make(run_dir_of(wandb, "bad"))
    url = targets.new()
    began = time.monotonic()
    report = syncs.report(wandb, url)
    took = time.monotonic() - began
    arrived = sum(run["status"] == "synced" for run in report["runs"])
    found = difference(url, [log for log in logs_in(wandb) if log.parent.name[-3:] != "bad"])
    row(
        "S10",
        f"{targets.kind}: {bad} among {HEALTHY} healthy runs",
        tries=1,
        result=f"{arrived} synced, exit {report['exit_code']}, {took:.1f} s; {found}",
        passes=f"{HEALTHY} synced, exit {code}, no hang; {EXACT}",
    )
    assert (arrived, report["exit_code"], found) == (HEALTHY, code, NONE)
    assert took <= LONGEST_S


def write_one(folder: Path, number: int) -> Path:
    """Write a small run."""
    rows = [log_row(step, loss=step / (number + 1)) for step in range(5)]
    name, writer = f"{number:08x}", number.to_bytes(16, "big")
    return write_log(run_dir_of(folder, name), *rows, ended(), run_id=name, writer=writer)


def test_syncs_side_by_side_where_locks_fail(
    sqlite_targets: Files, syncs: Syncs, source: Path, rounds: Callable[[int], int], row: SayRow
) -> None:
    """Every fcntl lock is refused: they exclude each other in another way."""
    before, trials, whole = looks_of(source), rounds(3), NONE
    codes: set[int] = set()
    for _ in range(trials):
        url = sqlite_targets.new()
        files = on_path(sqlite_targets.part(url))
        both = [
            syncs.start(
                small_batches(source, url), files, no_locks(), delay_at("write", 0.001, 1, 200)
            )
            for _ in range(3)
        ]
        for process in both:
            process.communicate(timeout=LONGEST_S)
            codes.add(process.returncode)
        codes.add(syncs.run(tracker(source, url), files, no_locks()))
        whole = whole.plus(difference(url, logs_in(source)))
    row(
        "S11",
        "sqlite, locks refused: three syncs at once, then one",
        tries=trials,
        result=f"{whole}; exit codes {sorted(codes)}",
        passes=f"{EXACT}; exit 0, or 5 where others hold all",
    )
    assert whole == NONE
    assert codes <= {0, 5}
    assert looks_of(source) == before


STALE = """
import builtins, errno, io, os, sys, random
real, chances = io.open, random.Random(int(sys.argv[1]))
real_open = os.open

def stale(path, *rest, **options):
    if str(path).endswith(".txlog") and chances.random() < 0.3:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(path))
    return real_open(path, *rest, **options)

def stale_file(path, *rest, **options):
    if str(path).endswith(".txlog") and chances.random() < 0.3:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(path))
    return real(path, *rest, **options)

os.open, io.open, builtins.open = stale, stale_file, stale_file
from airtape_cli.main import main
sys.argv[1:2] = []
main()
"""
"""The command, where a file handle is stale three times in ten."""


def test_file_handles_that_have_become_stale(
    targets: Targets,
    syncs: Syncs,
    source: Path,
    tmp_path: Path,
    rounds: Callable[[int], int],
    row: SayRow,
) -> None:
    """What cannot be opened is said, costs that run alone, and comes with a later sync."""
    program = tmp_path / "stale.py"
    program.write_text(STALE, encoding="utf-8")
    passes, whole, codes = rounds(8), NONE, set()
    url = targets.new()
    python = tracker(source, url)[0]
    interpreter = str(Path(python).parent / "python")
    for number in range(passes):
        command = [interpreter, str(program), str(number), *tracker(source, url)[1:], "--check"]
        codes.add(syncs.run(command))
    assert syncs.run(tracker(source, url)) == 0
    whole = difference(url, logs_in(source))
    row(
        "S11",
        f"{targets.kind}: {errno.errorcode[errno.ESTALE]} when logs are opened, 3 times in 10",
        tries=passes,
        result=f"{whole}; exit codes {sorted(codes)}",
        passes=f"{EXACT}; exit 0 or 3",
    )
    assert whole == NONE
    assert codes <= {0, 3}


def test_nothing_below_a_source_can_be_written(syncs: Syncs, source: Path) -> None:
    """What these tests start has no more rights than the permissions of files give, as root too."""
    for path in (source, *source.rglob("*")):
        assert syncs.run(["test", "-r", str(path)]) == 0
        assert syncs.run(["test", "-w", str(path)]) == 1
