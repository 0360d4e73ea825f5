"""The user who recorded a run."""

from __future__ import annotations

from typing import NamedTuple


class User(NamedTuple):
    """Who recorded a run.

    Attributes:
        username: The name.
    """

    username: str

    @property
    def name(self) -> str:
        """The same name."""
        return self.username

    def __str__(self) -> str:
        return self.username
