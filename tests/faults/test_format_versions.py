from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgpack
import pytest

from airtape.exactjson import loads
from airtape.fold.fold import fold_log
from airtape.records import HistoryFlag, Kind, Record
from airtape.txlog.format import UNSALTED, encode_frame
from airtape.txlog.reader import LogContents, read_log
from tests.faults.broken_logs import DATA
from tests.faults.spliced_logs import FOREIGN, WITH_COPIES, WITH_FORGERIES
from tests.faults.table import SayRow
from tests.logs import BEGAN_NS, log_row
from tests.plain_values import encoded
from tests.txlog.bytes_of import HEADER, Read, Reading, frame, small_log

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "read_log.py"
GOLDEN = sorted((ROOT / "tests" / "golden").glob("*.txlog"))
FIXTURES = sorted((ROOT / "wandb_dirs_fixtures").glob("**/*.txlog"))
SMALL = small_log()
LATER_FLAG = 1 << 20
LATER_KIND = 12_345

Said = list[list[Any]]
OtherReader = Callable[[bytes], Iterator[tuple[int, list[Any]]]]


def said_in(contents: LogContents) -> Said:
    """Return number, kind, time and fields of each record."""
    return [[r.seq, int(r.kind), r.wall_ns, *r.fields] for r in contents.records]


@pytest.fixture
def read(tmp_path: Path) -> Reading:
    """Read bytes as a log."""
    return Reading(tmp_path / "run.txlog")


@pytest.fixture(scope="module")
def other_reader() -> OtherReader:
    """Return the reader of the examples, which shares no code with airtape."""
    spec = importlib.util.spec_from_file_location("read_log", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: OtherReader = module.records
    return found


def test_logs_of_every_version_are_read(row: SayRow) -> None:
    """Each record says what it said when its version was released."""
    records = different = 0
    for path in GOLDEN:
        contents = read_log(path)
        expected: Any = loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        found, there = said_in(contents), expected["records"]
        pairs = zip(found, there, strict=False)
        different += abs(len(found) - len(there)) + len(contents.damage)
        different += sum(encoded(ours) != encoded(golden) for ours, golden in pairs)
        records += len(there)
    row(
        "F8",
        f"golden logs of {len(GOLDEN)} version(s)",
        tries=records,
        result=f"{different} records different or missing",
        passes="100 % of the records",
    )
    assert records > 0
    assert different == 0


def later_log() -> tuple[bytes, int]:
    """Return a log of a later minor version, and how many records of it are known today."""
    frames, unknown = [later_header()], 0
    for seq in range(1, 101):
        if seq % 3 == 0:
            frames.append(frame(seq, LATER_KIND + seq, BEGAN_NS, {"later": [seq]}, b"\x00"))
            unknown += 1
            continue
        kind, (step, flags, data) = log_row(seq, loss=seq / 2)
        later_fields = [{"a later": "field"}] if seq % 2 else []
        frames.append(frame(seq, kind, BEGAN_NS, step, flags | LATER_FLAG, data, *later_fields))
    return b"".join(frames), unknown


def later_header() -> bytes:
    """Return a header with a field that is unknown today, of a minor version that is."""
    fields = HEADER.to_fields() | {"version": [1, 9], "a later field": {"x": 1}}
    return encode_frame(0, msgpack.packb([int(Kind.HEADER), BEGAN_NS, fields]), UNSALTED)


def test_what_later_versions_say_is_passed_on(read: Reading, row: SayRow) -> None:
    """Unknown kinds are counted, unknown flags and fields change nothing of what is known."""
    data, unknown = later_log()
    contents = read(data)
    fold = fold_log(contents.records)
    rows = [record for record in contents.records if record.kind == Kind.HISTORY]
    row(
        "F8",
        "a log of a later minor version: unknown kinds, flags, fields",
        tries=101,
        result=f"{len(contents.records)} read, {fold.history.rows} rows, {fold.unknown} unknown",
        passes=f"101 read, {100 - unknown} rows, {unknown} unknown",
    )
    assert contents.header is not None
    assert contents.header.run_id == HEADER.run_id
    assert contents.damage == []
    assert (len(contents.records), fold.unknown, fold.malformed) == (101, unknown, 0)
    assert fold.history.rows == 100 - unknown
    assert all(is_as_written(record) for record in rows)


def is_as_written(record: Record) -> bool:
    """Tell whether a row of the later log is what was written, with what is unknown today."""
    step, flags, data = record.fields[:3]
    known = flags & ~LATER_FLAG == HistoryFlag.STEP_GIVEN | (
        HistoryFlag.COMMIT_GIVEN | HistoryFlag.COMMIT_TRUE
    )
    return bool(known and (step, data) == (record.seq, {"loss": record.seq / 2}))


def differences(read: Read, other_reader: OtherReader, data: bytes) -> int:
    """Count the records that only one of two readers finds, or that they read differently."""
    ours = [encoded(said) for said in said_in(read(data))]
    theirs = [encoded([seq, *fields]) for seq, fields in other_reader(data)]
    return sum(one != other for one, other in zip(ours, theirs, strict=False)) + abs(
        len(ours) - len(theirs)
    )


def test_both_readers_find_the_same_in_whole_logs(
    read: Reading, other_reader: OtherReader, row: SayRow
) -> None:
    """Golden logs, fixtures, and a log of some hundred kilobytes."""
    logs = [path.read_bytes() for path in [*GOLDEN, *FIXTURES]]
    logs += [DATA, WITH_COPIES.data, WITH_FORGERIES.data, FOREIGN.data, later_log()[0]]
    different = sum(differences(read, other_reader, data) for data in logs)
    say_differences(row, "golden logs, fixtures and others as they are", len(logs), different)
    assert different == 0


@pytest.mark.parametrize("name", ["cut", "flip", "hole", "repeat", "delete", "foreign"])
def test_both_readers_find_the_same_in_damaged_logs(
    read: Reading, other_reader: OtherReader, row: SayRow, rounds: Callable[[int], int], name: str
) -> None:
    """The same logs cut, flipped, with holes, and spliced."""
    small = [path.read_bytes() for path in [*GOLDEN, *FIXTURES]]
    logs = [data for data in [*small, SMALL.data, WITH_COPIES.data] if data]
    random = Random(name)
    tries, different = rounds(300), 0
    for _ in range(tries):
        data = damaged(random.choice(logs), name, random)
        different += differences(read, other_reader, data)
    say_differences(row, f"damaged: {name}", tries, different)
    assert different == 0


def damaged(data: bytes, how: str, random: Random) -> bytes:
    """Return a log with a damage of some sort."""
    start, end = sorted(random.randrange(len(data) + 1) for _ in range(2))
    place = random.randrange(len(data))
    match how:
        case "cut":
            return data[:place]
        case "flip":
            return (
                data[:place] + bytes([data[place] ^ 1 << random.randrange(8)]) + data[place + 1 :]
            )
        case "hole":
            return data[:start] + bytes(end - start) + data[end:]
        case "repeat":
            return data[:place] + data[start:end] + data[place:]
        case "delete":
            return data[:start] + data[end:]
        case _:
            return data[:place] + FOREIGN.data[random.choice(FOREIGN.starts) :] + data[place:]


def say_differences(row: SayRow, logs: str, tries: int, different: int) -> None:
    """Add a line on two readers of the same logs."""
    row(
        "F9",
        f"examples/read_log.py and ours; {logs}",
        tries=tries,
        result=f"{different} differences",
        passes="0 differences",
    )
