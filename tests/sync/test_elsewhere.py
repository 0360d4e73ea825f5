"""A log that goes on in a second directory: what it names may stand in the first one."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from airtape.backends.memory import MemoryBackend
from airtape.large_values import store_large
from airtape.sync.engine import sync, sync_to
from airtape.sync.glance import SETTLED_NS
from airtape.sync.options import SyncOptions
from airtape.sync.report import ExitCode, SyncReport
from tests.logs import ended, frames_of, header, log_row, run_dir_of, write_log
from tests.sync.runs import files_said
from tests.sync.test_file_contents import held, put

LATE = b"what was said of last"
OTHER_RUN = b"o" * 16


def cut_off(wandb: Path, *, first: str = "a", second: str = "b") -> tuple[Path, Path]:
    """Return the directories of a run whose disk refused its last records."""
    before, behind = (run_dir_of(wandb / folder) for folder in (first, second))
    reference = store_large(_made(before / "blobs"), ["a large value"])
    write_log(before, log_row(0, x=1), files_said(early=b"early"))
    put(before, early=b"early", late=LATE)
    said = [log_row(1, x=reference), files_said(late=LATE), ended()]
    write_log(behind, *said, first_seq=3, continues="run-ab12cd34.txlog")
    return before, behind


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def lacking(report: SyncReport) -> list[str]:
    """Return the paths of what is missing."""
    return [path for run in report.runs for path in (*run.files.missing, *run.large.missing)]


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(("first", "second"), [("a", "b"), ("b", "a")])
def test_what_stands_in_another_directory_of_the_log_is_sent(
    wandb: Path, memory: MemoryBackend, first: str, second: str, jobs: int
) -> None:
    """Files and large values, in whatever order the directories come; nothing is missing."""
    both = cut_off(wandb, first=first, second=second)
    report = sync_to(both, lambda: memory, SyncOptions(jobs=jobs))
    assert (report.exit_code, lacking(report)) == (ExitCode.OK, [])
    assert held(memory, LATE)


def test_a_directory_that_was_not_named_is_not_looked_into(
    wandb: Path, memory: MemoryBackend
) -> None:
    """The content is missing until the sync is given the place where it stands."""
    before, behind = cut_off(wandb)
    report = sync([behind], memory)
    assert (report.exit_code, len(lacking(report))) == (ExitCode.INCOMPLETE, 2)
    assert sync([before, behind], memory).exit_code == ExitCode.OK


def test_a_directory_that_needs_no_look_has_it_all_the_same(
    wandb: Path, memory: MemoryBackend
) -> None:
    """What it is remembered by tells whose logs stand there."""
    before, behind = cut_off(wandb)
    later = SyncOptions(now_ns=lambda: time.time_ns() + 2 * SETTLED_NS)
    sync([behind, before], memory, later)
    sync([behind, before], memory, later)
    memory._store.contents.clear()  # noqa: SLF001 - no target lets go of contents that are named: as if somebody had removed them
    (behind / "a note").write_text("The directory has changed.")
    report = sync([behind, before], memory)
    assert (report.exit_code, report.runs[0].files.named) == (ExitCode.OK, 0)
    assert report.runs[1].files.sent == 2


@pytest.mark.parametrize("there", [LATE[::-1], LATE[1:], None])
def test_only_what_was_recorded_is_taken_from_elsewhere(
    wandb: Path, memory: MemoryBackend, there: bytes | None
) -> None:
    """Another file of that name is not, nor one of another run; what is said is of the own one."""
    before, behind = cut_off(wandb)
    (before / "files/late").unlink()
    if there is not None:
        put(before, late=there)
    stranger = run_dir_of(wandb, "other")
    write_log(stranger, ended(), run_id="other", writer=OTHER_RUN)
    put(stranger, late=LATE)
    report = sync([before, behind, stranger], memory)
    assert [*report.runs[1].files.missing.items()] == [("late", "No such file or directory")]
    assert not held(memory, LATE)


def test_a_log_that_is_none_hides_nothing(wandb: Path, memory: MemoryBackend) -> None:
    """Nor does one of which nothing is written yet."""
    before, behind = cut_off(wandb)
    run_dir_of(wandb, "foreign").mkdir()
    (run_dir_of(wandb, "foreign") / "run-foreign.txlog").write_text("just some text")
    run_dir_of(wandb, "new").mkdir()
    (run_dir_of(wandb, "new") / "run-new.txlog").write_bytes(frames_of(of=header())[0][:9])
    report = sync([wandb, before, behind], memory)
    assert sum(len(run.problems) for run in report.runs) == 1
    assert (lacking(report), held(memory, LATE)) == ([], True)
