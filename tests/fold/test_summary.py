from __future__ import annotations

from typing import Any

import pytest

from airtape.fold.fold import Fold
from airtape.fold.history import TRACED_METRICS
from airtape.records import Kind
from tests.fold.said import folded, log, recorded
from tests.logs import BEGAN_NS, Said, metric, summary

OWN = {"_step", "_timestamp", "_runtime"}
NAN = float("nan")


def summed(*said: tuple[Any, ...]) -> dict[str, Any]:
    """Return the summary of what was said, without what every run has."""
    return {name: value for name, value in folded(*said).summary.items() if name not in OWN}


def edit(*pairs: tuple[list[str], Any], removed: list[list[str]] | None = None) -> Said:
    """What a user does to the summary."""
    return (Kind.SUMMARY, [[list(pair) for pair in pairs], removed or []])


def test_the_last_value_counts() -> None:
    """Of each metric, whichever row it is in."""
    assert summed(log({"a": 1, "b": 1}), log({"a": 2})) == {"a": 2, "b": 1}


def test_step_and_times_of_the_last_row_are_part_of_it() -> None:
    """As the dashboard shows them."""
    fold = folded(log({"a": 1}), log({"b": 1}))
    assert {name: fold.summary[name] for name in OWN} == {
        "_step": 1,
        "_timestamp": BEGAN_NS / 1e9 + 1.5,
        "_runtime": 1.5,
    }


def test_nested_values_merge() -> None:
    """Each of them is a metric of its own."""
    assert summed(log({"n": {"x": 1}}), log({"n": {"y": 2}})) == {"n": {"x": 1, "y": 2}}


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({"n": {"x": 1}}, {"n": 3}, {"n": 3}),
        ({"n": 3}, {"n": {"x": 1}}, {"n": {"x": 1}}),
        ({"n": {"x": 1}}, {"n": {}}, {"n": {"x": 1}}),
        ({"n": 3}, {"n": {}}, {"n": {}}),
        ({}, {"n": {}}, {"n": {}}),
        ({"a": 1}, {"a": None}, {}),
        ({"n": {"x": 1, "y": 2}}, {"n": {"x": None}}, {"n": {"y": 2}}),
        ({"n": 3}, {"n": {"x": None}}, {"n": 3}),
    ],
)
def test_values_and_dictionaries_replace_each_other(
    first: dict[str, Any], second: dict[str, Any], expected: dict[str, Any]
) -> None:
    """None takes a value out, and an empty dictionary adds nothing to one."""
    assert summed(log(first), log(second)) == expected


OPS = metric(name="m", summary=["min", "max", "mean", "first", "last"])


def test_operations_stand_below_the_metric() -> None:
    """A metric with operations has a dictionary, with one as with many."""
    rows = [log({"m": value}) for value in (4, 1.5, 3)]
    assert summed(OPS, *rows) == {
        "m": {"min": 1.5, "max": 4, "mean": 8.5 / 3, "first": 4, "last": 3}
    }
    assert summed(metric(name="m", summary=["max"]), *rows) == {"m": {"max": 4}}


@pytest.mark.parametrize(("goal", "best"), [(None, 1), ("minimize", 1), ("maximize", 4)])
def test_best_is_what_the_goal_says(goal: str | None, best: int) -> None:
    """Less is better unless it is said otherwise."""
    definition = metric(name="m", summary=["best"], goal=goal)
    assert summed(definition, *[log({"m": value}) for value in (4, 1, 3)]) == {"m": {"best": best}}


def test_a_metric_can_have_no_summary() -> None:
    """Whatever else is asked for."""
    rows = [log({"m": 1}), log({"m": 2, "k": 2})]
    assert summed(metric(name="m", summary=["none"]), *rows) == {"k": 2}
    assert summed(metric(name="m", summary=["max", "none"]), *rows) == {"k": 2}


def test_not_a_number_and_text_are_left_out_of_aggregates() -> None:
    """One of them would otherwise spoil every later value."""
    rows = [log({"m": value}) for value in (NAN, 2, "text", True, None, 4)]
    assert summed(metric(name="m", summary=["min", "max", "mean"]), *rows) == {
        "m": {"min": 2, "max": 4, "mean": 3.0}
    }


def test_last_takes_anything() -> None:
    """It is no number's business."""
    rows = [log({"m": 2}), log({"m": "text"})]
    assert summed(metric(name="m", summary=["last", "max"]), *rows) == {
        "m": {"last": "text", "max": 2}
    }


def test_a_metric_without_numbers_shows_its_last_value() -> None:
    """What was logged stays to be seen."""
    rows = [log({"m": "a"}), log({"m": "b"})]
    assert summed(metric(name="m", summary=["min", "max"]), *rows) == {"m": "b"}


def test_nested_metrics_have_operations_by_their_dotted_name() -> None:
    """The others in the dictionary are left alone."""
    rows = [log({"n": {"a": value, "b": value}}) for value in (3, 1, 2)]
    assert summed(metric(name="n.a", summary=["min"]), *rows) == {"n": {"a": {"min": 1}, "b": 2}}


def test_a_definition_holds_for_the_rows_before_it() -> None:
    """At once, not only with the next row."""
    rows = [log({"m": 9, "o": 1}), log({"m": 1, "o": 2})]
    fold = Fold()
    for record in recorded([*rows, metric(name="m", summary=["max"])]):
        fold.apply(record)
    assert (fold.summary["m"], fold.summary["o"]) == ({"max": 9}, 2)


def test_a_glob_holds_for_the_metrics_before_it() -> None:
    """But not for those that have their own definition."""
    rows = [log({"a/x": 3, "a/y": 3, "b": 3}), log({"a/x": 1, "a/y": 1, "b": 1})]
    definitions = [metric(name="a/y", summary=["min"]), metric(glob="a/", summary=["max"])]
    assert summed(*rows, *definitions) == {"a/x": {"max": 3}, "a/y": {"min": 1}, "b": 1}


def test_a_metric_whose_summary_is_taken_away_leaves_it_at_once() -> None:
    """Else its last value would stand there for ever."""
    assert summed(log({"m": 1, "k": 1}), metric(name="m", summary=["none"])) == {"k": 1}


def test_a_definition_without_operations_changes_no_summary() -> None:
    """A step metric, for example, says nothing of the summary."""
    said = [log({"m": 1}), summary(m="mine"), metric(name="m", step_metric="e")]
    assert summed(*said) == {"m": "mine"}


def test_operations_add_up_over_definitions() -> None:
    """And the later ones count the earlier rows too."""
    said = [metric(name="m", summary=["min"]), log({"m": 5}), metric(name="m", summary=["max"])]
    assert summed(*said, log({"m": 3})) == {"m": {"min": 3, "max": 5}}


def test_operations_can_be_overwritten() -> None:
    """What was counted is not forgotten."""
    said = [metric(name="m", summary=["min"]), log({"m": 5}), log({"m": 3})]
    again = metric(name="m", summary=["mean"], overwrite=True)
    assert summed(*said, again) == {"m": {"mean": 4.0}}


def test_what_the_user_sets_is_there() -> None:
    """At any depth."""
    assert summed(edit((["a"], 1), (["n", "x"], {"y": [1, 2]}))) == {
        "a": 1,
        "n": {"x": {"y": [1, 2]}},
    }


def test_setting_a_dictionary_replaces_the_whole() -> None:
    """It is not merged."""
    assert summed(log({"n": {"x": 1}}), edit((["n"], {"y": 2}))) == {"n": {"y": 2}}


def test_what_the_user_removes_is_gone() -> None:
    """At any depth; what is not there is no error."""
    said = [log({"a": 1, "n": {"x": 1, "y": 2}}), edit(removed=[["a"], ["n", "x"], ["b", "c"]])]
    assert summed(*said) == {"n": {"y": 2}}


def test_logging_goes_over_what_the_user_set() -> None:
    """Only for the metric that is logged."""
    said = [log({"a": 1, "b": 1}), edit((["a"], "mine"), (["b"], "mine")), log({"a": 2})]
    assert summed(*said) == {"a": 2, "b": "mine"}


def test_logging_into_what_the_user_set_changes_it_alone() -> None:
    """The record of the user's dictionary stays as it was."""
    said = edit((["n"], {"x": 1}))
    assert summed(said, log({"n": {"y": 2}})) == {"n": {"x": 1, "y": 2}}
    assert said == edit((["n"], {"x": 1}))


def test_partial_rows_are_not_part_of_it() -> None:
    """A row counts when it is complete."""
    fold = Fold()
    for record in recorded([log({"a": 1}), log({"a": 2}, commit=False)]):
        fold.apply(record)
    assert fold.summary["a"] == 1


def test_step_metrics_that_are_added_to_rows_count() -> None:
    """The summary has the last value that a row has, logged or added."""
    said = [metric(name="m", step_metric="e"), metric(name="e", summary=["mean"])]
    assert summed(*said, log({"e": 3}), log({"e": 6}), log({"m": 1})) == {
        "m": 1,
        "e": {"mean": 5.0},
    }


def test_only_the_first_metrics_are_traced() -> None:
    """A run of thousands of metrics keeps no numbers of the rest."""
    names = [f"m{number}" for number in range(TRACED_METRICS + 5)]
    fold = folded(log(dict.fromkeys(names, 1)), log(dict.fromkeys(names, 2)), log({"text": "a"}))
    assert fold.history.traces() == {name: [1, 2] for name in names[:TRACED_METRICS]}
