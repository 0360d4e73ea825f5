"""W12: what a million calls of log() cost, in time and in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.table import SayRow
from tests.processes import RunPython

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

PROGRAM = """
import json, os, re, sys, time, zlib
from pathlib import Path
import msgpack
import airtape

BLOCKS, KEYS = 100, ["train/loss", "train/accuracy", "train/lr", "train/grad_norm", "perf/speed"]
size = int(sys.argv[1]) // BLOCKS
rows = [{key: number * 0.1 + place for place, key in enumerate(KEYS)} for number in range(997)]

def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

yard = os.open("yardstick", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

def yardstick(row):
    body = msgpack.packb(row)
    os.write(yard, zlib.crc32(body).to_bytes(8, "little") + body)

run = airtape.init(project="faults", settings={"silent": True})
clock = time.perf_counter_ns
least = [0] * 1000
taken = [0] * size
blocks = []
for block in range(BLOCKS):
    for number in range(size):
        row = rows[number % 997]
        began = clock()
        run.log(row)
        taken[number] = clock() - began
    if block == 0:
        before = resident()
    for number in range(1000):
        row = rows[number % 997]
        began = clock()
        yardstick(row)
        least[number] = clock() - began
    taken.sort()
    least.sort()
    blocks.append([taken[size // 2] / 1e3, taken[int(size * 0.999)] / 1e3, least[500] / 1e3])
print(json.dumps([blocks, resident() - before]))
run.finish()
"""

P50_US, P999_US, GROWTH_KIB, LATER = 15.0, 200.0, 8 << 10, 1.1
YARDSTICK_US = 2.1
"""What pack, checksum and write take where the limits hold; they grow with it."""


def test_a_million_calls(
    run_python: RunPython, rounds: Callable[[int], int], workdir: Path, row: SayRow
) -> None:
    """Each is quick, the last as quick as the first, and memory stays flat."""
    assert workdir.is_dir()
    calls = rounds(1_000_000)
    blocks, growth = json.loads(run_python(PROGRAM, str(calls), timeout=500).stdout)
    p50, p999, yardstick = (quiet([block[part] for block in blocks]) for part in range(3))
    first, last = (quiet([block[0] for block in part]) for part in (blocks[:10], blocks[-10:]))
    slower = max(1.0, yardstick / YARDSTICK_US)
    row(
        "W12",
        "log() of 5 scalars",
        tries=calls,
        result=f"p50 {p50:.1f} us, p99.9 {p999:.0f} us, memory {growth / 1024:+.1f} MiB, "
        f"last tenth {last / first:.2f} times the first; yardstick {yardstick:.1f} us",
        passes=f"p50 <= {P50_US:.0f} us, p99.9 <= {P999_US:.0f} us where the yardstick takes "
        f"{YARDSTICK_US} us, <= +8 MiB, <= {LATER} times",
    )
    assert p50 <= P50_US * slower
    assert p999 <= P999_US * slower
    assert growth <= GROWTH_KIB
    assert last <= LATER * first


def quiet(figures: list[float]) -> float:
    """Return the figure that a quarter of them stay below.

    What other processes do in between is not the recorder's.
    """
    return sorted(figures)[len(figures) // 4]
