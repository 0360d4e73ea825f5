"""Names of the W&B API that this version does not have yet, and what asking for one raises."""

from __future__ import annotations

from airtape.errors import NotAvailableYetError

LATER = frozenset(
    {
        *("Audio", "Classes", "Graph", "Histogram", "Html", "Image", "JoinedTable", "Molecule"),
        *("Object3D", "Plotly", "Table", "Video", "box3d", "plot", "plot_table", "visualize"),
        *("Artifact", "ArtifactTTL", "login", "setup", "teardown", "agent", "sweep"),
    }
)


class NameNotAvailableYetError(NotAvailableYetError, AttributeError):
    """A name that comes later was asked for; an AttributeError, so that ``hasattr`` works."""


def not_yet_error(call: str) -> NotAvailableYetError:
    """Return the error for a call that comes later."""
    return NotAvailableYetError(
        f"{call} is not available in this version",
        hint="leave it out, or catch airtape.NotAvailableYetError",
    )


def missing_name(module: str, name: str) -> AttributeError:
    """Return the error for a name that a module does not have."""
    if name in LATER:
        return NameNotAvailableYetError(
            f"{module}.{name} is not available in this version",
            hint=f"hasattr({module}, {name!r}) tells whether a version has it",
        )
    return AttributeError(f"module {module!r} has no attribute {name!r}")
