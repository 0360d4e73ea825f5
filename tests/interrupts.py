"""Doing something in the middle of a call, at every place where Python lets it happen.

Signal handlers and finalizers run between two steps of whatever Python is doing. A profile
function does too, and it can be told at which step.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType


class Interruption:
    """Does something once, at a chosen step of a call.

    Args:
        step: Which step, counted from 0.
        action: What is done there; it may raise.

    Attributes:
        happened: Whether the call had that many steps.
    """

    def __init__(self, step: int, action: Callable[[], object]) -> None:
        self.happened = False
        self._left = step
        self._action = action

    def __call__(self, frame: FrameType, event: str, arg: object) -> None:
        """Count a step; Python calls this, and does not while it goes on."""
        del frame, event, arg
        self._left -= 1
        if self._left == -1:
            self.happened = True
            self._action()

    def during(self, call: Callable[[], object]) -> None:
        """Make the call, with the interruption."""
        sys.setprofile(self)
        try:
            call()
        finally:
            sys.setprofile(None)
