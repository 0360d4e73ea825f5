"""Something that is done by a process which is killed at a chosen change of the disk."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from itertools import count
from typing import Any

CHANGES: list[tuple[Any, str]] = [
    (os, "rename"),
    (os, "fsync"),
    (os, "rmdir"),
    (os, "unlink"),
    (os, "mkdir"),
    (os, "replace"),
    (os, "chmod"),
]
"""What changes a disk."""


def killed_before(number: int, action: Callable[[], object]) -> bool:
    """Do something in another process, killed before its change of this number; tell if it was."""
    child = os.fork()
    if child == 0:
        changes = count(1)

        def counted(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **named: Any) -> object:
                if next(changes) == number:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*arguments, **named)

            return call

        for module, name in CHANGES:
            setattr(module, name, counted(getattr(module, name)))
        try:
            action()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])
