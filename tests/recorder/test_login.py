from __future__ import annotations

import pytest

import airtape
from airtape.errors import InvalidDataError, UsageError
from airtape.records import Kind
from tests.recording import StartRun, recorded


def test_nobody_is_logged_in() -> None:
    """Whatever a script logs in with, it is told that nobody is, and goes on."""
    assert airtape.login("0123456789", relogin=True, host="https://example.org") is False


def test_nothing_is_required() -> None:
    """What a script requires of W&B is taken, whatever it is."""
    airtape.require("core")
    airtape.require(["service", "nexus"])


def test_setup_tells_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are those that a run would have."""
    monkeypatch.setenv("WANDB_PROJECT", "digits")
    assert airtape.setup().settings.project == "digits"
    assert airtape.setup({"project": "letters"}).settings.project == "letters"


def test_setup_refuses_settings_that_are_wrong() -> None:
    """A wrong setting is the same error as for a run."""
    with pytest.raises(UsageError, match="Unknown setting 'projcet'"):
        airtape.setup({"projcet": "digits"})


def test_teardown_finishes_all_runs(start_run: StartRun) -> None:
    """Each gets the exit code."""
    runs = [start_run(), start_run()]
    airtape.teardown(3)
    assert [recorded(run).of(Kind.EXIT)[0].fields[0] for run in runs] == [3, 3]


def test_teardown_with_a_wrong_code_leaves_runs_alone(run: airtape.Run) -> None:
    """The run goes on."""
    with pytest.raises(InvalidDataError):
        airtape.teardown("x")  # type: ignore[arg-type]  # what the test is about
    run.log({"a": 1})
