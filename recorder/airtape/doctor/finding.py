"""What was found out about a machine."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

State: TypeAlias = Literal["good", "poor", "bad"]
"""``poor`` costs something, such as time; with ``bad`` something does not work."""


class Finding(NamedTuple):
    """One thing that was tried, and what came of it.

    Attributes:
        name: What was tried, in a word or two.
        state: How it is, in one word.
        detail: What was found, in a sentence.
    """

    name: str
    state: State
    detail: str
