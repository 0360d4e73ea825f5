"""What W&B offers as ``wandb.helper``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airtape.config_source import plain_config
from airtape.errors import UsageError


def parse_config(
    params: object,
    exclude: Sequence[str] | None = None,
    include: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Return a config as a dictionary.

    Args:
        params: What ``init(config=...)`` takes.
        exclude: Names to leave out.
        include: The only names to take.

    Raises:
        UsageError: It is no config, or both arguments are given.
        ConfigError: Its file cannot be read.
    """
    if include and exclude:
        raise UsageError("Expected at most only one of exclude or include")
    values = plain_config(params)
    return {
        key: value
        for key, value in values.items()
        if (not include or key in include) and not (exclude and key in exclude)
    }
