"""A log writer in a process of its own, under the fault shim, and what it leaves behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airtape.records import Kind
from airtape.txlog.format import Header
from airtape.txlog.reader import Damage, LogReader
from airtape.txlog.seqset import SeqSet
from tests.shim.build import Setting, controlled_by, on_path, shim_env

ROOT = Path(__file__).parents[2]

PRELUDE = """
import contextlib, errno, itertools, json, os, resource, shutil, signal, sys, threading, time
from pathlib import Path
import msgpack
from airtape.txlog import trouble, writer
from airtape.txlog.format import Header
from airtape.txlog.writer import LogWriter
from tests.shim.watch import Control

folder = Path(sys.argv[1])
disk = Control(Path(sys.argv[2]))
said = []
further = (folder / f"run-{number}.txlog" for number in itertools.count(1))

def open_log(path=folder / "run.txlog", **options):
    header = Header("ab12cd34", bytes(range(16)))
    options = {"next_path": lambda: next(further), "report": said.append, "wall_ns": 0} | options
    return LogWriter(path, header, **options)

def row(number, size=0):
    return msgpack.packb([1, 0, number, 0, {"n": number, "text": "x" * size}])

def append(log, numbers, size=0):
    slowest = 0
    for number in numbers:
        began = time.perf_counter()
        log.append(row(number, size))
        slowest = max(slowest, time.perf_counter() - began)
    return slowest

def say(**facts):
    print(json.dumps(facts | {"said": said}))

def eventually(what):
    for _ in range(500):
        if what():
            return True
        threading.Event().wait(0.01)
    return False
"""


@dataclass(slots=True)
class Recorded:
    """What all files of a writer hold together.

    Attributes:
        rows: The numbers of the rows, each as often as it counts.
        gaps: First and last record of each gap.
        damage: What is damaged or missing.
        files: The files, in the order they were written.
        last_seq: The highest record.
    """

    rows: list[int] = field(default_factory=list)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    last_seq: int | None = None

    @property
    def missing(self) -> int:
        """How many records are missing."""
        return sum(1 if damage.missing is None else damage.missing for damage in self.damage)

    @property
    def dropped(self) -> int:
        """For how many records a gap record stands."""
        return sum(last - first + 1 for first, last in self.gaps)


def recorded(paths: Iterable[Path]) -> Recorded:
    """Read the files of one writer as one log."""
    found = Recorded()
    seen = SeqSet()
    for path in sorted(paths, key=_first_seq):
        found.files.append(path.name)
        for item in LogReader(path, seen=seen):
            if isinstance(item, Damage):
                found.damage.append(item)
            elif item.kind == Kind.HISTORY:
                found.rows.append(item.fields[2]["n"])
            elif item.kind == Kind.GAP:
                found.gaps.append((item.fields[0], item.fields[1]))
    found.last_seq = seen.max
    return found


def _first_seq(path: Path) -> int:
    reader = LogReader(path)
    next(iter(reader), None)
    header: Header | None = reader.header
    return -1 if header is None else header.first_seq


class Faulty:
    """Runs code that writes a log into `folder`, the only one whose files the shim counts."""

    def __init__(self, shim: Path, tmp_path: Path) -> None:
        self._shim = shim
        self.folder = tmp_path.resolve() / "log"
        self.folder.mkdir()
        self._control = tmp_path / "control"

    def __call__(self, code: str, *settings: Setting) -> dict[str, Any]:
        """Run the code to its end and return what it says."""
        env = shim_env(self._shim, on_path(self.folder), controlled_by(self._control), *settings)
        done = subprocess.run(
            [sys.executable, "-c", PRELUDE + code, self.folder, self._control],
            env=env | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "recorder")])},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        facts: dict[str, Any] = json.loads(done.stdout)
        return facts

    def recorded(self, *others: Path) -> Recorded:
        """Read what the log holds, also in files elsewhere."""
        return recorded([*self.folder.rglob("*.txlog"), *others])
