"""The tags of a run, as its user sees and extends them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeGuard


class Tags(tuple[str, ...]):
    """A tuple of tags that lists can be added to as well: ``run.tags += ["baseline"]``."""

    __slots__ = ()

    def __add__(self, more: Iterable[str]) -> Tags:  # type: ignore[override]  # takes more than tuples
        """Return these tags and then more of them."""
        return Tags((*self, *more)) if _is_collection(more) else NotImplemented

    def __radd__(self, before: Iterable[str]) -> Tags:
        """Return more tags and then these."""
        return Tags((*before, *self)) if _is_collection(before) else NotImplemented


def _is_collection(tags: object) -> TypeGuard[Iterable[str]]:
    """Tell whether this is a collection of tags; a single text is none."""
    return isinstance(tags, Iterable) and not isinstance(tags, (str, bytes))
