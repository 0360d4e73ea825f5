"""What the process of a trial does: it records, and says elsewhere what was acknowledged.

Each function is one kind of training; `tests.faults.server` calls it by name in a fork.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import random
import resource
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import airtape
from airtape.run import Run
from tests.faults.acks import Acks, value_of

LARGE = 2_000_000
CHILD = 100_000
"""First number of a forked child's rows; the n-th child's begin at n times this."""


def begin(order: dict[str, Any], **arguments: Any) -> Run:
    """Start the run of a trial and say that it is ready."""
    settings = {"silent": True, **order.get("settings", {})}
    run = airtape.init(
        project="faults",
        id=order.get("run_id", "trial"),
        dir=order["dir"],
        settings=settings,
        **arguments,
    )
    Path(order["side"] + ".ready").write_text(run.sync_dir, encoding="utf-8")
    return run


def train(
    run: Run, order: dict[str, Any], acks: Acks, *, first: int = 0, count: int | None = None
) -> float:
    """Log rows, each acknowledged when log() has returned; return how long the slowest took.

    Calls during which the system gave the processor to another process say nothing of log().
    """
    rate, sizes = order.get("rate", 0), order.get("sizes", [0])
    slowest, due = 0.0, time.monotonic()
    stop = order["side"] + ".stop"
    for number in range(count if count is not None else order.get("count", 10**9)):
        if number % 16 == 0 and os.path.exists(stop):  # noqa: PTH110 - in a tight loop
            break
        place = first + number
        row: dict[str, Any] = {"i": place, "v": value_of(place)}
        if size := sizes[number % len(sizes)]:
            row = {"text": "x" * size, **row}
        switches, began = _switches(), time.perf_counter()
        run.log(row)
        took = time.perf_counter() - began
        if took > slowest and _switches() == switches:
            slowest = took
        acks.add(place)
        if rate:
            due += 1 / rate
            time.sleep(max(0.0, due - time.monotonic()))
    return slowest


def _switches() -> int:
    """Return how often this thread had to give up the processor."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nivcsw


def plain(order: dict[str, Any]) -> dict[str, Any]:
    """Train, and finish."""
    acks = Acks(order["side"])
    run = begin(order)
    slowest = train(run, order, acks, first=order.get("first", 0))
    began = time.monotonic()
    run.finish()
    took = time.monotonic() - began
    said = run.status()
    return {
        "slowest": slowest,
        "finish": took,
        "deferred": said.deferred,
        "dropped": said.dropped,
        "trouble": said.trouble,
    }


def endless_family(order: dict[str, Any]) -> None:
    """Train for ever, with two forked children that do the same."""
    run = begin(order)
    for number in range(1, 3):
        if not os.fork():
            own = {**order, "side": f"{order['side']}.child{number}"}
            train(run, own, Acks(own["side"]), first=number * CHILD)
    train(run, order, Acks(order["side"]))


def forks(order: dict[str, Any]) -> dict[str, Any]:
    """Fork again and again while threads log; the children end in all ways, with codes to keep."""
    acks = Acks(order["side"])
    run = begin(order)
    done = threading.Event()

    def log(first: int) -> None:
        number = 0
        while not done.is_set() and number < CHILD // 4:
            run.log({"i": first + number, "v": value_of(first + number)})
            acks.add(first + number)
            number += 1

    threads = [threading.Thread(target=log, args=(place * CHILD // 4,)) for place in range(4)]
    for thread in threads:
        thread.start()
    codes = []
    for number in range(1, order["count"] + 1):
        child = os.fork()
        if not child:
            signal.alarm(20)
            _be_a_child(run, order, number)
        codes.append((number % 7, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))
    done.set()
    for thread in threads:
        thread.join()
    run.finish()
    return {"codes": codes}


def _be_a_child(run: Run, order: dict[str, Any], number: int) -> None:
    if number % 3:
        acks = Acks(f"{order['side']}.child{number}")
        train(run, order, acks, first=number * CHILD, count=5)
    if number % 2:
        os._exit(number % 7)
    if number % 3 == 1:
        run.finish()
    raise SystemExit(number % 7)


class Logged:
    """Logs a row when it is collected as garbage, and only the collector can find it."""

    def __init__(self, log: Callable[[int], None], place: int) -> None:
        self._log, self._place, self._itself = log, place, self

    def __del__(self) -> None:
        self._log(self._place)


async def _task(log: Callable[[int], None], places: range) -> None:
    for place in places:
        log(place)
        await asyncio.sleep(0)


async def _tasks(log: Callable[[int], None], count: int) -> None:
    starts = range(500_000, 540_000, 10_000)
    await asyncio.gather(*(_task(log, range(start, start + count)) for start in starts))


def threads(order: dict[str, Any]) -> dict[str, Any]:
    """Log from eight threads, from tasks, from handlers of signals and from finalizers, at once."""
    acks = Acks(order["side"])
    run = begin(order)
    count: int = order["count"]
    handled = iter(range(900_000, 1_000_000))

    def log(place: int) -> None:
        run.log({"i": place, "v": value_of(place)})
        acks.add(place)

    def work(first: int) -> None:
        for place in range(first, first + count):
            log(place)

    signal.signal(signal.SIGALRM, lambda *_: log(next(handled)))
    signal.setitimer(signal.ITIMER_REAL, 0.0007, 0.0007)
    workers = [threading.Thread(target=work, args=(20_000 * place,)) for place in range(8)]
    for worker in workers:
        worker.start()
    asyncio.run(_tasks(log, count))
    for number in range(count):
        Logged(log, 700_000 + number)
        if number % 10 == 0:
            gc.collect()
    for worker in workers:
        worker.join()
    signal.setitimer(signal.ITIMER_REAL, 0)
    gc.collect()
    run.finish()
    return {"handled": next(handled) - 900_000}


class InterruptedTrialError(Exception):
    """What a handler raises in the middle of anything."""


def interrupts(order: dict[str, Any]) -> None:
    """Log while the handler of a signal raises out of whatever is being done."""
    acks = Acks(order["side"])
    run = begin(order)
    source = random.Random(order["seed"])

    def interrupt(*_: object) -> None:
        raise InterruptedTrialError

    signal.signal(signal.SIGALRM, interrupt)
    places = itertools.count()
    for _ in range(order["count"]):
        with suppress(InterruptedTrialError):
            signal.setitimer(signal.ITIMER_REAL, source.uniform(1e-4, 6e-4))
            for place in places:
                run.log({"i": place, "v": value_of(place)})
                acks.add(place)
    run.finish()


SCENARIOS: dict[str, Callable[[dict[str, Any]], dict[str, Any] | None]] = {
    "plain": plain,
    "endless_family": endless_family,
    "forks": forks,
    "threads": threads,
    "interrupts": interrupts,
}
