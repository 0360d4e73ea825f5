"""The targets that the contract of backends is tested on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airtape.backends.base import Backend
from airtape.backends.memory import MemoryBackend
from airtape.backends.registry import open_backend
from tests.targets import in_turn, url_at

PLACES: dict[str, str] = {
    "memory": "memory:{place}",
    "sqlite": "sqlite:{place}/store.db",
    "jsonl": "jsonl:{place}/store",
    "postgresql": "{new_database}",
}
"""URLs by kind of target. Whoever writes another backend adds a line and runs these tests."""

OpenTarget = Callable[[], Backend]


@pytest.fixture(params=in_turn(PLACES))
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a target that has nothing yet."""
    place = tmp_path / "target"
    place.mkdir()
    yield url_at(PLACES[request.param], place, request)
    MemoryBackend.forget(str(place))


@pytest.fixture
def open_target(url: str) -> Iterator[OpenTarget]:
    """Open the target, as another process would; all are closed at the end."""
    opened: list[Backend] = []

    def open_it() -> Backend:
        opened.append(open_backend(url))
        return opened[-1]

    yield open_it
    for backend in opened:
        backend.close()


@pytest.fixture
def backend(open_target: OpenTarget) -> Backend:
    """The target, open."""
    return open_target()
