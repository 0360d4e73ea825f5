"""A target whose way is disturbed, in front of any other: ``faulty:MODE,URL``.

It stands for what happens between a sync and a server: refusals, answers that get lost, batches
that arrive twice, late or again. What is behind it is a real target of any kind.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from airtape.backends.base import Backend, Batch, DirectoryHint, Held
from airtape.backends.cursor import Cursor, RunKey
from airtape.backends.lease import Lease
from airtape.backends.registry import open_backend
from airtape.errors import AuthenticationError, TargetError, TransientError

RETRY_AFTER_S = 1.0
REFUSALS = 3


class FaultyBackend:
    """A target that something happens to whenever a batch is committed.

    Args:
        place: ``MODE,URL``; a mode is the name of a method.
    """

    transactional = True
    can_retract = False

    def __init__(self, place: str) -> None:
        mode, _, url = place.partition(",")
        self._behind: Backend = open_backend(url)
        self._disturbed: Callable[[Batch], bool] = getattr(self, mode)
        self._asked = 0
        self._done: list[Batch] = []

    def busy(self, batch: Batch) -> bool:
        """Refuse a few times, then take it."""
        self._asked += 1
        if self._asked % (REFUSALS + 1):
            raise TransientError("503 for now")
        return self._behind.commit(batch)

    def later(self, batch: Batch) -> bool:
        """Refuse once, and say when to come back."""
        self._asked += 1
        if self._asked == 1:
            raise TransientError("429", retry_after_s=RETRY_AFTER_S)
        return self._behind.commit(batch)

    def down(self, _batch: Batch) -> bool:
        """Refuse always."""
        raise TransientError("connection refused")

    def denied(self, _batch: Batch) -> bool:
        """Know nobody."""
        raise AuthenticationError("401")

    def broken(self, batch: Batch) -> bool:
        """Fail for good in the middle."""
        self._asked += 1
        if self._asked > 1:
            raise TargetError("500")
        return self._behind.commit(batch)

    def garbage(self, _batch: Batch) -> bool:
        """Answer what nobody understands."""
        raise ValueError("<html>")

    def stalls(self, batch: Batch) -> bool:
        """Never answer, after the first."""
        self._asked += 1
        while self._asked > 1:
            signal.pause()
        return self._behind.commit(batch)

    def lost_answers(self, batch: Batch) -> bool:
        """Take it, but the answer is lost, every other time."""
        self._asked += 1
        taken = self._behind.commit(batch)
        if self._asked % 2:
            raise TransientError("connection reset")
        return taken

    def last_answer_lost(self, batch: Batch) -> bool:
        """Take it, and never answer again."""
        self._behind.commit(batch)
        raise TargetError("connection reset")

    def twice(self, batch: Batch) -> bool:
        """Deliver everything twice."""
        taken = self._behind.commit(batch)
        assert not self._behind.commit(batch)
        return taken

    def again_later(self, batch: Batch) -> bool:
        """Deliver everything again in the end, the last first; see `close`."""
        self._done.append(batch)
        return self._behind.commit(batch)

    def commit(self, batch: Batch) -> bool:
        """Take in a batch, with what happens to it on its way."""
        note = os.environ.get("FAULTY_NOTES")
        if note:
            with Path(note).open("a", encoding="utf-8") as notes:
                notes.write("asked\n")
        return self._disturbed(batch)

    def close(self) -> None:
        """Let go of the target."""
        for batch in reversed(self._done):
            assert not self._behind.commit(batch)
        self._done.clear()
        self._behind.close()

    @property
    def notes(self) -> Sequence[str]:
        """What the target behind it says."""
        return self._behind.notes

    def read_cursor(self, run: RunKey, writer: bytes) -> Cursor | None:
        """Ask the target behind it."""
        return self._behind.read_cursor(run, writer)

    def take_lease(self, run: RunKey, lease: Lease) -> Lease | None:
        """Ask the target behind it."""
        return self._behind.take_lease(run, lease)

    def drop_lease(self, run: RunKey, owner: str) -> None:
        """Tell the target behind it."""
        self._behind.drop_lease(run, owner)

    def hints(self) -> Mapping[str, DirectoryHint]:
        """Ask the target behind it."""
        return self._behind.hints()

    def keep_hints(self, hints: Mapping[str, DirectoryHint]) -> None:
        """Tell the target behind it."""
        self._behind.keep_hints(hints)

    def retract(self, run: RunKey) -> None:
        """Tell the target behind it."""
        self._behind.retract(run)

    def runs(self, run_id: str | None = None) -> list[RunKey]:
        """Ask the target behind it."""
        return self._behind.runs(run_id)

    def dump(self, run: RunKey | None = None) -> Iterator[Held]:
        """Ask the target behind it."""
        return self._behind.dump(run)


def install(site: Path) -> Path:
    """Register the target in a folder that is to be on the path of a process; return the folder."""
    info = site / "faulty-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1.0\n")
    entry = f"[airtape.backends]\nfaulty = {__name__}:FaultyBackend\n"
    (info / "entry_points.txt").write_text(entry)
    return site
