"""Transaction logs that are written record by record, for tests of what reads them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgpack

from airtape.fold.fold import Fold
from airtape.records import HistoryFlag, Kind, Record, pack_big_ints
from airtape.txlog.format import UNSALTED, Header, encode_frame, salt_of

BEGAN_NS = 1_795_169_472_000_000_000
"""2026-11-20 10:11:12 UTC, the wall clock of the first record."""

WRITER = bytes(range(16))
Said = tuple[int, list[Any]]
"""A record without its time: kind and fields."""

CHECKPOINT: Said = (Kind.CHECKPOINT, [])


def log_row(step: int, /, **data: Any) -> Said:
    """A complete row; names with a slash come in ``**{"eval/acc": 1}``."""
    return (Kind.HISTORY, [step, int(HistoryFlag.STEP_GIVEN | _COMMITTED), data])


_COMMITTED = HistoryFlag.COMMIT_GIVEN | HistoryFlag.COMMIT_TRUE


def partial_row(step: int, /, **data: Any) -> Said:
    """A row that is still open behind this record."""
    return (Kind.HISTORY, [step, int(HistoryFlag.STEP_GIVEN), data])


def dropped_row(step: int, /, **data: Any) -> Said:
    """A call of ``log()`` that the step rule refused."""
    return (Kind.HISTORY, [step, int(HistoryFlag.STEP_GIVEN | HistoryFlag.DROPPED), data])


def describe(**changes: Any) -> Said:
    """What the run is called, belongs to, and so on."""
    return (Kind.RUN, [changes])


def machine(**said: Any) -> Said:
    """Where and by what the run is recorded."""
    return (Kind.METADATA, [said])


def config(removed: Iterable[str] = (), /, **changes: Any) -> Said:
    """A change of the config."""
    return (Kind.CONFIG, [changes, list(removed)])


def summary(**values: Any) -> Said:
    """Values that the user put into the summary."""
    return (Kind.SUMMARY, [[[[key], value] for key, value in values.items()], []])


def metric(**definition: Any) -> Said:
    """The definition of a metric."""
    return (Kind.METRIC, [definition])


def system(**values: Any) -> Said:
    """A sample of the machine."""
    return (Kind.SYSTEM, [values])


def ended(code: int | None = 0, **cause: Any) -> Said:
    """The end of the run."""
    return (Kind.EXIT, [code, cause or {"how": "finish"}])


def heartbeat() -> Said:
    """A sign of life."""
    return (Kind.HEARTBEAT, [0])


def gap(first: int, last: int, reason: str) -> Said:
    """What the writer itself had to drop."""
    return (Kind.GAP, [first, last, reason])


def header(run_id: str = "ab12cd34", **fields: Any) -> Header:
    """The header of a log, by default of the one writer that these tests mostly need."""
    return Header(run_id, **{"writer": WRITER, **fields})


def frames_of(
    *said: Said,
    of: Header | None = None,
    began_ns: int = BEGAN_NS,
    every_ns: int = 1_000_000_000,
) -> list[bytes]:
    """Return the frames of a log: its header, then each record a second after the one before."""
    of = header() if of is None else of
    fold = Fold()
    salt = salt_of(of.writer)
    frames = []
    records: list[Said] = [(Kind.HEADER, [of.to_fields()]), *said]
    for count, (kind, fields) in enumerate(records):
        seq, wall_ns = of.first_seq + count, began_ns + count * every_ns
        fold.apply(Record(seq, kind, wall_ns, tuple(fields)))
        if kind == Kind.CHECKPOINT:
            frames.append(checkpoint_frame(seq, fold.state(), of=of, wall_ns=wall_ns))
            continue
        body = msgpack.packb([int(kind), wall_ns, *fields], default=pack_big_ints)
        frames.append(encode_frame(seq, body, UNSALTED if kind == Kind.HEADER else salt))
    return frames


def checkpoint_frame(
    seq: int, state: dict[str, Any], *, of: Header | None = None, wall_ns: int = BEGAN_NS
) -> bytes:
    """Return the frame of a checkpoint."""
    of = header() if of is None else of
    fields = [int(Kind.CHECKPOINT), wall_ns, of.writer, state, of.to_fields(), None]
    return encode_frame(seq, msgpack.packb(fields, default=pack_big_ints), UNSALTED)


def write_log(
    run_dir: Path,
    *said: Said,
    run_id: str = "ab12cd34",
    name: str | None = None,
    began_ns: int = BEGAN_NS,
    every_ns: int = 1_000_000_000,
    **fields: Any,
) -> Path:
    """Write a log into a run directory, which is made if need be, and return the log's path.

    Args:
        run_dir: The run directory.
        said: The records behind the header.
        run_id: The run's id.
        name: The log's file name, if it is not the first writer's.
        began_ns: Wall clock of the header.
        every_ns: Nanoseconds between two records.
        fields: Further fields of the header.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    path = run_dir / (name or f"run-{run_id}.txlog")
    frames = frames_of(*said, of=header(run_id, **fields), began_ns=began_ns, every_ns=every_ns)
    path.write_bytes(b"".join(frames))
    return path


def run_dir_of(folder: Path, run_id: str = "ab12cd34", stamp: str = "20261120_101112") -> Path:
    """Return the run directory below a ``wandb`` folder that a recorder would make."""
    return folder / f"run-{stamp}-{run_id}"
