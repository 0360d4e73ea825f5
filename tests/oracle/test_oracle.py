from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest

from tests.oracle.allowed import EXPECTED_LATER, load
from tests.oracle.normal_form import settled
from tests.oracle.runner import expected_result, run_scenario, scenario_names

ALLOWED = load()
COMPARED = [name for name in scenario_names() if name not in ALLOWED.later]


@pytest.mark.oracle
@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", COMPARED)
def test_scenario_comes_out_as_with_wandb(
    name: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Results differ only where the list allows for it, and everywhere that the list says."""
    execution = run_scenario(name, tmp_path)
    verdict = ALLOWED.judge(name, expected_result(name), execution.result)
    record_property("oracle", [verdict.deliberate, verdict.later])
    assert verdict.unlisted == [], execution.stderr
    assert verdict.changed == []
    assert verdict.gone == []


@pytest.mark.oracle
def test_nothing_is_missing_but_what_comes_later() -> None:
    """Media, artifacts and watch are the only topics left."""
    assert ALLOWED.missing <= EXPECTED_LATER


def test_list_names_scenarios_that_exist() -> None:
    """Whatever the list says is about a scenario, and none is both compared and left for later."""
    assert set(scenario_names()) >= ALLOWED.later.keys()
    assert set(COMPARED) >= ALLOWED.scenarios.keys()


def test_list_gives_reasons_that_it_explains() -> None:
    """Every allowance has a reason that the list explains, and every reason is used."""
    entries = [*ALLOWED.everywhere, *chain.from_iterable(ALLOWED.scenarios.values())]
    assert all(entry.because for entry in entries)
    assert {name for entry in entries for name in entry.because} == ALLOWED.reasons.keys()


@pytest.mark.parametrize("name", scenario_names())
def test_normal_form_is_final(name: str) -> None:
    """What was recorded is in normal form: to bring it there again changes nothing."""
    result = expected_result(name)
    assert settled(result) == settled(settled(result))
    assert repr(settled(result)) == repr(result)
