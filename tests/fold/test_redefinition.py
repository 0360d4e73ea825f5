from __future__ import annotations

from airtape.fold.metrics import Metrics


def test_later_definition_adds_to_an_earlier_one() -> None:
    """What a second definition leaves unsaid stays, and its operations come to those there are."""
    metrics = Metrics()
    metrics.define({"name": "loss", "summary": ["min"], "hidden": True})
    definition = metrics.define({"name": "loss", "summary": ["max", "min"]})
    assert (definition.summary, definition.hidden) == (("min", "max"), True)


def test_overwriting_definition_stands_alone() -> None:
    """With ``overwrite`` nothing of the earlier definition stays."""
    metrics = Metrics()
    metrics.define({"name": "loss", "summary": ["min"], "hidden": True})
    definition = metrics.define({"name": "loss", "summary": ["max"], "overwrite": True})
    assert (definition.summary, definition.hidden) == (("max",), None)


def test_metric_without_summary_gets_one_when_defined_with_operations() -> None:
    """An operation takes the place of an earlier ``none``; a definition without any leaves it."""
    metrics = Metrics()
    metrics.define({"name": "loss", "summary": ["none"]})
    assert metrics.define({"name": "loss", "hidden": True}).summary == ("none",)
    assert metrics.define({"name": "loss", "summary": ["max"]}).summary == ("max",)
