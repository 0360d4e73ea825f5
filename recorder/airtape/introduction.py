"""What a run says of itself when it starts: who and where it is, and what it is called."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from airtape.beginning import Origin
from airtape.errors import Error
from airtape.login_name import login_name
from airtape.names import NO_ENTITY, generate_name
from airtape.process import this_process
from airtape.program import program_name
from airtape.project import guess_project
from airtape.records import Plain
from airtape.rundir import count_runs
from airtape.settings import Settings


def begun(settings: Settings, origin: Origin, base: Path) -> dict[str, Plain]:
    """Return what a run says of itself at the start; what it takes over stays unless it is said."""
    inherited = {} if origin.inheritance is None else origin.inheritance.run
    is_fork = origin.branch is not None and origin.run_id is None
    old_name = None if is_fork else inherited.get("name")
    name = old_name if settings.name is None else settings.name
    if name is None:
        # The writers of a shared run must agree, and cannot ask one another.
        name = generate_name(count_runs(base)) if origin.shared is None else origin.shared.run_id
    said = described(settings, name)
    if origin.branch is not None:
        said["branch"] = {"run_id": origin.branch[0], "step": origin.branch[1]}
    taken = {"project", "entity", "tags"} & inherited.keys() - settings.said
    return {key: value for key, value in said.items() if key not in taken}


def described(settings: Settings, name: str) -> dict[str, Plain]:
    """Return what the settings say of a run of this name."""
    said: dict[str, Plain] = {
        "name": name,
        "project": project_of(settings),
        "entity": entity_of(settings),
        "notes": settings.notes,
        "tags": list(settings.tags),
        "group": settings.group,
        "job_type": settings.job_type,
        "sweep_id": settings.sweep_id,
    }
    return {key: value for key, value in said.items() if value is not None}


def project_of(settings: Settings) -> str:
    """Return the project that a run belongs to; a guess when nobody names it."""
    return settings.project or guess_project(working_directory())


def path_of(settings: Settings, origin: Origin, run_id: str) -> tuple[str, str, str]:
    """Return entity, project and id of a run: of the one it goes on with, or what else is said."""
    inherited = {} if origin.inheritance is None else origin.inheritance.run
    taken = {name: inherited.get(name) for name in {"entity", "project"} - settings.said}
    entity = taken.get("entity") or entity_of(settings) or NO_ENTITY
    return entity, taken.get("project") or project_of(settings), run_id


def entity_of(settings: Settings) -> str | None:
    """Return the entity that a run belongs to; None for one that names nobody."""
    if settings.anonymous == "must":
        return None
    return settings.entity or login_name(os.environ)


def metadata(settings: Settings) -> dict[str, Plain]:
    """Return what is recorded of the machine and the program."""
    system = os.uname()
    said: dict[str, Plain] = {
        "host": this_process().host,
        "user": login_name(os.environ),
        "os": f"{system.sysname} {system.release} {system.machine}",
        "python": ".".join(map(str, sys.version_info[:3])),
        "executable": sys.executable,
        "program": program_name(),
    }
    if settings.anonymous == "must":
        del said["host"], said["user"]
        # Their folders are often named after the user.
        said |= {key: Path(str(said[key])).name for key in ("executable", "program")}
    return said


def working_directory() -> Path:
    """Return the working directory.

    Raises:
        Error: It was removed.
    """
    try:
        return Path.cwd()
    except OSError as error:
        raise Error(
            "the working directory is gone",
            because=error.strerror,
            hint="change into a directory that exists",
        ) from error
