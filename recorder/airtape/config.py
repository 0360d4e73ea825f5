"""The config of a run: values by name, as user code sees and changes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NoReturn, TypeAlias

import msgpack

from airtape.config_source import plain_config
from airtape.errors import ConfigError, UsageError
from airtape.records import Plain, pack_big_ints
from airtape.values import config_value

_SHORT: Final = 16
"""Bytes of a value that is compared as it is, not by a digest."""

Value: TypeAlias = Any
"""A config value: a plain one, unless a user changed it in place."""


class Config:
    """Config values of a run, as attributes and as items.

    A value that is there can be changed only with ``allow_val_change=True``. Every change is
    recorded before it shows here; one that cannot be recorded changes nothing. Keys that start with
    an underscore are kept, but do not show in `keys`, `items`, iteration and `as_dict`.

    A copy, also one that goes to another process, is a plain dictionary.

    Args:
        record: Takes changed values by name, and the names of removed ones; raises UsageError
            when the run is finished.
        warn: Shows a warning to the user.
        allow_val_change: Whether values may be changed where a call does not say.
    """

    _items: dict[str, Any]
    _recorded: dict[str, bytes]
    _locked: dict[str, str | None]
    _warned: set[str]

    def __init__(
        self,
        record: Callable[[dict[str, Plain], list[str]], None],
        *,
        warn: Callable[[str], None],
        allow_val_change: bool = False,
    ) -> None:
        # Attributes are config values, so those of the object itself go around __setattr__.
        vars(self).update(
            _record=record,
            _warn=warn,
            _allow_val_change=allow_val_change,
            _items={},
            _recorded={},  # digests of lists and dictionaries, which can change in place
            _locked={},
            _warned=set(),
        )

    def __getitem__(self, key: str) -> Value:
        return self._items[key]

    def __getattr__(self, key: str) -> Value:
        try:
            return vars(self)["_items"][key]
        except KeyError:
            raise AttributeError(f"{type(self)!r} object has no attribute {key!r}") from None

    def __setitem__(self, key: str, value: object) -> None:
        values = self._unlocked(plain_config({key: value}))
        if values:
            self._refuse_changes(values, None)
            self._keep(values)

    def __setattr__(self, key: str, value: object) -> None:
        self[key] = value

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __repr__(self) -> str:
        return repr(self.as_dict())

    def __delattr__(self, key: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {key!r}")

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (self.as_dict(),)

    def keys(self) -> list[str]:
        """Return the names of all values that are not hidden."""
        return [key for key in list(self._items) if not key.startswith("_")]

    def items(self) -> list[tuple[str, Any]]:
        """Return the names and values that are not hidden."""
        return [(key, self._items[key]) for key in self.keys()]

    def as_dict(self) -> dict[str, Any]:
        """Return the values that are not hidden as a plain dictionary."""
        return dict(self.items())

    def get(self, key: str, default: Value = None) -> Value:
        """Return a value, or the default if there is none of that name."""
        return self._items.get(key, default)

    def update(self, d: object, allow_val_change: bool | None = None) -> None:  # noqa: FBT001 - W&B's
        """Set several values, or none of them if one is refused.

        A dictionary replaces one that is there as a whole.

        Args:
            d: A dictionary, a namespace, any object with attributes, or the path of a YAML file.
            allow_val_change: Whether values that are there may be changed.

        Raises:
            ConfigError: A value may not be changed or is too large, or the file cannot be read.
            ConfigArgumentError: ``d`` or one of its values cannot be a config.
            UsageError: The run is finished.
        """
        values = self._unlocked(plain_config(d))
        self._refuse_changes(values, allow_val_change)
        self._keep(values)

    def setdefaults(self, d: object) -> None:
        """Set those values that are not there yet.

        Args:
            d: What `update` takes.

        Raises:
            ConfigError: A value is too large, or the file cannot be read.
            ConfigArgumentError: ``d`` or one of its values cannot be a config.
            UsageError: The run is finished.
        """
        values = plain_config(d)
        self._keep({key: value for key, value in values.items() if key not in self._items})

    def update_locked(
        self,
        d: object,
        user: str | None = None,
        _allow_val_change: bool | None = None,  # noqa: FBT001 - W&B's
    ) -> None:
        """Set several values and lock them: later changes are ignored, with a warning.

        Args:
            d: What `update` takes.
            user: Who locks them, such as ``sweep``; named in the warnings.

        Raises:
            ConfigError: As `update`.
            UsageError: As `update`.
        """
        values = plain_config(d)
        self._refuse_changes(values, _allow_val_change)
        self._keep(values)
        self._locked.update(dict.fromkeys(values, user))

    def merge_locked(
        self,
        d: object,
        user: str | None = None,
        _allow_val_change: bool | None = None,  # noqa: FBT001 - W&B's
    ) -> None:
        """As `update_locked`, but dictionaries are merged with those that are there.

        Args:
            d: What `update` takes.
            user: Who locks the values; named in the warnings.

        Raises:
            ConfigError: As `update`.
            UsageError: As `update`.
        """
        values = plain_config(d)
        self._refuse_changes(values, _allow_val_change)
        merged = {
            key: _merged(config_value(self._items.get(key)), value) for key, value in values.items()
        }
        self._keep(merged)
        self._locked.update(dict.fromkeys(values, user))

    def record_mutations(self) -> None:
        """Record values that were changed in place, such as ``config["model"]["depth"] = 3``.

        Whatever of them cannot be recorded stays out, with one warning for each name.

        Raises:
            UsageError: There is something to record, and the run is finished.
        """
        changed = {}
        for key, digest in list(self._recorded.items()):
            try:
                (value,) = plain_config({key: self._items[key]}).values()
            except (ConfigError, UsageError) as error:
                self._warn_once(
                    f"value {key}", f"A change of config value {key!r} is not recorded: {error}"
                )
                continue
            if _digest(value) != digest:
                changed[key] = value
        if changed:
            self._record(changed, [])
            self._recorded.update({key: _digest(value) for key, value in changed.items()})

    def restore_recorded(self, values: dict[str, Plain]) -> None:
        """Take over values that a log already holds; nothing is recorded.

        Args:
            values: Plain values by name; not shared.
        """
        for key, value in values.items():
            self._items[key] = config_value(value)
            self._note(key)

    def _unlocked(self, values: dict[str, Plain]) -> dict[str, Plain]:
        for key in values:
            if key in self._locked:
                self._warn(
                    f"Config item '{key}' was locked by '{self._locked[key]}' (ignored update)."
                )
        return {key: value for key, value in values.items() if key not in self._locked}

    def _refuse_changes(self, values: dict[str, Plain], allowed: object) -> None:
        if self._allow_val_change if allowed is None else allowed:
            return
        for key, value in values.items():
            if key in self._items and not _same(config_value(self._items[key]), value):
                raise ConfigError(
                    f'Attempted to change value of key "{key}" from {self._items[key]} to {value}',
                    hint="If you really want to do this, pass allow_val_change=True to"
                    " config.update()",
                )

    def _keep(self, values: dict[str, Plain]) -> None:
        """Record values, then show them: when recording fails, nothing has changed."""
        if not values:
            return
        # What is recorded is a copy: users may change theirs in place.
        self._record({key: config_value(value) for key, value in values.items()}, [])
        for key, value in values.items():
            self._items[key] = value
            self._note(key)
        periods = [key for key in values if "." in key]
        if periods:
            self._warn_once(
                "periods",
                "Config keys with a period are kept as they are, never read as paths: "
                + ", ".join(periods),
            )

    def _note(self, key: str) -> None:
        value = self._items[key]
        if isinstance(value, (dict, list)):
            self._recorded[key] = _digest(value)
        else:
            self._recorded.pop(key, None)

    def _warn_once(self, about: str, text: str) -> None:
        if about not in self._warned:
            self._warned.add(about)
            self._warn(text)


def _merged(below: Plain, above: Plain) -> Plain:
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return below | {key: _merged(below.get(key), value) for key, value in above.items()}


def _same(one: Plain, other: Plain) -> bool:
    """Tell whether two values are equal; not-a-numbers, which equal nothing, by their bytes."""
    return one == other or _packed(one) == _packed(other)


def _packed(value: Plain) -> bytes:
    packed: bytes = msgpack.packb(value, default=pack_big_ints)
    return packed


def _digest(value: Plain) -> bytes:
    """Return what tells a value from others: a short one itself, else a digest, which is longer."""
    packed = _packed(value)
    if len(packed) <= _SHORT:
        return packed
    from hashlib import blake2b  # noqa: PLC0415 - loads OpenSSL, and short values are the rule

    return blake2b(packed, digest_size=2 * _SHORT).digest()
