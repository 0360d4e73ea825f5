"""What a call of ``log()`` costs; ``make bench`` runs it.

Absolute times differ from machine to machine, so each call is set against the least that any
recorder on msgpack must do, measured in turns with it: pack, checksum, one ``os.write``.
"""

from __future__ import annotations

import gc
import os
import statistics
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgpack

import airtape

CALLS = 20_000
BESIDE_CALLS = 2_000
BLOCK = 1_000

Log = Callable[[dict[str, float]], object]


def row(i: int) -> dict[str, float]:
    """Five scalars, as a training loop logs them."""
    return {"loss": 1.0 / (i + 1), "acc": i * 1e-4, "lr": 3e-4, "grad": 0.5 + i, "epoch": i // 100}


@contextmanager
def yardstick(directory: Path) -> Iterator[Log]:
    """The least that a recorder must do for each call."""
    file = os.open(directory / "yardstick", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def log(data: dict[str, float]) -> None:
        body = msgpack.packb(data)
        os.write(file, zlib.crc32(body).to_bytes(4, "little") + body)

    yield log
    os.close(file)


def durations(log: Log, rows: list[dict[str, float]]) -> list[int]:
    """Nanoseconds of each call."""
    taken = []
    clock = time.perf_counter_ns
    for data in rows:
        start = clock()
        log(data)
        taken.append(clock() - start)
    return taken


@contextmanager
def busy_thread() -> Iterator[None]:
    """Another thread that computes in Python without a pause."""
    stop = threading.Event()

    def compute() -> None:
        while not stop.is_set():
            sum(range(100))

    thread = threading.Thread(target=compute)
    thread.start()
    yield
    stop.set()
    thread.join()


def show(what: str, figure: float, unit: str, beside: str = "") -> None:
    """Print one line of the table."""
    print(f"{what:<42}{figure:>10.1f} {unit:<4}{beside}")


def show_calls(ours: list[int], least: list[int]) -> None:
    """Print what the calls took, and how that compares with the yardstick."""
    figures: dict[str, Callable[[list[int]], float]] = {
        "p50": statistics.median,
        "p99": lambda taken: statistics.quantiles(taken, n=100)[98],
        "mean": statistics.fmean,
    }
    for name, figure in figures.items():
        us, us_least = figure(ours) / 1e3, figure(least) / 1e3
        beside = f"{us / us_least:.2f} x the yardstick's {us_least:.1f}"
        show(f"log() of 5 scalars, {name}", us, "us", beside)


def main() -> None:
    """Measure and print the table."""
    os.environ.update(TRACKER_SILENT="true", TRACKER_MODE="offline")
    with tempfile.TemporaryDirectory() as folder, yardstick(Path(folder)) as least:
        os.chdir(folder)
        run = airtape.init(project="bench")
        ours: list[int] = []
        ours_least: list[int] = []
        gc.collect()
        for first in range(0, CALLS, BLOCK):
            rows = [row(i) for i in range(first, first + BLOCK)]
            ours += durations(run.log, rows)
            ours_least += durations(least, rows)
        show_calls(ours, ours_least)
        with busy_thread():
            beside = durations(run.log, [row(i) for i in range(BESIDE_CALLS)])
        show("log() beside a busy Python thread, mean", statistics.fmean(beside) / 1e3, "us")
        run.finish()
        os.chdir("/")


if __name__ == "__main__":
    main()
