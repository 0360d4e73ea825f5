from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from airtape.large_values import store_large
from airtape.records import Kind
from airtape.version import __version__
from tests import logs
from tests.cli.conftest import MakeRun, Tracker
from tests.damaged import contents_of, write_damaged

ROWS = [logs.log_row(step, loss=1 / (step + 1)) for step in range(6)]


def _damaged(wandb: Path, *said: logs.Said, tail: bytes = b"") -> tuple[Path, list[int]]:
    """Write a run whose record 4 is damaged, and return where its frames start."""
    path = logs.run_dir_of(wandb) / "run-ab12cd34.txlog"
    return path.parent, write_damaged(path, *(said or ROWS), flipped=[4], tail=tail)


def test_whole_runs_are_whole(tracker: Tracker, make_run: MakeRun) -> None:
    """Each log is listed with its records, and the exit code is 0."""
    first, second = make_run("aaaa1111"), make_run("bbbb2222")
    assert tracker("verify").stdout == (
        f"Whole: wandb/{first.name}\n  run-aaaa1111.txlog: 6 records (0-5)\n"
        f"Whole: wandb/{second.name}\n  run-bbbb2222.txlog: 6 records (0-5)\n"
        "2 runs, 2 logs, 12 records: all whole.\n"
    )


def test_lost_records_make_the_exit_code_3(tracker: Tracker, wandb: Path) -> None:
    """The damaged bytes and the lost records are said."""
    run_dir, starts = _damaged(wandb)
    assert tracker("verify", exit_code=3).stdout == (
        f"Damaged: wandb/{run_dir.name}\n"
        "  run-ab12cd34.txlog: 6 records (0-6)\n"
        f"    bytes {starts[4]}-{starts[5]}: not a frame, 1 record lost\n"
        "  no end recorded: the run goes on, it was killed, or the end of the log is not here\n"
        "  lost: record 4\n"
        "1 run, 1 log, 6 records: 1 damaged, 1 record lost.\n"
    )


def test_a_torn_end_is_said_and_no_damage(tracker: Tracker, wandb: Path) -> None:
    """The exit code is 0 while a record is being written."""
    path = logs.write_log(logs.run_dir_of(wandb), *ROWS)
    with path.open("ab") as file:
        file.write(logs.frames_of(*ROWS)[1][:30])
    said = "ends in the beginning of a record (30 bytes): it is being written, or its writer died"
    assert said in tracker("verify").stdout
    path.write_bytes(path.read_bytes()[:10])
    assert "run-ab12cd34.txlog: ends in the beginning" in tracker("verify").stdout
    path.write_bytes(b"")
    assert "nothing is recorded in it yet" in tracker("verify").stdout


def test_everything_that_may_be_wrong_has_its_line(tracker: Tracker, wandb: Path) -> None:
    """Dropped, repeated and impossible records, checkpoints, large values, foreign files."""
    run_dir = logs.run_dir_of(wandb)
    missing, changed = (store_large(wandb, text * 999) for text in "xy")
    for reference in (missing, changed):
        (wandb / str(reference["sha256"])).unlink()
    rows = [logs.log_row(0, a=missing, b=changed), *ROWS[1:]]
    header = logs.header(library=__version__)
    said = [*rows[:2], logs.gap(2, 3, "disk full"), (Kind.CONFIG, [1]), *rows, logs.CHECKPOINT]
    frames = logs.frames_of(*said, of=header)
    wrong = logs.frames_of(*rows, *rows[:4], logs.CHECKPOINT, of=header)[-1]
    path = run_dir / "run-ab12cd34.txlog"
    run_dir.mkdir()
    path.write_bytes(b"".join([*frames[:2], *frames[3:-1], frames[5], wrong]) + bytes(9))
    second = [logs.heartbeat(), logs.ended()]
    of = logs.header(first_seq=10, continues="run-gone.txlog", library=__version__)
    (run_dir / "run-ab12cd34.n-1-1.txlog").write_bytes(b"".join(logs.frames_of(*second, of=of)))
    (run_dir / "run-foreign.txlog").write_bytes(b"foreign")
    (run_dir / "blobs").mkdir()
    (run_dir / "blobs" / str(changed["sha256"])).write_text("changed")
    lines = tracker("verify", exit_code=3).stdout
    for line in (
        "  run-foreign.txlog: no frame of a transaction log\n",
        "    1 record written twice, read once\n",
        "    continues run-gone.txlog, which is not here\n",
        "    bytes ",
        ": not a frame, no record lost\n",
        "  dropped while recording: records 2-3 (disk full)\n",
        "  2 records in more than one file, read once\n",
        "  1 record that cannot be understood\n",
        f"  a large value is missing: blobs/{missing['sha256']}\n",
        f"  a large value cannot be used: blobs/{changed['sha256']}: it was changed\n",
    ):
        assert line in lines


def test_a_wrong_checkpoint_is_said_to_lose_nothing(tracker: Tracker, wandb: Path) -> None:
    """Checkpoints are derived, but other commands start from them."""
    of = logs.header(library=__version__)
    wrong = logs.frames_of(*ROWS[:5], ROWS[0], logs.CHECKPOINT, of=of)[-1]
    path = logs.write_log(logs.run_dir_of(wandb), *ROWS, library=__version__)
    path.write_bytes(path.read_bytes() + wrong)
    said = "checkpoints that differ from the records before them: record 7; no data are lost"
    assert said in tracker("verify", exit_code=3).stdout


def test_very_many_places_are_summed_up(tracker: Tracker, wandb: Path) -> None:
    """A log that is mostly damage has a report that can be read."""
    path = logs.run_dir_of(wandb) / "run-ab12cd34.txlog"
    rows = [logs.log_row(step) for step in range(2100)]
    write_damaged(path, *rows, flipped=range(1, 2100, 2))
    lines = tracker("verify", exit_code=3).stdout
    assert "    and 50 more damaged places\n" in lines
    assert "lost: records 1, 3, 5, 7, 9, 11, 13, 15, 17, 19 and 1040 more places\n" in lines


def test_damage_at_the_end_may_cost_records(tracker: Tracker, wandb: Path) -> None:
    """Nobody can tell how many, so nobody says a number."""
    path = logs.write_log(logs.run_dir_of(wandb), *ROWS)
    with path.open("ab") as file:
        file.write(bytes(100))
    lines = tracker("verify", exit_code=3).stdout
    assert "not a frame, it cannot be told how many records are lost\n" in lines


def test_single_logs_and_patterns_can_be_named(
    tracker: Tracker, make_run: MakeRun, wandb: Path
) -> None:
    """Only what is named is read."""
    make_run("aaaa1111")
    run_dir, _ = _damaged(wandb)
    tracker("verify", "wandb/*aaaa*")
    tracker("verify", "wandb/*aaaa*/*.txlog")
    assert "1 run, 1 log" in tracker("verify", f"{run_dir}/run-ab12cd34.txlog", exit_code=3).stdout


def test_what_is_not_there_is_a_wrong_argument(
    tracker: Tracker, make_run: MakeRun, wandb: Path
) -> None:
    """The others are verified all the same; a directory that lost its log is damaged."""
    make_run()
    done = tracker("verify", "wandb", "nowhere", exit_code=2)
    assert "Whole: wandb/" in done.stdout
    assert "there is nothing at this path" in done.stderr
    (wandb / "run-20261120_101113-nolog").mkdir()
    lines = tracker("verify", exit_code=3).stdout
    assert "Damaged: wandb/run-20261120_101113-nolog\n  no transaction log\n" in lines
    assert lines.endswith("2 runs, 1 log, 6 records: 1 damaged, 0 records lost.\n")


def test_without_runs_there_is_nothing_to_verify(tracker: Tracker, wandb: Path) -> None:
    """That is said, and no error."""
    assert wandb.is_dir()
    assert tracker("verify").stdout == "No runs in wandb.\n"


def test_json_says_the_same(tracker_json: Callable[..., Any], wandb: Path) -> None:
    """One object, with the damage of each log and the lost records of each writer."""
    run_dir, starts = _damaged(wandb, *ROWS, logs.CHECKPOINT, tail=b"\xc9")
    said = tracker_json("verify", exit_code=3)
    assert (said["exit_code"], said["problems"], said["not_found"]) == (3, [], [])
    (run,) = said["runs"]
    assert (run["directory"], run["whole"]) == (f"wandb/{run_dir.name}", False)
    (writer,) = run["writers"]
    assert writer["missing"] == [{"first_seq": 4, "last_seq": 4}]
    assert writer["checkpoints"] == {"agreeing": 0, "differing": [], "passed_over": 1}
    (log,) = run["logs"]
    damage = {"start": starts[4], "end": starts[5], "reason": "not a frame", "records_lost": 1}
    assert (log["damage"], log["torn_bytes"], log["last_seq"]) == ([damage], 1, 7)


def test_verifying_writes_nothing(tracker: Tracker, wandb: Path) -> None:
    """Not even a store or a lock beside the runs."""
    _damaged(wandb)
    before = contents_of(wandb)
    tracker("verify", exit_code=3)
    assert contents_of(wandb) == before
