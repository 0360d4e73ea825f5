"""Finding what a run begins from: an earlier run of the same id, or a moment of another."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from airtape.beginning import Origin
from airtape.errors import UsageError
from airtape.inheritance import Inheritance
from airtape.names import check_id
from airtape.predecessors import find_writers
from airtape.resume import inherit, inherit_until, moment
from airtape.settings import Settings
from airtape.shared import SharedPart

AUTO_FILE = "wandb-resume.json"
"""Where ``resume="auto"`` remembers, beside the run directories, which run did not end well."""


def find_origin(  # noqa: PLR0913 - whatever a run may begin from
    settings: Settings,
    *,
    resume_from: str | None,
    fork_from: str | None,
    folder: Path,
    warn: Callable[[str], None],
    shared: SharedPart | None = None,
) -> Origin:
    """Return what a run begins from by the arguments of ``init``.

    Args:
        settings: The settings, ``resume`` and ``run_id`` among them.
        resume_from: ``id?_step=number``: go on with that run from that step, or None.
        fork_from: The same for a new run that branches off there.
        folder: The ``wandb`` folder whose run directories are looked at.
        warn: Told what the user should know.
        shared: The part that it takes in a run of many writers, None for a run of its own.

    Raises:
        UsageError: The arguments exclude one another, ``must`` found no run, ``never`` found one.
    """
    asked = [said for said in (settings.resume, resume_from, fork_from) if said is not None]
    if len(asked) > 1:
        raise UsageError(
            "`fork_from`, `resume`, or `resume_from` are mutually exclusive. "
            "Please specify only one of them."
        )
    if resume_from is not None:
        if shared is not None:
            raise UsageError(
                "one writer of a shared run cannot go back in it for all others",
                hint="fork it: init(fork_from=...) with another id",
            )
        return _rewound(settings, *moment(resume_from, "resume_from"), folder, warn)
    if fork_from is not None:
        forked = _forked(settings, *moment(fork_from, "fork_from"), folder, warn)
        return forked._replace(shared=shared)
    if shared is not None:
        return _taking_part(settings.resume, shared, folder)
    return Origin() if settings.resume is None else _resumed(settings, folder, warn)


def _taking_part(resume: str | None, shared: SharedPart, folder: Path) -> Origin:
    """Return what a writer goes on with that others write beside: what its own label wrote.

    What the others have written may be of this very start, by those who were faster.
    """
    if resume is None:
        return Origin(shared=shared)
    writers = find_writers(folder, shared.run_id, shared.root)
    own = [writer for writer in writers if writer.header.label == shared.label]
    _check_resume(resume, shared.run_id, folder, exists=bool(writers if resume == "must" else own))
    if not own:
        return Origin(shared=shared)
    inheritance = inherit(own)
    return Origin(
        inheritance=inheritance,
        resumed=True,
        start_step=inheritance.start_step,
        shared=shared,
    )


def _resumed(settings: Settings, folder: Path, warn: Callable[[str], None]) -> Origin:
    run_id = settings.run_id
    if settings.resume == "auto":
        left = read_auto(folder)
        if left is not None and run_id is not None and left != run_id:
            warn(f"Ignoring ID {left} loaded due to resume='auto' because the ID {run_id} is given")
        run_id = run_id or left
    writers = [] if run_id is None else find_writers(folder, run_id)
    _check_resume(settings.resume, run_id, folder, exists=bool(writers))
    if not writers:
        return Origin(run_id)
    inheritance = inherit(writers)
    return Origin(run_id, inheritance, resumed=True, start_step=inheritance.start_step)


def _check_resume(resume: str | None, run_id: str | None, folder: Path, *, exists: bool) -> None:
    if resume == "never" and exists:
        raise UsageError(
            f"resume='never', but the run {run_id} exists",
            where=str(folder),
            hint="give another id, or resume='allow' to go on with it",
        )
    if resume == "must" and not exists:
        raise UsageError(
            f"resume='must', but there is no run {run_id or '(no id was given)'}",
            where=str(folder),
            hint="copy its run directory there, bring it with `tracker fetch`, or use"
            " resume='allow' to start it",
        )


def _rewound(
    settings: Settings, source: str, step: int, folder: Path, warn: Callable[[str], None]
) -> Origin:
    check_id(source, where="init(resume_from=...)")
    if settings.run_id is not None and settings.run_id != source:
        warn(f"The id {settings.run_id} is ignored: resume_from goes on with {source}")
    inheritance = _inherited(source, step, folder, warn)
    return Origin(source, inheritance, branch=(source, step), start_step=step + 1)


def _forked(
    settings: Settings, source: str, step: int, folder: Path, warn: Callable[[str], None]
) -> Origin:
    check_id(source, where="init(fork_from=...)")
    if settings.run_id == source:
        raise UsageError(
            f"fork_from={source!r} is the run itself",
            hint="give another id, or use resume_from to go back in this run",
        )
    found = _inherited(source, step, folder, warn)
    return Origin(None, found, branch=(source, step), start_step=step + 1)


def _inherited(
    source: str, step: int, folder: Path, warn: Callable[[str], None]
) -> Inheritance | None:
    writers = find_writers(folder, source)
    if not writers:
        warn(f"The run {source} is not on this machine; its history is joined when it is synced")
        return None
    return inherit_until(writers, step)


def read_auto(folder: Path) -> str | None:
    """Return the id of the run that did not end well, None if there is none to be resumed."""
    try:
        said = json.loads((folder / AUTO_FILE).read_text("utf-8"))
        return check_id(said["run_id"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_auto(folder: Path, run_id: str) -> None:
    """Remember a run until it has ended well.

    Raises:
        OSError: The file cannot be written.
    """
    (folder / AUTO_FILE).write_text(json.dumps({"run_id": run_id}), "utf-8")


def clear_auto(folder: Path) -> None:
    """Forget the run that was remembered.

    Raises:
        OSError: The file cannot be removed.
    """
    (folder / AUTO_FILE).unlink(missing_ok=True)
