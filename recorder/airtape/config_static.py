"""The config of a run at one moment, for code that wants it to stay as it is."""

from __future__ import annotations

from typing import NoReturn

from airtape.config import Config, Value
from airtape.values import config_value


class ConfigStatic:
    """The config as it was at one moment, as attributes and as items; it cannot be changed."""

    def __init__(self, config: Config) -> None:
        vars(self).update({key: config_value(value) for key, value in config.items()})

    def __setattr__(self, key: str, value: object) -> NoReturn:
        raise AttributeError("Error: wandb.run.config_static is a readonly object")

    __setitem__ = __setattr__

    def __getitem__(self, key: str) -> Value:
        return vars(self)[key]

    def keys(self) -> list[str]:
        """Return the names of all values."""
        return list(vars(self))

    def __str__(self) -> str:
        return str(vars(self))
