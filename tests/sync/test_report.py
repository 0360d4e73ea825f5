"""What a report says, and the exit code it amounts to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airtape.backends.cursor import Loss
from airtape.errors import Error, TargetError
from airtape.sync.report import ExitCode, RunReport, SyncReport

LOSS = Loss("run-ab12cd34.txlog", 10, 20, 3, 4, "not a frame")
SYNCED = RunReport(Path("a"), "synced")
NOTHING = RunReport(Path("a"))
PENDING = RunReport(Path("a"), "pending")
HELD = RunReport(Path("a"), "held")
DAMAGED = RunReport(Path("a"), "damaged", damage=[LOSS])
KNOWN = RunReport(Path("a"), known=[LOSS])
FAILED = RunReport(Path("a"), "failed")
FAULT = RunReport(Path("a"), "failed", internal=True)
NO_TARGET = TargetError("no room")


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (SyncReport(), ExitCode.OK),
        (SyncReport([SYNCED, NOTHING, PENDING]), ExitCode.OK),
        (SyncReport([KNOWN]), ExitCode.OK),
        (SyncReport([KNOWN], strict=True), ExitCode.INCOMPLETE),
        (SyncReport([SYNCED, DAMAGED]), ExitCode.INCOMPLETE),
        (SyncReport([SYNCED, FAILED]), ExitCode.INCOMPLETE),
        (SyncReport([HELD, SYNCED]), ExitCode.OK),
        (SyncReport([HELD, HELD]), ExitCode.HELD),
        (SyncReport([HELD], halted="deadline"), ExitCode.DEADLINE),
        (SyncReport([FAILED], halted="deadline"), ExitCode.INCOMPLETE),
        (SyncReport([FAILED], target_error=NO_TARGET), ExitCode.UNREACHABLE),
        (SyncReport(target_error=NO_TARGET, not_found=["x"]), ExitCode.USAGE),
        (SyncReport([FAULT], not_found=["x"], target_error=NO_TARGET), ExitCode.INTERNAL),
    ],
)
def test_the_exit_code_is_the_first_that_applies(report: SyncReport, code: ExitCode) -> None:
    """A fault comes before wrong usage, that before the target, then what could not be synced."""
    assert report.exit_code == code


def test_a_report_can_be_written_as_json() -> None:
    """Everything in it is there, by its name."""
    run = RunReport(
        Path("wandb/run-1"),
        "damaged",
        run_id="ab12cd34",
        records=7,
        points=5,
        size=100,
        damage=[LOSS],
        known=[LOSS._replace(start=50)],
        clashes=[Path("wandb/run-2")],
        problems=[Error("it broke", where="there", hint="mend it")],
    )
    said = json.loads(json.dumps(SyncReport([run, run], ["x"], ["a note"], NO_TARGET).to_json()))
    assert said["exit_code"] == 2
    assert (said["error"], said["not_found"], said["notes"]) == ("no room", ["x"], ["a note"])
    assert (said["records"], said["points"], said["bytes"]) == (14, 10, 200)
    (first, _) = said["runs"]
    assert first["damage"] == [
        {**LOSS._asdict(), "known": False},
        {**LOSS._asdict(), "start": 50, "known": True},
    ]
    assert first["clashes"] == ["wandb/run-2"]
    assert first["problems"] == ["it broke (there)\nmend it"]


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (LOSS, "run-ab12cd34.txlog, bytes 10-20: not a frame, 2 records lost"),
        (LOSS._replace(last_seq=3), "run-ab12cd34.txlog, bytes 10-20: not a frame, 1 record lost"),
        (LOSS._replace(last_seq=None), "run-ab12cd34.txlog, bytes 10-20: not a frame"),
        (
            LOSS._replace(end=10, first_seq=None),
            "run-ab12cd34.txlog, byte 10: not a frame, no record lost",
        ),
    ],
)
def test_damage_is_said_in_words(loss: Loss, text: str) -> None:
    """Which bytes of which file, what is wrong, and what it costs."""
    assert str(loss) == text
