"""What a run is told: by arguments, a settings object, the environment, files, or by default.

Each setting is a field of `Settings`. The first source that names it wins: the arguments of
`init`, its `settings=`, `TRACKER_<NAME>`, W&B's own variable where it has one, the file
`wandb/settings` of the project, the file `~/.config/airtape/settings` of the user, the default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar, cast

from airtape.errors import UsageError
from airtape.rundir import wandb_dir
from airtape.settings_files import read_settings_file, user_file
from airtape.settings_names import ALIASES, ARGUMENTS_ONLY, RETIRED
from airtape.settings_project import project_file, read_project_file
from airtape.settings_values import check_value, refusal

T = TypeVar("T")
DEFAULT: Final = "default"


class Setting:
    """The description of one setting, and how a `Settings` object gets at its value.

    Attributes:
        name: Its name.
        default: Its value when nobody says anything.
        meaning: What it is, in words.
        wandb: W&B's variable for it, None if there is none.
        secret: Whether its value may hold a password.
    """

    def __init__(self, default: object, meaning: str, *, wandb: str | None, secret: bool) -> None:
        self.name = ""
        self.default = default
        self.meaning = meaning
        self.wandb = wandb
        self.secret = secret

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, settings: Settings | None, owner: type) -> object:
        if settings is None:
            return self
        value = settings._values.get(self.name)  # noqa: SLF001 - its other half
        return self.default if value is None else value


def _setting(default: T, meaning: str, *, wandb: str | None = None, secret: bool = False) -> T:
    """Return the description of a setting; for a type checker it is the setting's value."""
    return cast("T", Setting(default, meaning, wandb=wandb, secret=secret))


class _Layer(NamedTuple):
    """What one source says: raw value and source by setting, and remarks on the rest."""

    given: dict[str, tuple[object, str]]
    notices: list[str]


class Settings:
    """What a run is told. `Settings(project="digits", quiet=True)` checks what it is given.

    Raises:
        UsageError: A setting is unknown or its value is not allowed.
    """

    # So no setting can be assigned to: there is no other place for attributes.
    __slots__ = ("_notices", "_values")

    _notices: tuple[str, ...]
    _values: Mapping[str, Any]

    mode: str = _setting(
        "offline",
        "online, offline, disabled or shared; online when a target is set",
        wandb="WANDB_MODE",
    )
    project: str | None = _setting(None, "the run's project", wandb="WANDB_PROJECT")
    entity: str | None = _setting(
        None, "user or team that the run belongs to; the login name", wandb="WANDB_ENTITY"
    )
    dir: str | None = _setting(
        None, "the directory that holds wandb/; the working directory", wandb="WANDB_DIR"
    )
    run_id: str | None = _setting(None, "the run's id; a random one", wandb="WANDB_RUN_ID")
    name: str | None = _setting(None, "the run's display name; two words", wandb="WANDB_NAME")
    notes: str | None = _setting(None, "a longer description", wandb="WANDB_NOTES")
    tags: tuple[str, ...] = _setting(
        (), "labels of the run; in variables and files separated by commas", wandb="WANDB_TAGS"
    )
    group: str | None = _setting(None, "what runs are grouped by", wandb="WANDB_RUN_GROUP")
    job_type: str | None = _setting(
        None, "the run's part in its group: train, eval …", wandb="WANDB_JOB_TYPE"
    )
    resume: str | None = _setting(
        None, "allow, must, never or auto; unset starts a new run", wandb="WANDB_RESUME"
    )
    sweep_id: str | None = _setting(
        None, "the sweep that the run belongs to", wandb="WANDB_SWEEP_ID"
    )
    sweep_param_path: str | None = _setting(
        None,
        "the YAML file of the config values that the sweep has chosen; they are locked",
        wandb="WANDB_SWEEP_PARAM_PATH",
    )
    label: str | None = _setting(None, "what a writer of a shared run is called; rank-3")
    primary: bool | None = _setting(
        None, "whether this writer says how a shared run goes; that of rank 0"
    )
    anonymous: str = _setting(
        "never",
        "never, allow or must; must: the log names no user, host or entity",
        wandb="WANDB_ANONYMOUS",
    )
    save_code: bool | None = _setting(
        None, "keep a copy of the program or notebook with the run", wandb="WANDB_SAVE_CODE"
    )
    sync_tensorboard: bool = _setting(
        default=False,
        meaning="record what the program writes for TensorBoard, and keep its event files",
    )
    monitor_gym: bool = _setting(
        default=False, meaning="keep the videos that gymnasium or gym records with the run"
    )
    console: str = _setting(
        "wrap",
        "how output is recorded: wrap (stdout and stderr of Python), redirect (those of the "
        "process and its children) or off",
        wandb="WANDB_CONSOLE",
    )
    disable_console: bool = _setting(default=False, meaning="record no output, like console=off")
    disable_git: bool = _setting(
        default=False,
        meaning="leave git alone: no commit, no remote, no diff.patch",
        wandb="WANDB_DISABLE_GIT",
    )
    disable_code: bool = _setting(
        default=False,
        meaning="keep no code: no diff.patch, no program, nothing of log_code()",
        wandb="WANDB_DISABLE_CODE",
    )
    disable_metadata: bool = _setting(
        default=False,
        meaning="look neither at the machine nor at git nor at the packages, and write no files",
        wandb="WANDB_X_DISABLE_META",
    )
    disable_redaction: bool = _setting(
        default=False, meaning="record texts as they are, with the secrets in them"
    )
    disable_stats: bool = _setting(
        default=False,
        meaning="do not measure the machine as the run goes on",
        wandb="WANDB_X_DISABLE_STATS",
    )
    stats_sampling_interval: float = _setting(
        15.0,
        "seconds from one sample of the machine to the next",
        wandb="WANDB_X_STATS_SAMPLING_INTERVAL",
    )
    metadata_timeout: float = _setting(
        2.0, "seconds that the end of a run waits at most until all of that is recorded"
    )
    git_commit: str | None = _setting(
        None, "the commit, where no repository tells it", wandb="WANDB_GIT_COMMIT"
    )
    git_remote_url: str | None = _setting(
        None, "the repository's remote, likewise", wandb="WANDB_GIT_REMOTE_URL", secret=True
    )
    silent: bool = _setting(
        default=False, meaning="say nothing on the terminal", wandb="WANDB_SILENT"
    )
    quiet: bool = _setting(default=False, meaning="say warnings only", wandb="WANDB_QUIET")
    target: str | None = _setting(
        None, "where online runs are synced to: a URL or a name", secret=True
    )
    on_error: str = _setting("warn", "warn or raise when the run directory cannot be made")
    fsync_interval: float = _setting(
        5.0, "seconds until written records are on disk at the latest; 0: every record at once"
    )
    finish_timeout: float = _setting(
        5.0, "seconds that finish() waits for the target of an online run"
    )
    heartbeat_interval: float = _setting(15.0, "seconds between signs of life in the log")
    checkpoint_interval: float = _setting(60.0, "seconds between checkpoints in the log")
    receipt_dir: str | None = _setting(
        None, "where receipts of targets are kept; `receipts` beside the runs"
    )
    fallback_dir: str | None = _setting(None, "where to record when `dir` cannot be written")
    file_mode: int | None = _setting(None, "permissions of files, such as 640; the umask's")

    def __init__(self, **said: object) -> None:
        given, notices = _recognised(said, "Settings({}=...)")
        self._fill({name: check_value(name, *raw) for name, raw in given.items()}, notices)

    def _fill(self, values: Mapping[str, object], notices: Iterable[str]) -> None:
        self._values = dict(values)
        self._notices = tuple(notices)

    @property
    def said(self) -> frozenset[str]:
        """Names of the settings that somebody gave, in contrast to defaults."""
        return frozenset(self._values)

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences about settings that were given and have no effect."""
        return self._notices

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Settings):
            return NotImplemented
        return _all_values(self) == _all_values(other)

    def __hash__(self) -> int:
        return hash(tuple(_all_values(self).values()))

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{name}={value!r}"
            for name, value in _all_values(self).items()
            if not SETTINGS[name].secret
        )
        return f"Settings({shown})"


SETTINGS: Final[Mapping[str, Setting]] = {
    name: spec for name, spec in vars(Settings).items() if isinstance(spec, Setting)
}
"""Every setting by its name, in the order in which they are shown."""


def _all_values(settings: Settings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in SETTINGS}


def variables(name: str) -> tuple[str, ...]:
    """Return the environment variables that give the setting `name`, strongest first."""
    wandb = SETTINGS[name].wandb
    own = f"TRACKER_{name.upper()}"
    return (own, wandb) if wandb else (own,)


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

    def add(layer: _Layer) -> None:
        for name, raw in layer.given.items():
            chosen.setdefault(name, raw)
        notices.extend(layer.notices)

    environment = _from_environ(environ)
    add(_in_sweep(_recognised(arguments, "init({}=...)"), environment))
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
    resolved = Settings()
    resolved._fill(values, notices)  # noqa: SLF001 - ours
    return resolved, sources


def _recognised(said: Mapping[str, object], source: str) -> _Layer:
    """Sort what a program said by settings; `{}` in `source` stands for the name that it used."""
    layer = _Layer({}, [])
    for key, value in said.items():
        name = ALIASES.get(key, key)
        where = source.format(key)
        if name in SETTINGS:
            if value is not None:
                layer.given[name] = (value, where)
        elif key in ARGUMENTS_ONLY:
            raise UsageError(
                f"{key} is no setting", where=where, hint=f"Give it to init itself: init({key}=...)"
            )
        elif key in RETIRED or str(key).startswith(("_", "x_")):
            layer.notices.append(f"The setting {key} of W&B has no effect here ({where})")
        else:
            raise UsageError(
                f"Unknown setting {key!r}", where=where, hint=f"Known: {', '.join(SETTINGS)}"
            )
    return layer


def _in_sweep(said: _Layer, environment: _Layer) -> _Layer:
    """Let whoever runs a sweep say which run it is: its scripts all say the same."""
    if "sweep_id" not in environment.given:
        return said
    for name in ("project", "entity", "run_id"):
        if name in said.given and name in environment.given:
            value, _ = said.given.pop(name)
            if value != environment.given[name][0]:
                said.notices.append(f"Ignoring {name} {value!r} when running a sweep.")
    return said


def _from_settings(settings: object) -> _Layer:
    if settings is None:
        return _Layer({}, [])
    if isinstance(settings, Settings):
        given = {name: (getattr(settings, name), "init(settings=...)") for name in settings.said}
        return _Layer(given, list(settings.notices))
    if isinstance(settings, Mapping):
        return _recognised(settings, "init(settings={{{!r}: ...}})")
    raise refusal("settings", settings, "init(settings=...)", "a dict or airtape.Settings")


def _from_environ(environ: Mapping[str, str]) -> _Layer:
    layer = _Layer({}, [])
    for name in SETTINGS:
        for variable in variables(name):
            if text := environ.get(variable, "").strip():
                layer.given[name] = (_parsed(name, text), variable)
                break
    return layer


def _from_file(path: Path | None) -> _Layer:
    layer = _Layer({}, [])
    try:
        said = {} if path is None else read_settings_file(path)
    except OSError as error:
        layer.notices.append(f"{path} cannot be read: {error.strerror}")
        return layer
    for key, text in said.items():
        name = ALIASES.get(key, key)
        if name not in SETTINGS:
            layer.notices.append(f"The setting {key} has no effect here ({path})")
        elif text:
            layer.given[name] = (_parsed(name, text), str(path))
    return layer


def _from_project(path: Path | None) -> _Layer:
    layer = _Layer({}, [])
    try:
        said = {} if path is None else read_project_file(path)
    except OSError as error:
        layer.notices.append(f"{path} cannot be read: {error.strerror}")
        return layer
    for key, value in said.items():
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
