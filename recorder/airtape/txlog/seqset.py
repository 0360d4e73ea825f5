"""A set of sequence numbers, kept as intervals: what was seen of a writer, what is missing.

Sequences are dense, so even a set of millions is one interval plus one for each gap.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable


class SeqSet:
    """A set of non-negative integers.

    Args:
        intervals: ``(first, last)`` pairs, both inclusive; with ``last`` below ``first`` empty.
    """

    __slots__ = ("_firsts", "_lasts")

    def __init__(self, intervals: Iterable[tuple[int, int]] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in sorted(intervals):
            if last < first:
                continue
            if self._lasts and first <= self._lasts[-1] + 1:
                self._lasts[-1] = max(self._lasts[-1], last)
            else:
                self._firsts.append(first)
                self._lasts.append(last)

    def add(self, seq: int) -> bool:
        """Add one number; return False if it was there already."""
        firsts, lasts = self._firsts, self._lasts
        if lasts and seq == lasts[-1] + 1:
            lasts[-1] = seq
            return True
        at = bisect_right(firsts, seq)
        if at and seq <= lasts[at - 1]:
            return False
        joins_left = at > 0 and lasts[at - 1] == seq - 1
        joins_right = at < len(firsts) and firsts[at] == seq + 1
        if joins_left and joins_right:
            lasts[at - 1] = lasts[at]
            del firsts[at], lasts[at]
        elif joins_left:
            lasts[at - 1] = seq
        elif joins_right:
            firsts[at] = seq
        else:
            firsts.insert(at, seq)
            lasts.insert(at, seq)
        return True

    def add_range(self, first: int, last: int) -> None:
        """Add all numbers from ``first`` to ``last``, both inclusive."""
        low = bisect_left(self._lasts, first - 1)
        high = bisect_right(self._firsts, last + 1)
        if low < high:
            first = min(first, self._firsts[low])
            last = max(last, self._lasts[high - 1])
        self._firsts[low:high] = [first]
        self._lasts[low:high] = [last]

    def __contains__(self, seq: int) -> bool:
        at = bisect_right(self._firsts, seq)
        return at > 0 and seq <= self._lasts[at - 1]

    def __len__(self) -> int:
        return sum(self._lasts) - sum(self._firsts) + len(self._firsts)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SeqSet):
            return NotImplemented
        return self._firsts == other._firsts and self._lasts == other._lasts

    __hash__ = None  # type: ignore[assignment]  # mutable, so not hashable

    def __repr__(self) -> str:
        return f"SeqSet({self.encode()!r})"

    @property
    def max(self) -> int | None:
        """The largest number, or None when the set is empty."""
        return self._lasts[-1] if self._lasts else None

    def intervals(self) -> list[tuple[int, int]]:
        """Return the ``(first, last)`` pairs in order, both inclusive."""
        return list(zip(self._firsts, self._lasts, strict=True))

    def missing(self, low: int, high: int) -> list[tuple[int, int]]:
        """Return the ``(first, last)`` pairs absent from ``low`` to ``high``, both inclusive."""
        gaps = []
        at = low
        for place in range(bisect_left(self._lasts, low), len(self._lasts)):
            first = self._firsts[place]
            if first > high:
                break
            if first > at:
                gaps.append((at, first - 1))
            at = self._lasts[place] + 1
        if at <= high:
            gaps.append((at, high))
        return gaps

    def copy(self) -> SeqSet:
        """Return an independent set with the same numbers."""
        twin = SeqSet()
        twin._firsts = self._firsts.copy()
        twin._lasts = self._lasts.copy()
        return twin

    def encode(self) -> str:
        """Return the set as text, such as ``0-120,122-300``; the inverse of `decode`."""
        return ",".join(f"{first}-{last}" for first, last in self.intervals())

    @classmethod
    def decode(cls, text: str) -> SeqSet:
        """Return the set that `encode` wrote.

        Raises:
            ValueError: The text is no such set.
        """
        pairs = []
        for part in text.split(",") if text else ():
            first, _, last = part.partition("-")
            if not (first.isdecimal() and last.isdecimal() and int(first) <= int(last)):
                raise ValueError(f"{part!r} is no range of sequence numbers")
            pairs.append((int(first), int(last)))
        return cls(pairs)
