"""S1, S7: a sync that is killed or refused in the middle of files that come together."""

from __future__ import annotations

import errno
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from airtape.backends.contents import KeepsFiles
from airtape.backends.registry import open_backend
from airtape.file_copy import Digest
from airtape.records import Kind
from tests.faults.table import SayRow
from tests.logs import ended, log_row, run_dir_of, write_log
from tests.shim.build import Kinds, count_in, errno_from, kill_at, on_path
from tests.shim.watch import read_counts
from tests.sync_faults.conftest import looks_of, make_read_only
from tests.sync_faults.syncs import Syncs, tracker
from tests.sync_faults.targets import Files, store_of
from tests.sync_faults.test_kills import AT_ONCE, spread

pytestmark = [pytest.mark.sync_faults, pytest.mark.timeout(300)]

FILES = 40
WHOLE = "each file is there whole, nothing is left beside"


@pytest.fixture(params=["sqlite", "jsonl"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    """Targets that keep the content of files in a folder."""
    return Files(request.param, tmp_path.resolve() / "targets")


@pytest.fixture
def contents() -> dict[str, bytes]:
    """What is in the files of the run, by their paths."""
    return {f"f{number}": f"content {number}\n".encode() * 50 for number in range(FILES)}


@pytest.fixture
def saved(wandb: Path, contents: dict[str, bytes]) -> Path:
    """A run with many small files; nobody may write there."""
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


def held_in(url: str) -> list[Path]:
    """Return the contents that a target has; whoever is not what its name says is none."""
    held = [path for path in store_of(url).parent.rglob("??/*") if len(path.name) == 64]
    for path in held:
        assert sha256(path.read_bytes()).hexdigest() == path.name
    return held


def left_in(url: str) -> list[Path]:
    """Return what was written aside and is still there."""
    return [*store_of(url).parent.rglob(".new/*")]


def missing_in(url: str, contents: dict[str, bytes]) -> int:
    """Return how many files of the run a target lacks, or has otherwise."""
    missing = 0
    with closing(open_backend(url)) as backend:
        assert isinstance(backend, KeepsFiles)
        for data in contents.values():
            file = Digest(len(data), sha256(data).hexdigest())
            is_there = not backend.missing_files([file])
            missing += not (is_there and b"".join(backend.read_file(file)) == data)
    return missing


def test_files_that_come_together_survive_kills(
    places: Files,
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
        found = len(held_in(url))
        assert run(url) == 0
        assert len(held_in(url)) == FILES >= found
        return codes.count(-signal.SIGKILL), missing_in(url, contents), len(left_in(url))

    url, counts = places.new(), tmp_path / "counts"
    assert syncs.run(tracker(saved, url), on_path(places.part(url)), count_in(counts)) == 0
    total = read_counts(counts).total
    chosen = spread(total, rounds(24))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = list(pool.map(trial, chosen))
    kills, missing, left = (sum(counts) for counts in zip(*done, strict=True))
    row(
        "S1",
        f"{places.kind}: kill -9 before one of {total} calls that change it, with {FILES} files",
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
    places: Files,
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
        url = places.new()
        refusing = errno_from(kind, error, 4 + 11 * number)
        codes.add(syncs.run(tracker(saved, url), on_path(places.part(url)), refusing))
        held_in(url)
        assert syncs.run(tracker(saved, url)) == 0
        missing += missing_in(url, contents)
        left += len(left_in(url))
    row(
        "S7",
        f"{places.kind}: {errno.errorcode[error]} at every {kind} from the n-th on, {FILES} files",
        tries=trials,
        result=f"exit codes {sorted(codes)}; {missing} missing or wrong, {left} left beside",
        passes=f"exit 4, or 0 where it does not matter; then {WHOLE}",
    )
    assert codes <= {0, 4}
    assert (missing, left) == (0, 0)
