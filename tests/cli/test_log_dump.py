from __future__ import annotations

import json
import math
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airtape.exactjson import loads
from airtape.records import Kind
from airtape_cli.render.log_lines import FIELD_NAMES
from tests import logs
from tests.cli.conftest import MakeRun, Tracker
from tests.damaged import write_damaged
from tests.processes import TRACKER

ROWS = [logs.log_row(step, loss=1 / (step + 1)) for step in range(6)]
LOG = "run-ab12cd34.txlog"
SECOND = "run-ab12cd34.node1-4711-1.txlog"


def _lines(text: str) -> list[Any]:
    return [loads(line) for line in text.splitlines()]


@pytest.fixture
def run_dir(wandb: Path) -> Path:
    """A run directory without anything in it."""
    run_dir = logs.run_dir_of(wandb)
    run_dir.mkdir()
    return run_dir


def test_each_record_is_a_line(tracker: Tracker, run_dir: Path) -> None:
    """Number, kind, time and fields by name; the header and checkpoints too."""
    said = [logs.config(lr=0.1), ROWS[0], logs.CHECKPOINT, logs.ended(3, how="exit")]
    logs.write_log(run_dir, *said)
    header, config, row, checkpoint, end = _lines(tracker("log-dump", str(run_dir)).stdout)
    assert [line["seq"] for line in (header, config, row, checkpoint, end)] == [0, 1, 2, 3, 4]
    assert header["fields"]["header"]["writer"] == logs.WRITER.hex()
    assert checkpoint["fields"]["state"]["config"] == {"lr": 0.1}
    assert (checkpoint["fields"]["writer"], checkpoint["kind"]) == (logs.WRITER.hex(), "checkpoint")
    assert row == {
        "log": LOG,
        "seq": 2,
        "kind": "history",
        "time": "2026-11-20T10:11:14.000000Z",
        "wall_ns": logs.BEGAN_NS + 2_000_000_000,
        "fields": {"step": 0, "flags": 7, "data": {"loss": 1.0}},
    }
    assert end["fields"] == {"code": 3, "cause": {"how": "exit"}}


def test_what_only_a_later_version_knows_is_shown(tracker: Tracker, run_dir: Path) -> None:
    """Kinds by their number, appended fields as more, and every value exactly."""
    unknown = (99, [{"x": math.inf}, b"\xff", 1 << 70])
    logs.write_log(run_dir, unknown, (Kind.HEARTBEAT, [7, "more"]))
    _, first, second = _lines(tracker("log-dump", str(run_dir)).stdout)
    assert (first["kind"], first["fields"]) == (99, [{"x": math.inf}, b"\xff", 1 << 70])
    assert (second["fields"], second["more"]) == ({"durable_seq": 7}, ["more"])


def test_only_kinds_that_are_known_have_names_for_their_fields() -> None:
    """A number that no kind has is never named."""
    assert set(FIELD_NAMES) <= set(Kind)


def test_kinds_can_be_chosen(tracker: Tracker, make_run: MakeRun) -> None:
    """By name in any case, or by number; several at once."""
    run_dir = str(make_run())
    said = _lines(tracker("log-dump", run_dir, "--kind", "EXIT", "--kind", "2").stdout)
    assert [line["kind"] for line in said] == ["run", "exit"]
    done = tracker("log-dump", run_dir, "--kind", "rows", exit_code=2)
    assert "there is no kind 'rows'; try header, history" in done.stderr


def test_damage_has_lines_of_its_own(tracker: Tracker, run_dir: Path) -> None:
    """It stands where it is in the file, whatever kinds are chosen, and makes the exit code 3."""
    starts = write_damaged(run_dir / LOG, *ROWS, flipped=[3], tail=b"\xc9")
    done = tracker("log-dump", str(run_dir), "--kind", "history", exit_code=3)
    said = _lines(done.stdout)
    assert [line.get("seq") for line in said] == [1, 2, None, 4, 5, 6, None]
    assert said[2] == {
        "damage": {
            "log": LOG,
            "start": starts[3],
            "end": starts[4],
            "seq_before": 2,
            "seq_after": 4,
            "reason": "not a frame",
            "records_lost": 1,
        }
    }
    assert said[-1] == {"incomplete": {"log": LOG, "start": starts[-1], "end": starts[-1] + 1}}


def test_a_torn_end_alone_is_no_damage(tracker: Tracker, run_dir: Path) -> None:
    """The exit code is 0, also when not even the first record is there."""
    (run_dir / LOG).write_bytes(b"".join(logs.frames_of(*ROWS))[:30])
    assert _lines(tracker("log-dump", str(run_dir)).stdout) == [
        {"incomplete": {"log": LOG, "start": 0, "end": 30}}
    ]


def test_a_file_that_is_no_log_is_told(tracker: Tracker, make_run: MakeRun) -> None:
    """The others are dumped all the same."""
    run_dir = make_run()
    (run_dir / "run-foreign.txlog").write_bytes(b"foreign")
    said = _lines(tracker("log-dump", str(run_dir), exit_code=3).stdout)
    assert said[0] == {
        "problem": {"log": "run-foreign.txlog", "reason": "no frame of a transaction log"}
    }
    assert len(said) == 7


def _continued(run_dir: Path, *said: logs.Said, repeated: list[bytes]) -> None:
    own, *frames = logs.frames_of(*said, of=logs.header(first_seq=7, continues=LOG))
    (run_dir / SECOND).write_bytes(b"".join([own, *repeated, *frames]))


def test_records_in_several_files_come_once(tracker: Tracker, run_dir: Path) -> None:
    """What a file repeats is left out; what is missing in two files is told once."""
    frames = logs.frames_of(*ROWS)
    (run_dir / LOG).write_bytes(b"".join([*frames[:2], *frames[3:]]))
    _continued(run_dir, logs.ended(), repeated=[frames[1], *frames[3:]])
    done = tracker("log-dump", str(run_dir), exit_code=3)
    said = [line.get("seq") or line["damage"]["seq_after"] for line in _lines(done.stdout)[1:]]
    assert said == [1, 3, 4, 5, 6, 3, 7, 8]


def test_one_log_alone_can_be_dumped(tracker: Tracker, run_dir: Path) -> None:
    """The other logs of the directory are left out."""
    logs.write_log(run_dir, *ROWS)
    _continued(run_dir, logs.ended(), repeated=[])
    said = _lines(tracker("log-dump", f"{run_dir}/{SECOND}").stdout)
    assert [line["log"] for line in said] == [SECOND, SECOND]


def test_there_must_be_exactly_one_run(tracker: Tracker, make_run: MakeRun, wandb: Path) -> None:
    """Several, none, or something else are told apart."""
    make_run("aaaa1111")
    make_run("bbbb2222")
    (wandb / "run-20261120_101113-nolog").mkdir()
    (wandb / "empty").mkdir()
    assert "there is nothing" in tracker("log-dump", "nowhere", exit_code=2).stderr
    assert "there are no logs here" in tracker("log-dump", "wandb/empty", exit_code=2).stderr
    done = tracker("log-dump", "wandb/run-20261120_101113-nolog", exit_code=3)
    assert "no transaction log" in done.stderr
    done = tracker("log-dump", "wandb/run-20261120_101112-*", exit_code=2)
    assert "there are several runs here" in done.stderr


class Follower:
    """``tracker log-dump --follow`` in a process of its own."""

    def __init__(self, run_dir: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [str(TRACKER), "log-dump", str(run_dir), "--follow", *arguments],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )

    def next_lines(self, count: int) -> list[Any]:
        """Wait for so many lines."""
        assert self.process.stdout is not None
        return [json.loads(self.process.stdout.readline()) for _ in range(count)]

    def rest(self) -> list[Any]:
        """Wait for the end."""
        said, _ = self.process.communicate(timeout=30)
        return _lines(said.decode())


@pytest.fixture
def follower(run_dir: Path) -> Iterator[Follower]:
    """Follow a run that has a header and two rows so far."""
    (run_dir / LOG).write_bytes(b"".join(logs.frames_of(*ROWS)[:3]))
    follower = Follower(run_dir)
    with follower.process:
        yield follower
        follower.process.kill()


def _append(path: Path, *frames: bytes) -> None:
    with path.open("ab") as file:
        file.writelines(frames)


@pytest.mark.timeout(60)
def test_following_goes_on_until_the_run_ends(follower: Follower, run_dir: Path) -> None:
    """New records come as they are written, also in a file that continues the first one."""
    frames = logs.frames_of(*ROWS)
    assert [line["seq"] for line in follower.next_lines(3)] == [0, 1, 2]
    _append(run_dir / LOG, frames[3], frames[4][:30])
    assert [line["seq"] for line in follower.next_lines(1)] == [3]
    _append(run_dir / LOG, frames[4][30:], *frames[5:])
    assert [line["seq"] for line in follower.next_lines(3)] == [4, 5, 6]
    _continued(run_dir, logs.heartbeat(), repeated=frames[5:])
    assert [line["seq"] for line in follower.next_lines(2)] == [7, 8]
    end = logs.frames_of(logs.ended(), of=logs.header(first_seq=8))[1]
    _append(run_dir / SECOND, end)
    assert [line["kind"] for line in follower.rest()] == ["exit"]
    assert follower.process.returncode == 0


@pytest.mark.timeout(60)
def test_what_may_still_come_is_no_damage_yet(follower: Follower, run_dir: Path) -> None:
    """Late records and bad ends are told when the run has ended, if they are damage then."""
    frames = logs.frames_of(*ROWS, logs.ended())
    follower.next_lines(3)
    _append(run_dir / LOG, frames[4])
    assert [line["seq"] for line in follower.next_lines(1)] == [4]
    _append(run_dir / LOG, frames[3], bytes(9))
    assert [line["seq"] for line in follower.next_lines(1)] == [3]
    _append(run_dir / LOG, frames[6], frames[7], bytes(9))
    said = follower.rest()
    assert [line.get("seq") or line["damage"]["records_lost"] for line in said] == [1, 6, 7, None]
    assert follower.process.returncode == 3


@pytest.mark.timeout(60)
def test_following_stops_when_nobody_reads(follower: Follower) -> None:
    """It notices without a further record."""
    follower.next_lines(3)
    assert follower.process.stdout is not None
    follower.process.stdout.close()
    assert follower.process.wait(30) == 141


@pytest.mark.timeout(60)
def test_following_stops_on_a_signal(follower: Follower) -> None:
    """SIGTERM ends it as it ends any program."""
    follower.next_lines(3)
    follower.process.send_signal(signal.SIGTERM)
    assert follower.process.wait(30) == -signal.SIGTERM
