from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SUITE = """
    import pytest

    def test_flips(row):
        row("F2", "a bit flipped", tries=2000, result="0 wrong", passes="0 wrong")

    def test_kills(row):
        row("W1", "killed", tries=50, result="1 lost", passes="0 lost")
        raise AssertionError

    def test_crons(row):
        row("S4", "crons", tries=8, result="0 twice", passes="0 twice")

    def test_nothing():
        pass
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A suite with three rows of two tables, one of which fails."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeini("[pytest]")
    pytester.makepyfile(SUITE)
    return pytester


@pytest.mark.parametrize("workers", [[], ["-n1"]], ids=["here", "in a worker"])
def test_every_row_is_in_the_table(suite: pytest.Pytester, workers: list[str]) -> None:
    """In order, with its verdict, also when the test failed or ran in another process."""
    result = suite.runpytest_subprocess("-p", "tests.faults.table", *workers)
    lines = [" ".join(line.split()) for line in result.outlines]
    kills = lines.index("W1 killed 50 1 lost 0 lost FAIL")
    assert lines.index("F2 a bit flipped 2,000 0 wrong 0 wrong pass") > kills
    assert any(line.startswith("not tried: W2, W3") for line in lines)
    assert lines.index("S4 crons 8 0 twice 0 twice pass") > kills
    assert any(line.startswith("not tried: S1, S2") for line in lines)


def test_a_table_without_a_line_is_not_printed(suite: pytest.Pytester) -> None:
    """Who tries the faults of one table reads nothing of the other."""
    result = suite.runpytest_subprocess("-p", "tests.faults.table", "-k", "crons")
    result.stdout.no_fnmatch_line("not tried: W*")


def test_without_faults_there_is_no_table(suite: pytest.Pytester) -> None:
    """The quick suite ends as it always did."""
    result = suite.runpytest_subprocess("-p", "tests.faults.table", "-k", "nothing")
    result.stdout.no_fnmatch_line("*not tried*")
