"""S1, S7: a sync that is killed or refused in the middle of files that come together."""

from __future__ import annotations

import errno
import random
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from airtape.records import Kind
from tests.ended import wait_until
from tests.faults.table import SayRow
from tests.logs import ended, log_row, run_dir_of, write_log
from tests.postgres_server import NewDatabase, PostgresServer
from tests.shim.build import Kinds, count_in, errno_from, kill_at, on_path
from tests.shim.watch import read_counts
from tests.sync_faults.conftest import looks_of, make_read_only
from tests.sync_faults.keeping import Folders, Keeping, Stores, missing_in
from tests.sync_faults.syncs import HANGS_AFTER_S, Syncs, tracker
from tests.sync_faults.test_kills import AT_ONCE, spread

pytestmark = [pytest.mark.sync_faults, pytest.mark.timeout(300)]

SMALL = 40
LARGE = [(1 << 20) + 1, 5 << 19, 3 << 20]
"""Bytes of files that come in more than one part."""
WHOLE = "each file is there whole, nothing is left beside"


@pytest.fixture(params=["sqlite", "jsonl"])
def folders(request: pytest.FixtureRequest, tmp_path: Path) -> Folders:
    """Targets that keep the content of files in a folder."""
    return Folders(request.param, tmp_path.resolve() / "targets")


@pytest.fixture
def stores(postgres_server: PostgresServer, new_database: NewDatabase) -> Iterator[Stores]:
    """Targets that keep it in a database of a server, which a test may stop."""
    stores = Stores(new_database, postgres_server)
    yield stores
    stores.relay.close()
    postgres_server.start_if_gone()


@pytest.fixture(params=["sqlite", "jsonl", pytest.param("postgres", marks=pytest.mark.postgres)])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Keeping:
    """Targets of each kind that keeps the content of files."""
    if request.param == "postgres":
        stores: Stores = request.getfixturevalue("stores")
        return stores
    return Folders(request.param, tmp_path.resolve() / "targets")


@pytest.fixture
def contents() -> dict[str, bytes]:
    """What is in the files of the run, by their paths: some large ones among many small ones."""
    small = {f"f{number}": f"content {number}\n".encode() * 50 for number in range(SMALL)}
    chances = random.Random(20261130)
    return small | {f"f1{size}": chances.randbytes(size) for size in LARGE}


@pytest.fixture
def saved(wandb: Path, contents: dict[str, bytes]) -> Path:
    """A run with these files; nobody may write there."""
    said = [
        {"path": path, "size": len(data), "sha256": sha256(data).hexdigest(), "type": "saved"}
        for path, data in contents.items()
    ]
    run_dir = run_dir_of(wandb)
    write_log(run_dir, log_row(0, a=1), (Kind.FILES, [said]), ended())
    (run_dir / "files").mkdir()
    for path, data in contents.items():
        (run_dir / "files" / path).write_bytes(data)
    make_read_only(wandb)
    return wandb


def test_files_that_come_together_survive_kills(
    places: Keeping,
    syncs: Syncs,
    saved: Path,
    contents: dict[str, bytes],
    tmp_path: Path,
    rounds: Callable[[int], int],
    row: SayRow,
) -> None:
    """Before any call that changes something: no name ever stands for half a content."""
    before = looks_of(saved)

    def run(url: str, *kill: int) -> int:
        settings = [on_path(places.part(url)), *map(kill_at, kill)]
        return syncs.run(tracker(saved, url), *settings)

    def trial(number: int) -> tuple[int, int, int]:
        url = places.new()
        codes = [run(url, number), run(url, 1 + number // 4)]
        assert set(codes) <= {-signal.SIGKILL, 0}, codes
        found = places.held(url)
        assert run(url) == 0
        assert places.held(url) == len(contents) >= found
        left = places.left(url)
        return codes.count(-signal.SIGKILL), missing_in(url, contents), left

    url, counts = places.new(), tmp_path / "counts"
    assert syncs.run(tracker(saved, url), on_path(places.part(url)), count_in(counts)) == 0
    total = read_counts(counts).total
    chosen = spread(total, rounds(24))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = list(pool.map(trial, chosen))
    kills, missing, left = (sum(counts) for counts in zip(*done, strict=True))
    row(
        "S1",
        f"{places.kind}: kill -9 before one of {total} calls that change it, with "
        f"{len(contents)} files",
        tries=len(chosen),
        result=f"{kills} kills, {missing} files missing or wrong, {left} left beside",
        passes=WHOLE,
    )
    assert kills >= len(chosen)
    assert (missing, left) == (0, 0)
    assert looks_of(saved) == before


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("write", errno.ENOSPC),
        ("fsync", errno.EIO),
        ("fsync", errno.ENOSPC),
        ("rename", errno.ENOSPC),
        ("mkdir", errno.ENOSPC),
        ("open", errno.EMFILE),
    ],
    ids=lambda one: errno.errorcode[one] if isinstance(one, int) else one,
)
def test_files_that_the_disk_refuses_come_later(
    folders: Folders,
    syncs: Syncs,
    saved: Path,
    contents: dict[str, bytes],
    rounds: Callable[[int], int],
    row: SayRow,
    kind: Kinds,
    error: int,
) -> None:
    """From some call on, then no more: what arrived is whole, the next sync completes it."""
    trials, codes, missing, left = rounds(2), set(), 0, 0
    for number in range(trials):
        url = folders.new()
        refusing = errno_from(kind, error, 4 + 11 * number)
        codes.add(syncs.run(tracker(saved, url), on_path(folders.part(url)), refusing))
        folders.held(url)
        assert syncs.run(tracker(saved, url)) == 0
        missing += missing_in(url, contents)
        left += folders.left(url)
    row(
        "S7",
        f"{folders.kind}: {errno.errorcode[error]} at every {kind} from the n-th on, "
        f"{len(contents)} files",
        tries=trials,
        result=f"exit codes {sorted(codes)}; {missing} missing or wrong, {left} left beside",
        passes=f"exit 4, or 0 where it does not matter; then {WHOLE}",
    )
    assert codes <= {0, 4}
    assert (missing, left) == (0, 0)


@pytest.mark.postgres
def test_files_that_come_together_survive_the_end_of_the_server(
    stores: Stores,
    syncs: Syncs,
    saved: Path,
    contents: dict[str, bytes],
    rounds: Callable[[int], int],
    row: SayRow,
) -> None:
    """At any piece of what it is sent: the sync goes on when it is back, and lacks nothing."""
    relay, server, chances = stores.relay, stores.server, random.Random(20261130)
    assert syncs.run(tracker(saved, stores.new())) == 0
    trials, pieces, codes, stops, missing, left = rounds(4), relay.pieces, set(), 0, 0, 0
    for _ in range(trials):
        url, nth, answered = stores.new(), chances.randint(1, pieces), chances.random() < 0.5
        stopped = relay.trap(server.stop, nth=nth, answered=answered)
        process = syncs.start(tracker(saved, url))
        wait_until(lambda: stopped.is_set() or process.poll() is not None, "the server's end")  # noqa: B023 - called at once, before either changes
        if stopped.is_set():
            server.start()
        output, _ = process.communicate(timeout=HANGS_AFTER_S)
        assert "Traceback" not in output, output
        stops += stopped.is_set()
        codes.add(process.returncode)
        stores.held(url)
        codes.add(syncs.run(tracker(saved, url)))
        assert stores.held(url) == len(contents)
        left += stores.left(url)
        missing += missing_in(url, contents)
    row(
        "S7",
        f"postgres: the server stopped at one of {pieces} things said to it, then it is back, "
        f"{len(contents)} files",
        tries=trials,
        result=f"{stops} stopped, exit codes {sorted(codes)}; {missing} missing or wrong, "
        f"{stores.broken} pieces of broken uploads, {left} left after compacting",
        passes=f"exit 0; {WHOLE}",
    )
    assert (codes, missing, left) == ({0}, 0, 0)
    assert stops
