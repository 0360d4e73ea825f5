from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from airtape.txlog.format import encode_frame
from tests.faults.table import SayRow
from tests.processes import RunPython
from tests.txlog.bytes_of import row_frame, small_log
from tests.txlog.hostile import BOMBS, CRAFTED, LARGE, PATTERNS, READ_IN_A_PROCESS, SALT
from tests.txlog.test_model import live

pytestmark = pytest.mark.faults

LOG = small_log()
COUNT = len(LOG.frames)
MIB = 1 << 20
MEASURED_AT_MOST = 3


class Cost(NamedTuple):
    """What reading a file took.

    Attributes:
        seconds: CPU time.
        kib: The most memory that the process had.
        records: How many were read.
        lost: How many are told to be lost.
    """

    seconds: float
    kib: int
    records: int
    lost: int

    @property
    def mib(self) -> float:
        """The most memory that the process had."""
        return self.kib / 1024


CostOf = Callable[..., Cost]


@pytest.fixture
def cost_of(tmp_path: Path, run_python: RunPython) -> CostOf:
    """Read parts of a file, one behind the other, in a process of its own."""

    def measure(*parts: bytes) -> Cost:
        path = tmp_path / "log"
        with path.open("wb") as file:
            file.writelines(parts)
        return Cost(*json.loads(run_python(READ_IN_A_PROCESS, str(path), timeout=300).stdout))

    return measure


@pytest.mark.timeout(400)
def test_a_log_lives_through_anything(row: SayRow, rounds: Callable[[int], int]) -> None:
    """It is read as a list says, whatever happens to it, and however reading goes on."""
    lives = rounds(2000)
    live(lives, 20)
    row(
        "F5",
        "a log that is written, torn, damaged, appended to and read, beside a list",
        tries=lives,
        result="0 divergences",
        passes="0 divergences in 2,000 examples",
    )


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", PATTERNS)
def test_a_hundred_mebibytes_of_nothing(cost_of: CostOf, row: SayRow, name: str) -> None:
    """They are passed over in seconds and in little memory, behind a log and as a file."""
    pattern = PATTERNS[name] * (100 * MIB // len(PATTERNS[name]))
    costs = [cost_of(LOG.data, pattern), cost_of(pattern)]
    slowest, most = max(cost.seconds for cost in costs), max(cost.mib for cost in costs)
    row(
        "F6",
        f"100 MiB of {name}",
        tries=len(costs),
        result=f"{slowest:.1f} s, {most:.0f} MiB of memory",
        passes="≤ 3 s, ≤ 150 MiB",
    )
    assert [cost.records for cost in costs] == [COUNT, 0]
    assert slowest <= 3
    assert most <= 150


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", CRAFTED)
def test_a_hundred_mebibytes_of_crafted_heads(cost_of: CostOf, row: SayRow, name: str) -> None:
    """They take longer, but twice the bytes no more than about twice as long."""
    half = CRAFTED[name] * (50 * MIB // len(CRAFTED[name]))
    alone = cost_of(half, half)
    halves, wholes = [cost_of(LOG.data, half)], [cost_of(LOG.data, half, half)]
    while (
        wholes[-1].seconds <= 15 and len(wholes) < MEASURED_AT_MOST and ratio(wholes, halves) > 2.3
    ):
        halves.append(cost_of(LOG.data, half))
        wholes.append(cost_of(LOG.data, half, half))
    slowest = max(alone.seconds, *(cost.seconds for cost in wholes))
    most = max(alone.mib, *(cost.mib for cost in wholes))
    growth = ratio(wholes, halves)
    row(
        "F6",
        f"100 MiB of {name}",
        tries=1 + len(halves) + len(wholes),
        result=f"{slowest:.1f} s, {growth:.2f} times that of 50 MiB, {most:.0f} MiB of memory",
        passes="≤ 15 s, ≤ 2.3 times that of half, ≤ 150 MiB",
    )
    assert (alone.records, wholes[0].records) == (0, COUNT)
    assert slowest <= 15
    assert growth <= 2.3
    assert most <= 150


def ratio(wholes: list[Cost], halves: list[Cost]) -> float:
    """Compare the shortest times; what disturbs a measurement only makes it longer."""
    return min(cost.seconds for cost in wholes) / min(cost.seconds for cost in halves)


def between_rows(bodies: list[bytes]) -> bytes:
    """Return frames with these bodies, each with a row behind it."""
    frames = []
    for seq, body in zip(range(COUNT, COUNT + 2 * len(bodies), 2), bodies, strict=True):
        frames += [encode_frame(seq, body, SALT), row_frame(seq + 1, seq, a=1)]
    return LOG.data + b"".join(frames)


@pytest.mark.timeout(120)
def test_bombs_cost_themselves(cost_of: CostOf, row: SayRow) -> None:
    """None raises, none takes memory, each is told as one lost record, and all others are read."""
    bodies = 10 * list(BOMBS.values())
    usual = cost_of(between_rows(len(bodies) * [b"\xc1"]))
    cost = cost_of(between_rows(bodies))
    row(
        "F7",
        "bodies that are too deep, too long, of unknown types, no text, no keys",
        tries=len(bodies),
        result=f"0 raised, {cost.lost} lost, {cost.mib - usual.mib:+.0f} MiB of memory",
        passes="0 raised, each told as lost, ≤ +64 MiB",
    )
    assert (cost.records, cost.lost) == (COUNT + len(bodies), len(bodies))
    assert cost.mib - usual.mib <= 64


@pytest.mark.timeout(180)
def test_the_largest_bodies_fit_into_memory(cost_of: CostOf, row: SayRow) -> None:
    """A mebibyte of containers is a record, and only one of them is in memory at a time."""
    bodies = 2 * list(LARGE.values())
    cost = cost_of(between_rows(bodies))
    row(
        "F7",
        "a mebibyte of lists or maps in one body",
        tries=len(bodies),
        result=f"0 raised, {cost.mib:.0f} MiB of memory",
        passes="0 raised, ≤ 150 MiB",
    )
    assert (cost.records, cost.lost) == (COUNT + 2 * len(bodies), 0)
    assert cost.mib <= 150
