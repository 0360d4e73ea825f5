"""The fault shim as tests get it, in whatever folder they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shim.build import build_shim


@pytest.fixture(scope="session")
def shim(request: pytest.FixtureRequest) -> Path:
    """Build the fault shim once for all sessions."""
    cache = request.config.cache
    assert cache is not None
    return build_shim(cache.mkdir("faultshim"))
