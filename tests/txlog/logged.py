"""A log of numbered rows in this process, and what its files hold."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import msgpack

from airtape.txlog.format import Header
from airtape.txlog.writer import LogWriter
from tests.txlog.faulty import Recorded, recorded


class Log(LogWriter):
    """A log of numbered rows.

    Attributes:
        said: What it reported.
    """

    def __init__(self, path: Path) -> None:
        self.said: list[str] = []
        further = (path.with_name(f"run-{number}.txlog") for number in count(1))
        super().__init__(
            path,
            Header("ab12cd34", bytes(range(16))),
            wall_ns=0,
            next_path=lambda: next(further),
            report=self.said.append,
        )

    def rows(self, *numbers: int, size: int = 0) -> None:
        """Append a row for each number."""
        for number in numbers:
            self.append(msgpack.packb([1, 0, number, 0, {"n": number, "text": "x" * size}]))


def whole(folder: Path) -> Recorded:
    """Read what all files of the log hold."""
    return recorded(folder.rglob("*.txlog"))


@contextmanager
def limit(kind: int, soft: int) -> Iterator[None]:
    """Lower a limit of this process for a while."""
    usual = resource.getrlimit(kind)
    resource.setrlimit(kind, (soft, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, usual)
