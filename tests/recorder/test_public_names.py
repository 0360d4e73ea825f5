from __future__ import annotations

from pathlib import Path

import pytest

import airtape
from airtape.errors import NotAvailableYetError
from airtape.later import ELSEWHERE, LATER, LATER_MODULES
from tests.processes import RunPython


def test_run_config_and_summary_are_the_current_runs(workdir: Path, run_python: RunPython) -> None:
    """``airtape.run``, ``config`` and ``summary`` are never the modules of the same names."""
    run_python(
        """
        import airtape
        import airtape.run, airtape.config, airtape.summary

        assert airtape.run is None
        run = airtape.init(mode="offline", config={"lr": 0.1})
        assert airtape.run is run
        assert airtape.config is run.config
        assert airtape.summary is run.summary
        airtape.finish()
        assert airtape.run is None
        """,
        cwd=workdir,
    )


@pytest.mark.parametrize("name", sorted(LATER | ELSEWHERE))
def test_name_that_comes_later_says_so(name: str) -> None:
    """A name of W&B's that comes later raises an error that says so, and hasattr is false."""
    with pytest.raises(NotAvailableYetError, match=rf"airtape\.{name} is not available"):
        getattr(airtape, name)
    assert not hasattr(airtape, name)


@pytest.mark.parametrize("name", sorted(LATER_MODULES))
def test_module_that_comes_later_has_names_that_say_so(name: str) -> None:
    """What is in it raises an error that names it, and nothing is listed."""
    module = getattr(airtape, name)
    with pytest.raises(NotAvailableYetError, match=rf"airtape\.{name}\.line is not available"):
        _ = module.line
    assert dir(module) == []
    assert not hasattr(module, "__path__")


def test_listed_names_are_the_public_ones() -> None:
    """``dir(airtape)`` lists what is offered, and none of the parts that it is made of."""
    assert dir(airtape) == sorted(airtape.__all__)


def test_unknown_name_is_an_ordinary_mistake() -> None:
    """A name that W&B does not have either is an AttributeError and nothing more."""
    with pytest.raises(AttributeError) as caught:
        getattr(airtape, "Imgae")  # noqa: B009 - a type checker would find it
    assert type(caught.value) is AttributeError


def test_names_that_exist_are_not_said_to_come_later() -> None:
    """A name leaves the list when it comes to exist."""
    assert set(airtape.__all__).isdisjoint(LATER | ELSEWHERE)
