from __future__ import annotations

from typing import Any

import pytest

from airtape.fold.fold import Fold, fold_log
from airtape.records import Kind, Record
from tests.fold.said import folded, log, recorded
from tests.logs import (
    BEGAN_NS,
    CHECKPOINT,
    config,
    describe,
    ended,
    gap,
    heartbeat,
    log_row,
    machine,
    metric,
)


def test_nothing_is_known_of_an_empty_log() -> None:
    """A fold begins without a single fact."""
    fold = Fold()
    assert (fold.run, fold.config, fold.summary, fold.metadata, fold.files) == ({}, {}, {}, {}, {})
    assert (fold.exit, fold.began_ns, fold.heard_ns, fold.records) == (None, None, None, 0)


def test_what_a_run_is_called_is_what_was_said_last() -> None:
    """What is not said again stays."""
    fold = folded(describe(name="one", tags=["x"]), describe(name="two"))
    assert fold.run == {"name": "two", "tags": ["x"]}


def test_config_is_set_and_removed() -> None:
    """A value is replaced as a whole."""
    said = [config(lr=0.1, net={"depth": 3}), config(["lr"], net={"width": 5}), config(["none"])]
    assert folded(*said).config == {"net": {"width": 5}}


def test_metadata_add_up() -> None:
    """Later ones replace earlier ones of the same name."""
    fold = folded(machine(host="a", os="Linux"), machine(host="b"))
    assert fold.metadata == {"host": "b", "os": "Linux"}


def test_files_are_known_by_their_path() -> None:
    """A file that is saved again is one file."""
    first = (Kind.FILES, [[{"path": "a", "size": 1}, {"path": "b", "size": 2}]])
    fold = folded(first, (Kind.FILES, [[{"path": "a", "size": 3}]]))
    assert [*fold.files.values()] == [{"path": "a", "size": 3}, {"path": "b", "size": 2}]


@pytest.mark.parametrize(
    ("code", "kept"),
    [(0, 0), (7, 7), (-9, -9), (None, None), (2**63 - 1, 2**63 - 1), (2**63, 1), (-(2**70), 1)],
)
def test_the_end_says_how_and_when(code: int | None, kept: int | None) -> None:
    """A code that no store can hold is a failure like any other."""
    fold = folded(log({}), ended(code, how="exit"))
    assert fold.exit == {
        "code": kept,
        "cause": {"how": "exit"},
        "wall_ns": BEGAN_NS + 1_500_000_000,
    }


def test_what_the_writer_dropped_is_listed() -> None:
    """In the order it was said."""
    assert folded(gap(1, 5, "disk full"), gap(9, 9, "quota")).gaps == [
        (1, 5, "disk full"),
        (9, 9, "quota"),
    ]


def test_alerts_are_counted() -> None:
    """What they say is not kept."""
    assert folded((Kind.ALERT, ["t", "x"]), (Kind.ALERT, [])).alerts == 2


def test_preemption_is_known() -> None:
    """It has no fields."""
    assert folded((Kind.PREEMPTING, [])).preempting


def test_definitions_are_those_of_the_history() -> None:
    """Metric records end up there."""
    fold = folded(metric(name="m", hidden=True))
    assert fold.history.metrics.exact["m"].hidden


def test_every_record_counts() -> None:
    """Also those that change nothing; the first and the last tell when."""
    silent: list[tuple[int, list[Any]]] = [
        heartbeat(),
        (Kind.HEADER, [{}]),
        CHECKPOINT,
        (Kind.CONSOLE, [0, "line"]),
        (Kind.SYSTEM, [{"cpu": 1}]),
        (Kind.ARTIFACT, [{}]),
    ]
    fold = folded(*silent)
    assert (fold.records, fold.unknown, fold.malformed) == (6, 0, 0)
    assert (fold.began_ns, fold.heard_ns) == (BEGAN_NS, BEGAN_NS + 5 * 1_500_000_000)


def test_unknown_kinds_are_counted() -> None:
    """They come from a later version."""
    fold = folded((999, []), (1000, [b"\x00"]), log({}))
    assert (fold.unknown, fold.history.rows) == (2, 1)


def test_a_log_of_later_fields_is_read() -> None:
    """Fields are only ever appended, and the new ones are ignored."""
    fold = folded(
        (Kind.HISTORY, [0, 0, {"a": 1}, "later"]),
        (Kind.RUN, [{"name": "n"}, "later"]),
        (Kind.EXIT, [0, {"how": "finish"}, "later"]),
        (Kind.GAP, [1, 2, "why", "later"]),
        (Kind.SUMMARY, [[[["s"], 1, "later"]], [], "later"]),
    )
    assert fold.malformed == 0
    assert (fold.run["name"], fold.summary["a"], fold.summary["s"]) == ("n", 1, 1)


def test_folding_a_log_completes_its_last_row() -> None:
    """Without it the last partial row would not be seen."""
    fold = fold_log(recorded([log({"a": 1}, commit=False)]))
    assert (fold.history.rows, fold.summary["a"]) == (1, 1)


def test_a_resumed_run_goes_on_with_what_was_counted() -> None:
    """The rows of the writers before stay theirs, but their numbers count."""
    first = folded(log({"m": 9, "n": {"x": 1}}), log({"m": 1}))
    state = first.history.state()
    inherited = (Kind.INHERITED, [state["last_step"], state["tallies"]])
    fold = folded(metric(name="m", summary=["max", "min", "first"]), inherited, log_row(2, m=5))
    assert fold.summary["m"] == {"max": 9, "min": 1, "first": 9}
    assert (fold.history.rows, fold.history.last_step) == (1, 2)


def test_what_is_inherited_may_come_in_pieces() -> None:
    """Some of them do not say the step again."""
    state = folded(log({"a": 1}), log({"b": 2})).history.state()
    pieces = [
        (Kind.INHERITED, [state["last_step"], state["tallies"][:1]]),
        (Kind.INHERITED, [None, state["tallies"][1:]]),
    ]
    fold = folded(*pieces)
    assert (fold.history.last_step, fold.history.state()["tallies"]) == (1, state["tallies"])


def test_records_say_when_they_were_written() -> None:
    """Clocks are data: one that goes back changes no order."""
    fold = fold_log([Record(0, Kind.HEARTBEAT, 500, (0,)), Record(1, Kind.HEARTBEAT, 100, (0,))])
    assert (fold.began_ns, fold.heard_ns) == (500, 100)
