"""Many writers of one run: each knows by itself which part it takes, and asks nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from airtape.errors import UsageError
from airtape.process import this_process
from airtape.settings import Settings
from airtape.txlog.format import Role

RANK_VARIABLES: Final = (
    "RANK",
    "SLURM_PROCID",
    "OMPI_COMM_WORLD_RANK",
    "PMIX_RANK",
    "PMI_RANK",
)
"""Variables in which launchers tell a process its number among all processes of a job."""

_NAMESPACE: Final = "5d0b9e0c-4a0f-5c0e-9d55-6f1c1f3f8a01"


class SharedPart(NamedTuple):
    """The part that a process takes in a run that others write too.

    Attributes:
        run_id: The run's id.
        root: Stands for the run in the logs of all who take part in it.
        role: ``primary`` for the one that says how the run goes, else ``shared``.
        label: What this writer is called.
    """

    run_id: str
    root: bytes
    role: Role
    label: str


def part_of(
    settings: Settings, *, entity: str, project: str, environ: Mapping[str, str]
) -> SharedPart:
    """Return the part that this process takes in the run that it is told of.

    Args:
        settings: The run's settings.
        entity: The entity that the run belongs to, the default one when none was said.
        project: Its project, likewise.
        environ: The environment, which tells the rank.

    Raises:
        UsageError: The run has no id.
    """
    run_id = settings.run_id
    if run_id is None:
        raise UsageError(
            "mode='shared' needs the id of the run",
            hint="give all writers the same: init(id=..., mode='shared')",
        )
    from uuid import UUID, uuid5  # noqa: PLC0415 - takes long to load, and few runs are shared

    rank = rank_of(environ)
    is_primary = rank == 0 if settings.primary is None else settings.primary
    return SharedPart(
        run_id,
        uuid5(UUID(_NAMESPACE), f"{entity}/{project}/{run_id}").bytes,
        "primary" if is_primary else "shared",
        settings.label or _default_label(rank, anonymous=settings.anonymous == "must"),
    )


def rank_of(environ: Mapping[str, str]) -> int | None:
    """Return the number of this process among all of its job; None if nobody has told it."""
    for variable in RANK_VARIABLES:
        said = environ.get(variable, "")
        if said.isdecimal():
            return int(said)
    return None


def _default_label(rank: int | None, *, anonymous: bool) -> str:
    if rank is not None:
        return f"rank-{rank}"
    process = this_process()
    return f"{'writer' if anonymous else process.host}-{process.pid}"
