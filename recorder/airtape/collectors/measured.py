"""What measures a part of the machine: its values, and that it is gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Values: TypeAlias = dict[str, float]
"""Numbers by W&B's names without ``system.``."""

Measure: TypeAlias = Callable[[], Values]
"""Measures a part of the machine now."""


class UnavailableError(Exception):
    """What was measured is gone for good."""
