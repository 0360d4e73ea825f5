"""Runs that were fetched from a target, so that recording can go on with them without asking it.

    wandb/
      fetched-ab12cd34/
        run-ab12cd34.fetched

Such a file is a copy of what the target holds of the run's writers. It is no log, so nothing that
reads logs takes it for one: it is never listed, verified or synced, only gone on from.

The file: `MAGIC`, the length and the checksum of a head as two big-endian numbers of 32 bits, the
head, then the rows of all writers. Head and rows are msgpack.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import Any, Final, NamedTuple
from zlib import crc32

import msgpack

from airtape.errors import LogFormatError, TargetError
from airtape.fold.fold import Fold
from airtape.fold.keys import key_of, leaves, nested, path_of
from airtape.fold.row import TIMESTAMP, Row
from airtape.new_rundir import make_top
from airtape.records import HistoryFlag, Kind, Record, pack_big_ints, unpack_ext
from airtape.txlog.format import Header, header_from_fields
from airtape.whole_file import whole_file

MAGIC: Final = b"airtape fetched 1\n"
"""What such a file begins with; the number is that of the format."""

_SIZES: Final = Struct(">II")
_WHOLE_ROW: Final = int(HistoryFlag.STEP_GIVEN | HistoryFlag.COMMIT_GIVEN | HistoryFlag.COMMIT_TRUE)
_MALFORMED: Final = (LookupError, TypeError, ValueError, AttributeError, OverflowError)


class FetchedPart(NamedTuple):
    """What a target holds of one writer.

    Attributes:
        header: The writer.
        last_seq: The last of its records that the target has.
        fold: What they amount to, the last row completed.
        rows: Its rows in order of their steps.
    """

    header: Header
    last_seq: int
    fold: Fold
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class FetchedWriter:
    """One writer of a run that was fetched.

    Attributes:
        header: The writer.
        last_seq: The last of its records that the target had.
        state: What they amount to, as `Fold.state` says it.
        path: The file that it stands in.
        rows_at: Where its rows begin in the file.
        rows_size: How many bytes they take.
        rows_crc: Their checksum.
    """

    header: Header
    last_seq: int
    state: dict[str, Any]
    path: Path
    rows_at: int
    rows_size: int
    rows_crc: int

    def fold(self) -> Fold:
        """Return what the writer's records amount to."""
        return Fold(self.state)

    def records(self) -> Iterator[tuple[str, Record]]:
        """Yield records that amount to what the writer's own did, each with the file's name.

        What else was said of the run comes first, then the rows: when which was said is not kept.

        Raises:
            LogFormatError: The file is damaged, or cannot be read.
        """
        fold = self.fold()
        began_ns = fold.began_ns or 0
        history = fold.history.state()
        counted = {key_of(path) for path, *_ in history["tallies"]}
        said = [(list(path_of(key)), value) for key, value in leaves(fold.summary)]
        own = [[path, value] for path, value in said if key_of(path) not in counted]
        about = [
            (Kind.RUN, (fold.run,)),
            (Kind.CONFIG, (fold.config, [])),
            *((Kind.METRIC, (definition,)) for definition in history["metrics"]),
            (Kind.SUMMARY, (own, [])),
        ]
        for seq, (kind, fields) in enumerate(about):
            yield self.path.name, Record(seq, kind, began_ns, fields)
        for seq, (step, timestamp, data) in enumerate(self._rows(), start=len(about)):
            row = step, _WHOLE_ROW, {**data, TIMESTAMP: timestamp}
            yield self.path.name, Record(seq, Kind.HISTORY, round(timestamp * 1e9), row)

    def _rows(self) -> Iterator[list[Any]]:
        try:
            with self.path.open("rb") as file:
                file.seek(self.rows_at)
                data = file.read(self.rows_size)
        except OSError as error:
            raise _unreadable(self.path, error.strerror or str(error)) from error
        if len(data) < self.rows_size or crc32(data) != self.rows_crc:
            raise _unreadable(self.path, "its rows are damaged")
        unpacker = msgpack.Unpacker(ext_hook=unpack_ext, max_buffer_size=0)
        unpacker.feed(data)
        yield from unpacker


def fetched_path(folder: Path, run_id: str) -> Path:
    """Return where a run is kept that was fetched to a ``wandb`` folder."""
    return folder / f"fetched-{run_id}" / f"run-{run_id}.fetched"


def write_fetched(folder: Path, run_id: str, parts: Iterable[FetchedPart]) -> Path:
    """Keep what a target holds of a run, in place of what was fetched of it before.

    Args:
        folder: The ``wandb`` folder; made if it is missing.
        run_id: The run's id, which may be part of a path.
        parts: Its writers.

    Returns:
        The file.

    Raises:
        TargetError: It cannot be written.
    """
    path = fetched_path(folder, run_id)
    try:
        make_top(folder)
        path.parent.mkdir(exist_ok=True)
        with whole_file(path) as file:
            file.write(_encoded(parts))
    except OSError as error:
        raise TargetError(
            "the run cannot be kept here", where=str(path), because=error.strerror or str(error)
        ) from error
    return path


def _encoded(parts: Iterable[FetchedPart]) -> bytes:
    said, rows = [], b""
    for header, last_seq, fold, own in parts:
        packed = b"".join(_packed([step, at, nested(data)]) for step, at, _, data in own)
        said.append(
            {
                "header": header.to_fields(),
                "last_seq": last_seq,
                "state": fold.state(),
                "rows": [len(rows), len(packed), crc32(packed)],
            }
        )
        rows += packed
    head = _packed({"writers": said})
    return MAGIC + _SIZES.pack(len(head), crc32(head)) + head + rows


def read_fetched(folder: Path, run_id: str) -> list[FetchedWriter]:
    """Return the writers of a run that was fetched, none if it was not. Costs the same for any.

    Args:
        folder: The ``wandb`` folder.
        run_id: The run's id.

    Raises:
        LogFormatError: What was fetched is damaged, of a later version, or cannot be read.
    """
    path = fetched_path(folder, run_id)
    try:
        with path.open("rb") as file:
            begin = file.read(len(MAGIC) + _SIZES.size)
            if begin[: len(MAGIC)] != MAGIC or len(begin) < len(MAGIC) + _SIZES.size:
                raise _unreadable(path, "it is damaged, or of a later version")
            size, crc = _SIZES.unpack_from(begin, len(MAGIC))
            head = file.read(size)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    if len(head) < size or crc32(head) != crc:
        raise _unreadable(path, "it is damaged")
    try:
        said = msgpack.unpackb(head, ext_hook=unpack_ext)
        return [_writer(one, path, len(begin) + size) for one in said["writers"]]
    except _MALFORMED as error:
        raise _unreadable(path, f"it says something impossible: {error}") from error


def _writer(said: dict[str, Any], path: Path, rows_at: int) -> FetchedWriter:
    header = header_from_fields(said["header"])
    if header is None:
        message = "a writer without a name"
        raise ValueError(message)
    Fold(said["state"])
    at, size, crc = said["rows"]
    return FetchedWriter(header, said["last_seq"], said["state"], path, rows_at + at, size, crc)


def _packed(value: object) -> bytes:
    packed: bytes = msgpack.packb(value, default=pack_big_ints)
    return packed


def _unreadable(path: Path, because: str) -> LogFormatError:
    return LogFormatError(
        "what was fetched of the run cannot be read",
        where=str(path),
        because=because,
        hint="`tracker fetch` it again, or remove it to go on without",
    )
