"""Targets as parameters of tests: patterns of their URLs, and what those stand for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

SERVER = "postgresql"
"""Targets of the kind that needs a server."""
DATABASE = "{new_database}"
"""Stands for the URL of a new database."""
NEEDS_SERVER = [pytest.mark.postgres, pytest.mark.timeout(60)]
"""Marks of a test that needs a server; the first one waits until it has started."""


def in_turn(said: Iterable[str]) -> list[Any]:
    """Return kinds of targets, or patterns of URLs, as parameters of a fixture."""
    return [
        pytest.param(one, marks=NEEDS_SERVER, id=SERVER)
        if one in {SERVER, DATABASE}
        else pytest.param(one, id=one.partition(":")[0])
        for one in said
    ]


def url_at(pattern: str, place: Path, request: pytest.FixtureRequest) -> str:
    """Return the URL of a new target.

    Args:
        pattern: What the URL is like.
        place: An empty directory for it, if it stands in one.
        request: The test that asks for it.
    """
    if pattern == DATABASE:
        url: str = request.getfixturevalue("new_database")()
        return url
    return pattern.format(place=place)
