"""Content that is gone and that somebody has accepted as lost: no sync waits for it any more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from airtape.backends.base import Backend
from airtape.backends.memory import MemoryBackend
from airtape.large_values import store_large
from airtape.named_logs import find_logs
from airtape.query.amendments import write_amendment, write_amendment_aside
from airtape.query.kept import Amendment
from airtape.records import Kind
from airtape.sync.compare import compare
from airtape.sync.engine import sync
from airtape.sync.options import SyncOptions
from airtape.sync.report import ExitCode
from airtape.verify import verify
from airtape.writers import read_writers
from tests.logs import ended, log_row, write_log
from tests.sync.runs import files_said
from tests.sync.test_file_contents import MODEL, digest, held, put

OpenTarget = Callable[[], Backend]
LOST = Amendment({}, {}, {}, lost=[("files/model", *digest(MODEL))])


@pytest.fixture
def a_run(run_dir: Path) -> Path:
    """The directory of a run that has ended, of whose files one is gone."""
    write_log(run_dir, log_row(0, a=1), files_said(model=MODEL, note=b"n"), ended())
    put(run_dir, note=b"n")
    return run_dir


def accept(run_dir: Path, lost: Amendment = LOST) -> None:
    """Write down that a content is lost."""
    write_amendment(run_dir, read_writers(run_dir, []), lost)


def test_a_loss_that_is_accepted_is_no_failure(a_run: Path, open_target: OpenTarget) -> None:
    """The report names it all the same, each time; with `strict` it counts."""
    assert sync([a_run], open_target()).exit_code == ExitCode.INCOMPLETE
    accept(a_run)
    for _ in range(2):
        report = sync([a_run], open_target())
        assert (report.exit_code, report.runs[0].accepted) == (ExitCode.OK, ["files/model"])
        assert not report.runs[0].lacks_content
        assert report.runs[0].to_json()["files"]["accepted"] == [
            {"path": "model", "reason": "No such file or directory"}
        ]
    strict = SyncOptions(strict=True)
    assert sync([a_run], open_target(), strict).exit_code == ExitCode.INCOMPLETE


def test_only_what_was_accepted_is(a_run: Path, memory: MemoryBackend) -> None:
    """The loss of another content of the same name is one to be told."""
    accept(a_run)
    (a_run / "files/note").unlink()
    (run,) = sync([a_run], memory).runs
    assert ([*run.files.accepted], [*run.files.missing]) == (["model"], ["note"])
    assert sync([a_run], memory, SyncOptions(dry_run=True)).runs[0].status == "pending"
    newer = files_said(model=b"newer")
    write_log(a_run, newer, ended(), name="run-2.txlog", writer=b"2".ljust(16), start_step=9)
    (run,) = sync([a_run], memory).runs
    assert (run.files.accepted, [*run.files.missing]) == ({}, ["model", "note"])


def test_what_comes_back_is_sent(a_run: Path, open_target: OpenTarget) -> None:
    """As if nothing had been said; a dry run says that it would be."""
    accept(a_run)
    sync([a_run], open_target())
    dry = SyncOptions(dry_run=True)
    assert sync([a_run], open_target(), dry).runs[0].status == "nothing_new"
    put(a_run, model=MODEL)
    assert sync([a_run], open_target(), dry).runs[0].status == "pending"
    report = sync([a_run], open_target(), SyncOptions(strict=True))
    assert (report.exit_code, report.runs[0].files.sent) == (ExitCode.OK, 1)
    assert held(open_target(), MODEL)


@pytest.mark.parametrize("again", [False, True])
def test_a_change_in_a_directory_of_its_own_counts(
    again: bool,  # noqa: FBT001 - a parameter of the test
    a_run: Path,
    tmp_path: Path,
    open_target: OpenTarget,
) -> None:
    """When it comes in the same sync, and when it has come before."""
    aside = write_amendment_aside(a_run, read_writers(a_run, []), LOST, tmp_path / "edits")
    paths = [a_run, aside]
    if again:
        assert sync(paths, open_target()).exit_code == ExitCode.OK
        paths = [a_run]
    report = sync(paths, open_target())
    accepted = {run.path: run.accepted for run in report.runs}
    assert (report.exit_code, accepted[a_run]) == (ExitCode.OK, ["files/model"])


def test_a_change_of_another_run_says_nothing(
    a_run: Path, wandb: Path, memory: MemoryBackend
) -> None:
    """Also of one that has the same file."""
    assert a_run.parent == wandb
    other = wandb / "run-20261120_101113-other"
    write_log(other, files_said(model=MODEL), ended(), run_id="other", writer=b"o".ljust(16))
    accept(other)
    broken = wandb / "run-20261120_101113-broken"
    broken.mkdir()
    (broken / "run-x.txlog").write_bytes(b"x" * 100)
    report = sync([wandb], memory)
    assert report.exit_code == ExitCode.INCOMPLETE
    accepted = {run.run_id: run.accepted for run in report.runs}
    assert (accepted["ab12cd34"], accepted["other"]) == ([], ["files/model"])


def test_a_comparison_takes_it_for_equal(a_run: Path, open_target: OpenTarget) -> None:
    """And says how many there are."""
    sync([a_run], open_target())
    assert [one.verdict for one in compare([a_run], open_target())] == ["behind"]
    accept(a_run)
    sync([a_run], open_target())
    (comparison,) = compare([a_run], open_target())
    assert (comparison.verdict, comparison.told) == ("equal", ["1 files are accepted as lost"])


def test_large_values_may_be_lost_too(run_dir: Path, tmp_path: Path, memory: MemoryBackend) -> None:
    """Then the log is taken for whole as well, wherever that was said."""
    reference = store_large(tmp_path, ["x", *range(1000)])
    digest_of_it = str(reference["sha256"])
    write_log(run_dir, log_row(0, text=reference), ended())
    lost = Amendment({}, {}, {}, lost=[(f"blobs/{digest_of_it}", 1, digest_of_it)])
    assert sync([run_dir], memory).exit_code == ExitCode.INCOMPLETE
    assert not all(run.is_whole for run in verify(find_logs([run_dir]).logs))
    aside = write_amendment_aside(run_dir, read_writers(run_dir, []), lost, tmp_path / "edits")
    report = sync([run_dir, aside], memory)
    accepted = {run.path: [*run.large.accepted] for run in report.runs}
    assert (report.exit_code, accepted[run_dir]) == (ExitCode.OK, [digest_of_it])
    assert all(run.is_whole for run in verify(find_logs([run_dir, aside]).logs))
    assert next(compare([run_dir, aside], memory)).verdict == "equal"


def test_a_record_that_says_nothing_accepts_nothing(a_run: Path, memory: MemoryBackend) -> None:
    """Nor one of whoever recorded the run."""
    said = (Kind.LOST_CONTENT, [[list(LOST.lost[0])]])
    write_log(
        a_run,
        said,
        (Kind.LOST_CONTENT, [["x"]]),
        ended(),
        name="run-2.txlog",
        writer=b"2".ljust(16),
    )
    assert sync([a_run], memory).exit_code == ExitCode.INCOMPLETE
    assert all(run.is_whole for run in verify(find_logs([a_run]).logs))
