from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

REPEATING_SUITE = """
    import hypothesis
    import pytest

    def test_rounds(rounds):
        assert rounds(30) == {tries}

    def test_at_least_one(rounds):
        assert rounds(1) >= 1

    def test_examples():
        assert hypothesis.settings().max_examples == {examples}

    def test_usual_limit(request):
        mark = request.node.get_closest_marker("timeout")
        assert (mark.args[0] if mark else 4) == 4 * {longer}

    @pytest.mark.timeout(6)
    def test_own_limit(request):
        assert request.node.get_closest_marker("timeout").args == (6 * {longer},)
"""


@pytest.mark.parametrize(
    ("factor", "expected"),
    [
        ("1", {"tries": 30, "examples": 100, "longer": 1}),
        ("3", {"tries": 90, "examples": 300, "longer": 3}),
        ("0.2", {"tries": 6, "examples": 20, "longer": 1}),
    ],
)
def test_everything_that_repeats_is_multiplied(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    factor: str,
    expected: dict[str, int],
) -> None:
    """Under --rounds N tries and examples are N times the usual, time limits not less than it."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeini("[pytest]\ntimeout = 4")
    pytester.makepyfile(REPEATING_SUITE.format(**expected))
    result = pytester.runpytest_subprocess("-p", "tests.rounds", f"--rounds={factor}")
    result.assert_outcomes(passed=5)
