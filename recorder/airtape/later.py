"""Names of the W&B API that this version does not have yet, and what asking for one raises."""

from __future__ import annotations

from typing import NoReturn

from airtape.errors import NotAvailableYetError

LATER = frozenset(
    {
        *("Audio", "Classes", "Graph", "Histogram", "Html", "Image", "JoinedTable", "Molecule"),
        *("Object3D", "Plotly", "Table", "Video", "box3d", "plot_table", "visualize"),
        *("Artifact", "ArtifactTTL", "EvalTable", "agent", "controller", "sweep"),
    }
)

ELSEWHERE = frozenset(
    {
        *("apis", "attach", "data_types", "ensure_configured", "env", "sdk", "util", "wandb_run"),
        *("catboost", "gym", "integration", "jupyter", "keras", "lightgbm", "sacred", "sklearn"),
        *("tensorboard", "tensorflow", "xgboost"),
    }
)
"""Modules of W&B's that are no part of its documented calls, and those for single libraries."""

LATER_MODULES = frozenset({"plot"})


class NameNotAvailableYetError(NotAvailableYetError, AttributeError):
    """A name that comes later was asked for; an AttributeError, so that ``hasattr`` works."""


def not_yet_error(call: str) -> NotAvailableYetError:
    """Return the error for a call that comes later."""
    return NotAvailableYetError(
        f"{call} is not available in this version",
        hint="leave it out, or catch airtape.NotAvailableYetError",
    )


class LaterModule:
    """Stands for a module that comes later: nothing is in it yet, and every name of it says so."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        raise _not_yet_name(self._name, name)

    def __dir__(self) -> list[str]:
        return []


def missing_name(module: str, name: str) -> AttributeError:
    """Return the error for a name that a module does not have."""
    if name in LATER or name in ELSEWHERE:
        return _not_yet_name(module, name)
    return AttributeError(f"module {module!r} has no attribute {name!r}")


def _not_yet_name(module: str, name: str) -> NameNotAvailableYetError:
    return NameNotAvailableYetError(
        f"{module}.{name} is not available in this version",
        hint="leave it out, or ask before: "
        f"hasattr({module}, {name!r}) tells whether a version has it",
    )
