"""What the scenarios import by this name: calls that may fail, and values as JSON can hold them."""

from __future__ import annotations

import io
import math
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

DEEPEST = 8
LONGEST_MESSAGE = 800
LONGEST_TEXT = 300
_EVERY_ERROR = ("object", "BaseException")
_HIDDEN = ("_timestamp", "_runtime", "_wandb")


def J(value: Any, depth: int = 0) -> Any:  # noqa: ANN401, N802, PLR0911 - named by the scenarios
    """Return a value as JSON can hold it; of what it has no word for, type and text.

    A named tuple is an object with names, however it is made.
    """
    if depth > DEEPEST:
        return "!deep"
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if abs(value) < 1 << 63 else {"!bigint": str(value)}
    if isinstance(value, float):
        return _finite(value)
    if isinstance(value, dict):
        return {str(key): J(below, depth + 1) for key, below in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        items = [J(item, depth + 1) for item in value]
        return items if isinstance(value, list) else {"!tuple": items}
    if isinstance(value, set | frozenset):
        return {"!set": sorted(map(str, value))}
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return {"!type": type(value).__name__, "!str": str(value)[:LONGEST_TEXT]}


def _finite(value: float) -> float | str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def attempt(call: Callable[..., Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Call and return ``{"ret": ...}``, or what was raised: class, bases and message."""
    try:
        return {"ret": J(call(*args, **kwargs))}
    except BaseException as error:  # noqa: BLE001 - what is raised is what is compared
        bases = [cls.__name__ for cls in type(error).__mro__ if cls.__name__ not in _EVERY_ERROR]
        return {
            "exc": type(error).__name__,
            "bases": bases,
            "msg": str(error)[:LONGEST_MESSAGE],
        }


class cap:  # noqa: N801 - named by the scenarios
    """Keeps what Python code writes to stderr meanwhile, and passes it on at the end."""

    def __enter__(self) -> Self:
        self._stderr, self._kept = sys.stderr, io.StringIO()
        sys.stderr = self._kept
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        sys.stderr = self._stderr
        sys.stderr.write(self._kept.getvalue())

    @property
    def text(self) -> str:
        """What was written."""
        return self._kept.getvalue()


def summ(run: Any) -> dict[str, Any]:  # noqa: ANN401 - of whichever module is compared
    """Return a run's summary as a plain dictionary, by its public API only."""
    summary = run.summary
    return {key: _plain(summary[key]) for key in summary.keys() if key not in _HIDDEN}  # noqa: SIM118 - not every mapping of W&B's can be iterated


def _plain(value: Any) -> Any:  # noqa: ANN401 - see summ
    if isinstance(value, dict):
        return {key: _plain(below) for key, below in value.items()}
    if hasattr(value, "keys"):
        return {key: _plain(value[key]) for key in value.keys()}  # noqa: SIM118 - not every mapping of W&B's can be iterated
    return J(value)


def write(path: str, text: str | bytes = "x") -> str:
    """Write a file and the folders above it; return its path."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def tree(root: str) -> list[str]:
    """Return the files below a folder, with where links lead to."""
    return sorted(_tree(Path(root)))


def _tree(root: Path) -> Iterator[str]:
    for path in root.rglob("*"):
        name = str(path.relative_to(root))
        if path.is_symlink():
            yield f"{name} -> {path.readlink()}"
        elif path.is_file():
            yield name
