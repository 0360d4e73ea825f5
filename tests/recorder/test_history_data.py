from __future__ import annotations

import collections
import enum
import types

import pytest

from airtape.errors import Error, InvalidDataError
from airtape.values import history_data, is_flat_plain
from tests.plain_values import encoded


class _Level(enum.IntEnum):
    ONE = 1


class _Text(str):
    __slots__ = ()


class _Whole(int):
    pass


class _Real(float):
    pass


@pytest.mark.parametrize("data", [None, [1], "abc", 3, {1}])
def test_log_wants_a_dictionary(data: object) -> None:
    """Anything that is no mapping is refused in W&B's words."""
    with pytest.raises(InvalidDataError) as caught:
        history_data(data)
    assert str(caught.value) == "wandb.log must be passed a dictionary"


@pytest.mark.parametrize("data", [{1: 2}, {"a": 1, 2: 3}, {None: 1}, {("a", "b"): 1}])
def test_log_wants_strings_as_keys(data: dict[object, int]) -> None:
    """A key of the first level that is no string is refused in W&B's words."""
    with pytest.raises(InvalidDataError) as caught:
        history_data(data)
    assert str(caught.value) == "Key values passed to `wandb.log` must be strings."


@pytest.mark.parametrize("kind", [Error, ValueError, TypeError])
def test_invalid_data_can_be_caught_as_any_of_its_bases(kind: type[Exception]) -> None:
    """The error of invalid data is ours, a ValueError and a TypeError."""
    with pytest.raises(kind):
        history_data({"a": object()})


@pytest.mark.parametrize("value", [object(), b"\xff"])
def test_a_note_names_the_key(value: object) -> None:
    """The error carries, as a note for the traceback, under which key the value was logged."""
    with pytest.raises((InvalidDataError, UnicodeDecodeError)) as caught:
        history_data({"good": 1, "bad": value})
    assert vars(caught.value)["__notes__"] == ["It was logged as 'bad'."]


@pytest.mark.parametrize(
    "data",
    [
        {"z": 1, "a": 2.0},
        collections.OrderedDict(z=1, a=2.0),
        types.MappingProxyType({"z": 1, "a": 2.0}),
        {_Text("z"): _Whole(1), _Text("a"): _Real(2)},
    ],
    ids=["dict", "OrderedDict", "mappingproxy", "subclasses"],
)
def test_any_mapping_becomes_a_plain_dict(data: object) -> None:
    """Data come out as a flat plain dict in the order they were given."""
    plain = history_data(data)
    assert is_flat_plain(plain)
    assert encoded(plain) == encoded({"z": 1, "a": 2.0})


def test_keys_are_kept_literally() -> None:
    """Dots, slashes, blanks and the empty key mean nothing here."""
    data = {"a.b": 1, "a/b": 2, " ": 3, "": 4, "*": 5, "__proto__": 6}
    assert history_data(data) == data


def test_lone_surrogates_in_keys_are_replaced() -> None:
    """A key can be encoded after conversion."""
    assert history_data({"\ud800": 1}) == {"\ufffd": 1}


@pytest.mark.parametrize(
    "data", [{}, {"a": 1, "b": 2.0, "c": "x", "d": None, "e": True}, {"\ud800": 2**99}]
)
def test_flat_plain_data_are_known(data: dict[str, object]) -> None:
    """A dict of exactly str to exact scalars needs no conversion."""
    assert is_flat_plain(data)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [1],
        {"a": [1]},
        {"a": {}},
        {1: 1},
        {_Text("a"): 1},
        {"a": _Whole(1)},
        {"a": _Level.ONE},
        collections.OrderedDict(a=1),
    ],
    ids=str,
)
def test_other_data_are_not_flat_plain(data: object) -> None:
    """Subclasses, containers and other keys need conversion."""
    assert not is_flat_plain(data)
