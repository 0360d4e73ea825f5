"""S7: the target's disk is full, it is held, read-only, removed, damaged or of a later version."""

from __future__ import annotations

import errno
import random
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ended import wait_until
from tests.faults.table import SayRow
from tests.processes import TRACKER
from tests.shim.build import Kinds, delay_at, errno_from, on_path
from tests.sync_faults.conftest import looks_of
from tests.sync_faults.exactness import EXACT, NONE, difference, logs_in
from tests.sync_faults.syncs import Syncs, small_batches, tracker
from tests.sync_faults.targets import Files, store_of

pytestmark = [pytest.mark.sync_faults, pytest.mark.timeout(180)]

HELD_S = 3.0
LONGEST_S = 10.0
CODES = {0, 4}


@pytest.mark.parametrize(
    ("kind", "error"),
    [("write", errno.ENOSPC), ("write", errno.EIO), ("fsync", errno.EIO), ("open", errno.EROFS)],
    ids=["full", "EIO", "fsync", "read-only"],
)
def test_a_disk_that_refuses(
    sqlite_targets: Files,
    syncs: Syncs,
    source: Path,
    rounds: Callable[[int], int],
    row: SayRow,
    kind: Kinds,
    error: int,
) -> None:
    """From some call on, then no more: the next sync completes it."""
    before, trials, whole, codes = looks_of(source), rounds(4), NONE, set()
    for number in range(trials):
        url = sqlite_targets.new()
        refusing = errno_from(kind, error, 1 + number * 7 if kind == "write" else 1 + number)
        codes.add(
            syncs.run(small_batches(source, url), on_path(sqlite_targets.part(url)), refusing)
        )
        assert syncs.run(tracker(source, url)) == 0
        whole = whole.plus(difference(url, logs_in(source)))
    row(
        "S7",
        f"sqlite: {errno.errorcode[error]} at every {kind} from the n-th on, then freed",
        tries=trials,
        result=f"exit codes {sorted(codes)}; {whole}",
        passes=f"exit 4, or 0 where it does not matter; {EXACT}",
    )
    assert codes <= CODES
    assert whole == NONE
    assert looks_of(source) == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path | None]:
    """A file system of 256 KiB in memory; None where mounting is not permitted."""
    place = tmp_path.resolve() / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    if subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode:
        yield None
        return
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_that_is_full_in_truth(
    syncs: Syncs, source: Path, small_disk: Path | None, row: SayRow
) -> None:
    """A real file system without room, which then gets some."""
    if small_disk is None:
        row("S7", "tmpfs: no mounting here", tries=0, result="simulated, see above", passes="-")
        return
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(200 << 10))
    url = f"sqlite:{small_disk}/store.db"
    code = syncs.run(tracker(source, url))
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    then = syncs.run(tracker(source, url))
    found = difference(url, logs_in(source))
    row(
        "S7",
        "sqlite: a full tmpfs, then room",
        tries=1,
        result=f"exit {code}, then {then}; {found}",
        passes=f"exit 4, then 0; {EXACT}",
    )
    assert (code, then, found) == (4, 0, NONE)


@pytest.fixture
def store(sqlite_targets: Files, syncs: Syncs, source: Path) -> str:
    """The URL of a SQLite store that has everything."""
    url = sqlite_targets.new()
    assert syncs.run(tracker(source, url)) == 0
    return url


def test_a_store_that_another_program_holds(
    sqlite_targets: Files, syncs: Syncs, source: Path, row: SayRow
) -> None:
    """It is waited for."""
    url = sqlite_targets.new()
    holder = sqlite3.connect(store_of(url), isolation_level=None)
    holder.execute("PRAGMA journal_mode = WAL")
    holder.execute("BEGIN IMMEDIATE")
    process = syncs.start(tracker(source, url))
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(HELD_S)
    holder.execute("ROLLBACK")
    holder.close()
    process.communicate(timeout=30)
    found = difference(url, logs_in(source))
    row(
        "S7",
        f"sqlite: held by another program for {HELD_S:.0f} s",
        tries=1,
        result=f"exit {process.returncode}; {found}",
        passes=f"exit 0; {EXACT}",
    )
    assert (process.returncode, found) == (0, NONE)


def test_a_store_that_is_held_for_ever(
    sqlite_targets: Files, syncs: Syncs, source: Path, row: SayRow
) -> None:
    """The sync gives up in time, and the next one completes it."""
    url = sqlite_targets.new()
    holder = sqlite3.connect(store_of(url), isolation_level=None)
    holder.execute("PRAGMA journal_mode = WAL")
    holder.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    code = syncs.run(tracker(source, url, "--retry-for", "1s"))
    took = time.monotonic() - began
    holder.close()
    then = syncs.run(tracker(source, url))
    found = difference(url, logs_in(source))
    row(
        "S7",
        "sqlite: held for ever, --retry-for 1s",
        tries=1,
        result=f"exit {code} after {took:.0f} s; then {found}",
        passes=f"exit 4 within {LONGEST_S:.0f} s; then {EXACT}",
    )
    assert (code, then, found) == (4, 0, NONE)
    assert took <= LONGEST_S


def test_a_store_that_is_removed_in_the_middle(
    sqlite_targets: Files, syncs: Syncs, source: Path, row: SayRow
) -> None:
    """The logs are whole, so the next sync brings everything into a new one."""
    url = sqlite_targets.new()
    slow = delay_at("write", 0.02, 1, 10_000)
    process = syncs.start(small_batches(source, url), on_path(sqlite_targets.part(url)), slow)
    wait_until(lambda: store_of(url).exists() and store_of(url).stat().st_size > 0, "the store")
    for path in store_of(url).parent.iterdir():
        path.unlink(missing_ok=True)
    process.communicate(timeout=60)
    then = syncs.run(tracker(source, url))
    found = difference(url, logs_in(source))
    row(
        "S7",
        "sqlite: removed in the middle of a sync",
        tries=1,
        result=f"exit {process.returncode}, then {then}; {found}",
        passes=f"then exit 0; {EXACT}",
    )
    assert (then, found) == (0, NONE)
    assert process.returncode in CODES


def test_a_store_of_a_later_version(store: str, syncs: Syncs, source: Path, row: SayRow) -> None:
    """It is left as it is."""
    with sqlite3.connect(store_of(store)) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    before = store_of(store).read_bytes()
    code = syncs.run(tracker(source, store))
    same = store_of(store).read_bytes() == before
    row(
        "S7",
        "sqlite: its schema is of a later version",
        tries=1,
        result=f"exit {code}; {'left as it is' if same else 'CHANGED'}",
        passes="exit 4; left as it is",
    )
    assert (code, same) == (4, True)


def test_a_store_with_flipped_bits_is_made_anew(
    store: str, syncs: Syncs, source: Path, rounds: Callable[[int], int], row: SayRow
) -> None:
    """A sync says so, unless it meets none of them; the logs make an equal store."""
    before, whole = looks_of(source), NONE
    contents, trials = store_of(store).read_bytes(), rounds(4)
    codes: set[int] = set()
    rebuilt: set[int] = set()
    chances = random.Random(7)
    for _ in range(trials):
        damaged = bytearray(contents)
        for place in chances.sample(range(len(damaged)), 50):
            damaged[place] ^= 1 << chances.randrange(8)
        store_of(store).write_bytes(damaged)
        codes.add(syncs.run(tracker(source, store, "--check")))
        rebuilt.add(syncs.run([str(TRACKER), "rebuild", "--force", store, str(source)]))
        whole = whole.plus(difference(store, logs_in(source)))
    row(
        "S7",
        "sqlite: 50 flipped bits in the file; then tracker rebuild",
        tries=trials,
        result=f"exit codes {sorted(codes)}, then {sorted(rebuilt)}; rebuilt: {whole}",
        passes=f"exit 4, or 0 where no flipped bit is met; then 0; {EXACT}",
    )
    assert codes <= CODES
    assert rebuilt == {0}
    assert whole == NONE
    assert looks_of(source) == before
