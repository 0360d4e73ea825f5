"""A pytest plugin: ``--rounds N`` repeats N times whatever tests repeat, with time to match.

A test that tries something at random asks the fixture ``rounds`` how often: ``rounds(30)`` is 30 in
the quick suite and 600 under ``--rounds 20``. Properties get N times their examples. A fraction is
for where time is short: ``--rounds 0.25`` tries a quarter as often, within the usual time.
"""

from __future__ import annotations

from collections.abc import Callable

import hypothesis
import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption("--rounds", type=float, default=1, metavar="N", help="repeat N times as often")


def pytest_configure(config: pytest.Config) -> None:
    """Give properties N times their usual examples, and no deadline of their own."""
    examples = _times(100, config.getoption("rounds"))
    hypothesis.settings.register_profile(
        "airtape",
        deadline=None,
        max_examples=examples,
        # A busy machine is no reason to fail.
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
    hypothesis.settings.load_profile("airtape")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give every test N times its time limit."""
    factor = config.getoption("rounds")
    if factor <= 1:
        return
    usual = float(config.getini("timeout"))
    for item in items:
        mark = item.get_closest_marker("timeout")
        limit = mark.args[0] if mark else usual
        item.add_marker(pytest.mark.timeout(limit * factor), append=False)


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> Callable[[int], int]:
    """How often to try, given how often the quick suite tries."""
    factor: float = request.config.getoption("rounds")
    return lambda usual: _times(usual, factor)


def _times(usual: int, factor: float) -> int:
    return max(1, round(usual * factor))
