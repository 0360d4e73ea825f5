"""The summary of a run: one value per metric, as user code sees and changes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from airtape.errors import InvalidDataError
from airtape.records import Plain
from airtape.values import summary_value

KeyPath: TypeAlias = tuple[str, ...]
Read: TypeAlias = Callable[[], dict[str, Plain]]
RecordChanges: TypeAlias = Callable[[list[tuple[KeyPath, Plain]], list[KeyPath]], None]
Whole: TypeAlias = Callable[[Plain], Plain]
"""Returns what a reference to a large value stands for, and any other value as it is."""

Value: TypeAlias = Any
"""A plain value, or a `SummarySubDict`."""

_HIDDEN = "_wandb"


class MissingSummaryError(KeyError, AttributeError):
    """The summary has no such value; asked for as an attribute, so that ``hasattr`` works."""


class SummaryDict:
    """Values of the summary at one level of nesting, as attributes and as items.

    Every read shows what the run's records amount to at that moment; lists and dictionaries that
    it returns are copies. Every change is recorded.

    A copy, also one that goes to another process, is a plain dictionary.
    """

    _read: Read
    _record: RecordChanges
    _path: KeyPath
    _whole: Whole

    def __init__(
        self,
        read: Read,
        record: RecordChanges,
        path: KeyPath = (),
        *,
        whole: Whole = lambda value: value,
    ) -> None:
        # Attributes are values, so those of the object itself go around __setattr__.
        vars(self).update(_read=read, _record=record, _path=path, _whole=whole)

    def _as_dict(self) -> dict[str, Plain]:
        tree = self._read()
        for name in self._path:
            below = tree.get(name)
            if not isinstance(below, dict):
                return {}
            tree = below
        return tree

    def keys(self) -> list[str]:
        """Return the names of all values."""
        return [key for key in list(self._as_dict()) if key != _HIDDEN]

    def items(self) -> list[tuple[str, Any]]:
        """Return names and values, as `get` returns them."""
        return [(key, self.get(key)) for key in self.keys()]

    def get(self, key: str, default: Value = None) -> Value:
        """Return a value, dictionaries as plain copies; the default if there is none."""
        values = self._as_dict()
        return summary_value(self._whole(values[key])) if key in values else default

    def __getitem__(self, key: str) -> Value:
        value = self._as_dict()[key]
        whole = self._whole(value)
        if isinstance(value, dict) and whole is value:
            path = (*self._path, key)
            return SummarySubDict(self._read, self._record, path, whole=self._whole)
        return summary_value(whole)

    def __getattr__(self, key: str) -> Value:
        try:
            return self[key]
        except KeyError:
            raise MissingSummaryError(key) from None

    def __contains__(self, key: object) -> bool:
        return key in self._as_dict()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __repr__(self) -> str:
        return repr({key: self.get(key) for key in self.keys()})

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (dict(self.items()),)

    def update(self, d: Mapping[str, Any] | SummaryDict) -> None:
        """Set several values; a dictionary replaces one that is there as a whole.

        Raises:
            InvalidDataError: A key is no string, or a value cannot be recorded; nothing was set.
            UsageError: The run is finished.
        """
        values = [(self._below(key), _plain(key, value)) for key, value in d.items()]
        self._record(values, [])

    def __setitem__(self, key: str, value: object) -> None:
        self.update({key: value})

    def __setattr__(self, key: str, value: object) -> None:
        self[key] = value

    def __delitem__(self, key: str) -> None:
        self._record([], [self._below(key)])

    def __delattr__(self, key: str) -> None:
        del self[key]

    def _below(self, key: object) -> KeyPath:
        if not isinstance(key, str):
            raise InvalidDataError(
                f"summary key {key!r} is no string but of type {type(key).__name__}"
            )
        return (*self._path, str(summary_value(str.__str__(key))))


class Summary(SummaryDict):
    """The summary of a run.

    Args:
        read: Returns the summary that the run's records amount to.
        record: Takes values with their paths, and the paths of removed ones; raises UsageError
            when the run is finished.
        whole: Fetches large values from where they are kept.
    """

    def __init__(
        self, read: Read, record: RecordChanges, whole: Whole = lambda value: value
    ) -> None:
        super().__init__(read, record, whole=whole)


class SummarySubDict(SummaryDict):
    """A dictionary inside a summary; what is set in it is set in the summary."""


def _plain(key: str, value: object) -> Plain:
    if isinstance(value, SummaryDict):
        value = dict(value.items())
    try:
        return summary_value(value)
    except (InvalidDataError, UnicodeDecodeError) as error:
        # Tracebacks show notes from Python 3.11 on; the message stays W&B's.
        vars(error).setdefault("__notes__", []).append(f"It was set as summary value {key!r}.")
        raise
