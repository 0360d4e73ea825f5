"""What a user gives as config, as plain values by name: mappings, namespaces, flags, YAML files.

Keys lose the dashes around them (``--lr`` is ``lr``). A key with a period is a key like any other,
never a path.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from airtape.errors import ConfigArgumentError, ConfigError, ConfigKeyError, UsageError
from airtape.large_values import packed_size
from airtape.records import Plain
from airtape.values import config_value
from airtape.values_rules import Given, field_values, is_dataclass_instance

DEFAULTS_FILE = "config-defaults.yaml"
"""File in the working directory whose values stand below those that are given."""

VALUE_LIMIT = 10_000_000
"""Bytes that one config value, encoded, has to stay below."""

_ENTRY_KEYS = frozenset({"value", "desc"})


def config_from(
    source: object,
    *,
    cwd: Path,
    include: Collection[str] | None = None,
    exclude: Collection[str] | None = None,
) -> dict[str, Plain]:
    """Return the config that a run starts with.

    Args:
        source: What `plain_config` takes, or None.
        cwd: Where a relative path starts, and where `DEFAULTS_FILE` is looked for.
        include: The only keys to take; all if empty.
        exclude: Keys to leave out, wherever they come from.

    Raises:
        UsageError: The source or one of its keys or values cannot be a config, or both ``include``
            and ``exclude`` are given.
        ConfigError: A file is missing or cannot be read, or a value is too large.
    """
    if include and exclude:
        raise UsageError("Expected at most only one of exclude or include")
    values = _defaults(cwd)
    if source is not None:
        values |= _by_name(_mapping(source, cwd))
    wanted = _names(include) or set(values)
    unwanted = _names(exclude)
    return {
        key: _plain(key, value)
        for key, value in values.items()
        if key in wanted and key not in unwanted
    }


def sweep_config(path: str | None, cwd: Path) -> dict[str, Plain]:
    """Return the config values that a sweep has chosen for a run.

    Args:
        path: A YAML file, flat or with entries like W&B's, or None for no sweep.
        cwd: Where a relative path starts.

    Raises:
        UsageError: A key or value cannot be config.
        ConfigError: The file is missing or cannot be read, or a value is too large.
    """
    values = {} if path is None else _by_name(_from_file(path, cwd))
    return {key: _plain(key, value) for key, value in values.items()}


def plain_config(source: object) -> dict[str, Plain]:
    """Return config values by name.

    Args:
        source: A dictionary, a namespace, a dataclass instance, absl flags, any other object that
            has attributes, or the path of a YAML file as text.

    Raises:
        ConfigArgumentError: The source or one of its values cannot be a config.
        ConfigKeyError: A key is no string.
        ConfigError: The file is missing or cannot be read, or a value is too large.
    """
    values = _by_name(_mapping(source, Path()))
    return {key: _plain(key, value) for key, value in values.items()}


def _names(keys: Collection[str] | None) -> set[str]:
    return {keys} if isinstance(keys, str) else set(keys or ())


def _mapping(source: Given, cwd: Path) -> Mapping[Any, Any]:
    kind = type(source)
    if isinstance(source, dict):
        return source
    if isinstance(source, str):
        return _from_file(source, cwd)
    if hasattr(kind, "flag_values_dict"):  # absl.flags.FLAGS
        return dict(source.flag_values_dict())
    attributes = getattr(source, "__dict__", None)
    if is_dataclass_instance(source):  # one with slots has no __dict__
        return field_values(source) | (attributes or {})
    if attributes is None:
        raise ConfigArgumentError("config must be a dict or have a __dict__ attribute.")
    if hasattr(kind, "keys") and hasattr(kind, "__getitem__"):  # the config of another run
        return dict(source)
    return dict(attributes)


def _by_name(given: Mapping[Any, Any]) -> dict[str, Any]:
    values = {}
    for key, value in given.items():
        if not isinstance(key, str):
            raise ConfigKeyError(
                f"config key {key!r} is no string but of type {type(key).__name__}"
            )
        values[str(config_value(key.strip("-")))] = value
    return values


def _plain(key: str, value: object) -> Plain:
    try:
        plain = config_value(value)
    except ValueError as error:
        raise ConfigArgumentError(
            f"config value {key!r} cannot be recorded", because=str(error)
        ) from error
    size = packed_size(plain)
    if size >= VALUE_LIMIT:
        raise ConfigError(
            f"config value {key!r} takes {size:,} bytes; it has to be smaller than 10 MB",
            hint="keep it in a file, and put the path of the file into the config",
        )
    return plain


def _defaults(cwd: Path) -> dict[str, Any]:
    if not (cwd / DEFAULTS_FILE).exists():
        return {}
    return _by_name(_from_file(DEFAULTS_FILE, cwd))


def _from_file(name: str, cwd: Path) -> dict[str, Any]:
    """Read a YAML file, flat (``lr: 0.1``) or with entries like W&B's (``lr: {value: 0.1}``)."""
    try:
        data = (cwd / name).read_bytes()
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise ConfigError(f"config file {name} doesn't exist") from error
    except OSError as error:
        raise ConfigError(f"config file {name} cannot be read", because=error.strerror) from error
    loaded = _parsed(data, name)
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise ConfigError(
            f"config file {name} holds a {type(loaded).__name__}, not keys with values",
            hint="write one `key: value` on each line",
        )
    versioned = loaded.pop("wandb_version", None) is not None
    values = {}
    for key, entry in loaded.items():
        if not isinstance(key, str):
            raise ConfigError(
                f"config file {name} has the key {key!r}, which is no string",
                hint=f'write it in quotes: "{key}"',
            )
        values[key] = _entry_value(entry, f"config file {name}, key {key!r}", versioned=versioned)
    return values


def _parsed(data: bytes, name: str) -> object:
    import yaml  # noqa: PLC0415 - most programs have no such file

    try:
        return yaml.safe_load(data)
    except RecursionError as error:
        raise ConfigError(f"config file {name} is nested too deep") from error
    # Beside its own errors PyYAML lets through what Python says of a month 13 or of an empty !!int.
    except (yaml.YAMLError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise ConfigError(f"config file {name} is no valid YAML", because=str(error)) from error


def _entry_value(entry: object, where: str, *, versioned: bool) -> object:
    """Take the value out of a W&B entry; anything else is the value itself."""
    if not isinstance(entry, dict) or not entry:
        return entry
    only_entry_keys = _ENTRY_KEYS.issuperset(entry)
    if "value" in entry and (versioned or only_entry_keys):
        return entry["value"]
    if only_entry_keys:
        raise ConfigError(f"{where} has a desc but no value", hint="add `value: ...` below it")
    return entry
