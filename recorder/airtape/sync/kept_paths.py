"""Paths as a target can keep them: a name may be any bytes, and what a target keeps is text.

Python shows a byte that is no text as half of a surrogate pair, which no encoding takes. A target
gets one of the characters for private use in its place, and it is put back when the path is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

_ESCAPED: Final = 0xDC80
_PRIVATE: Final = 0xF780
_HIGH_BYTES: Final = 128

_KEPT: Final = {_ESCAPED + byte: _PRIVATE + byte for byte in range(_HIGH_BYTES)}
_FOUND: Final = {private: escaped for escaped, private in _KEPT.items()}

T = TypeVar("T")


def kept_paths(said: Mapping[str, T]) -> dict[str, T]:
    """Return what is said by path as a target can keep it."""
    return {_translated(path, _KEPT): value for path, value in said.items()}


def found_paths(said: Mapping[str, T]) -> dict[str, T]:
    """Return what `kept_paths` was given."""
    return {_translated(path, _FOUND): value for path, value in said.items()}


def _translated(path: str, table: Mapping[int, int]) -> str:
    # There may be 10,000 of them, and hardly one has to be changed.
    return path if path.isascii() else path.translate(table)
