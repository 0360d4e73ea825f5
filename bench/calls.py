"""What ``log()`` of five scalars takes with one recorder; prints its figures as JSON.

Run by ``side_by_side.py``, for each recorder with the Python that has it installed:
``python calls.py RECORDER CALLS [--cpu | --beside]`` with RECORDER one of ``yardstick``,
``airtape``, ``wandb``: each call is timed; or the calls are only made; or they are timed beside a
busy thread.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import statistics
import struct
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path

Log = Callable[[dict[str, float], int], object]

KEYS = ("train/loss", "train/accuracy", "train/lr", "train/grad_norm", "perf/tokens_per_sec")
ROWS = 997
WINDOW_S = 1.0
"""Seconds for which calls are made alone, and beside a busy thread."""
TURNS = 3
"""How often, in turns; the median counts, as in the first second a run also begins."""
MOST_CALLS = 10_000_000
"""More than are made in such a time; each has a step of its own."""
IDLE_S = 1.0
"""Seconds that a run lasts at least, so that what is loaded beside the training is in every run."""


def yardstick(folder: Path) -> tuple[Log, Callable[[], object]]:
    """Return the least that any recorder on msgpack must do: pack, checksum, one ``os.write``."""
    packb = importlib.import_module("msgpack").packb
    pack, crc32, write = struct.Struct("<II").pack, zlib.crc32, os.write
    fd = os.open(folder / "yardstick.log", os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def log(data: dict[str, float], step: int) -> None:
        body = packb((step, data))
        write(fd, pack(len(body), crc32(body)) + body)

    return log, lambda: os.close(fd)


def recorder(name: str, folder: Path) -> tuple[Log, Callable[[], object]]:
    """Return the ``log`` and ``finish`` of a recorder with W&B's names."""
    run = importlib.import_module(name).init(project="bench", dir=str(folder))
    return run.log, run.finish


def train(log: Log, rows: list[tuple[float, ...]], calls: int) -> None:
    """Make the calls as a training does, each with a row of its own, and nothing else."""
    for step in range(calls):
        log(dict(zip(KEYS, rows[step % ROWS], strict=True)), step)


def timed(log: Log, rows: list[dict[str, float]], calls: int) -> list[int]:
    """Return the nanoseconds that each call takes, in order of size."""
    taken = []
    clock = time.perf_counter_ns
    for step in range(calls):
        data = dict(rows[step % ROWS])
        start = clock()
        log(data, step)
        taken.append(clock() - start)
    return sorted(taken)


def busy(stop: threading.Event) -> None:
    """Compute in Python without a pause."""
    total = 0
    while not stop.is_set():
        for number in range(1000):
            total += number


def mean_beside(log: Log, rows: list[dict[str, float]], first: int, *, thread: bool) -> float:
    """Return the mean microseconds in a call, alone or beside a busy thread."""
    stop = threading.Event()
    other = threading.Thread(target=busy, args=(stop,))
    if thread:
        other.start()
    clock = time.perf_counter_ns
    calls = inside = 0
    end = time.perf_counter() + WINDOW_S
    while time.perf_counter() < end:
        start = clock()
        log(rows[calls % ROWS], first + calls)
        inside += clock() - start
        calls += 1
    stop.set()
    if thread:
        other.join()
    return inside / calls / 1e3


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    """Make the calls and print what they took."""
    name, calls = sys.argv[1], int(sys.argv[2])
    os.environ.update(
        WANDB_MODE="offline", WANDB_SILENT="true", WANDB_ERROR_REPORTING="false", TRACKER_SILENT="1"
    )
    numbers = random.Random(1)  # noqa: S311 - the same values for everybody
    rows = [{key: numbers.random() * 3 for key in KEYS} for _ in range(ROWS)]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        opened = yardstick(folder) if name == "yardstick" else recorder(name, folder)
        log, finish = opened
        figures: dict[str, float] = {}
        if "--cpu" in sys.argv:
            until = time.monotonic() + IDLE_S
            train(log, [tuple(row.values()) for row in rows], calls)
            time.sleep(max(0.0, until - time.monotonic()))
        elif "--beside" in sys.argv:
            timed(log, rows, calls)
            taken_in: dict[str, list[float]] = {"alone": [], "beside": []}
            for turn in range(TURNS):
                for thread, means in enumerate(taken_in.values()):
                    first = calls + (2 * turn + thread) * MOST_CALLS
                    means.append(mean_beside(log, rows, first, thread=bool(thread)))
            figures |= {where: statistics.median(means) for where, means in taken_in.items()}
        else:
            taken = timed(log, rows, calls)
            figures["p50"] = taken[len(taken) // 2] / 1e3
            figures["p99"] = taken[len(taken) * 99 // 100] / 1e3
        finish()
        figures["bytes"] = size_of(folder) / calls / len(KEYS)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
