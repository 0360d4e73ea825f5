"""What ``define_metric`` accepts and returns."""

from __future__ import annotations

from typing import Any, NamedTuple

from airtape.errors import UsageError
from airtape.fold.metrics import AGGREGATES

_GOALS = ("minimize", "maximize")


class Metric(NamedTuple):
    """A definition, as ``define_metric`` returns it.

    Attributes:
        name: The metric's name, or a glob that ends in ``*``.
        step_metric: The metric that is its x axis.
        step_sync: Whether rows without the step metric get its last value.
        hidden: Whether it is left out of plots.
        summary: The operations of its summary.
        goal: ``minimize`` or ``maximize``.
    """

    name: str
    step_metric: str | None = None
    step_sync: bool | None = None
    hidden: bool | None = None
    summary: tuple[str, ...] | None = None
    goal: str | None = None

    def to_fields(self, *, overwrite: bool | None) -> dict[str, Any]:
        """Return what a metric record says: only what was said here."""
        glob = self.name.endswith("*")
        said: dict[str, Any] = {"glob" if glob else "name": self.name.removesuffix("*")}
        for key in ("step_metric", "step_sync", "hidden", "goal"):
            if getattr(self, key) is not None:
                said[key] = getattr(self, key)
        if self.summary:
            said["summary"] = list(self.summary)
        if overwrite:
            said["overwrite"] = True
        return said


def define(  # noqa: PLR0913, PLR0917 - the arguments of define_metric
    name: object,
    step_metric: object = None,
    step_sync: object = None,
    hidden: object = None,
    summary: object = None,
    goal: object = None,
) -> Metric:
    """Check the arguments of ``define_metric``.

    Raises:
        UsageError: One of them is not what it must be; the text names it.
    """
    if not isinstance(name, str):
        raise _unhandled(f"name type: {type(name).__name__}")
    if not name:
        raise UsageError("define_metric() requires non-empty name argument")
    if "*" in name[:-1]:
        raise _unhandled(f"name (glob suffixes only): {name}")
    if isinstance(step_metric, Metric):
        step_metric = step_metric.name
    if step_metric is not None and not isinstance(step_metric, str):
        raise _unhandled(f"step_metric type: {type(step_metric).__name__}")
    if goal is not None and goal not in _GOALS:
        raise UsageError(
            f"define_metric() got goal={goal!r}", hint=f"goal is one of {', '.join(_GOALS)}"
        )
    axis = step_metric or None
    return Metric(
        name=name,
        step_metric=axis,
        step_sync=_flag(step_sync, default=True if axis else None),
        hidden=_flag(hidden),
        summary=_operations(summary),
        goal=str(goal) if goal is not None else None,
    )


def _flag(value: object, default: bool | None = None) -> bool | None:  # noqa: FBT001 - W&B's shape
    return default if value is None else bool(value)


def _operations(summary: object) -> tuple[str, ...] | None:
    if summary is None or summary == "":
        return None
    if not isinstance(summary, str):
        raise _unhandled(f"summary type: {type(summary).__name__}")
    operations = dict.fromkeys(summary.lower().split(","))
    for operation in operations:
        if operation not in {*AGGREGATES, "none", "copy"}:
            raise _unhandled(f"summary op: {operation}")
    # "copy", a retired word for the last value, is what a metric has without any operation.
    operations.pop("copy", None)
    return tuple(operations) or None


def _unhandled(what: str) -> UsageError:
    return UsageError(f"Unhandled define_metric() arg: {what}")
