"""Which files are code: what `log_code` asks when nobody says otherwise."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

PathFilter: TypeAlias = Callable[[str, str], bool] | Callable[[str], bool]


def is_py_requirements_or_dockerfile(path: str) -> bool:
    """Tell whether a file is code: Python, a list of requirements, or a Dockerfile."""
    name = os.path.basename(path)  # noqa: PTH119 - user code filters the same texts
    return path.endswith(".py") or name.startswith("Dockerfile") or name == "requirements.txt"


def exclude_wandb_fn(path: str, root: str) -> bool:
    """Tell whether a file lies where runs are recorded, below ``wandb`` or ``.wandb``."""
    return Path(os.path.relpath(path, root)).parts[:1] in {("wandb",), (".wandb",)}
