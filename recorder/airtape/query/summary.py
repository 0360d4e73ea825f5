"""The summary of a recorded run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from typing import Any


class RecordedSummary(MutableMapping[str, Any]):
    """The summary of a recorded run; `update` writes changes to the run."""

    def __init__(self, values: dict[str, Any], save: Callable[[], None]) -> None:
        self._json_dict = values
        self._save = save

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - whatever was logged
        return self._json_dict[key]

    def __setitem__(self, key: str, value: object) -> None:
        self._json_dict[key] = value

    def __delitem__(self, key: str) -> None:
        del self._json_dict[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._json_dict)

    def __len__(self) -> int:
        return len(self._json_dict)

    def update(self, *given: Any, **values: Any) -> None:
        """Take some values and write all changes of the run."""
        self._json_dict.update(*given, **values)
        self._save()

    def replace(self, values: dict[str, Any]) -> None:
        """Hold other values; nothing is written."""
        self._json_dict.clear()
        self._json_dict.update(values)

    def __repr__(self) -> str:
        return repr(self._json_dict)
