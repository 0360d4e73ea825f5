from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.errors import InvalidDataError, UsageError
from airtape.fold.fold import Fold
from airtape.records import Kind, Plain, Record
from airtape.summary import Summary, SummarySubDict
from tests.plain_values import PLAIN, encoded


class Log:
    """A log in memory, with the summary that its records amount to.

    Attributes:
        fold: What the records amount to.
        changes: What each record set and removed.
        finished: Whether every further record is refused.
        summary: What the tests are about.
    """

    def __init__(self) -> None:
        self.fold = Fold()
        self.changes: list[tuple[list[Any], list[Any]]] = []
        self.finished = False
        self.summary = Summary(lambda: self.fold.summary, self.record)

    def log(self, data: dict[str, Plain]) -> None:
        """Add a row of the history."""
        step = self.fold.history.rows
        self.fold.apply(Record(step, Kind.HISTORY, 0, (step, 0, data)))

    def record(
        self, values: list[tuple[tuple[str, ...], Plain]], removed: list[tuple[str, ...]]
    ) -> None:
        """Take in what is the callback's to take."""
        if self.finished:
            raise UsageError("Run is finished.")
        self.changes.append((values, removed))
        self.fold.apply(Record(0, Kind.SUMMARY, 0, (values, removed)))


@pytest.fixture
def log() -> Log:
    """An empty log."""
    return Log()


@pytest.fixture
def summary(log: Log) -> Summary:
    """The summary of the log."""
    return log.summary


def test_it_shows_what_was_logged_last(log: Log, summary: Summary) -> None:
    """Logged values are read as attributes, as items, and with get()."""
    log.log({"m": 3})
    log.log({"m": 2})
    assert summary["m"] == summary.m == summary.get("m") == 2
    assert summary.get("zz") is None
    assert summary.get("zz", 4) == 4


def test_it_lists_what_is_there(log: Log, summary: Summary) -> None:
    """keys(), iteration, len() and `in` agree; the step and the times are among the keys."""
    log.log({"m": 3})
    expected = ["m", "_step", "_timestamp", "_runtime"]
    assert summary.keys() == list(summary) == expected
    assert len(summary) == 4
    assert "m" in summary
    assert "zz" not in summary


def test_items_are_plain(summary: Summary) -> None:
    """items() has nested dictionaries as plain ones."""
    summary.update({"a": 1, "n": {"x": 2}})
    assert summary.items() == [("a", 1), ("n", {"x": 2})]
    assert type(summary.items()[1][1]) is dict


def test_the_key_of_internal_values_is_hidden(summary: Summary) -> None:
    """The key _wandb is kept but not listed."""
    summary.update({"_wandb": {"runtime": 1}, "a": 1})
    assert summary.keys() == ["a"]
    assert len(summary) == 1


@pytest.mark.parametrize("way", ["item", "attribute", "update"])
def test_values_can_be_set(log: Log, summary: Summary, way: str) -> None:
    """Setting a value records it and shows it at once."""
    if way == "item":
        summary["best"] = 5
    elif way == "attribute":
        summary.best = 5
    else:
        summary.update({"best": 5})
    assert summary["best"] == 5
    assert log.changes == [([(("best",), 5)], [])]


def test_update_is_one_record(log: Log, summary: Summary) -> None:
    """All values of one update() stand in one record, dictionaries as wholes."""
    summary.update({"u1": 1, "u2": {"a": {"b": 2}}})
    assert log.changes == [([(("u1",), 1), (("u2",), {"a": {"b": 2}})], [])]


def test_a_dictionary_replaces_the_one_that_is_there(summary: Summary) -> None:
    """A dictionary that is set replaces what was there as a whole."""
    summary["n"] = {"x": 1, "y": 2}
    summary["n"] = {"only": 1}
    assert summary.get("n") == {"only": 1}


def test_logging_overwrites_what_was_set(log: Log, summary: Summary) -> None:
    """A logged value replaces one set by hand; logging other keys leaves it alone."""
    summary["m"] = 100
    log.log({"k": 1})
    assert summary["m"] == 100
    log.log({"m": 2})
    assert summary["m"] == 2


def test_what_is_set_inside_of_a_dictionary_is_set(log: Log, summary: Summary) -> None:
    """Values set in a nested dictionary, at any depth, are recorded with their paths."""
    summary["n"] = {"x": 1, "deep": {"a": 1}}
    summary["n"]["x"] = 5
    summary.n.deep.b = 6
    summary["n"].update({"z": {"c": 7}})
    assert summary.get("n") == {"x": 5, "deep": {"a": 1, "b": 6}, "z": {"c": 7}}
    assert log.changes[1:] == [
        ([(("n", "x"), 5)], []),
        ([(("n", "deep", "b"), 6)], []),
        ([(("n", "z"), {"c": 7})], []),
    ]


def test_a_nested_dictionary_is_read_like_the_whole(log: Log, summary: Summary) -> None:
    """A nested dictionary lists its own keys; get() returns a plain copy of it."""
    log.log({"n": {"x": 2, "deep": {"y": [3]}}})
    assert type(summary["n"]) is SummarySubDict
    assert list(summary["n"]) == summary["n"].keys() == ["x", "deep"]
    assert summary["n"].items() == [("x", 2), ("deep", {"y": [3]})]
    assert summary["n"]["deep"]["y"] == [3]
    assert type(summary.get("n")) is dict


def test_a_nested_dictionary_follows_the_run(log: Log, summary: Summary) -> None:
    """A nested dictionary that was kept shows later values, and is empty once it is gone."""
    log.log({"n": {"x": 1}})
    kept = summary["n"]
    log.log({"n": {"x": 2}})
    assert kept["x"] == 2
    summary["n"] = 5
    assert len(kept) == 0
    kept["y"] = 6
    assert summary.get("n") == {"y": 6}


@pytest.mark.parametrize("nested", [False, True])
def test_a_missing_value_is_a_key_error(summary: Summary, nested: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A missing item raises KeyError; a missing attribute that and AttributeError."""
    summary["n"] = {}
    values = summary["n"] if nested else summary
    with pytest.raises(KeyError, match=r"^'zz'$"):
        values["zz"]
    with pytest.raises(KeyError, match=r"^'zz'$"):
        values.zz  # noqa: B018 - reading it is what fails
    assert not hasattr(values, "zz")


def test_values_can_be_deleted(log: Log, summary: Summary) -> None:
    """Deleting an item or an attribute is recorded and shows at once."""
    summary.update({"a": 1, "b": 2})
    del summary["a"]
    del summary.b
    assert summary.keys() == []
    assert log.changes[1:] == [([], [("a",)]), ([], [("b",)])]


def test_nested_values_can_be_deleted(log: Log, summary: Summary) -> None:
    """Deleting inside of a nested dictionary shows at once."""
    summary["u"] = {"a": {"b": 2}}
    del summary["u"]["a"]["b"]
    assert summary.get("u") == {"a": {}}
    del summary["u"].a
    assert summary.get("u") == {}
    assert log.changes[1:] == [([], [("u", "a", "b")]), ([], [("u", "a")])]


def test_deleting_a_missing_value_is_silent(log: Log, summary: Summary) -> None:
    """A value that is not there can be deleted; the record says so."""
    del summary["nope"]
    assert log.changes == [([], [("nope",)])]


def test_a_deleted_metric_comes_back_when_it_is_logged(log: Log, summary: Summary) -> None:
    """Deleting a logged value does not keep later ones out."""
    log.log({"m": 1})
    del summary["m"]
    log.log({"m": 3})
    assert summary["m"] == 3


def test_values_become_plain(summary: Summary) -> None:
    """Arrays, sets and numpy scalars show as they are recorded; None and NaN are kept."""
    summary.update(
        {
            "np": np.float32(1.5),
            "arr": np.arange(3),
            "tup": (1, 2),
            "set": {1},
            "none": None,
            "nan": math.nan,
        }
    )
    assert math.isnan(summary["nan"])
    assert {key: summary[key] for key in ("np", "arr", "tup", "set", "none")} == {
        "np": 1.5,
        "arr": [0, 1, 2],
        "tup": [1, 2],
        "set": [1],
        "none": None,
    }
    assert "none" in summary


def test_a_part_of_the_summary_can_be_set_elsewhere(summary: Summary) -> None:
    """A nested dictionary of the summary is a value like any other, and so is the whole."""
    summary["n"] = {"x": {"y": 1}}
    summary["copy"] = summary["n"]
    summary["n"]["x"]["y"] = 2
    assert summary.get("copy") == {"x": {"y": 1}}
    other = Log()
    other.summary.update(summary)
    assert other.summary.items() == summary.items()


def test_a_value_that_cannot_be_recorded_is_refused(log: Log, summary: Summary) -> None:
    """A value that no log can hold raises TypeError, a note names its key, and nothing is set."""
    with pytest.raises(TypeError, match=r"^Object of type object is not JSON") as caught:
        summary.update({"a": 1, "obj": object()})
    assert vars(caught.value)["__notes__"] == ["It was set as summary value 'obj'."]
    assert log.changes == []


def test_bytes_that_are_no_text_are_refused(log: Log, summary: Summary) -> None:
    """Bytes that are no UTF-8 raise UnicodeDecodeError, and nothing is set."""
    with pytest.raises(UnicodeDecodeError):
        summary["raw"] = b"\xff"
    assert log.changes == []


def test_a_key_that_is_no_string_is_refused(log: Log, summary: Summary) -> None:
    """A key of another type raises TypeError, also when it is deleted."""
    keys: Any = {1: 2}
    with pytest.raises(InvalidDataError, match="summary key 1 is no string but of type int"):
        summary.update(keys)
    with pytest.raises(TypeError):
        del summary[1]  # type: ignore[arg-type]  # that is the point
    assert log.changes == []


def test_keys_are_kept_as_they_are(log: Log, summary: Summary) -> None:
    """A period makes no path, and half a character becomes one that can be recorded."""
    summary["a.b"] = 1
    summary["\ud800"] = 2
    assert summary.keys() == ["a.b", "�"]
    assert log.fold.summary["a.b"] == 1


def test_update_takes_one_mapping(summary: Summary) -> None:
    """Keyword arguments, lists and None are no values."""
    update: Any = summary.update
    with pytest.raises(TypeError, match="unexpected keyword argument 'a'"):
        update(a=1)
    with pytest.raises(AttributeError, match="'list' object has no attribute 'items'"):
        update([1])
    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'items'"):
        update(None)


def test_returned_containers_are_copies(log: Log, summary: Summary) -> None:
    """Changing a list or a dictionary that was read changes nothing in the run."""
    summary.update({"lst": [1], "n": {"x": [1]}})
    summary["lst"].append(2)
    summary.get("lst").append(2)
    summary.get("n")["x"].append(2)
    summary["n"]["x"].append(2)
    assert log.fold.summary == {"lst": [1], "n": {"x": [1]}}


def test_after_the_end_it_can_be_read_but_not_changed(log: Log, summary: Summary) -> None:
    """When the run is finished, reads still work, and writes raise."""
    summary["n"] = {"x": 1}
    log.finished = True
    assert summary["n"]["x"] == 1
    with pytest.raises(UsageError, match="finished"):
        summary.update({"a": 1})
    with pytest.raises(UsageError, match="finished"):
        summary["n"].x = 2
    with pytest.raises(UsageError, match="finished"):
        del summary["n"]
    assert summary.items() == [("n", {"x": 1})]


def test_it_shows_its_values(summary: Summary) -> None:
    """Printed, it and each part of it look like the dictionaries that they stand for."""
    summary["n"] = {"x": 1}
    assert repr(summary) == "{'n': {'x': 1}}"
    assert repr(summary["n"]) == "{'x': 1}"


def test_copies_are_dictionaries(summary: Summary) -> None:
    """Copying and pickling the summary or a part of it gives plain dictionaries."""
    summary["n"] = {"x": 1}
    copies: list[object] = [copy.copy(summary), copy.deepcopy(summary)]
    copies.append(pickle.loads(pickle.dumps(summary)))  # noqa: S301 - our own bytes
    assert copies == [{"n": {"x": 1}}] * 3
    assert copy.copy(summary["n"]) == {"x": 1}


@given(values=st.dictionaries(st.text(), PLAIN))
def test_what_is_set_is_what_shows(values: dict[str, Plain]) -> None:
    """For any plain values, the summary shows exactly what was set."""
    summary = Log().summary
    summary.update(values)
    for key, value in values.items():
        assert encoded(summary.get(key)) == encoded(value)
