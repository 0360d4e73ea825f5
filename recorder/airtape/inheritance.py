"""What a run takes over from those before it, and how its own log comes to say it."""

from __future__ import annotations

from typing import Any, NamedTuple

from airtape.fold.keys import Tree
from airtape.records import Kind
from airtape.runlog import RunLog

TALLIES_OF_A_RECORD = 500
"""Each has at most 64 numbers and a name, so that a frame holds them."""


class Inheritance(NamedTuple):
    """What a new writer takes over from those before it.

    Attributes:
        parents: ``(writer, last seq read)`` of each of them.
        root: Writer that began this incarnation of the run.
        start_step: First step of the new writer.
        rewind_to: Last step of theirs that counts, None for all.
        run: Name, notes, tags and so on.
        config: The config.
        summary: The summary.
        metrics: Definitions of metrics, as metric records say them.
        tallies: What was counted over their rows, as a fold's state says it.
        last_step: Their highest step that counts, None without rows.
    """

    parents: tuple[tuple[bytes, int], ...]
    root: bytes
    start_step: int
    rewind_to: int | None
    run: dict[str, Any]
    config: Tree
    summary: Tree
    metrics: list[dict[str, Any]]
    tallies: list[list[Any]]
    last_step: int | None


def take_over(log: RunLog, inherited: Inheritance) -> None:
    """Record in a new writer's log what it takes over, so that its log says it alone."""
    log.record(Kind.RUN, inherited.run)
    log.record(Kind.CONFIG, inherited.config, [])
    for definition in inherited.metrics:
        log.record(Kind.METRIC, definition)
    tallies = inherited.tallies
    for at in range(0, max(1, len(tallies)), TALLIES_OF_A_RECORD):
        log.record(Kind.INHERITED, inherited.last_step, tallies[at : at + TALLIES_OF_A_RECORD])
    log.record(Kind.SUMMARY, [[[key], value] for key, value in inherited.summary.items()], [])
