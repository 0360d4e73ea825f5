from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

import airtape
from tests.recorder.signatures import (
    ATTRIBUTES,
    INIT,
    METHODS,
    MORE,
    REQUIRED,
    RUN,
    Parameter,
    parameters,
)

ON_CURRENT_RUN = sorted({*METHODS, *MORE} & {*airtape.__all__})
"""Methods that the module has too."""


def _parameters(call: Callable[..., Any]) -> list[Parameter]:
    """Return the parameters of a function, ``self`` left out."""
    said = inspect.signature(call).parameters.values()
    assert {one.kind for one in said} <= {inspect.Parameter.POSITIONAL_OR_KEYWORD}
    return [
        Parameter(one.name, REQUIRED if one.default is one.empty else _default(one.default))
        for one in said
        if one.name != "self"
    ]


def _default(value: object) -> object:
    return value.__name__ if inspect.isfunction(value) else value


def _documented(name: str) -> list[Parameter]:
    return parameters(", ".join(filter(None, (METHODS.get(name), MORE.get(name)))))


def test_init_has_the_documented_signature() -> None:
    """Names, order and defaults of ``init`` are those of the documents."""
    assert _parameters(airtape.init) == parameters(INIT)


def test_a_run_has_the_documented_signature() -> None:
    """So are those of the class, though ``init`` alone makes runs."""
    assert _parameters(airtape.Run) == parameters(RUN)


@pytest.mark.parametrize("name", sorted({*METHODS, *MORE}))
def test_a_method_has_the_documented_signature(name: str) -> None:
    """Names, order and defaults, and behind them what wandb 0.31 has more."""
    assert _parameters(getattr(airtape.Run, name)) == _documented(name)


@pytest.mark.parametrize("name", ON_CURRENT_RUN)
def test_a_function_of_the_module_has_its_methods_signature(name: str) -> None:
    """What acts on the current run takes what the run's method takes."""
    assert _parameters(getattr(airtape, name)) == _documented(name)


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_a_run_has_the_documented_attributes(name: str, run: airtape.Run) -> None:
    """Each can be read from a run that has just begun, and says in words what it is."""
    getattr(run, name)
    assert getattr(airtape.Run, name).__doc__
