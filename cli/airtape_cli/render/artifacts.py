"""The artifacts of a run; no version records any yet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from airtape_cli.render.lines import Line, Span


def artifacts_lines() -> Iterator[Line]:
    """Yield the artifacts as text."""
    yield [Span("No artifacts were recorded.")]


def artifacts_shape() -> dict[str, Any]:
    """Return the artifacts as ``--json`` prints them."""
    return {"artifacts": []}
