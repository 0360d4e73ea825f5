"""A run that has something of everything, for tests of the sync."""

from __future__ import annotations

from hashlib import sha256

from airtape.records import Kind
from tests.logs import (
    CHECKPOINT,
    Said,
    config,
    describe,
    dropped_row,
    gap,
    heartbeat,
    log_row,
    machine,
    metric,
    partial_row,
    summary,
)

CONSOLE, FROM_THE_FUTURE = 10, 250

A_RUN: list[Said] = [
    describe(project="vision", name="likely-lion-9", tags=["a", "b"]),
    config(lr=0.1, optimizer={"name": "adam", "betas": [0.9, 0.999]}),
    machine(python="3.12.1", gpu={"count": 2}),
    metric(name="acc", summary=["max"], step_metric="epoch"),
    log_row(0, loss=1.0, epoch=0),
    log_row(1, loss=0.5, acc=0.25),
    log_row(2, loss=float("nan"), acc=0.5, eval={"acc": 0.125, "big": 2**70}),
    partial_row(3, eval=1),
    partial_row(3, eval={"acc": 0.25}),
    CHECKPOINT,
    dropped_row(1, loss=9.0),
    (CONSOLE, ["stdout", "a line\n"]),
    (FROM_THE_FUTURE, [{"from": "a later version"}]),
    heartbeat(),
    *[log_row(step, loss=1 / step, count=step) for step in range(4, 12)],
    log_row(12, loss=-0.0, flag=True, text="é", nothing=None, items=[1, [2.5]]),
    summary(best=0.5),
    gap(900, 901, "no room"),
    partial_row(13, acc=0.75),
]
"""Everything but the end: rows of one and of several records, and every other kind."""


def files_said(**contents: bytes) -> Said:
    """What is recorded of files, by their names."""
    said = [
        {"path": path, "size": len(data), "sha256": sha256(data).hexdigest(), "type": "saved"}
        for path, data in contents.items()
    ]
    return (Kind.FILES, [said])
