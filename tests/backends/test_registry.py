"""Finding the backend of a URL, also one that another package brings."""

from __future__ import annotations

import sqlite3
import time
from itertools import count
from pathlib import Path

import pytest

from airtape.backends.memory import MemoryBackend
from airtape.backends.registry import known_schemes, open_backend
from airtape.backends.sqlite_open import IMPATIENT_S
from airtape.errors import TargetError, TransientError, UsageError

NUMBERS = count()
"""Modules stay loaded, so each gets a name of its own."""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that packages are imported from."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


def install(site: Path, source: str | None) -> None:
    """Install a package that registers a backend; without source its module is missing."""
    module = f"my_store_{next(NUMBERS)}"
    if source is not None:
        (site / f"{module}.py").write_text(source)
    info = site / "my_store-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-store\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[airtape.backends]\nmystore = {module}:open\n")


def test_the_built_in_schemes_are_known() -> None:
    """They are registered as anybody's are."""
    assert {"jsonl", "memory", "sqlite"} <= set(known_schemes())


def test_a_backend_is_opened_by_its_scheme() -> None:
    """What stands behind the colon is its own affair."""
    assert isinstance(open_backend("memory:a:b"), MemoryBackend)
    MemoryBackend.forget("a:b")


def test_a_backend_that_makes_no_difference_is_opened_the_same_for_whoever_asks_again() -> None:
    """Only a backend that waits by itself has a word for that."""
    assert isinstance(open_backend("memory:again", patient=False), MemoryBackend)
    MemoryBackend.forget("again")


def test_a_store_that_is_held_answers_whoever_asks_again_soon(tmp_path: Path) -> None:
    """How long to go on asking is the caller's affair, who may have to end meanwhile."""
    holder = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    with pytest.raises(TransientError):
        open_backend(f"sqlite:{tmp_path / 'store.db'}", patient=False)
    assert time.monotonic() - began < IMPATIENT_S + 4
    holder.close()


@pytest.mark.parametrize("url", ["mysql:host/db", "", "wandb/tracker.db", "SQLITE:x"])
def test_an_unknown_scheme_lists_the_known_ones(url: str) -> None:
    """A mistyped target costs one look."""
    with pytest.raises(UsageError) as failed:
        open_backend(url)
    assert "Known kinds: jsonl, memory, postgres, postgresql, sqlite" in str(failed.value)


def test_a_mistyped_scheme_shows_no_password() -> None:
    """What stands behind it may hold one."""
    with pytest.raises(UsageError) as failed:
        open_backend("postgressql://ann:s3cret@host/runs")
    assert "postgressql://ann:***@host/runs" in str(failed.value)
    assert "s3cret" not in str(failed.value)


def test_a_target_needs_a_place() -> None:
    """The hint shows one."""
    with pytest.raises(UsageError) as failed:
        open_backend("sqlite:")
    assert "sqlite:./wandb/NAME" in str(failed.value)


def test_another_package_brings_a_backend(site: Path) -> None:
    """It is known as soon as it is installed."""
    install(site, "from airtape.backends.memory import MemoryBackend as open\n")
    assert "mystore" in known_schemes()
    assert isinstance(open_backend("mystore:there"), MemoryBackend)
    MemoryBackend.forget("there")


def test_a_target_that_the_system_refuses(site: Path) -> None:
    """A backend may let that through; it is an error of the target all the same."""
    install(site, "def open(place):\n    raise PermissionError(13, 'Permission denied', place)\n")
    with pytest.raises(TargetError) as failed:
        open_backend("mystore:there")
    assert str(failed.value) == "the target cannot be opened (mystore:there): Permission denied"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import not_installed", "not_installed"),
        ("", "has no attribute 'open'"),
        (None, "No module named 'my_store_"),
    ],
)
def test_a_backend_that_cannot_be_loaded(site: Path, source: str | None, why: str) -> None:
    """The error says which package, and what it misses."""
    install(site, source)
    with pytest.raises(TargetError) as failed:
        open_backend("mystore:there")
    assert why in str(failed.value)
    assert "Install my-store with all that it needs." in str(failed.value)
