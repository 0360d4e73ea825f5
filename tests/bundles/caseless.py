"""A folder in which `A` is `a`, as on many sticks; Linux has no such file system for tests."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

CALLS: list[tuple[ModuleType, str, int]] = [
    *((os, name, 1) for name in ("stat", "lstat", "mkdir", "open", "utime", "chmod", "listdir")),
    *((os, name, 1) for name in ("scandir", "unlink", "rmdir")),
    *((os, name, 2) for name in ("rename", "replace")),
    (io, "open", 1),
]
"""What takes paths, and how many of them."""


def make_caseless(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Find whatever is below a folder by its name in any case."""
    listdir = os.listdir
    top = folder.parts

    def actual(path: Any) -> Any:  # noqa: ANN401 - a path, a descriptor
        if not isinstance(path, (str, os.PathLike)) or Path(path).parts[: len(top)] != top:
            return path
        at = str(folder)
        for part in Path(path).parts[len(top) :]:
            try:
                names = listdir(at)
            except OSError:
                names = []
            same = [name for name in names if name.casefold() == part.casefold()]
            at = os.path.join(at, *(same[:1] or [part]))  # noqa: PTH118 - below what is patched
        return at

    def found(call: Callable[..., Any], count: int) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **named: Any) -> object:
            paths = map(actual, arguments[:count])
            return call(*paths, *arguments[count:], **named)

        return wrapped

    for module, name, count in CALLS:
        monkeypatch.setattr(module, name, found(getattr(module, name), count))
