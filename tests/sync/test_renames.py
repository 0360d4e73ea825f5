"""Runs that are called something else in the target, and how many of them are sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airtape.backends.base import Backend
from airtape.backends.cursor import RunKey
from airtape.backends.memory import MemoryBackend
from airtape.errors import UsageError
from airtape.records import Kind, Record
from airtape.sync.engine import sync, sync_to
from airtape.sync.limit import Limit
from airtape.sync.options import SyncOptions
from airtape.sync.renames import Names, Renames, read_renames
from airtape.sync.report import SyncReport
from tests.held import assert_holds
from tests.logs import config, describe, ended, frames_of, log_row, run_dir_of, write_log

OpenTarget = Callable[[], Backend]
ROWS = [log_row(step, x=step) for step in range(9)]


def renamed(jobs: int = 1, limit: int | None = None, **names: Any) -> SyncOptions:
    """Return options that rename all runs, with hints that count at once."""
    return SyncOptions(
        renames=Renames(Names(**names)), now_ns=lambda: 2**62, jobs=jobs, limit=limit
    )


def run_of(backend: Backend) -> dict[str, Any]:
    """Return what the only run of a target is called there."""
    (held,) = backend.dump()
    return held.cursor.fold().run


def test_a_run_gets_another_id(open_target: OpenTarget, run_dir: Path) -> None:
    """It is that run in the target, it goes on as that run, and the report says so."""
    frames = frames_of(*ROWS, ended())
    log = write_log(run_dir)
    log.write_bytes(b"".join(frames[:5]))
    options = renamed(run_id="better")
    assert sync([run_dir], open_target(), options).runs[0].run_id == "better"
    log.write_bytes(b"".join(frames))
    (run,) = sync([run_dir], open_target(), options).runs
    assert (run.run_id, run.records, run.status) == ("better", len(frames) - 5, "synced")
    assert [key.run_id for key in open_target().runs()] == ["better"]
    assert_holds(open_target(), log)
    assert sync([run_dir], open_target(), options).runs[0].status == "nothing_new"


def test_the_old_name_is_another_run(open_target: OpenTarget, run_dir: Path) -> None:
    """Names of one sync are not taken for those of another, whichever came first."""
    write_log(run_dir, *ROWS, ended())
    every = [renamed(), renamed(run_id="b"), renamed(project="p"), renamed(), renamed(run_id="b")]
    statuses = [sync([run_dir], open_target(), options).runs[0].status for options in every]
    assert statuses == ["synced", "synced", "synced", "nothing_new", "nothing_new"]
    root = open_target().runs()[0].root
    assert open_target().runs() == [
        RunKey("ab12cd34", root),
        RunKey("ab12cd34", root, "", "p"),
        RunKey("b", root),
    ]


def test_files_that_come_late_are_found_under_a_new_id(memory: MemoryBackend, wandb: Path) -> None:
    """A writer whose files stand in two directories is put together again, as the new run."""
    frames = frames_of(*ROWS, ended())
    whole = write_log(run_dir_of(wandb.parent / "whole"))
    whole.write_bytes(b"".join(frames))
    late, early = (write_log(wandb / f"run-2026112{day}_101112-ab12cd34") for day in (1, 2))
    late.write_bytes(b"".join([frames[0], *frames[5:]]))
    early.write_bytes(b"".join(frames[:6]))
    report = sync([wandb], memory, renamed(run_id="better"))
    assert [run.status for run in report.runs] == ["damaged", "synced"]
    assert_holds(memory, whole)


def test_tags_and_job_type_are_replaced(open_target: OpenTarget, run_dir: Path) -> None:
    """Also where the run is described later; all else stays, and each tag stands once."""
    frames = frames_of(
        describe(tags=["draft", "a", "b", "final"], job_type="try", name="n"),
        *ROWS,
        describe(tags=["draft", "c"]),
        describe(notes="done"),
    )
    log = write_log(run_dir)
    log.write_bytes(b"".join(frames[:5]))
    options = renamed(job_type="train", tags={"draft": "final", "a": "b", "b": "a"})
    sync([run_dir], open_target(), options)
    expected = {"job_type": "train", "name": "n"}
    assert run_of(open_target()) == {**expected, "tags": ["final", "b", "a"]}
    log.write_bytes(b"".join(frames))
    sync([run_dir], open_target(), options)
    assert run_of(open_target()) == {**expected, "tags": ["final", "c"], "notes": "done"}


@pytest.mark.parametrize(
    "record",
    [
        Record(1, Kind.CONFIG, 0, ({"tags": ["old"]}, [])),
        Record(1, Kind.RUN, 0, ()),
        Record(1, Kind.RUN, 0, (5,)),
        Record(1, Kind.RUN, 0, ({"tags": "old"},)),
    ],
)
def test_other_records_stay_what_they_are(record: Record) -> None:
    """Whatever they say, and if nobody understands them."""
    assert Names(tags={"old": "new"}).applied(record) is record


def test_tags_that_are_none_stay_what_they_are() -> None:
    """What is no text is not replaced, and does no harm."""
    record = Record(1, Kind.RUN, 0, ({"tags": [["a"], "old", 5]}, "more"))
    applied = Names(tags={"old": "new"}).applied(record)
    assert applied.fields == ({"tags": [["a"], "new", 5]}, "more")


def test_a_run_that_says_nothing_of_itself(memory: MemoryBackend, run_dir: Path) -> None:
    """It gets the job type all the same."""
    write_log(run_dir, config(lr=1), *ROWS)
    sync([run_dir], memory, renamed(job_type="train"))
    assert run_of(memory) == {"job_type": "train"}


def test_names_of_one_run_go_before_those_of_all() -> None:
    """What is said of a run in particular counts, all else is as for the others."""
    renames = Renames(
        Names(project="all", job_type="train", tags={"a": "1", "b": "2"}),
        {"one": Names(run_id="new", project="own", tags={"b": "3"})},
    )
    assert renames.names_of("one") == Names("new", "", "own", "train", {"a": "1", "b": "3"})
    assert renames.names_of("other").project == "all"
    given = renames.given_to("me", "p")
    assert given.renamed(RunKey("one", b"r")) == RunKey("new", b"r", "me", "own")
    assert given.renamed(RunKey("x", b"r")) == RunKey("x", b"r", "me", "all")


def test_a_mapping_file(tmp_path: Path) -> None:
    """It says of each run what it is called."""
    file = tmp_path / "names.json"
    one = {"id": "b", "entity": "me", "project": "p", "job_type": "t", "tags": {"old": "new"}}
    file.write_text(json.dumps({"a": one, "c": {}}))
    assert read_renames(file) == {"a": Names("b", "me", "p", "t", {"old": "new"}), "c": Names()}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("not json", "is no JSON"),
        ("[1]", "is no JSON object"),
        ('{"a": 1}', "is no JSON object"),
        ('{"a": {"name": "b"}}', "'name' cannot be changed"),
        ('{"a": {"id": "b/c"}}', "Run ID cannot contain"),
        ('{"a": {"project": 5}}', "Project name must be text"),
        ('{"a": {"job_type": 5}}', "job_type must be text"),
        ('{"a": {"tags": ["b"]}}', "old and new"),
        ('{"a": {"tags": {"b": ""}}}', "empty"),
    ],
)
def test_a_mapping_file_that_says_something_else(tmp_path: Path, text: str, what: str) -> None:
    """The error names the file and the run."""
    file = tmp_path / "names.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=what) as caught:
        read_renames(file)
    assert caught.value.where is not None
    assert caught.value.where.startswith(str(file))


def test_a_mapping_file_that_is_not_there(tmp_path: Path) -> None:
    """The error says why it cannot be read."""
    with pytest.raises(UsageError, match="No such file"):
        read_renames(tmp_path / "names.json")


def statuses(report: SyncReport) -> list[str]:
    """Return the status of each run."""
    return [run.status for run in report.runs]


@pytest.mark.parametrize("jobs", [1, 3])
def test_no_more_than_so_many_runs_are_sent(
    open_target: OpenTarget, wandb: Path, jobs: int
) -> None:
    """Those that fail or have nothing new do not count, so that in the end all are sent."""
    logs = []
    for number in range(8):
        run_dir = run_dir_of(wandb, f"run{number:05}")
        writer = bytes([number + 1] * 16)
        logs.append(write_log(run_dir, *ROWS, run_id=f"run{number:05}", writer=writer))
    logs[0].write_text("just some text")
    options = renamed(jobs, limit=3)
    counts = []
    for _ in range(4):
        said = statuses(sync_to([wandb], open_target, options))
        counts.append([said.count(word) for word in ("failed", "synced", "nothing_new")])
        assert len(said) == 8
    assert [synced for _, synced, _ in counts] == [3, 3, 1, 0]
    assert counts[-1] == [1, 0, 7]
    assert_holds(open_target(), *logs[1:])


def test_a_permit_that_is_given_back_is_given_again() -> None:
    """Who comes while others still try waits for what becomes of them."""
    limit = Limit(1)
    waits, granted = threading.Event(), []

    def wait_for_it() -> None:
        waits.set()
        with limit.permit() as permit:
            granted.append(permit is not None)

    with limit.permit() as first:
        assert first is not None
        other = threading.Thread(target=wait_for_it, daemon=True)
        other.start()
        assert waits.wait(5)
    other.join(5)
    assert granted == [True]
