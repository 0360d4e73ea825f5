"""Sending several runs at once.

The workers are threads: while one waits for its target, or its disk, another folds. Two threads
that send to a SQLite store are hardly faster than one, and so would be two processes: three fifths
of the time goes into the store, which has one writer at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from queue import SimpleQueue
from threading import Lock
from typing import Generic, TypeVar

from airtape.sync.brake import Brake

Job = TypeVar("Job")
Done = TypeVar("Done")
Tool = TypeVar("Tool")


class Crew(Generic[Job, Done, Tool]):
    """Does jobs in several threads, and yields what became of them in the order of the jobs.

    Args:
        workers: Number of threads.
        open_tool: Opens what a thread works with; entered and left in that thread.
        do: Does a job. When it raises, no further job is begun.
        brake: Is pulled when nobody waits for the results any more.
    """

    def __init__(
        self,
        workers: int,
        open_tool: Callable[[], AbstractContextManager[Tool]],
        do: Callable[[Tool, Job], Done],
        brake: Brake,
    ) -> None:
        self._workers = workers
        self._open_tool = open_tool
        self._do = do
        self._brake = brake
        self._lock = Lock()
        self._failed = False

    def work(self, lanes: Sequence[Sequence[tuple[int, Job]]]) -> Generator[Done, None, None]:
        """Do the jobs of each lane one after the other, several lanes at once.

        After a failure what has been done is yielded, without what is missing between, and then
        the first failure is raised.

        Args:
            lanes: Jobs with their numbers, by which the results are ordered.
        """
        waiting = iter(lanes)
        done: SimpleQueue[tuple[int, Done] | None] = SimpleQueue()
        with ThreadPoolExecutor(self._workers, thread_name_prefix="sync") as pool:
            futures = [pool.submit(self._take_part, waiting, done) for _ in range(self._workers)]
            try:
                yield from _in_order(done, self._workers)
            except BaseException:
                self._failed = True
                self._brake.stop()
                raise
        for future in futures:
            future.result()

    def _take_part(
        self,
        waiting: Iterator[Sequence[tuple[int, Job]]],
        done: SimpleQueue[tuple[int, Done] | None],
    ) -> None:
        try:
            with self._open_tool() as tool:
                for number, job in self._jobs(waiting):
                    done.put((number, self._do(tool, job)))
        except BaseException:
            self._failed = True
            raise
        finally:
            done.put(None)

    def _jobs(self, waiting: Iterator[Sequence[tuple[int, Job]]]) -> Iterator[tuple[int, Job]]:
        while True:
            with self._lock:
                lane = next(waiting, None)
            if lane is None:
                return
            for numbered in lane:
                if self._failed:
                    return
                yield numbered


def _in_order(done: SimpleQueue[tuple[int, Done] | None], workers: int) -> Iterator[Done]:
    """Yield results by number as soon as all before them are there, the rest at the end."""
    early: dict[int, Done] = {}
    number = 0
    while workers:
        result = done.get()
        if result is None:
            workers -= 1
            continue
        early[result[0]] = result[1]
        while number in early:
            yield early.pop(number)
            number += 1
    for late in sorted(early):
        yield early[late]
