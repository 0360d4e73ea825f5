from __future__ import annotations

import pytest


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """A suite with one test that passes, one that is skipped and one that fails as expected."""
    pytester.makepyfile("""
        import pytest

        def test_passes():
            pass

        def test_skipped():
            pytest.skip("no compiler")

        @pytest.mark.xfail(reason="known")
        def test_fails_as_expected():
            assert False
    """)
    return pytester


def test_skips_pass_without_the_option(suite: pytest.Pytester) -> None:
    """Without --no-skips a skipped test does not fail the run."""
    result = suite.runpytest("-p", "tests.no_skips")
    result.assert_outcomes(passed=1, skipped=1, xfailed=1)


def test_a_skipped_test_fails_with_the_option(suite: pytest.Pytester) -> None:
    """With --no-skips a skipped test fails and says why it was skipped."""
    result = suite.runpytest("-p", "tests.no_skips", "--no-skips")
    result.assert_outcomes(passed=1, failed=1, xfailed=1)
    result.stdout.fnmatch_lines(["*skipped, which --no-skips forbids*no compiler*"])


def test_a_skipped_module_fails_with_the_option(pytester: pytest.Pytester) -> None:
    """With --no-skips a module that skips itself as a whole is an error."""
    pytester.makepyfile("import pytest; pytest.importorskip('a_module_nobody_has')")
    result = pytester.runpytest("-p", "tests.no_skips", "--no-skips")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*skipped, which --no-skips forbids*a_module_nobody_has*"])
