"""What the value of each setting may be, in code and as text in a variable or a file."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from airtape.errors import UsageError
from airtape.names import check_entity, check_id, check_project, check_tags, check_text

_CHOICES: Final[Mapping[str, Mapping[str | bool, str | None]]] = {
    "mode": {
        **{mode: mode for mode in ("online", "offline", "disabled", "shared")},
        "dryrun": "offline",
        "run": "online",
    },
    "resume": {
        **{resume: resume for resume in ("allow", "must", "never", "auto")},
        True: "auto",
        "true": "auto",
        False: None,
        "false": None,
    },
    "console": {
        **{how: how for how in ("wrap", "redirect", "off")},
        # What W&B settles on by itself, and its two ways to wrap.
        **dict.fromkeys(("auto", "wrap_raw", "wrap_emu"), "wrap"),
    },
    "on_error": {"warn": "warn", "raise": "raise"},
    "anonymous": {choice: choice for choice in ("never", "allow", "must")},
}
_FLAGS: Final = frozenset(
    {
        *("silent", "quiet", "primary", "save_code", "sync_tensorboard", "monitor_gym"),
        *("disable_git", "disable_code", "disable_console", "disable_metadata"),
        *("disable_redaction", "disable_stats"),
    }
)
_MAY_BE_ZERO: Final = frozenset({"fsync_interval", "metadata_timeout", "finish_timeout"})
_DURATIONS: Final = _MAY_BE_ZERO | {
    *("heartbeat_interval", "checkpoint_interval", "stats_sampling_interval")
}
_MOST_OPEN: Final = 0o777
_OWNER: Final = 0o600
_WORLD_WRITABLE: Final = 0o002
_YES: Final = frozenset({"1", "true", "yes", "on", "y", "t"})
_NO: Final = frozenset({"0", "false", "no", "off", "n", "f"})


def check_value(name: str, value: object, source: str) -> object:  # noqa: PLR0911 -- one per kind
    """Return the value of the setting `name` that `value`, given at `source`, stands for.

    Raises:
        UsageError: The value is not allowed; says what is.
    """
    match name:
        case "mode" | "resume" | "console" | "on_error" | "anonymous":
            return _choice(name, value, source)
        case "project":
            return check_project(value, where=source)
        case "entity":
            return check_entity(value, where=source)
        case "run_id":
            return check_id(value, where=source)
        case "tags":
            return check_tags(value, where=source)
        case "dir" | "fallback_dir" | "receipt_dir" | "sweep_param_path":
            return _path(name, value, source)
        case _ if name in _FLAGS:
            return _flag(name, value, source)
        case _ if name in _DURATIONS:
            return _seconds(name, value, source)
        case "file_mode":
            return _file_mode(value, source)
        case _:
            return check_text(value, name, where=source)


def _choice(name: str, value: object, source: str) -> str | None:
    choices = _CHOICES[name]
    word = value.lower() if isinstance(value, str) else value
    if isinstance(word, (str, bool)) and word in choices:
        return choices[word]
    allowed = ", ".join(str(choice) for choice in choices)
    raise refusal(name, value, source, allowed)


def _flag(name: str, value: object, source: str) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _YES | _NO:
        return value.lower() in _YES
    raise refusal(name, value, source, "true or false")


def _seconds(name: str, value: object, source: str) -> float:
    try:
        seconds = float(value) if isinstance(value, (int, float, str)) else math.nan
    except (ValueError, OverflowError):
        seconds = math.nan
    may_be_zero = name in _MAY_BE_ZERO
    least = "zero or more" if may_be_zero else "more than zero"
    in_range = seconds >= 0 if may_be_zero else seconds > 0
    if isinstance(value, bool) or not in_range or math.isinf(seconds):
        raise refusal(name, value, source, f"a number of seconds, {least}")
    return seconds


def _path(name: str, value: object, source: str) -> str:
    path = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(path, str) or "\0" in path:
        raise refusal(name, value, source, "a path")
    return os.path.expanduser(path)  # noqa: PTH111 -- Path.expanduser() raises without a home


def _file_mode(value: object, source: str) -> int:
    mode = -1
    if isinstance(value, str):
        with suppress(ValueError):
            mode = int(value, 8)
    elif isinstance(value, int) and not isinstance(value, bool):
        mode = value
    if not 0 <= mode <= _MOST_OPEN or mode & _OWNER != _OWNER or mode & _WORLD_WRITABLE:
        raise refusal(
            "file_mode",
            value,
            source,
            "octal digits such as 640 that let the owner read and write, and not everybody write",
        )
    return mode


def refusal(name: str, value: object, source: str, allowed: str) -> UsageError:
    """Return the error that says which value was refused, where it stood and what is allowed."""
    return UsageError(f"Invalid {name}: {value!r}", where=source, hint=f"Allowed: {allowed}")
