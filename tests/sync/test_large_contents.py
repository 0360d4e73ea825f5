"""Values too large for a record: how what they are arrives in a target, and what is said of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgpack
import pytest

from airtape.backends.base import Backend
from airtape.backends.contents import KeepsFiles
from airtape.backends.cursor import pack_state, unpack_state
from airtape.backends.memory import MemoryBackend
from airtape.backends.registry import open_backend
from airtape.file_copy import Digest
from airtape.fold.fold import fold_log
from airtape.large_values import store_large, unpack_large
from airtape.receipts.taking import take_receipt
from airtape.records import Kind, Plain
from airtape.run_search import find_run_dirs
from airtape.sync.compare import compare
from airtape.sync.engine import sync
from airtape.sync.file_contents import MOST_TOLD
from airtape.sync.glance import SETTLED_NS
from airtape.sync.options import SyncOptions
from airtape.sync.rebuild import rebuild
from airtape.sync.report import ExitCode, RunReport, SyncReport
from tests.logs import config, ended, log_row, run_dir_of, summary, write_log

OpenTarget = Callable[[], Backend]
LONG: Plain = ["a long value", *range(1000)]


def kept(run_dir: Path, value: Plain) -> dict[str, Plain]:
    """Keep a value beside the log, and return the reference to it."""
    (run_dir / "blobs").mkdir(parents=True, exist_ok=True)
    return store_large(run_dir / "blobs", value)


def blob_of(run_dir: Path, reference: dict[str, Plain]) -> Path:
    """Return the file of a value."""
    return run_dir / "blobs" / str(reference["sha256"])


def value_in(backend: Backend, reference: dict[str, Any]) -> Plain:
    """Return a value as a target has it; None if it has not."""
    assert isinstance(backend, KeepsFiles)
    file = Digest(reference["size"], reference["sha256"])
    if backend.missing_files([file]):
        return None
    return unpack_large(b"".join(backend.read_file(file)), file.sha256, where="the target")


def report_of(run_dir: Path, backend: Backend, **options: Any) -> tuple[SyncReport, RunReport]:
    """Sync a directory, and return what became of all and of it."""
    report = sync([run_dir], backend, SyncOptions(**options))
    return report, report.runs[0]


@pytest.fixture
def reference(run_dir: Path) -> dict[str, Plain]:
    """What the records of a run have in place of a value; the run has ended."""
    reference = kept(run_dir, LONG)
    write_log(run_dir, log_row(0, a=1, b={"c": reference}), ended())
    return reference


def test_a_large_value_arrives(
    run_dir: Path, reference: dict[str, Plain], open_target: OpenTarget
) -> None:
    """Once, as it was; the report counts it, and a second sync has nothing to do."""
    later = time.time_ns() + 2 * SETTLED_NS
    report, run = report_of(run_dir, open_target(), now_ns=lambda: later)
    assert report.exit_code == ExitCode.OK
    assert run.to_json()["large_values"] == {
        "named": 1,
        "held": 1,
        "sent": 1,
        "bytes": reference["size"],
        "missing": [],
        "accepted": [],
    }
    assert value_in(open_target(), reference) == LONG
    # Where nothing has changed, it need not even be looked at.
    assert report_of(run_dir, open_target())[1].large.named == 0
    _, again = report_of(run_dir, open_target(), check=True)
    assert (again.status, again.large.held, again.large.sent) == ("nothing_new", 1, 0)


def test_wherever_it_was_said(run_dir: Path, memory: MemoryBackend) -> None:
    """In a row, config or summary, and in records of kinds that only a later version knows."""
    values: list[Plain] = [[number] * 99 for number in range(4)]
    references = [kept(run_dir, value) for value in values]
    row, inside, last, unknown = references
    other = (99, [{"x": [["y", unknown]]}])
    said = config([], a={"b": inside}), summary(c=last), other
    write_log(run_dir, log_row(0, x=row), *said, ended())
    assert report_of(run_dir, memory)[1].large.sent == 4
    assert [value_in(memory, one) for one in references] == values


@pytest.mark.parametrize("spoil", ["removed", "changed", "longer", "link"])
def test_what_is_missing_or_damaged_is_said_and_sent_later(
    spoil: str, run_dir: Path, reference: dict[str, Plain], open_target: OpenTarget
) -> None:
    """Each sync says it and ends with 3, until the file is there as it was; no other is sent."""
    blob = blob_of(run_dir, reference)
    data = blob.read_bytes()
    blob.unlink()
    if spoil == "link":
        (run_dir.parent / "outside").write_bytes(data)
        blob.symlink_to(run_dir.parent / "outside")
    elif spoil != "removed":
        blob.write_bytes(data[::-1] if spoil == "changed" else data + b"x")
    for _ in range(2):
        report, run = report_of(run_dir, open_target())
        assert (report.exit_code, run.lacks_content) == (ExitCode.INCOMPLETE, True)
        assert (run.large.held, [*run.large.missing]) == (0, [reference["sha256"]])
        (sentence,) = run.large.told()
        assert sentence.startswith(f"blobs/{reference['sha256']} is missing in the target: ")
    assert value_in(open_target(), reference) is None
    blob.unlink(missing_ok=True)
    blob.write_bytes(data)
    report, run = report_of(run_dir, open_target())
    assert (report.exit_code, run.status) == (ExitCode.OK, "synced")
    assert value_in(open_target(), reference) == LONG


def test_what_earlier_syncs_read_is_not_forgotten(run_dir: Path, open_target: OpenTarget) -> None:
    """A value of a record that came long ago is sent when its file comes."""
    first, second = kept(run_dir, LONG), kept(run_dir, "x" * 999)
    away = blob_of(run_dir, first).rename(run_dir.parent / "away")
    write_log(run_dir, log_row(0, a=first))
    assert report_of(run_dir, open_target())[0].exit_code == ExitCode.OK
    write_log(run_dir, log_row(0, a=first), log_row(1, a=second), ended())
    assert [*report_of(run_dir, open_target())[1].large.missing] == [first["sha256"]]
    away.rename(blob_of(run_dir, first))
    report, run = report_of(run_dir, open_target())
    assert (report.exit_code, run.large.held, run.large.sent) == (ExitCode.OK, 2, 1)
    assert value_in(open_target(), first) == LONG


def test_values_of_two_runs_that_are_the_same_arrive_once(
    wandb: Path, memory: MemoryBackend
) -> None:
    """They have one digest."""
    for run_id in ("one", "two"):
        run_dir = run_dir_of(wandb, run_id)
        reference = kept(run_dir, LONG)
        writer = run_id.encode().ljust(16)
        write_log(run_dir, log_row(0, a=reference), ended(), run_id=run_id, writer=writer)
    report = sync(sorted(wandb.iterdir()), memory)
    assert [(run.large.held, run.large.sent) for run in report.runs] == [(1, 1), (1, 0)]


def test_what_another_directory_has_is_not_asked_of_this_one(
    wandb: Path, memory: MemoryBackend
) -> None:
    """Where a run goes on it repeats what it goes on from; the large values are there."""
    reference = kept(run_dir_of(wandb), LONG)
    write_log(run_dir_of(wandb), log_row(0, a=reference), ended())
    resumed = run_dir_of(wandb, stamp="20261121_000000")
    inherited = (Kind.INHERITED, [[[["a"], reference]], []])
    write_log(resumed, inherited, ended(), writer=b"2" * 16, root=bytes(range(16)))
    report = sync([resumed], memory)
    assert (report.exit_code, report.runs[0].large.named) == (ExitCode.OK, 0)


def test_what_is_no_reference_is_a_value(run_dir: Path, memory: MemoryBackend) -> None:
    """As a user may log it, or another program."""
    fake = {"_type": "airtape/large", "sha256": "../../secret", "size": 1}
    write_log(run_dir, log_row(0, a=fake, b={**fake, "sha256": "ab" * 32, "size": "1"}), ended())
    report, run = report_of(run_dir, memory)
    assert (report.exit_code, run.large.named) == (ExitCode.OK, 0)


def test_sent_anew_it_is_there_still(
    run_dir: Path, reference: dict[str, Plain], open_target: OpenTarget
) -> None:
    """A run that takes its own place names its large values again."""
    report_of(run_dir, open_target())
    _, run = report_of(run_dir, open_target(), again=True)
    assert (run.large.held, run.large.sent) == (1, 0)
    assert value_in(open_target(), reference) == LONG


def test_a_dry_run_says_that_a_value_is_left(
    run_dir: Path, reference: dict[str, Plain], memory: MemoryBackend
) -> None:
    """And sends none."""
    blob = blob_of(run_dir, reference)
    away = blob.rename(run_dir.parent / "away")
    report_of(run_dir, memory)
    away.rename(blob)
    _, run = report_of(run_dir, memory, dry_run=True)
    assert (run.status, run.large.named, run.large.held) == ("pending", 1, 0)
    assert value_in(memory, reference) is None


def test_many_missing_values_are_counted(run_dir: Path, memory: MemoryBackend) -> None:
    """The first of them are named."""
    rows = [log_row(step, a=kept(run_dir, ["x", step])) for step in range(25)]
    write_log(run_dir, *rows, ended())
    for blob in (run_dir / "blobs").iterdir():
        blob.unlink()
    told = list(report_of(run_dir, memory)[1].large.told())
    assert len(told) == MOST_TOLD + 1
    assert told[-1] == "and 5 more large values"


def synced_without(
    run_dir: Path, reference: dict[str, Plain], open_target: OpenTarget
) -> tuple[Path, Path]:
    """Sync a run while its large value is away; return where it belongs, and where it is."""
    blob = blob_of(run_dir, reference)
    away = blob.rename(run_dir.parent / "away")
    report_of(run_dir, open_target())
    return blob, away


def test_a_receipt_names_the_large_values_that_are_held(
    run_dir: Path, reference: dict[str, Plain], open_target: OpenTarget
) -> None:
    """And none that is not."""
    blob, away = synced_without(run_dir, reference, open_target)
    for whole in (False, True):
        receipt = take_receipt(open_target(), name="lab", target="lab", now_ns=0)
        (files,) = receipt.files.values()
        sha256 = str(reference["sha256"])
        assert files == ({(f"blobs/{sha256}", sha256)} if whole else set())
        if not whole:
            away.rename(blob)
            report_of(run_dir, open_target())


def test_comparing_finds_a_large_value_that_is_missing(
    run_dir: Path, reference: dict[str, Plain], open_target: OpenTarget
) -> None:
    """The target is behind the logs, though it has all of their records."""
    blob, away = synced_without(run_dir, reference, open_target)
    (found,) = compare([run_dir], open_target())
    assert (found.verdict, found.missing) == ("behind", 0)
    assert found.told == [f"it lacks the content of 1 large values: {reference['sha256']}"]
    away.rename(blob)
    report_of(run_dir, open_target())
    assert [found.verdict for found in compare([run_dir], open_target())] == ["equal"]


def test_a_target_that_is_made_anew_has_it(
    wandb: Path, run_dir: Path, reference: dict[str, Plain], target: str
) -> None:
    """From the run directory, or where that has lost it, from what the target had."""
    with closing(open_backend(target)) as backend:
        report_of(run_dir, backend)
    for _ in range(2):
        rebuilt = rebuild(find_run_dirs([wandb]), target, SyncOptions())
        assert rebuilt.swapped
        with closing(open_backend(target)) as backend:
            assert value_in(backend, reference) == LONG
        blob_of(run_dir, reference).unlink(missing_ok=True)


def test_what_a_target_keeps_of_a_writer_names_its_large_values() -> None:
    """Where that was kept by an airtape that did not note them, there is none."""
    fold, large = fold_log([]), {Digest(7, "ab" * 32), Digest(3, "cd" * 32)}
    assert unpack_state(pack_state(fold, [], large), None).large == large
    earlier = msgpack.packb([fold.state(), []])
    assert pack_state(fold, []) == earlier
    assert unpack_state(earlier, None).large == frozenset()
