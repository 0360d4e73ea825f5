"""The fold of a log that is being written, when records come in the middle of its work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airtape.live import LiveFold
from airtape.records import Kind, Record


class Interrupted(Record):
    """A record; something happens in this thread whenever the fold looks at what it says."""

    action: Callable[[], object]

    @property
    def fields(self) -> tuple[Any, ...]:
        """Its fields, after the action."""
        self.action()
        return super().fields


def test_a_record_that_comes_in_the_middle_of_another_waits_for_its_turn() -> None:
    """The handler of a signal may record too; what it says counts behind what it interrupted."""
    live = LiveFold(0, 0)
    waiting: list[int] = []

    def handle() -> None:
        if not waiting:
            live.take(Record(2, Kind.RUN, 2, ({"name": "late"},)))
            waiting.append(len(live.waiting))

    interrupted = Interrupted(1, Kind.RUN, 1, ({"name": "early"},))
    interrupted.action = handle
    live.take(interrupted)
    assert waiting == [1]
    assert (live.waiting, live.described) == ([], {"name": "late"})
    assert not live.torn
