"""What the logs of a run directory hold, in sentences and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from airtape.txlog.reader import Damage
from airtape.verify import RunHealth
from airtape.verify_log import LogHealth
from airtape.verify_writer import Range, WriterHealth
from airtape_cli.render.text import shown

_MOST_RANGES: Final = 10


def run_lines(run: RunHealth) -> Iterator[str]:
    """Yield what is said of one run directory."""
    verb = "Whole" if run.is_whole else "Damaged"
    yield f"{verb}: {shown(str(run.directory))}"
    for problem in run.problems:
        yield f"  {shown(problem)}"
    for stray in run.strays:
        yield f"  {shown(stray.path.name)}: {_stray_text(stray)}"
    for writer in run.writers:
        for log in writer.logs:
            yield f"  {shown(log.path.name)}: {_amount(log)}"
            yield from (f"    {shown(line)}" for line in _log_lines(run, writer, log))
        yield from (f"  {shown(line)}" for line in _writer_lines(writer))
    for digest in run.large.missing:
        yield f"  a large value is missing: blobs/{shown(digest)}"
    for digest, because in run.large.changed.items():
        yield f"  a large value cannot be used: blobs/{shown(digest)}: {shown(because)}"


def closing_line(runs: Sequence[RunHealth], passed_over: int) -> str:
    """Return what is said at the end.

    Args:
        runs: What was read.
        passed_over: Number of directories that could not be.
    """
    logs = sum(len(run.strays) + sum(len(w.logs) for w in run.writers) for run in runs)
    records = sum(len(writer.held) for run in runs for writer in run.writers)
    lost = sum(writer.lost for run in runs for writer in run.writers)
    damaged = sum(not run.is_whole for run in runs) + passed_over
    places = counted(len(runs) + passed_over, "run")
    what = f"{places}, {counted(logs, 'log')}, {counted(records, 'record')}"
    if not damaged:
        return f"{what}: all whole."
    return f"{what}: {damaged} damaged, {counted(lost, 'record')} lost."


def counted(count: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def ranges_text(ranges: Sequence[Range]) -> str:
    """Return some records by their numbers: ``record 7``, ``records 7, 40-52``."""
    parts = [f"{a}" if a == b else f"{a}-{b}" for a, b in ranges[:_MOST_RANGES]]
    more = len(ranges) - _MOST_RANGES
    noun = "record" if len(ranges) == 1 and ranges[0][0] == ranges[0][1] else "records"
    return f"{noun} {', '.join(parts)}{f' and {more} more places' if more > 0 else ''}"


def _amount(log: LogHealth) -> str:
    spans = log.held.intervals()
    numbers = f" ({spans[0][0]}-{spans[-1][1]})" if spans else ""
    return f"{counted(len(log.held), 'record')}{numbers}"


def _stray_text(log: LogHealth) -> str:
    if log.problem is not None:
        return shown(log.problem)
    return _torn_text(log) if log.torn else "nothing is recorded in it yet"


def _torn_text(log: LogHealth) -> str:
    return (
        f"ends in the beginning of a record ({counted(log.torn, 'byte')}): "
        "it is being written, or its writer died"
    )


def _log_lines(run: RunHealth, writer: WriterHealth, log: LogHealth) -> Iterator[str]:
    if log.problem is not None:
        yield log.problem
    for damage in log.damage:
        yield f"bytes {damage.start}-{damage.end}: {damage.reason}, {_cost(writer, damage)}"
    if log.more_damage:
        yield f"and {counted(log.more_damage, 'more damaged place')}"
    if log.torn:
        yield _torn_text(log)
    if log.duplicates:
        yield f"{counted(log.duplicates, 'record')} written twice, read once"
    if log.clean_copy is not None:
        yield f"{log.clean_copy} is a clean copy of it"
    before = None if log.header is None else log.header.continues
    if before is not None and not (run.directory / before).exists():
        yield f"continues {before}, which is not here"


def _cost(writer: WriterHealth, damage: Damage) -> str:
    lost = writer.lost_in(damage)
    if lost is None:
        return "it cannot be told how many records are lost"
    return f"{counted(lost, 'record')} lost" if lost else "no record lost"


def _writer_lines(writer: WriterHealth) -> Iterator[str]:
    if writer.exit_seq is None:
        yield "no end recorded: the run goes on, it was killed, or the end of the log is not here"
    if writer.missing:
        yield f"lost: {ranges_text(writer.missing)}"
    for first, last, reason in writer.dropped:
        yield f"dropped while recording: {ranges_text([(first, last)])} ({reason})"
    if writer.repeated:
        yield f"{counted(writer.repeated, 'record')} in more than one file, read once"
    checkpoints = writer.checkpoints
    if checkpoints.differing:
        seqs = ranges_text([(seq, seq) for seq in checkpoints.differing])
        yield f"checkpoints that differ from the records before them: {seqs}; no data are lost"
    if checkpoints.malformed:
        yield f"{counted(checkpoints.malformed, 'record')} that cannot be understood"


def run_shape(run: RunHealth) -> dict[str, Any]:
    """Return what ``verify --json`` says of one run directory."""
    return {
        "directory": str(run.directory),
        "run_id": run.run_id,
        "whole": run.is_whole,
        "writers": [_writer_shape(writer) for writer in run.writers],
        "logs": [_log_shape(None, log) for log in run.strays]
        + [_log_shape(writer, log) for writer in run.writers for log in writer.logs],
        "large_values": {
            "referred": len(run.large.referred),
            "missing": run.large.missing,
            "changed": [
                {"sha256": digest, "reason": reason} for digest, reason in run.large.changed.items()
            ],
        },
        "problems": run.problems,
    }


def _writer_shape(writer: WriterHealth) -> dict[str, Any]:
    header, checkpoints = writer.header, writer.checkpoints
    return {
        "writer": header.writer.hex(),
        "role": header.role,
        "label": header.label,
        "records": len(writer.held),
        "ended": writer.exit_seq is not None,
        "records_lost": writer.lost,
        "missing": range_shapes(writer.missing),
        "dropped": [
            {"first_seq": first, "last_seq": last, "reason": reason}
            for first, last, reason in writer.dropped
        ],
        "repeated": writer.repeated,
        "malformed": checkpoints.malformed,
        "checkpoints": {
            "agreeing": checkpoints.agreeing,
            "differing": checkpoints.differing,
            "passed_over": checkpoints.passed_over,
        },
    }


def range_shapes(ranges: Iterable[Range]) -> list[dict[str, int]]:
    """Return ranges of records."""
    return [{"first_seq": first, "last_seq": last} for first, last in ranges]


def _log_shape(writer: WriterHealth | None, log: LogHealth) -> dict[str, Any]:
    header, spans = log.header, log.held.intervals()
    return {
        "log": log.path.name,
        "writer": None if header is None else header.writer.hex(),
        "continues": None if header is None else header.continues,
        "repairs": None if header is None else header.repairs,
        "bytes": log.size,
        "records": len(log.held),
        "first_seq": spans[0][0] if spans else None,
        "last_seq": spans[-1][1] if spans else None,
        "duplicates": log.duplicates,
        "torn_bytes": log.torn,
        "damage": [
            {
                "start": damage.start,
                "end": damage.end,
                "reason": damage.reason,
                "records_lost": None if writer is None else writer.lost_in(damage),
            }
            for damage in log.damage
        ],
        "more_damage": log.more_damage,
        "clean_copy": log.clean_copy,
        "problem": log.problem,
    }
