"""A cluster by a clock of its own: jobs that come and go, and copies of what they record."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgpack

from airtape.records import Kind, pack_big_ints
from airtape.rundir import log_files
from airtape.txlog.format import UNSALTED, Header, encode_frame, salt_of
from tests.logs import Said, config, describe, ended, log_row

NowNs = Callable[[], int]
"""Returns the wall clock."""
AT_ONCE = 6
"""How many jobs are at work or wait to be requeued."""


class Life:
    """A job at work: one writer, with a log in a run directory of its own.

    Args:
        folder: The folder of run directories.
        header: The writer.
        now_ns: The wall clock.
    """

    def __init__(self, folder: Path, header: Header, now_ns: NowNs) -> None:
        self.header = header
        self.step = header.start_step
        self.seq = -1
        self._now_ns = now_ns
        stamp = f"20261120_{header.writer[:4].hex()}"
        run_dir = folder / f"run-{stamp}-{header.run_id}"
        run_dir.mkdir(parents=True)
        self.log = run_dir / f"run-{header.run_id}.txlog"
        self.say((Kind.HEADER, [header.to_fields()]), describe(project="week"), config(lr=0.1))

    def say(self, *said: Said) -> None:
        """Record something."""
        with self.log.open("ab") as file:
            for one in said:
                self.seq += 1
                file.write(self._frame(one))

    def train(self, rows: int) -> None:
        """Record some rows."""
        first, self.step = self.step, self.step + rows
        self.say(
            *(log_row(step, loss=1 / (step + 1), acc=step) for step in range(first, self.step))
        )

    def tear(self, part: float) -> None:
        """Die while a record is being written, of which a part gets there."""
        frame = self._frame(log_row(self.step, loss=0.5))
        with self.log.open("ab") as file:
            file.write(frame[: int(len(frame) * part)])

    def _frame(self, said: Said) -> bytes:
        kind, fields = said
        body = msgpack.packb([int(kind), self._now_ns(), *fields], default=pack_big_ints)
        salt = UNSALTED if kind == Kind.HEADER else salt_of(self.header.writer)
        return encode_frame(self.seq, body, salt)


@dataclass
class Cluster:
    """Jobs that start, log, end, are killed and requeued, by chance.

    Attributes:
        folder: Where all of them record.
        chances: Decides what happens.
        now_ns: The wall clock.
    """

    folder: Path
    chances: random.Random
    now_ns: NowNs
    working: list[Life] = field(default_factory=list)
    queued: list[Life] = field(default_factory=list)
    runs: int = 0
    lives: int = 0
    kills: int = 0

    def go_on(self) -> None:
        """Let five minutes pass."""
        if len(self.working) + len(self.queued) < AT_ONCE and self.chances.random() < 0.2:
            self._start()
        if self.queued and self.chances.random() < 0.3:
            self._requeue(self.queued.pop(0))
        for life in list(self.working):
            life.train(self.chances.randrange(4))
            chance = self.chances.random()
            if chance < 0.04:
                self._kill(life)
            elif chance < 0.05:
                life.say(ended())
                self.working.remove(life)

    def end(self) -> None:
        """Let all that are at work end, and requeue none."""
        for life in self.working:
            life.say(ended())
        self.working.clear()

    def _start(self) -> None:
        self.runs += 1
        writer = self._new_writer()
        self._work(Header(f"{self.runs:08x}", writer=writer, root=writer))

    def _requeue(self, killed: Life) -> None:
        before = killed.header
        self._work(
            Header(
                before.run_id,
                writer=self._new_writer(),
                root=before.root,
                parents=((before.writer, killed.seq),),
                start_step=killed.step,
                resumed=True,
            )
        )

    def _kill(self, life: Life) -> None:
        self.kills += 1
        if self.chances.random() < 0.5:
            life.tear(self.chances.random())
        self.working.remove(life)
        self.queued.append(life)

    def _new_writer(self) -> bytes:
        self.lives += 1
        return self.lives.to_bytes(4, "big") + self.chances.randbytes(12)

    def _work(self, header: Header) -> None:
        self.working.append(Life(self.folder, header, self.now_ns))


class Copying:
    """Copies run directories as ``rsync`` does, which is cut off again and again.

    Args:
        near: What is copied.
        far: Where to.
        chances: Decides how far it comes.
    """

    def __init__(self, near: Path, far: Path, chances: random.Random) -> None:
        self._near = near
        self._far = far
        self._chances = chances

    def whole(self) -> None:
        """Copy all that is new."""
        for origin, copy in self._pairs():
            self._append(origin, copy, origin.stat().st_size)

    def cut_off(self) -> None:
        """Copy, until the connection breaks off in the middle of a file."""
        pairs = self._pairs()
        for origin, copy in pairs[: self._chances.randrange(len(pairs) + 1)]:
            self._append(origin, copy, origin.stat().st_size)
        if pairs:
            origin, copy = self._chances.choice(pairs)
            here = copy.stat().st_size if copy.exists() else 0
            way = self._chances.choice([self._append, self._in_place, self._replace])
            way(origin, copy, self._chances.randint(here, origin.stat().st_size))

    def _pairs(self) -> list[tuple[Path, Path]]:
        """Return the logs that are longer than their copies, with these."""
        pairs = []
        for run_dir in sorted(self._near.glob("run-*")):
            for origin in log_files(run_dir):
                copy = self._far / run_dir.name / origin.name
                if not copy.exists() or copy.read_bytes() != origin.read_bytes():
                    pairs.append((origin, copy))
        return pairs

    def _append(self, origin: Path, copy: Path, size: int) -> None:
        """Write what is missing at the end; what is there counts as right."""
        copy.parent.mkdir(parents=True, exist_ok=True)
        data = origin.read_bytes()[:size]
        if copy.exists() and not data.startswith(copy.read_bytes()):
            self._replace(origin, copy, size)
            return
        here = copy.stat().st_size if copy.exists() else 0
        with copy.open("ab") as file:
            file.write(data[here:])

    def _in_place(self, origin: Path, copy: Path, size: int) -> None:
        """Write the end before the middle, which is zeros meanwhile."""
        copy.parent.mkdir(parents=True, exist_ok=True)
        data = origin.read_bytes()[:size]
        copy.touch()
        with copy.open("r+b") as file:
            file.seek(len(data) - len(data) // 8)
            file.write(data[len(data) - len(data) // 8 :])

    def _replace(self, origin: Path, copy: Path, size: int) -> None:
        """Write another file and put it in the place of the one that is there, with its time."""
        copy.parent.mkdir(parents=True, exist_ok=True)
        fresh = copy.with_name(".fresh")
        fresh.write_bytes(origin.read_bytes()[:size])
        status = origin.stat()
        os.utime(fresh, ns=(status.st_atime_ns, status.st_mtime_ns))
        fresh.replace(copy)
