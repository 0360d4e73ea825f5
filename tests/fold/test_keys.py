from __future__ import annotations

from hypothesis import given

from airtape.fold.keys import (
    Key,
    Tree,
    copied,
    dotted,
    has_dictionary,
    key_of,
    leaves,
    nested,
    path_of,
    remove_from,
    set_in,
)
from tests.fold.said import DATA, PATHS, VALUES, exact


@given(PATHS)
def test_keys_and_paths_are_the_same(path: list[str]) -> None:
    """A key is a name or a path of at least two."""
    assert list(path_of(key_of(path))) == path
    assert key_of(tuple(path)) == key_of(path)


def test_a_dot_in_a_name_is_no_path() -> None:
    """The two are different metrics, although both are shown alike."""
    keys: list[Key] = ["a.b", ("a", "b")]
    assert [dotted(key) for key in keys] == ["a.b", "a.b"]
    assert path_of(keys[0]) != path_of(keys[1])


@given(DATA)
def test_leaves_and_nested_undo_each_other(data: Tree) -> None:
    """Every value has its key, empty dictionaries among them."""
    assert exact(nested(dict(leaves(data)))) == exact(data)


def test_leaves_come_in_order() -> None:
    """As they were logged, whatever is nested in between."""
    data: Tree = {"x": 1, "d": {"y": {"z": 2}, "e": {}, "w": 3}, "v": {}}
    assert list(leaves(data)) == [
        ("x", 1),
        (("d", "y", "z"), 2),
        (("d", "e"), {}),
        (("d", "w"), 3),
        ("v", {}),
    ]


@given(DATA, PATHS, VALUES)
def test_what_is_set_is_there(tree: Tree, path: list[str], value: object) -> None:
    """Whatever stands in the way is replaced, and nothing else changes."""
    before = copied(tree)
    set_in(tree, key_of(path), value)  # type: ignore[arg-type]  # a plain value
    at: object = tree
    for name in path:
        assert isinstance(at, dict)
        at = at[name]
    assert exact(at) == exact(value)
    before.pop(path[0], None)
    del tree[path[0]]
    assert exact(tree) == exact(before)


def test_what_is_set_stays_what_it_was() -> None:
    """A dictionary is copied: what is put into it later is not in the one given."""
    given_value: Tree = {"x": {"y": 1}}
    tree: Tree = {}
    set_in(tree, "a", given_value)
    set_in(tree, ("a", "x", "z"), 2)
    assert given_value == {"x": {"y": 1}}


@given(DATA, PATHS)
def test_what_is_removed_is_gone(tree: Tree, path: list[str]) -> None:
    """Removing what is not there changes nothing."""
    before = exact(tree)
    was_there = _is_there(tree, path)
    remove_from(tree, key_of(path))
    assert not _is_there(tree, path)
    assert was_there or exact(tree) == before


def _is_there(tree: Tree, path: list[str]) -> bool:
    at: object = tree
    for name in path:
        if not isinstance(at, dict) or name not in at:
            return False
        at = at[name]
    return True


@given(DATA, PATHS)
def test_a_dictionary_is_there_or_not(tree: Tree, path: list[str]) -> None:
    """At a path there is a dictionary, or a value, or nothing."""
    at: object = tree
    for name in path:
        at = at.get(name) if isinstance(at, dict) else None
    assert has_dictionary(tree, key_of(path)) == isinstance(at, dict)


@given(DATA)
def test_a_copy_shares_no_dictionary(tree: Tree) -> None:
    """What is put into a copy is not in the original."""
    before = exact(tree)
    twin = copied(tree)
    assert exact(twin) == before
    for key in [*dict(leaves(tree))]:
        set_in(twin, (*path_of(key), "new"), 1)
    assert exact(tree) == before
