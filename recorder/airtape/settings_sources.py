"""Where settings come from: arguments, a settings object, the environment, files.

The first source that names a setting wins: the arguments of `init`, its `settings=`,
`TRACKER_<NAME>`, W&B's own variable where it has one, the file `wandb/settings` of the runs, the
table `[tool.tracker]` of the project's `pyproject.toml`, the file `~/.config/airtape/settings` of
the user, the default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeVar

from airtape.rundir import wandb_dir
from airtape.settings import SETTINGS, Layer, Settings, recognised, variables
from airtape.settings_files import read_settings_file, user_file
from airtape.settings_names import ALIASES
from airtape.settings_project import project_file, read_project_file
from airtape.settings_values import check_value, refusal

_PREFIX: Final = "TRACKER_"
_ALIKE: Final = 0.8
"""How much of two names is the same where one is taken for a slip of the other."""
DEFAULT: Final = "default"
"""The source of a setting that nobody has given."""

T = TypeVar("T")


def load_settings(
    arguments: Mapping[str, object],
    *,
    settings: Settings | Mapping[str, object] | None = None,
    environ: Mapping[str, str],
    cwd: Path,
) -> Settings:
    """Return the settings in effect; see `resolve_settings`."""
    return resolve_settings(arguments, settings=settings, environ=environ, cwd=cwd)[0]


def resolve_settings(
    arguments: Mapping[str, object],
    *,
    settings: Settings | Mapping[str, object] | None = None,
    environ: Mapping[str, str],
    cwd: Path,
) -> tuple[Settings, Mapping[str, str]]:
    """Return the settings in effect, and for each the source that it came from.

    Args:
        arguments: The arguments of `init`, under its names or those of the settings. None means
            that nothing was said.
        settings: The argument `settings` of `init`.
        environ: The environment; an empty variable says nothing.
        cwd: The working directory.

    Raises:
        UsageError: A value is not allowed, a setting given by the program is unknown, or a settings
            file cannot be understood. The message names setting, value, source and what is allowed.
    """
    chosen: dict[str, tuple[object, str]] = {}
    notices: list[str] = []

    def add(layer: Layer) -> None:
        for name, raw in layer.given.items():
            chosen.setdefault(name, raw)
        notices.extend(layer.notices)

    environment = _from_environ(environ)
    add(_in_sweep(recognised(arguments, "init({}=...)"), environment))
    add(_from_settings(settings))
    add(environment)
    # The user's file comes last but is read first: it may say where `wandb/settings` is.
    users = _from_file(user_file(environ))
    base = chosen.get("dir") or users.given.get("dir")
    folder = wandb_dir(cwd / str(check_value("dir", *base)) if base else cwd)
    add(_from_file(folder / "settings"))
    add(_from_project(project_file(cwd)))
    add(users)

    values = {name: check_value(name, *raw) for name, raw in chosen.items()}
    sources = {name: chosen[name][1] if name in chosen else DEFAULT for name in SETTINGS}
    if "mode" not in values and values.get("target") is not None:
        values["mode"] = "online"
        sources["mode"] = f"{DEFAULT}, because a target is set ({sources['target']})"
    return Settings.made_of(values, notices), sources


def _in_sweep(said: Layer, environment: Layer) -> Layer:
    """Let whoever runs a sweep say which run it is: its scripts all say the same."""
    if "sweep_id" not in environment.given:
        return said
    for name in ("project", "entity", "run_id"):
        if name in said.given and name in environment.given:
            value, _ = said.given.pop(name)
            if value != environment.given[name][0]:
                said.notices.append(f"Ignoring {name} {value!r} when running a sweep.")
    return said


def _from_settings(settings: object) -> Layer:
    if settings is None:
        return Layer({}, [])
    if isinstance(settings, Settings):
        given = {name: (getattr(settings, name), "init(settings=...)") for name in settings.said}
        return Layer(given, list(settings.notices))
    if isinstance(settings, Mapping):
        return recognised(settings, "init(settings={{{!r}: ...}})")
    raise refusal("settings", settings, "init(settings=...)", "a dict or airtape.Settings")


def _from_environ(environ: Mapping[str, str]) -> Layer:
    layer = Layer({}, [])
    for name in SETTINGS:
        for variable in variables(name):
            if text := environ.get(variable, "").strip():
                layer.given[name] = (_parsed(name, text), variable)
                break
    layer.notices.extend(_misspelt(environ))
    return layer


def _misspelt(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each variable that is nearly ours; other programs have TRACKER_ too."""
    unknown = [
        name
        for variable in environ
        if (name := variable.removeprefix(_PREFIX).lower()) not in SETTINGS
        and variable.startswith(_PREFIX)
    ]
    if unknown:
        from difflib import get_close_matches  # noqa: PLC0415 - loaded when there is such a slip

        for name in sorted(unknown):
            for near in get_close_matches(name, SETTINGS, n=1, cutoff=_ALIKE):
                said, meant = _PREFIX + name.upper(), _PREFIX + near.upper()
                yield f"The variable {said} has no effect; did you mean {meant}?"


def _said(
    path: Path | None, read: Callable[[Path], Mapping[str, T]], layer: Layer
) -> Mapping[str, T]:
    """Return what a file says; nothing, and a notice, if it cannot be read."""
    try:
        return {} if path is None else read(path)
    except OSError as error:
        layer.notices.append(f"{path} cannot be read: {error.strerror}")
        return {}


def _from_file(path: Path | None) -> Layer:
    layer = Layer({}, [])
    for key, text in _said(path, read_settings_file, layer).items():
        name = ALIASES.get(key, key)
        if name not in SETTINGS:
            layer.notices.append(f"The setting {key} has no effect here ({path})")
        elif text:
            layer.given[name] = (_parsed(name, text), str(path))
    return layer


def _from_project(path: Path | None) -> Layer:
    layer = Layer({}, [])
    for key, value in _said(path, read_project_file, layer).items():
        name = ALIASES.get(key, key)
        if name in SETTINGS:
            layer.given[name] = (value, f"{path} [tool.tracker]")
        elif key != "targets":
            layer.notices.append(f"The setting {key} has no effect here ({path} [tool.tracker])")
    return layer


def _parsed(name: str, text: str) -> object:
    """Split what a variable or a file says about tags; everything else is checked as text."""
    if name != "tags":
        return text
    return tuple(tag for tag in (part.strip() for part in text.split(",")) if tag)
