"""What a run can be told: each setting is a field of `Settings`, with its meaning and default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeVar, cast

from airtape.errors import UsageError
from airtape.settings_names import ALIASES, ARGUMENTS_ONLY, RETIRED
from airtape.settings_values import check_value

T = TypeVar("T")


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
        given, notices = recognised(said, "Settings({}=...)")
        self._fill({name: check_value(name, *raw) for name, raw in given.items()}, notices)

    @classmethod
    def made_of(cls, values: Mapping[str, object], notices: Iterable[str]) -> Settings:
        """Return settings of values that were checked, and with sentences on what has no effect."""
        made = cls.__new__(cls)
        made._fill(values, notices)  # noqa: SLF001 - its own
        return made

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


class Layer(NamedTuple):
    """What one source says.

    Attributes:
        given: By setting, the value as it was given, and where.
        notices: Sentences about what was given and has no effect.
    """

    given: dict[str, tuple[object, str]]
    notices: list[str]


def recognised(said: Mapping[str, object], source: str) -> Layer:
    """Sort what a program said by settings.

    Args:
        said: Its values by the names that it used, which may be W&B's; None says nothing.
        source: Where it said so, with `{}` for the name.

    Raises:
        UsageError: A name is that of no setting.
    """
    layer = Layer({}, [])
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
