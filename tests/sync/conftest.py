"""A target and a folder of run directories, for tests of the sync."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from airtape.backends.base import Backend
from airtape.backends.memory import MemoryBackend
from airtape.backends.registry import open_backend
from tests.logs import run_dir_of
from tests.targets import DATABASE, in_turn, url_at

TARGETS = ("sqlite:{place}/store.db", "jsonl:{place}/store", DATABASE)
"""Targets of both kinds: with transactions and without."""


@pytest.fixture
def memory() -> Iterator[MemoryBackend]:
    """A target of its own for what does not depend on the kind of target."""
    name = uuid4().hex
    yield MemoryBackend(name)
    MemoryBackend.forget(name)


@pytest.fixture(params=in_turn(TARGETS))
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new target, of each kind that outlives a process."""
    place = tmp_path / "target"
    place.mkdir()
    return url_at(request.param, place, request)


@pytest.fixture
def open_target(target: str) -> Iterator[Callable[[], Backend]]:
    """Open the target; all that was opened is closed at the end."""
    opened: list[Backend] = []

    def open_it() -> Backend:
        opened.append(open_backend(target))
        return opened[-1]

    yield open_it
    for backend in opened:
        backend.close()


@pytest.fixture
def wandb(tmp_path: Path) -> Path:
    """A folder for run directories."""
    folder = tmp_path / "wandb"
    folder.mkdir()
    return folder


@pytest.fixture
def run_dir(wandb: Path) -> Path:
    """The directory of a run, not made yet."""
    return run_dir_of(wandb)
