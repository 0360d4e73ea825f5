from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

REPEATING_SUITE = """
    import hypothesis
    import pytest

    def test_rounds(rounds):
        assert rounds(30) == 30 * {factor}

    def test_examples():
        assert hypothesis.settings().max_examples == 100 * {factor}

    def test_usual_limit(request):
        mark = request.node.get_closest_marker("timeout")
        assert (mark.args[0] if mark else 4) == 4 * {factor}

    @pytest.mark.timeout(6)
    def test_own_limit(request):
        assert request.node.get_closest_marker("timeout").args == (6 * {factor},)
"""


@pytest.mark.parametrize("factor", [1, 3])
def test_everything_that_repeats_is_multiplied(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, factor: int
) -> None:
    """Under --rounds N tries, examples of properties and time limits are N times the usual."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeini("[pytest]\ntimeout = 4")
    pytester.makepyfile(REPEATING_SUITE.format(factor=factor))
    result = pytester.runpytest_subprocess("-p", "tests.rounds", f"--rounds={factor}")
    result.assert_outcomes(passed=4)
