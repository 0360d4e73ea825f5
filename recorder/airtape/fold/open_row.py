"""The row that is still being added to, and how a dictionary and a value replace each other."""

from __future__ import annotations

from typing import Any

from airtape.fold.keys import Key, key_of, path_of
from airtape.records import Plain


class OpenRow:
    """A row of the history that is not complete.

    Args:
        step: The row's step.

    Attributes:
        step: The row's step.
        timestamp: When it was last added to, in seconds since 1970.
        seq: The record that last added to it.
        values: Its values by key, in the order they came.
    """

    __slots__ = ("_dictionaries", "seq", "step", "timestamp", "values")

    def __init__(self, step: int) -> None:
        self.step = step
        self.timestamp = 0.0
        self.seq = 0
        self.values: dict[Key, Plain] = {}
        self._dictionaries: set[Key] = set()

    @classmethod
    def restored(cls, state: list[Any]) -> OpenRow:
        """Return the row that `state` told of."""
        step, timestamp, seq, values, *_ = state
        row = cls(step)
        row.timestamp, row.seq = timestamp, seq
        for path, value, *_ in values:
            row.put(key_of(path), value)
        return row

    def state(self) -> list[Any]:
        """Return everything needed to go on later, as a list that msgpack can hold."""
        values = [[list(path_of(key)), value] for key, value in self.values.items()]
        return [self.step, self.timestamp, self.seq, values]

    def put(self, key: Key, value: Plain) -> list[Key]:
        """Put a value in its place; return the keys whose values had to go for it.

        A value replaces a dictionary at its place with all that is in it, and the reverse. An empty
        dictionary changes nothing where there is a dictionary already.
        """
        if key in self.values or (type(key) is str and not self._dictionaries):
            self.values[key] = value
            return []
        if value == {} and key in self._dictionaries:
            return []
        gone = [*self._make_dictionaries(key), *self._clear_dictionary(key)]
        for other in gone:
            del self.values[other]
        self.values[key] = value
        return gone

    def has_dictionary(self, key: Key) -> bool:
        """Tell whether there is a dictionary at this place, with a value in it."""
        return key in self._dictionaries

    def _make_dictionaries(self, key: Key) -> list[Key]:
        """Note the dictionaries that lead to a key; return the values they take the place of."""
        gone = []
        path = path_of(key)
        for end in range(len(path) - 1, 0, -1):
            prefix = key_of(path[:end])
            if prefix in self._dictionaries:
                break
            self._dictionaries.add(prefix)
            if prefix in self.values:
                gone.append(prefix)
        return gone

    def _clear_dictionary(self, key: Key) -> list[Key]:
        """Forget the dictionary at a key, if one is there; return the keys of what is in it."""
        if key not in self._dictionaries:
            return []
        path = path_of(key)
        size = len(path)
        gone: list[Key] = [
            other
            for other in self.values
            if isinstance(other, tuple) and len(other) > size and other[:size] == path
        ]
        for other in gone:
            self._dictionaries.difference_update(
                key_of(path_of(other)[:end]) for end in range(size, len(other))
            )
        return gone
