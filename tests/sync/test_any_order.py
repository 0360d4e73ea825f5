"""Whatever a log goes through between two syncs, the target ends up with what the log says."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airtape.backends.base import Batch
from airtape.backends.memory import MemoryBackend
from airtape.sync.engine import sync
from airtape.sync.options import SyncOptions
from tests.sync.test_damage import FRAMES, RECORDS, assert_lacks

PLACES = ("one", "two")
NAMES = ("run-ab12cd34.txlog", "run-ab12cd34.host-7-1.txlog")
CLOCK = count(1)


@dataclass(frozen=True)
class Sight:
    """What a log file looks like at the time of a sync.

    Attributes:
        place: Directory that it stands in.
        name: Its name there.
        end: How many of its frames are there.
        torn: How many bytes more are there of the next frame.
        harmed: Frames that are damaged.
        gone: Frames that are missing without a trace.
    """

    place: str
    name: str
    end: int
    torn: int
    harmed: frozenset[int]
    gone: frozenset[int]

    def contents(self) -> bytes:
        """Return the file's bytes."""
        frames = [
            frame[:-1] + bytes([frame[-1] ^ 1]) if seq in self.harmed else frame
            for seq, frame in enumerate(FRAMES[: self.end])
            if seq not in self.gone
        ]
        rest = FRAMES[self.end][: self.torn] if self.end < len(FRAMES) else b""
        return b"".join([*frames, rest])


class Died(Exception):  # noqa: N818 - it stands for a death, not for an error
    """The process ends here."""


class Mortal(MemoryBackend):
    """A target whose process dies at a commit, before it or after it.

    Args:
        name: As for any memory target.
        commits: How many commits succeed before that.
        done: Whether the commit at which it dies is made.
    """

    def __init__(self, name: str, commits: int, *, done: bool) -> None:
        super().__init__(name)
        self._left = commits
        self._done = done

    def commit(self, batch: Batch) -> bool:
        """Take in a batch, or die."""
        self._left -= 1
        if self._left < 0:
            if self._done:
                super().commit(batch)
            raise Died
        return super().commit(batch)


SEQS = st.frozensets(st.integers(0, len(FRAMES) - 1), max_size=3)
SIGHTS = st.builds(
    Sight,
    place=st.sampled_from(PLACES),
    name=st.sampled_from(NAMES),
    end=st.integers(0, len(FRAMES)),
    torn=st.integers(0, 40),
    harmed=SEQS,
    gone=SEQS,
)
OPTIONS = st.builds(
    SyncOptions,
    max_points=st.integers(1, 40),
    check=st.booleans(),
    pause=st.just(lambda _: None),
)


STEPS = st.tuples(SIGHTS, OPTIONS, st.booleans(), st.integers(0, 6), st.booleans())


@pytest.mark.timeout(120)
@settings(suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEPS, max_size=6))
def test_the_target_ends_up_with_the_whole_log(
    steps: list[tuple[Sight, SyncOptions, bool, int, bool]],
) -> None:
    """Copies grow, shrink, break and heal between syncs that may die; in the end one is whole."""
    with tempfile.TemporaryDirectory() as folder:
        name = f"any order {next(CLOCK)}"
        backend = MemoryBackend(name)
        dirs = [Path(folder, f"run-20261120_101112-{place}") for place in PLACES]
        for run_dir in dirs:
            run_dir.mkdir()
        for sight, options, together, commits, done in steps:
            run_dir = dirs[PLACES.index(sight.place)]
            show(run_dir / sight.name, sight.contents())
            mortal = Mortal(name, commits, done=done)
            with suppress(Died):
                report = sync(dirs if together else [run_dir], mortal, options)
                assert not any(run.internal for run in report.runs)
        for run_dir in dirs:
            for log in run_dir.iterdir():
                log.unlink()
        show(dirs[0] / NAMES[0], b"".join(FRAMES))
        report = sync(dirs[:1], backend)
        assert (report.runs[0].damage, report.runs[0].known) == ([], [])
        assert report.exit_code == 0
        assert_lacks(backend)
        assert sync(dirs[:1], backend).runs[0].status == "nothing_new"
        assert len(RECORDS) == report.runs[0].held
        MemoryBackend.forget(name)


def show(log: Path, contents: bytes) -> None:
    """Write a log file, at a time of its own."""
    log.write_bytes(contents)
    now = next(CLOCK)
    os.utime(log, ns=(now, now))
