"""The runs that a query found, read when they are first looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import overload

from airtape.query.columns import columns_of
from airtape.query.conditions import Filter
from airtape.query.kept import KeptRun, Place, warn
from airtape.query.order import Order
from airtape.query.run import RecordedRun


class Runs(Sequence[RecordedRun]):
    """Runs in an order; nothing is read before the first look.

    Args:
        place: Where they are kept.
        wanted: Tells whether a run belongs here.
        chosen: The filter.
        order: The order.
    """

    def __init__(
        self, place: Place, wanted: Callable[[KeptRun], bool], chosen: Filter, order: Order
    ) -> None:
        self._place = place
        self._wanted = wanted
        self._chosen = chosen
        self._order = order
        self._found: list[RecordedRun] | None = None
        self._problems: list[str] = []

    def _runs(self) -> list[RecordedRun]:
        if self._found is None:
            kept, self._problems = self._place.find()
            columns = ((columns_of(one.overview), one) for one in kept if self._wanted(one))
            fitting = (one for one in columns if self._chosen.matches(one[0]))
            self._found = [RecordedRun(one) for _, one in self._order.applied(fitting)]
            if self._problems:
                number = len(self._problems)
                warn(f"{number} places cannot be read, see Runs.problems: {self._problems[0]}")
        return self._found

    @property
    def problems(self) -> list[str]:
        """What could not be read, in sentences."""
        self._runs()
        return self._problems

    @property
    def length(self) -> int:
        """The number of runs."""
        return len(self)

    def __len__(self) -> int:
        return len(self._runs())

    @overload
    def __getitem__(self, place: int) -> RecordedRun: ...

    @overload
    def __getitem__(self, place: slice) -> list[RecordedRun]: ...

    def __getitem__(self, place: int | slice) -> RecordedRun | list[RecordedRun]:
        return self._runs()[place]

    def __repr__(self) -> str:
        return "<Runs, not read yet>" if self._found is None else f"<Runs: {len(self._found)}>"
