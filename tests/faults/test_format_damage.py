from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.broken_logs import (
    DATA,
    LOG,
    compared,
    cut,
    garbage_of_512_bytes,
    hole_of_4_kib,
    hole_of_64_kib,
    multiple_flips,
    read_cut,
    single_flip,
    tail_of_zeros,
)
from tests.faults.format_seeds import Case, Tally, attempt
from tests.faults.table import SayRow
from tests.txlog.bytes_of import Reading, small_log

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

Rounds = Callable[[int], int]
SMALL = small_log()


@pytest.fixture
def read(tmp_path: Path) -> Reading:
    """Read bytes as a log."""
    return Reading(tmp_path / "run.txlog")


def test_a_log_cut_anywhere_is_incomplete(read: Reading, row: SayRow, rounds: Rounds) -> None:
    """Every record before the cut is read, and the log is not called damaged."""
    tally = attempt(cut, read, rounds(200))
    for place in range(LOG.starts[-4], len(DATA)):
        tally.tries += 1
        tally.wrong += read_cut(read, place)
    row(
        "F1",
        "cut at each byte of the last 3 records and at random",
        tries=tally.tries,
        result=tally.among("lost", "wrong", "called damaged", "not called incomplete"),
        passes="0 raised, 0 complete records lost, incomplete and not damaged",
    )
    assert not tally.wrong, tally.seeds


@pytest.mark.parametrize(
    ("fault", "case", "tries"),
    [
        ("F2", single_flip, 200),
        ("F2", multiple_flips, 200),
        ("F3", hole_of_4_kib, 25),
        ("F3", garbage_of_512_bytes, 25),
        ("F3", hole_of_64_kib, 25),
        ("F3", tail_of_zeros, 25),
    ],
)
def test_damage_costs_exactly_the_damaged(  # noqa: PLR0913, PLR0917 - fixtures and a table
    read: Reading, row: SayRow, rounds: Rounds, fault: str, case: Case, tries: int
) -> None:
    """Every other record is read as it was written, and every loss is told."""
    tally = attempt(case, read, rounds(tries))
    say_damage(row, fault, case.__name__.replace("_", " "), tally)
    assert not tally.wrong, tally.seeds


def test_every_single_bit_costs_its_record(read: Reading, row: SayRow) -> None:
    """Of a log with a record of each sort."""
    wrong = Counter[str]()
    for bit in range(8 * len(SMALL.data)):
        data = bytearray(SMALL.data)
        data[bit // 8] ^= 1 << bit % 8
        wrong += compared(SMALL, data, read(data))
    say_damage(row, "F2", "each bit of a small log", Tally(8 * len(SMALL.data), wrong))
    assert not wrong


def say_damage(row: SayRow, fault: str, tried: str, tally: Tally) -> None:
    """Add a line on logs that were damaged in place."""
    row(
        fault,
        tried,
        tries=tally.tries,
        result=tally.among("wrong", "lost beyond the damaged", "silent"),
        passes="0 wrong, lost = damaged exactly, 0 silent",
    )
