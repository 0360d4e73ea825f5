"""The signatures of ``init`` and of each method of ``Run`` as the documents print them.

Names, order and defaults; a name alone has no default. A default that is a function is written by
its name. What wandb 0.31 has beyond the documents follows behind ``more``.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

INIT = """
entity=None, project=None, dir=None, id=None, name=None, notes=None, tags=None, config=None,
config_exclude_keys=None, config_include_keys=None, allow_val_change=None, group=None,
job_type=None, mode=None, force=None, anonymous=None, reinit=None, resume=None, resume_from=None,
fork_from=None, save_code=None, tensorboard=None, sync_tensorboard=None, monitor_gym=None,
settings=None
"""

RUN = "settings, config=None, sweep_config=None, launch_config=None"

METHODS = {
    "alert": "title, text, level=None, wait_duration=None",
    "define_metric": (
        "name, step_metric=None, step_sync=None, hidden=None, summary=None, goal=None,"
        "overwrite=None"
    ),
    "detach": "",
    "display": "height=420, hidden=False",
    "finish": "exit_code=None, quiet=None",
    "finish_artifact": (
        "artifact_or_path, name=None, type=None, aliases=None, distributed_id=None"
    ),
    "get_project_url": "",
    "get_sweep_url": "",
    "get_url": "",
    "join": "exit_code=None",
    "link_artifact": "artifact, target_path, aliases=None",
    "link_model": "path, registered_model_name, name=None, aliases=None",
    "log": "data, step=None, commit=None, sync=None",
    "log_artifact": "artifact_or_path, name=None, type=None, aliases=None, tags=None",
    "log_code": (
        'root=".", name=None, include_fn="is_py_requirements_or_dockerfile",'
        'exclude_fn="exclude_wandb_fn"'
    ),
    "log_model": "path, name=None, aliases=None",
    "mark_preempting": "",
    "project_name": "",
    "restore": "name, run_path=None, replace=False, root=None",
    "save": 'glob_str=None, base_path=None, policy="live"',
    "status": "",
    "to_html": "height=420, hidden=False",
    "unwatch": "models=None",
    "upsert_artifact": (
        "artifact_or_path, name=None, type=None, aliases=None, distributed_id=None"
    ),
    "use_artifact": "artifact_or_name, type=None, aliases=None, use_as=None",
    "use_model": "name",
    "watch": ('models, criterion=None, log="gradients", log_freq=1000, idx=None, log_graph=False'),
    "__enter__": "",
    "__exit__": "exc_type, exc_val, exc_tb",
}

MORE = {
    "pin_config_keys": "keys=()",
    "save": "glob=True",
    "write_logs": "text",
}
"""Methods of wandb 0.31 that the documents lack, and the arguments that theirs lack."""

ATTRIBUTES = """
summary config dir entity group id mode name notes path project resumed settings start_time
starting_step step sweep_id tags url job_type offline disabled project_url sweep_url sync_dir
config_static
""".split()  # noqa: SIM905 - a list would take a line each


@dataclass(frozen=True)
class Parameter:
    """One parameter.

    Attributes:
        name: Its name.
        default: Its default; ``REQUIRED`` without one.
    """

    name: str
    default: Any


REQUIRED = object()


def parameters(said: str) -> list[Parameter]:
    """Return the parameters of a signature."""
    arguments = ast.parse(f"def f({' '.join(said.split())}): ...").body[0].args  # type: ignore[attr-defined]  # a function
    defaults = [ast.literal_eval(default) for default in arguments.defaults]
    missing = [REQUIRED] * (len(arguments.args) - len(defaults))
    names = [argument.arg for argument in arguments.args]
    return [Parameter(*pair) for pair in zip(names, missing + defaults, strict=True)]
