"""What a run measured of its machine as it went on, moment by moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from pathlib import Path
from typing import Final, NamedTuple

from airtape.fold.row import RUNTIME, TIMESTAMP, runtime_at
from airtape.records import Kind, Plain, Record
from airtape.rows import Report
from airtape.txlog.reader import Damage
from airtape.writers import WriterFiles, readable_writers

LABEL: Final = "_label"


class SystemSample(NamedTuple):
    """What was measured at one moment.

    Attributes:
        timestamp: When, in seconds since 1970.
        runtime: Seconds since the writer began.
        writer: Label of the writer that measured; empty for one that has none.
        values: What it measured, by names such as ``system.cpu``.
    """

    timestamp: float
    runtime: float
    writer: str
    values: dict[str, Plain]

    def as_row(self) -> dict[str, Plain]:
        """Return the values with both times, and with the writer's label if it has one."""
        label: dict[str, Plain] = {LABEL: self.writer} if self.writer else {}
        return {TIMESTAMP: self.timestamp, RUNTIME: self.runtime, **label, **self.values}


def read_system(run_dir: Path, report: Report) -> Iterator[SystemSample]:
    """Yield the samples of all writers of a run directory, in order of their times.

    Args:
        run_dir: The run directory.
        report: Told in a sentence what is damaged or cannot be read.

    Raises:
        LogFormatError: The directory has no readable log.
        OSError: A log cannot be read.
    """
    yield from system_of(readable_writers(run_dir, report), report)


def system_of(writers: Iterable[WriterFiles], report: Report) -> Iterator[SystemSample]:
    """Yield the samples of some writers of a run, in order of their times.

    Raises:
        OSError: A log cannot be read.
    """
    return merge(*(_samples_of(writer, report) for writer in writers), key=_time_of)


def samples_in(
    records: Iterable[Record], *, began_ns: int | None = None, label: str | None = None
) -> Iterator[SystemSample]:
    """Yield the samples among the records of one writer; what is none is passed over.

    Args:
        records: The records.
        began_ns: Wall clock of the writer's first record; that of the first of these by default.
        label: What the writer is called.
    """
    for record in records:
        if began_ns is None:
            began_ns = record.wall_ns
        if record.kind == Kind.SYSTEM and record.fields and type(record.fields[0]) is dict:
            at = record.wall_ns / 1e9
            yield SystemSample(at, runtime_at(at, began_ns / 1e9), label or "", record.fields[0])


def series_of(samples: Iterable[SystemSample]) -> dict[str, list[tuple[float, float]]]:
    """Return the course of each number that was measured: ``(runtime, value)`` in order, by name.

    Where several writers measured, a name begins with the writer's label: ``rank-3 system.cpu``.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    for _, runtime, writer, values in samples:
        for name, value in values.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                called = f"{writer} {name}" if writer else name
                found.setdefault(called, []).append((runtime, value))
    return found


def last_values(samples: Sequence[SystemSample]) -> dict[str, Plain]:
    """Return the newest value of each name, those that newer samples lack too."""
    return {name: value for sample in samples for name, value in sample.values.items()}


def _samples_of(writer: WriterFiles, report: Report) -> Iterator[SystemSample]:
    return samples_in(_records_of(writer, report), label=writer.header.label)


def _records_of(writer: WriterFiles, report: Report) -> Iterator[Record]:
    for name, item in writer.records():
        if isinstance(item, Damage):
            report(f"{name}: {item}")
        else:
            yield item


def _time_of(sample: SystemSample) -> float:
    return sample.timestamp
