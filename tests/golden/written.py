"""How the golden log of this version is written: fixed clock, fixed uuid, a record of every kind.

A golden log is never changed. When the format gets a new version, this file says what its golden
log holds, and the logs of all versions before stay as they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgpack

from airtape.records import HistoryFlag, Kind, pack_big_ints
from airtape.txlog.format import Header
from airtape.txlog.writer import LogWriter

NAME = "v1_0"
BEGAN_NS = 1_767_323_045_000_000_000
"""2026-01-02 03:04:05 UTC."""

HEADER = Header(
    run_id="ab12cd34",
    writer=bytes.fromhex("00112233445566778899aabbccddeeff"),
    parents=((bytes.fromhex("ffeeddccbbaa99887766554433221100"), 41),),
    root=bytes.fromhex("ffeeddccbbaa99887766554433221100"),
    resumed=True,
    start_step=7,
    label="rank-0",
    host="node1",
    boot_id="6fd1f0a5-7a2b-4c11-9d0e-1b2c3d4e5f60",
    pid=4711,
    start_ticks=123_456,
    heartbeat_s=30.0,
    library="0.1.0",
    monotonic_ns=987_654_321,
)
TALLY = [["loss"], 0.5, 2.0, 7, 8.75, 0.5, 2.0, 1, [2.0, 1.5, 1.25, 1.0, 1.0, 1.5, 0.5]]
STATE: dict[str, Any] = {"later versions": "keep what they like here"}
ROW = int(HistoryFlag.STEP_GIVEN | HistoryFlag.COMMIT_GIVEN | HistoryFlag.COMMIT_TRUE)
NUMBERS: dict[str, Any] = {
    "float": 0.1,
    "whole": 2.0,
    "negative zero": -0.0,
    "tiny": 5e-324,
    "nan": float("nan"),
    "inf": float("inf"),
    "-inf": float("-inf"),
    "int": -7,
    "64 bits": 2**64 - 1,
    "more": 2**70,
    "less": -(2**70),
    "true": True,
    "none": None,
}
OTHERS: dict[str, Any] = {
    "text": "Müller 😀\n",
    "list": [1, [2.5, "x"], {}],
    "nested": {"a": {"b": 1}, "a.b": 2},
    "empty": {},
    "": "the empty name",
}

RECORDS: list[list[Any]] = [
    [Kind.RUN, {"name": "likely-lion-9", "project": "demo", "tags": ["a", "b"], "notes": ""}],
    [Kind.METADATA, {"host": "node1", "python": "3.11.7"}],
    [Kind.CONFIG, {"lr": 0.1, "net": {"depth": 3}}, []],
    [Kind.METRIC, {"name": "loss", "step_metric": "epoch", "summary": ["min"], "goal": "minimize"}],
    [Kind.METRIC, {"glob": "val/", "hidden": True, "step_sync": False, "overwrite": True}],
    [Kind.INHERITED, 6, [TALLY]],
    [Kind.HISTORY, 7, 0, {"loss": 1.0, "epoch": 1}],
    [Kind.HISTORY, 8, int(HistoryFlag.COMMIT_GIVEN), {"loss": 0.25}],
    [Kind.HISTORY, 8, 0, {"acc": 0.5}],
    [Kind.HISTORY, 3, int(HistoryFlag.STEP_GIVEN | HistoryFlag.DROPPED), {"loss": 9.0}],
    [Kind.HISTORY, 10, ROW, NUMBERS],
    [Kind.HISTORY, 11, ROW, OTHERS],
    [Kind.SUMMARY, [[["best", "loss"], 0.25], [["note"], "good"]], [["acc"]]],
    [Kind.CONFIG, {"lr": 0.2}, ["net"]],
    [Kind.HEARTBEAT, 13],
    [Kind.CHECKPOINT, HEADER.writer, STATE, HEADER.to_fields(), None],
    [Kind.GAP, 17, 17, "No space left on device"],
    [Kind.PREEMPTING],
    [999, "a kind that only a later version knows", b"\x00\xff", {"x": 1}],
    [Kind.HISTORY, 12, int(HistoryFlag.STEP_GIVEN), {"loss": 0.125}],
    [Kind.EXIT, 0, {"how": "finish"}],
]


def write_golden(path: Path) -> None:
    """Write the golden log of this version, a record each second."""
    writer = LogWriter(path, HEADER, wall_ns=BEGAN_NS)
    for seq, (kind, *fields) in enumerate(RECORDS, start=1):
        said = [int(kind), BEGAN_NS + seq * 1_000_000_000, *fields]
        body = msgpack.packb(said, default=pack_big_ints)
        if kind == Kind.CHECKPOINT:
            writer.append_unsalted(body)
        else:
            writer.append(body)
    writer.close()
