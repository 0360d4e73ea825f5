"""What a run begins from: nothing, an earlier run of the same id, or a moment of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from airtape.inheritance import Inheritance
    from airtape.shared import SharedPart


class Origin(NamedTuple):
    """What a new writer begins from.

    Attributes:
        run_id: The run's id, if it is given by where it comes from.
        inheritance: What it takes over, None for nothing.
        resumed: Whether it goes on with an earlier run of the same id.
        branch: ``run_id`` and ``step`` of the moment that it goes back to or branches off.
        start_step: First step to write.
        shared: The part it takes among many writers of one run, None if it is the only one.
    """

    run_id: str | None = None
    inheritance: Inheritance | None = None
    resumed: bool = False
    branch: tuple[str, int] | None = None
    start_step: int = 0
    shared: SharedPart | None = None
