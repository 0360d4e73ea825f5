from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.fold.fold import Fold
from airtape.fold.observers import RowCollector
from airtape.records import Record, pack_big_ints, unpack_ext
from tests.fold.said import ANYTHING, exact, folded, log, recorded
from tests.logs import config, describe, ended, machine, metric


def stored(state: dict[str, Any]) -> dict[str, Any]:
    """Return a state after its way through msgpack."""
    packed = msgpack.packb(state, default=pack_big_ints)
    back: dict[str, Any] = msgpack.unpackb(packed, ext_hook=unpack_ext)
    return back


@given(ANYTHING, st.data())
def test_going_on_from_a_state_is_going_on(records: list[Record], data: st.DataObject) -> None:
    """Wherever the records are split, rows, summary and state are those of the whole."""
    cut = data.draw(st.integers(0, len(records)))
    rows, parts = RowCollector(), RowCollector()
    whole, first = Fold(observer=rows), Fold(observer=parts)
    for record in records:
        whole.apply(record)
    for record in records[:cut]:
        first.apply(record)
    second = Fold(stored(first.state()), observer=parts)
    for record in records[cut:]:
        second.apply(record)
    for fold in (whole, second):
        fold.close_row()
    assert exact(second.state()) == exact(whole.state())
    assert exact(parts.rows) == exact(rows.rows)


@given(ANYTHING)
def test_a_state_does_not_change_later(records: list[Record]) -> None:
    """What a fold gave out stays as it was, whatever is folded after that."""
    fold = Fold()
    states, copies = [], []
    for record in records:
        fold.apply(record)
        states.append(fold.state())
        copies.append(exact(states[-1]))
    fold.close_row()
    assert [exact(state) for state in states] == copies


@given(ANYTHING, ANYTHING)
def test_a_state_can_be_gone_on_from_twice(before: list[Record], after: list[Record]) -> None:
    """Nothing that is folded later changes the state it began with."""
    first = Fold()
    for record in before:
        first.apply(record)
    state = first.state()
    copy = exact(state)
    fold = Fold(state)
    for record in after:
        fold.apply(record)
    assert exact(state) == copy


@given(ANYTHING)
def test_a_state_is_a_map_of_plain_values(records: list[Record]) -> None:
    """It survives the way through msgpack exactly."""
    fold = Fold()
    for record in records:
        fold.apply(record)
    assert exact(stored(fold.state())) == exact(fold.state())


def whole_state() -> dict[str, Any]:
    """Return a state in which there is something of everything."""
    fold = Fold()
    said = [
        *(describe(name="n", tags=["x"]), config(lr=1), machine(host="h")),
        *(metric(name="m", summary=["max"]), metric(glob="g", step_metric="m")),
        (12, [[{"path": "f"}]]),
        (8, [1, 2, "why"]),
        *(log({"m": 1, "d": {"x": 2}}), log({"m": 2}), ended(0)),
        log({"m": 3, "d": {"y": 1}}, commit=False),
    ]
    for record in recorded(said):
        fold.apply(record)
    return fold.state()


def test_a_whole_state_is_one() -> None:
    """The state that the next tests spoil is good."""
    assert exact(Fold(whole_state()).state()) == exact(whole_state())


@pytest.mark.parametrize("name", whole_state())
def test_every_part_of_a_state_is_needed(name: str) -> None:
    """A state of another version is refused; the records say it all again."""
    state = whole_state()
    del state[name]
    with pytest.raises(ValueError, match="no state of a fold"):
        Fold(state)


@pytest.mark.parametrize("name", whole_state()["history"])
def test_every_part_of_the_history_is_needed(name: str) -> None:
    """As above."""
    state = whole_state()
    del state["history"][name]
    with pytest.raises(ValueError, match="no state of a fold"):
        Fold(state)


def spoil(*path: str | int, to: object) -> Callable[[dict[str, Any]], None]:
    """Return what puts something else at a place in a state."""

    def change(state: dict[str, Any]) -> None:
        at: Any = state
        for name in path[:-1]:
            at = at[name]
        at[path[-1]] = to

    return change


@pytest.mark.parametrize(
    "change",
    [
        spoil("run", to=5),
        spoil("run", to={"tags": "x"}),
        spoil("config", to={1: 2}),
        spoil("summary", to={"a": b"bytes"}),
        spoil("metadata", to=None),
        spoil("exit", to=0),
        spoil("exit", to={"code": "0", "cause": {}, "wall_ns": 1}),
        spoil("preempting", to=1),
        spoil("alerts", to=-1),
        spoil("records", to=2**63),
        spoil("unknown", to="1"),
        spoil("malformed", to=True),
        spoil("began_ns", to=0.5),
        spoil("heard_ns", to=2**64),
        spoil("files", to=[{"size": 1}]),
        spoil("gaps", to=[[1, 2]]),
        spoil("gaps", to=[["1", 2, "why"]]),
        spoil("last_alerts", to=[[1, "INFO", "title"]]),
        spoil("removed_config", to=[1]),
        spoil("lost", to=[["files/model", 7]]),
        spoil("removed_summary", to=["a"]),
        spoil("removed_summary", to=[[]]),
        spoil("history", to=[]),
        spoil("history", "rows", to=None),
        spoil("history", "dropped", to=-1),
        spoil("history", "last_step", to=1.0),
        spoil("history", "metrics", to=[{}]),
        spoil("history", "metrics", to=[{"name": "a", "step_metric": ["b"]}]),
        spoil("history", "tallies", to={}),
        spoil("history", "tallies", 0, to=[["m"], 1]),
        spoil("history", "tallies", 0, 0, to=[]),
        spoil("history", "tallies", 0, 0, to="m"),
        spoil("history", "tallies", 0, 3, to=-1),
        spoil("history", "tallies", 0, 4, to=10**400),
        spoil("history", "tallies", 0, 5, to="low"),
        spoil("history", "tallies", 0, 8, to=[None]),
        spoil("history", "row", to=[1, 2.0, 3]),
        spoil("history", "row", 0, to=-1),
        spoil("history", "row", 1, to=float("nan")),
        spoil("history", "row", 1, to=10**400),
        spoil("history", "row", 3, to=[[["a"], b"bytes"]]),
    ],
)
def test_a_state_that_does_not_fit_is_refused(change: Callable[[dict[str, Any]], None]) -> None:
    """A checkpoint can be anybody's; it must not be able to break a reader."""
    state = whole_state()
    change(state)
    with pytest.raises(ValueError, match="no state of a fold"):
        Fold(state)


@pytest.mark.parametrize("state", [5, [], "state", {}])
def test_what_is_no_map_of_a_state_is_refused(state: Any) -> None:  # noqa: ANN401 - anything
    """Whatever a checkpoint holds."""
    with pytest.raises(ValueError, match="no state of a fold"):
        Fold(state)


def test_the_last_alerts_are_part_of_a_state() -> None:
    """With their clocks, and as many as fit."""
    fold = Fold(whole_state())
    for record in recorded([(14, [f"title {n}", "text", "ERROR", 60.0, True]) for n in range(20)]):
        fold.apply(record)
    again = Fold(stored(fold.state()))
    assert again.last_alerts == fold.last_alerts
    assert [alert.title for alert in again.last_alerts] == [f"title {n}" for n in range(10, 20)]


def test_what_was_taken_out_is_part_of_a_state() -> None:
    """But only where there is any, as in the logs of earlier versions."""
    fold = Fold(whole_state())
    assert not {"removed_config", "removed_summary"} & fold.state().keys()
    for record in recorded([(3, [{}, ["lr"]]), (4, [[], [["m"], ["d", "x"]]])]):
        fold.apply(record)
    again = Fold(stored(fold.state()))
    assert list(again.removed_config) == ["lr"]
    assert list(again.removed_summary) == ["m", ("d", "x")]


def test_what_is_lost_is_part_of_a_state() -> None:
    """By its digest, each once; but only where there is any."""
    fold = Fold(whole_state())
    assert "lost" not in fold.state()
    for record in recorded([(18, [[["files/a", 1, "ab"], ["files/b", 2, "cd", "later"]]])] * 2):
        fold.apply(record)
    assert Fold(stored(fold.state())).lost == {"ab": ("files/a", 1), "cd": ("files/b", 2)}


def test_a_state_of_a_later_version_may_say_more() -> None:
    """What this version does not know is ignored."""
    state = whole_state()
    state["later"] = state["history"]["later"] = {"x": 1}
    for tally in state["history"]["tallies"]:
        tally.append("later")
    assert exact(Fold(state).state()) == exact(whole_state())


def test_tallies_that_nobody_could_have_counted_do_no_harm() -> None:
    """A count of 0 with a smallest number, for example."""
    state = whole_state()
    for tally in state["history"]["tallies"]:
        tally[3] = 0
    fold = Fold(state)
    for record in recorded([metric(glob="", summary=["mean", "max"]), log({"m": 1})]):
        fold.apply(record)
    assert fold.summary["m"]


def test_the_open_row_goes_on() -> None:
    """Values and dictionaries that it had are replaced as if nothing had happened."""
    first = Fold()
    for record in recorded([log({"n": {"x": 1}, "a": 1}, commit=False)]):
        first.apply(record)
    second = Fold(first.state())
    for record in recorded([log({"n": 2, "a": {"y": 1}})]):
        second.apply(record)
    assert folded(log({"n": 2, "a": {"y": 1}})).summary["n"] == second.summary["n"]
    assert second.summary["a"] == {"y": 1}
