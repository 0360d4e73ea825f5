from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from enum import Enum

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.config import Config
from airtape.config_static import ConfigStatic
from airtape.errors import ConfigArgumentError, ConfigError, ConfigKeyError, UsageError
from airtape.fold.fold import Fold
from airtape.records import Kind, Plain, Record
from tests.plain_values import PLAIN, encoded


class Log:
    """A log in memory: its fold says what a reader would see of the config.

    Attributes:
        fold: What the records amount to.
        changes: What each record set.
        warnings: What the user was told.
        finished: Whether every further record is refused.
    """

    def __init__(self) -> None:
        self.fold = Fold()
        self.changes: list[dict[str, Plain]] = []
        self.warnings: list[str] = []
        self.finished = False

    def record(self, values: dict[str, Plain], removed: list[str]) -> None:
        """Take in what is the callback's to take."""
        if self.finished:
            raise UsageError("Run is finished.")
        self.changes.append(values)
        self.fold.apply(Record(0, Kind.CONFIG, 0, (values, removed)))

    def config(self, values: object = None, *, allow_val_change: bool = False) -> Config:
        """Return a config that records here, with some values recorded already."""
        config = Config(self.record, warn=self.warnings.append, allow_val_change=allow_val_change)
        if values is not None:
            config.update(values)
        return config


@pytest.fixture
def log() -> Log:
    """An empty log."""
    return Log()


def test_values_cannot_be_removed(log: Log) -> None:
    """A value that is there stays there, and what holds the values too."""
    config = log.config({"lr": 0.1})
    for name in ("lr", "_items"):
        with pytest.raises(AttributeError, match=f"'Config' object has no attribute '{name}'"):
            delattr(config, name)
    assert config.lr == 0.1


def test_values_are_attributes_and_items(log: Log) -> None:
    """A value is read as an attribute, as an item, and with get()."""
    config = log.config({"lr": 0.1})
    assert (config.lr, config["lr"], config.get("lr"), config.get("zz")) == (0.1, 0.1, 0.1, None)
    assert config.get("zz", 5) == 5


def test_values_are_set_as_attributes_and_items(log: Log) -> None:
    """Setting an attribute or an item records the value at once."""
    config = log.config()
    config.lr = 0.1
    config["depth"] = 3
    assert log.changes == [{"lr": 0.1}, {"depth": 3}]
    assert config.as_dict() == {"lr": 0.1, "depth": 3} == log.fold.config


def test_update_is_one_record(log: Log) -> None:
    """All values of one update() stand in one record."""
    log.config({"lr": 0.1, "n": {"a": (1, 2)}})
    assert log.changes == [{"lr": 0.1, "n": {"a": [1, 2]}}]


def test_it_converts_to_a_dictionary(log: Log) -> None:
    """dict(), ** and as_dict() give plain dictionaries, nested ones too."""
    given_values = {"lr": 0.1, "n": {"a": 1}}
    config = log.config(given_values)
    assert dict(config) == {**config} == config.as_dict() == given_values
    assert type(config["n"]) is dict


def test_keys_items_and_iteration_are_lists_of_what_is_there(log: Log) -> None:
    """keys(), items() and iteration show the same names in the order they came."""
    config = log.config({"b": 1, "a": 2})
    assert config.keys() == list(config) == ["b", "a"]
    assert config.items() == [("b", 1), ("a", 2)]


def test_keys_with_an_underscore_are_hidden(log: Log) -> None:
    """A name that starts with an underscore can be read but is not shown or iterated over."""
    config = log.config({"_u": 1, "v": 2})
    assert config["_u"] == 1
    assert "_u" in config
    assert config.keys() == list(config) == ["v"]
    assert config.items() == [("v", 2)]
    assert config.as_dict() == {"v": 2}
    assert repr(config) == "{'v': 2}"


def test_it_shows_as_a_dictionary(log: Log) -> None:
    """repr() and str() are those of the dictionary."""
    config = log.config({"lr": 0.1, "s": "x", "none": None})
    assert repr(config) == str(config) == "{'lr': 0.1, 's': 'x', 'none': None}"


def test_a_missing_item_is_a_key_error(log: Log) -> None:
    """A missing item raises KeyError and is not in the config."""
    config = log.config()
    assert "zz" not in config
    with pytest.raises(KeyError, match=r"^'zz'$"):
        config["zz"]


def test_a_missing_attribute_is_an_attribute_error(log: Log) -> None:
    """A missing attribute raises AttributeError, so hasattr() works."""
    config = log.config()
    assert not hasattr(config, "zz")
    with pytest.raises(
        AttributeError, match=r"^<class 'airtape.config.Config'> object has no attribute 'zz'$"
    ):
        config.zz  # noqa: B018 - reading it is what fails


@pytest.mark.parametrize("name", ["values", "pop", "setdefault", "__len__", "__delitem__"])
def test_it_lacks_the_other_methods_of_dictionaries(log: Log, name: str) -> None:
    """Names that dictionaries have as methods are free for values."""
    assert not hasattr(log.config(), name)


def test_it_is_true_and_equal_only_to_itself(log: Log) -> None:
    """An empty config is true, and a config never equals a dictionary."""
    config = log.config()
    same_values: object = dict(config)
    assert bool(config)
    assert config != same_values


def test_an_unready_copy_has_no_attributes() -> None:
    """A config object that was never initialised says so instead of recursing for ever."""
    assert not hasattr(Config.__new__(Config), "lr")


def test_copies_are_dictionaries(log: Log) -> None:
    """Copying, deep copying and pickling give a plain dictionary of the visible values."""
    config = log.config({"lr": 0.1, "n": {"a": 1}, "_u": 1})
    expected = {"lr": 0.1, "n": {"a": 1}}
    copies: list[object] = [copy.copy(config), copy.deepcopy(config)]
    copies.append(pickle.loads(pickle.dumps(config)))  # noqa: S301 - our own bytes
    assert copies == [expected] * 3


WAYS_TO_SET: dict[str, Callable[[Config, object], None]] = {
    "attribute": lambda config, value: setattr(config, "a", value),
    "item": lambda config, value: config.__setitem__("a", value),
    "update": lambda config, value: config.update({"a": value}),
}


@pytest.mark.parametrize("set_a", WAYS_TO_SET.values(), ids=WAYS_TO_SET)
def test_a_value_cannot_be_changed(log: Log, set_a: Callable[[Config, object], None]) -> None:
    """Changing a value that is there raises ConfigError, says how to do it, records nothing."""
    config = log.config({"a": 1})
    with pytest.raises(ConfigError) as caught:
        set_a(config, 9)
    assert str(caught.value) == (
        'Attempted to change value of key "a" from 1 to 9\n'
        "If you really want to do this, pass allow_val_change=True to config.update()"
    )
    assert config.a == log.fold.config["a"] == 1


def test_update_is_atomic(log: Log) -> None:
    """When one value of an update() is refused, none is set."""
    config = log.config({"a": 1})
    with pytest.raises(ConfigError):
        config.update({"new": 1, "a": 2})
    assert config.as_dict() == log.fold.config == {"a": 1}


def test_an_equal_value_may_be_set_again(log: Log) -> None:
    """Setting what is there already is no change, also where only the type differs."""
    config = log.config({"a": 2, "n": {"x": [1]}})
    config.update({"a": 2, "n": {"x": (1,)}})
    config.a = 2.0
    assert encoded(config.a) == encoded(log.fold.config["a"]) == encoded(2.0)


def test_nan_may_be_set_again(log: Log) -> None:
    """A not-a-number is kept, and is the same as another one, also inside a value."""
    config = log.config({"a": math.nan, "n": {"x": math.nan}})
    config.update({"a": float("nan"), "n": {"x": float("nan")}})
    assert math.isnan(config.a)
    assert len(log.changes) == 2


def test_allow_val_change_changes_values(log: Log) -> None:
    """With allow_val_change a value is replaced, a nested dictionary as a whole."""
    config = log.config({"a": 1, "n": {"x": {"y": 1}}})
    config.update({"a": 5, "n": {"x": {"z": 2}}}, allow_val_change=True)
    assert config.as_dict() == log.fold.config == {"a": 5, "n": {"x": {"z": 2}}}


def test_allow_val_change_may_be_the_rule(log: Log) -> None:
    """A config made with allow_val_change allows changes wherever a call does not say."""
    config = log.config({"a": 1}, allow_val_change=True)
    config.a = 2
    config.update({"a": 3})
    with pytest.raises(ConfigError):
        config.update({"a": 4}, allow_val_change=False)
    assert config.a == 3


def test_setdefaults_sets_what_is_missing(log: Log) -> None:
    """setdefaults() leaves values alone that are there, with dashes around their names or not."""
    config = log.config({"a": 1})
    config.setdefaults({"--a": 2, "b": 3})
    assert config.as_dict() == log.fold.config == {"a": 1, "b": 3}


def test_dashes_around_keys_are_dropped(log: Log) -> None:
    """Keys lose the dashes around them and keep those within."""
    config = log.config({"--dashed-key-": 1})
    config["-lr"] = 2
    assert config.as_dict() == {"dashed-key": 1, "lr": 2}


def test_a_key_that_is_no_string_is_refused(log: Log) -> None:
    """A key of another type raises an error that old handlers know, and sets nothing."""
    config = log.config()
    with pytest.raises(ConfigKeyError, match="config key 1 is no string but of type int") as caught:
        config.update({"a": 1, 1: 2})
    assert isinstance(caught.value, (UsageError, ValueError))
    assert isinstance(caught.value, AttributeError)
    assert log.changes == []


def test_keys_with_a_period_are_kept_with_one_warning(log: Log) -> None:
    """A key with a period is no path, and the user is told once."""
    config = log.config({"a.b": 1, "c.d": 2, "e": 3})
    config["f.g"] = 4
    assert log.fold.config == {"a.b": 1, "c.d": 2, "e": 3, "f.g": 4}
    assert log.warnings == [
        "Config keys with a period are kept as they are, never read as paths: a.b, c.d"
    ]


def test_values_become_plain(log: Log) -> None:
    """What is set shows at once as it is recorded."""

    class Colour(Enum):
        RED = 3

    config = log.config({"colour": Colour.RED, "array": np.arange(40), "set": {1}, "big": 2**70})
    expected = {"colour": "RED", "array": list(range(40)), "set": [1], "big": 2**70}
    assert config.as_dict() == log.fold.config == expected


def test_a_value_that_cannot_be_recorded_is_refused(log: Log) -> None:
    """A value that no log can hold raises, names its key, and sets nothing."""
    config = log.config()
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(ConfigArgumentError, match="config value 'loop' cannot be recorded"):
        config.update({"a": 1, "loop": endless})
    assert config.as_dict() == log.fold.config == {}


def test_a_value_of_ten_megabytes_is_refused(log: Log) -> None:
    """A value of 10 MB raises ConfigError with key and size, and nothing is set."""
    config = log.config()
    with pytest.raises(ConfigError, match="'weights' takes 10,000,000 bytes"):
        config.update({"a": 1, "weights": "x" * (10_000_000 - 5)})  # and 5 bytes of length
    assert config.as_dict() == log.fold.config == {}


def test_a_value_just_below_ten_megabytes_is_kept(log: Log) -> None:
    """The largest value that is allowed takes one byte less than 10 MB."""
    text = "x" * (10_000_000 - 6)
    assert log.config({"weights": text}).weights == text


def test_nothing_changes_after_the_end(log: Log) -> None:
    """When the run is finished, a change raises and does not show."""
    config = log.config({"a": 1})
    log.finished = True
    for change in (config.update, config.setdefaults, config.update_locked, config.merge_locked):
        with pytest.raises(UsageError, match="finished"):
            change({"x": 1})
    with pytest.raises(UsageError, match="finished"):
        config.x = 1
    assert config.as_dict() == {"a": 1}
    assert config.a == 1


def test_locked_values_are_left_alone_with_a_warning(log: Log) -> None:
    """A change of a locked value is ignored with a warning; others of the update are made."""
    config = log.config({"a": 1})
    config.update_locked({"a": 5, "b": 6}, user="sweep", _allow_val_change=True)
    config.a = 7
    config.update({"a": 8, "z": 1}, allow_val_change=True)
    assert log.warnings == ["Config item 'a' was locked by 'sweep' (ignored update)."] * 2
    assert config.as_dict() == log.fold.config == {"a": 5, "b": 6, "z": 1}
    assert len(log.changes) == 3


def test_locking_does_not_allow_changes_by_itself(log: Log) -> None:
    """update_locked() and merge_locked() refuse changes as update() does, and then lock nothing."""
    config = log.config({"a": 1})
    with pytest.raises(ConfigError):
        config.update_locked({"a": 2})
    with pytest.raises(ConfigError):
        config.merge_locked({"a": 2})
    config.update({"a": 3}, allow_val_change=True)
    assert config.a == 3


def test_merge_locked_merges_dictionaries(log: Log) -> None:
    """merge_locked() keeps what is in a dictionary already, and locks the whole of it."""
    config = log.config({"m": {"x": 1, "deep": {"a": 1, "b": 2}}, "n": 1})
    config.merge_locked(
        {"m": {"deep": {"b": 3}, "y": 4}, "n": {"z": 5}}, user="launch", _allow_val_change=True
    )
    expected = {"m": {"x": 1, "deep": {"a": 1, "b": 3}, "y": 4}, "n": {"z": 5}}
    assert config.as_dict() == log.fold.config == expected
    config.m = 0
    assert config.as_dict() == expected


def test_changes_in_place_show_but_are_recorded_later(log: Log) -> None:
    """A value changed in place is recorded when the run asks, once."""
    config = log.config({"n": {"x": 5}, "list": [1], "same": {"y": 1}})
    config["n"]["x"] = 6
    config["list"].append(2)
    assert config["n"] == {"x": 6}
    assert log.fold.config["n"] == {"x": 5}
    config.record_mutations()
    config.record_mutations()
    assert log.changes[1:] == [{"n": {"x": 6}, "list": [1, 2]}]


def test_every_change_in_place_is_noticed(log: Log) -> None:
    """A change of type or sign that no comparison with == shows is recorded too."""
    config = log.config({"n": [1, 0.0]})
    config["n"][:] = [True, -0.0]
    config.record_mutations()
    assert encoded(log.fold.config["n"]) == encoded([True, -0.0])


def test_values_put_into_a_value_become_plain(log: Log) -> None:
    """What is put into a nested value in place is recorded as if it had been set."""
    config = log.config({"n": {}})
    config["n"]["array"] = np.arange(3)
    config.record_mutations()
    assert log.fold.config == {"n": {"array": [0, 1, 2]}}


def test_a_changed_value_is_compared_as_it_is_now(log: Log) -> None:
    """Setting what was recorded is a change, if the value was changed in place meanwhile."""
    config = log.config({"n": {"x": 1}})
    config["n"]["x"] = 6
    config.update({"n": {"x": 6}})
    with pytest.raises(ConfigError, match=r"from {'x': 6} to {'x': 1}"):
        config.update({"n": {"x": 1}})


def test_a_list_that_is_replaced_by_a_number_is_watched_no_more(log: Log) -> None:
    """Only what is in the config now is looked at for changes in place."""
    config = log.config({"n": [1]})
    old = config["n"]
    config.update({"n": 2}, allow_val_change=True)
    old.append(5)
    config.record_mutations()
    assert log.fold.config == {"n": 2}


def test_a_change_in_place_that_cannot_be_recorded_warns_once(log: Log) -> None:
    """Changes in place that no log can hold are told once; the others are recorded."""
    config = log.config({"bad": {}, "large": [], "good": []})
    config["bad"]["loop"] = config["bad"]
    config["large"].append("x" * 10_000_000)
    config["good"].append(1)
    config.record_mutations()
    config.record_mutations()
    assert log.fold.config == {"bad": {}, "large": [], "good": [1]}
    assert [text.partition(":")[0] for text in log.warnings] == [
        "A change of config value 'bad' is not recorded",
        "A change of config value 'large' is not recorded",
    ]


def test_the_caller_keeps_the_values_that_were_given(log: Log) -> None:
    """Later changes of the caller's own objects do not reach the config."""
    mine = {"x": [1]}
    config = log.config({"n": mine})
    mine["x"].append(2)
    assert config["n"] == log.fold.config["n"] == {"x": [1]}


def test_restored_values_are_not_recorded(log: Log) -> None:
    """Values of an earlier segment are there without a record; changes in place still are."""
    stored: dict[str, Plain] = {"a": 1, "n": {"x": 1}}
    config = log.config()
    config.restore_recorded(stored)
    config.record_mutations()
    assert (config.as_dict(), log.changes) == (stored, [])
    config["n"]["x"] = 2
    config.record_mutations()
    assert log.changes == [{"n": {"x": 2}}]
    assert stored["n"] == {"x": 1}


def test_config_static_is_a_snapshot(log: Log) -> None:
    """The static config shows the visible values of the moment it was made."""
    config = log.config({"lr": 0.1, "n": {"x": 1}, "_u": 1})
    static = ConfigStatic(config)
    config["n"]["x"] = 2
    config["later"] = 1
    assert dict(static) == {"lr": 0.1, "n": {"x": 1}}
    assert static.keys() == ["lr", "n"]
    assert str(static) == "{'lr': 0.1, 'n': {'x': 1}}"
    assert vars(static)["lr"] == static["lr"] == 0.1


def test_config_static_cannot_be_changed(log: Log) -> None:
    """Setting an attribute or an item of the static config raises AttributeError."""
    static = ConfigStatic(log.config({"lr": 0.1}))
    with pytest.raises(AttributeError, match="config_static is a readonly object"):
        static.lr = 1
    with pytest.raises(AttributeError, match="config_static is a readonly object"):
        static["lr"] = 1
    assert static["lr"] == 0.1


@given(values=st.dictionaries(st.text(), PLAIN))
def test_what_shows_is_what_is_recorded(values: dict[str, Plain]) -> None:
    """For any plain values, the fold of the log has exactly what the config shows."""
    log = Log()
    config = log.config(values)
    for key, value in log.fold.config.items():
        assert encoded(config[key]) == encoded(value)
    assert {key.strip("-") for key in values} == set(log.fold.config)
