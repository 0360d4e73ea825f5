"""Keys of metrics: a name, or the path of a value inside nested dictionaries.

``log({"a.b": 1})`` has the key ``"a.b"``; ``log({"a": {"b": 1}})`` has the key ``("a", "b")``. The
two are different metrics, although both are shown as ``a.b``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from airtape.records import Plain

Key: TypeAlias = str | tuple[str, ...]
Tree: TypeAlias = dict[str, Plain]


def key_of(path: list[str] | tuple[str, ...]) -> Key:
    """Return the key of a path of names."""
    return path[0] if len(path) == 1 else tuple(path)


def path_of(key: Key) -> tuple[str, ...]:
    """Return the path of names of a key; the inverse of `key_of`."""
    return (key,) if isinstance(key, str) else key


def dotted(key: Key) -> str:
    """Return how a key is shown, and what names and globs of metrics are compared with."""
    return key if isinstance(key, str) else ".".join(key)


def leaves(data: Tree) -> Iterator[tuple[Key, Plain]]:
    """Yield each value with its key; an empty dictionary inside counts as a value."""
    for name, value in data.items():
        if type(value) is dict and value:
            yield from _nested_leaves((name,), value)
        else:
            yield name, value


def _nested_leaves(path: tuple[str, ...], data: Tree) -> Iterator[tuple[Key, Plain]]:
    stack = [(path, iter(data.items()))]
    while stack:
        path, items = stack[-1]
        for name, value in items:
            if type(value) is dict and value:
                stack.append(((*path, name), iter(value.items())))
                break
            yield (*path, name), value
        else:
            stack.pop()


def set_in(tree: Tree, key: Key, value: Plain) -> None:
    """Put a value into nested dictionaries; what stands in the way of the path is replaced.

    A dictionary is copied, so that what is put into it later does not change the one given.
    """
    path = path_of(key)
    for name in path[:-1]:
        below = tree.get(name)
        if type(below) is not dict:
            below = tree[name] = {}
        tree = below
    tree[path[-1]] = copied(value) if type(value) is dict else value


def copied(tree: Tree) -> Tree:
    """Return nested dictionaries like these; the values in them are the same."""
    return {name: copied(value) if type(value) is dict else value for name, value in tree.items()}


def has_dictionary(tree: Tree, key: Key) -> bool:
    """Tell whether there is a dictionary at this place inside nested dictionaries."""
    at: Plain = tree
    for name in path_of(key):
        at = at.get(name) if type(at) is dict else None
    return type(at) is dict


def remove_from(tree: Tree, key: Key) -> None:
    """Take a value out of nested dictionaries, if it is there."""
    path = path_of(key)
    for name in path[:-1]:
        below = tree.get(name)
        if type(below) is not dict:
            return
        tree = below
    tree.pop(path[-1], None)


def without(tree: Tree, key: Key) -> Tree:
    """Return nested dictionaries without one value; those given stay as they are."""
    name, *rest = path_of(key)
    if name not in tree:
        return tree
    if not rest:
        return {other: value for other, value in tree.items() if other != name}
    below = tree[name]
    return {**tree, name: without(below, key_of(rest))} if type(below) is dict else tree


def nested(row: dict[Key, Plain]) -> Tree:
    """Return a row with its nested values put back into dictionaries."""
    tree: Tree = {}
    for key, value in row.items():
        set_in(tree, key, value)
    return tree
