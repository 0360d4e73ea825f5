"""Definitions of metrics, and what is counted of each for its summary."""

from __future__ import annotations

from collections.abc import Iterable
from operator import countOf
from typing import Any, NamedTuple

from airtape.fold.keys import Key, dotted
from airtape.records import Plain

AGGREGATES = ("min", "max", "mean", "first", "last", "best")
TRACE_LENGTH = 64
"""Numbers kept of each metric to draw it; beyond that, every other one is let go."""
_SUMMED_TYPES = frozenset({float, int})


class MetricDefinition(NamedTuple):
    """How one metric, or every metric whose name has a prefix, is summarised and drawn.

    Attributes:
        name: The metric's name, with nested names joined by dots; or a prefix if ``glob``.
        glob: Whether the name is a prefix.
        step_metric: The metric that is its x axis.
        step_sync: Whether the last value of the step metric is added to rows that lack it.
        hidden: Whether it is left out of plots.
        summary: The operations its summary holds; empty for the last value, ``("none",)`` for none.
        goal: ``minimize`` or ``maximize``, for ``best``.
    """

    name: str
    glob: bool = False
    step_metric: str | None = None
    step_sync: bool | None = None
    hidden: bool | None = None
    summary: tuple[str, ...] = ()
    goal: str | None = None

    @property
    def adds_step_metric(self) -> bool:
        """Whether rows that have this metric get the last value of its step metric."""
        return self.step_metric is not None and self.step_sync is not False

    def to_fields(self) -> dict[str, Any]:
        """Return the definition as a map of what is said; the inverse of `definition_from`."""
        said: dict[str, Any] = {"glob" if self.glob else "name": self.name}
        for name in ("step_metric", "step_sync", "hidden", "goal"):
            if getattr(self, name) is not None:
                said[name] = getattr(self, name)
        if self.summary:
            said["summary"] = list(self.summary)
        return said


def definition_from(said: dict[str, Any]) -> MetricDefinition:
    """Return the definition that a metric record holds; a glob is written without its star."""
    glob = "glob" in said
    return MetricDefinition(
        name=str(said["glob"] if glob else said.get("name", "")),
        glob=glob,
        step_metric=said.get("step_metric"),
        step_sync=said.get("step_sync"),
        hidden=said.get("hidden"),
        summary=tuple(said.get("summary") or ()),
        goal=said.get("goal"),
    )


def _merged(old: MetricDefinition, new: MetricDefinition) -> MetricDefinition:
    """Return what holds after a second definition: what it leaves unsaid stays as it was."""
    operations = dict.fromkeys((*old.summary, *new.summary))
    if new.summary and "none" not in new.summary:
        operations.pop("none", None)
    return old._replace(
        step_metric=old.step_metric if new.step_metric is None else new.step_metric,
        step_sync=old.step_sync if new.step_sync is None else new.step_sync,
        hidden=old.hidden if new.hidden is None else new.hidden,
        summary=tuple(operations),
        goal=old.goal if new.goal is None else new.goal,
    )


class Metrics:
    """All definitions of a run.

    Attributes:
        exact: Definitions by name.
        globs: Definitions by prefix.
    """

    def __init__(
        self,
        exact: dict[str, MetricDefinition] | None = None,
        globs: dict[str, MetricDefinition] | None = None,
    ) -> None:
        self.exact = exact or {}
        self.globs = globs or {}
        self._found: dict[Key, MetricDefinition | None] = {}

    def __bool__(self) -> bool:
        return bool(self.exact or self.globs)

    def define(self, said: dict[str, Any]) -> MetricDefinition:
        """Take in a metric record and return the definition that now holds."""
        new = definition_from(said)
        table = self.globs if new.glob else self.exact
        old = table.get(new.name)
        if old is not None and not said.get("overwrite"):
            new = _merged(old, new)
        table[new.name] = new
        self._found.clear()
        return new

    def find(self, key: Key) -> MetricDefinition | None:
        """Return the definition of a metric: its own, else that of the longest prefix.

        Prefixes do not reach names that begin with an underscore.
        """
        try:
            return self._found[key]
        except KeyError:
            found = self._found[key] = self._find(dotted(key))
            return found

    def _find(self, name: str) -> MetricDefinition | None:
        own = self.exact.get(name)
        if own is not None or name.startswith("_"):
            return own
        prefixes = [prefix for prefix in self.globs if name.startswith(prefix)]
        return self.globs[max(prefixes, key=len)] if prefixes else None

    def definitions(self) -> list[MetricDefinition]:
        """Return all definitions, in the order they were first made."""
        return [*self.exact.values(), *self.globs.values()]


class Tally:
    """What is counted of one metric over all its rows.

    Not-a-numbers are left out: one of them would make every aggregate one for ever.

    Attributes:
        first: The first value of any type.
        count: How many numbers there were; booleans are none.
        total: Their sum.
        low: The smallest number.
        high: The largest number.
        stride: Every how many numbers one is kept in ``trace``; 0 to keep none.
        trace: Numbers at even distances, to draw the metric with.
    """

    __slots__ = ("count", "first", "high", "low", "stride", "total", "trace")

    def __init__(  # noqa: PLR0913, PLR0917 - a state that is restored has them all
        self,
        first: Plain,
        count: int = 0,
        total: float = 0.0,
        low: float | None = None,
        high: float | None = None,
        stride: int = 1,
        trace: Iterable[float] = (),
    ) -> None:
        self.first = first
        self.count = count
        self.total = total
        self.low = low
        self.high = high
        self.stride = stride
        self.trace = list(trace)

    def take(self, value: Plain) -> None:
        """Count one value."""
        if type(value) not in _SUMMED_TYPES or value != value:  # noqa: PLR0124 - true for a NaN
            return
        assert isinstance(value, float | int)  # noqa: S101 - for the type checker
        self._keep((value,))
        self.count += 1
        try:
            self.total += value
        except OverflowError:
            self.total += float("inf") if value > 0 else float("-inf")
        if self.low is None or value < self.low:
            self.low = value
        if self.high is None or value > self.high:
            self.high = value

    def take_all(self, values: tuple[Any, ...]) -> bool:
        """Count many values; the same as `take` on each, in less time.

        Returns:
            Whether all of them are numbers, with no not-a-number among them.
        """
        # Nearly always all of them are floats, which is found out soonest by counting.
        if countOf(map(type, values), float) == len(values) or _SUMMED_TYPES.issuperset(
            map(type, values)
        ):
            # Not `sum`, whose result is another one from Python 3.12 on.
            total = self.total
            try:
                for value in values:
                    total += value
            except OverflowError:
                total = float("nan")
            if total == total:  # noqa: PLR0124 - false for a NaN
                low, high = min(values), max(values)
                self._keep(values)
                self.count += len(values)
                self.total = total
                if self.low is None or low < self.low:
                    self.low = low
                if self.high is None or high > self.high:
                    self.high = high
                return True
        for value in values:
            self.take(value)
        return False

    def _keep(self, values: tuple[float, ...]) -> None:
        """Add to the trace the numbers whose place in the sequence is a multiple of the stride."""
        if self.stride:
            self.trace += values[-self.count % self.stride :: self.stride]
            while len(self.trace) > TRACE_LENGTH:
                self.trace = self.trace[::2]
                self.stride *= 2

    def aggregate(self, operations: Iterable[str], goal: str | None, last: Plain) -> Plain:
        """Return the summary value of a metric that has these operations.

        A metric that never had a number has no minimum, maximum or mean; its summary is then the
        last value, so that what was logged stays to be seen. So is it with operations that only a
        later version knows.
        """
        values: dict[str, Plain] = {}
        for operation in operations:
            if operation in {"first", "last"}:
                values[operation] = self.first if operation == "first" else last
            elif self.count and operation in AGGREGATES:
                values[operation] = self._number(operation, goal)
        return values or last

    def _number(self, operation: str, goal: str | None) -> float | None:
        if operation == "mean":
            return self.total / self.count
        if operation == "max" or (operation == "best" and goal == "maximize"):
            return self.high
        return self.low
