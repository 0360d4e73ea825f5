"""The functions of the module: ``init``, and those that act on the current run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TextIO

from airtape.calls import of_current_run, retires
from airtape.config_source import config_from, sweep_config
from airtape.errors import AuthenticationError, UsageError
from airtape.introduction import working_directory
from airtape.metric import Metric
from airtape.notebook import in_notebook
from airtape.restoring import Places, bring_back
from airtape.run import Run
from airtape.rundir import wandb_dir
from airtape.session import no_run_error, session, settings_for
from airtape.settings import Settings

Reinit = Literal["default", "return_previous", "finish_previous", "create_new"]
_RETURNS_PREVIOUS = (None, False, "default", "return_previous")
_FINISHES_PREVIOUS = (True, "finish_previous")
_CREATES_NEW = "create_new"


@retires("magic", "quiet", "start_method", "sync")
def init(
    entity: str | None = None,
    project: str | None = None,
    dir: str | os.PathLike[str] | None = None,
    id: str | None = None,
    name: str | None = None,
    notes: str | None = None,
    tags: Sequence[str] | None = None,
    config: Mapping[str, Any] | str | object | None = None,
    config_exclude_keys: Sequence[str] | None = None,
    config_include_keys: Sequence[str] | None = None,
    allow_val_change: bool | None = None,
    group: str | None = None,
    job_type: str | None = None,
    mode: Literal["online", "offline", "disabled", "shared"] | None = None,
    force: bool | None = None,
    anonymous: Literal["never", "allow", "must"] | None = None,
    reinit: bool | Reinit | None = None,
    resume: bool | Literal["allow", "never", "must", "auto"] | None = None,
    resume_from: str | None = None,
    fork_from: str | None = None,
    save_code: bool | None = None,
    tensorboard: bool | None = None,
    sync_tensorboard: bool | None = None,
    monitor_gym: bool | None = None,
    settings: Settings | Mapping[str, Any] | None = None,
) -> Run:
    """Start a run and make it the current one.

    Args:
        entity: User or team that the run belongs to; the login name by default.
        project: Project that it belongs to; by default the name of the git repository, else of
            the program, else ``uncategorized``.
        dir: Directory that holds ``wandb/``; the working directory by default.
        id: The run's id, unique in the project; a random one by default.
        name: Display name; two words and a number by default.
        notes: A longer description.
        tags: Labels.
        config: Hyperparameters: a dictionary, an ``argparse.Namespace``, any object with
            attributes, or the path of a YAML file.
        config_exclude_keys: Keys of the config to leave out.
        config_include_keys: The only keys of the config to take.
        allow_val_change: Whether config values may be changed later; by default in notebooks only.
        group: Group that the run belongs to.
        job_type: The run's part in the group, such as ``train``.
        mode: ``offline`` records; ``online`` records, and a process of its own brings the run to
            the target meanwhile; ``disabled`` does nothing; with ``shared`` this process is one of
            several that record the run of this id.
        reinit: What to do when runs are active: return the last one (False, the default but in
            notebooks), finish them first (True, ``finish_previous``), or leave them alone
            (``create_new``; the new run then does not become the current one).
        settings: More settings, as a dictionary or a `Settings` object.
        resume: Whether to go on with the run of this id, found in the local run directories, where
            ``tracker fetch`` brings it from a target:
            ``allow`` does if there is one, ``must`` raises if there is none, ``never`` raises if
            there is one, ``auto`` (True) goes on with the last run that did not end well.
        resume_from: ``id?_step=number``: go on with that run from that step; its later rows no
            longer count.
        fork_from: ``id?_step=number``: a new run that goes on from that step of another.
        force: Whether the run must have a target to be synced to; with False a warning says when
            there is none.
        anonymous: With ``must`` the log names no user, host or entity.
        save_code: Whether a copy of the program is kept with the run, below ``files/code``.
        tensorboard: The retired name of ``sync_tensorboard``.
        sync_tensorboard: Whether to record the scalars that the program writes for TensorBoard,
            with whatever library, and to keep the event files.
        monitor_gym: Whether to keep the videos that gymnasium or gym records.

    Returns:
        The run.

    Raises:
        UsageError: An argument is wrong (also a ValueError), or unknown (also a TypeError).
        AuthenticationError: ``force`` is True, and no target is set.
        ConfigError: The config file cannot be read, or a config value is too large.
        LogFormatError: What was fetched of the run to go on with is damaged.
        Error: The run directory cannot be made.
    """
    _check_reinit(reinit)
    if in_notebook():
        reinit = True if reinit is None else reinit
        allow_val_change = True if allow_val_change is None else allow_val_change
    if session.latest is not None and reinit in _RETURNS_PREVIOUS:
        session.latest.note_returned()
        return session.latest
    arguments = {
        "entity": entity,
        "project": project,
        "dir": dir,
        "id": id,
        "name": name,
        "notes": notes,
        "tags": tags,
        "group": group,
        "job_type": job_type,
        "mode": mode,
        "resume": resume,
        "anonymous": anonymous,
        "save_code": save_code,
        "sync_tensorboard": tensorboard if sync_tensorboard is None else sync_tensorboard,
        "monitor_gym": monitor_gym,
    }
    found = settings_for(arguments, settings)
    _check_login(force, found)
    values = config_from(
        config,
        include=config_include_keys,
        exclude=config_exclude_keys,
        cwd=working_directory(),
    )
    sweep = sweep_config(found.sweep_param_path, working_directory())
    values = {key: value for key, value in values.items() if key not in sweep}
    if reinit in _FINISHES_PREVIOUS:
        session.finish_all()
    if found.mode == "disabled":
        return session.open_disabled(
            found,
            values,
            sweep=sweep,
            allow_val_change=bool(allow_val_change),
            make_current=reinit != _CREATES_NEW,
        )
    run = session.open_run(
        found,
        values,
        sweep=sweep,
        allow_val_change=bool(allow_val_change),
        make_current=reinit != _CREATES_NEW,
        resume_from=resume_from,
        fork_from=fork_from,
    )
    if tensorboard is not None:
        run.warn("init(tensorboard=...) is retired; use sync_tensorboard")
    if force is False and found.target is None:
        run.warn("There is no target that the run could be synced to: it is recorded offline")
    return run


def _check_login(force: bool | None, settings: Settings) -> None:
    if force and settings.target is None and settings.mode != "disabled":
        raise AuthenticationError(
            "init(force=True), but there is no target that the run could be synced to",
            hint="set TRACKER_TARGET, or leave force out: the run is recorded offline",
        )


def _check_reinit(reinit: object) -> None:
    if reinit not in (*_RETURNS_PREVIOUS, *_FINISHES_PREVIOUS, _CREATES_NEW):
        raise UsageError(
            f"init() got reinit={reinit!r}",
            hint="reinit is True, False, 'return_previous', 'finish_previous' or 'create_new'",
        )


def _current(what: str) -> Run:
    if session.run is None:
        raise no_run_error(what)
    return session.run


def log(
    data: Mapping[str, Any],
    step: int | None = None,
    commit: bool | None = None,
    sync: bool | None = None,
) -> None:
    """Record values in the current run; see `Run.log`."""
    _current("wandb.log()").log(data, step, commit, sync)


def define_metric(
    name: str,
    step_metric: str | Metric | None = None,
    step_sync: bool | None = None,
    hidden: bool | None = None,
    summary: str | None = None,
    goal: str | None = None,
    overwrite: bool | None = None,
) -> Metric:
    """Define a metric of the current run; see `Run.define_metric`."""
    run = _current("wandb.define_metric()")
    return run.define_metric(name, step_metric, step_sync, hidden, summary, goal, overwrite)


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """End the current run, if there is one; see `Run.finish`."""
    if session.run is not None:
        session.run.finish(exit_code, quiet)


alert = of_current_run(Run.alert)
finish_artifact = of_current_run(Run.finish_artifact)
join = of_current_run(Run.join)
link_artifact = of_current_run(Run.link_artifact)
link_model = of_current_run(Run.link_model)
log_artifact = of_current_run(Run.log_artifact)
log_code = of_current_run(Run.log_code)
log_model = of_current_run(Run.log_model)
mark_preempting = of_current_run(Run.mark_preempting)
pin_config_keys = of_current_run(Run.pin_config_keys)
save = of_current_run(Run.save)
unwatch = of_current_run(Run.unwatch)
upsert_artifact = of_current_run(Run.upsert_artifact)
use_artifact = of_current_run(Run.use_artifact)
use_model = of_current_run(Run.use_model)
watch = of_current_run(Run.watch)


def restore(
    name: str,
    run_path: str | None = None,
    replace: bool = False,
    root: str | None = None,
) -> TextIO | None:
    """Bring back a file of a run; see `Run.restore`.

    Before ``init`` a run must be named, and ``root`` is the working directory by default.
    """
    if session.run is not None or run_path is None:
        return _current("wandb.restore()").restore(name, run_path, replace, root)
    settings, cwd = settings_for({}, None), working_directory()
    places = Places(wandb_dir(cwd / (settings.dir or "")), settings.target)
    return bring_back(name, run_path, places, root=cwd / (root or ""), replace=replace)


class BeforeInit:
    """Stands for ``config`` or ``summary`` of the module while there is no run."""

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "_name", name)

    def __repr__(self) -> str:
        return f"<{self._name} before init()>"

    def __getattr__(self, key: str) -> object:
        raise no_run_error(f"wandb.{self._name}.{key}")

    def __setattr__(self, key: str, value: object) -> None:
        raise no_run_error(f"wandb.{self._name}.{key}")

    def __getitem__(self, key: str) -> object:
        raise no_run_error(f"wandb.{self._name}[{key!r}]")

    def __setitem__(self, key: str, value: object) -> None:
        raise no_run_error(f"wandb.{self._name}[{key!r}]")


def current_attribute(name: str) -> object:
    """Return what ``run``, ``config`` or ``summary`` of the module is at this moment."""
    if name == "run":
        return session.run
    return getattr(session.run, name) if session.run is not None else BeforeInit(name)
