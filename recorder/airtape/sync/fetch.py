"""Bringing a run from a target to this machine, so that recording can go on with it.

The other way round than a sync, and not the same: what comes is no log, and is never synced again.
A run that goes on from it names the writers it has read, so a sync puts it behind them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from airtape.backends.base import Backend, Held
from airtape.backends.cursor import RunKey
from airtape.errors import UsageError
from airtape.fetched import FetchedPart, write_fetched
from airtape.fold.keys import Key
from airtape.fold.merge import Part, Whole, in_order, merge
from airtape.fold.row import Row
from airtape.names import NO_ENTITY, NO_PROJECT, check_id
from airtape.predecessors import recorded_writers, root_of
from airtape.records import Plain
from airtape.tombstones import RunPath, refuse_deleted

_PARTS: Final = 3


@dataclass(frozen=True, slots=True)
class TargetRun:
    """A run as a target holds it.

    Attributes:
        key: Which run of the target it is.
        held: What the target holds of each writer, in the order in which they count.
        whole: What they amount to together.
    """

    key: RunKey
    held: Sequence[Held]
    whole: Whole

    @property
    def path(self) -> RunPath:
        """Entity, project and id, as the run was synced."""
        said = self.whole.run
        return RunPath(
            self.key.entity or str(said.get("entity") or NO_ENTITY),
            self.key.project or str(said.get("project") or NO_PROJECT),
            self.key.run_id,
        )

    @property
    def parts(self) -> list[Part]:
        """Its writers, in the order in which they count."""
        return [Part(held.header, held.cursor.fold()) for held in self.held]


def find_in_target(backend: Backend, said: str, *, where: str, first_writer: str = "") -> TargetRun:
    """Return the run of a target that is meant.

    Args:
        backend: The target.
        where: Its URL, for errors.
        said: ``id``, ``project/id`` or ``entity/project/id``.
        first_writer: What the uuid of the writer that began it starts with, in hexadecimal; tells
            runs apart that took the same id in the same project.

    Raises:
        UsageError: There is no such run, or more than one.
        TargetError: The target does not answer.
    """
    *above, run_id = said.split("/")
    if len(above) >= _PARTS:
        raise UsageError(f"{said!r} is no run", hint="Write entity/project/id, or just the id.")
    runs = [
        run
        for key in backend.runs(run_id)
        if key.root.hex().startswith(first_writer.lower())
        and (run := _read(backend, key)) is not None
        and list(run.path[:-1])[2 - len(above) :] == above
    ]
    if not runs:
        raise _unknown(backend, said, where)
    if len(runs) > 1:
        raise _ambiguous(said, runs, where)
    return runs[0]


def _read(backend: Backend, key: RunKey) -> TargetRun | None:
    held = {one.header.writer: one for one in backend.dump(key)}
    if not held:
        return None
    ordered = [held[header.writer] for header in in_order([one.header for one in held.values()])]
    whole = merge([Part(one.header, one.cursor.fold()) for one in ordered])
    return TargetRun(key, ordered, whole)


def _unknown(backend: Backend, said: str, where: str) -> UsageError:
    keys = backend.runs()
    near = get_close_matches(said.rpartition("/")[2], sorted({key.run_id for key in keys}), n=3)
    hint = "The target has no runs." if not keys else "A run is named by its id."
    if near:
        hint = f"Did you mean {' or '.join(near)}?"
    return UsageError(f"the target has no run {said!r}", where=where, hint=hint)


def _ambiguous(said: str, runs: Sequence[TargetRun], where: str) -> UsageError:
    what = f"{len(runs)} runs {said!r}"
    paths = {str(run.path) for run in runs}
    if len(paths) == len(runs):
        return UsageError(
            f"the target has {len(runs)} runs {said!r}",
            hint=f"Name one: {', '.join(sorted(paths))}",
        )
    writers = [f"{run.key.root.hex()[:8]} ({run.whole.rows} rows)" for run in runs]
    return UsageError(
        f"the target has {what} that took the same id",
        where=where,
        hint=f"Name the writer that began the one you mean with --first-writer: "
        f"{', '.join(writers)}",
    )


def fetch_run(run: TargetRun, folder: Path) -> Path | None:
    """Keep a run of a target below a ``wandb`` folder, unless all of it is there.

    Args:
        run: The run.
        folder: The ``wandb`` folder; made if it is missing.

    Returns:
        The file that it is kept in; None when the logs that are here have all of it.

    Raises:
        UsageError: The run was deleted here, another run has its id, or its logs that are here have
            what the target lacks.
        TargetError: It cannot be kept.
    """
    run_id = check_id(run.key.run_id, where="the target")
    refuse_deleted(folder, run.path)
    here = recorded_writers(folder, run_id)
    for writer in here:
        if root_of(writer.header) != run.key.root:
            raise UsageError(
                f"another run took the id {run_id}",
                where=str(writer.paths[0].parent),
                hint="Fetch to another folder with --in, or move that directory away.",
            )
    last_here = {writer.header.writer: writer.last_seq for writer in here}
    last_there = {held.header.writer: held.cursor.received.max or 0 for held in run.held}
    if all(last <= last_here.get(writer, -1) for writer, last in last_there.items()):
        return None
    ahead = [one for one in here if one.last_seq > last_there.get(one.header.writer, -1)]
    if ahead:
        raise UsageError(
            f"the run {run_id} is here already, with records that the target lacks",
            where=", ".join(sorted({str(path.parent) for one in ahead for path in one.paths})),
            because="the target has others that are not here",
            hint="`tracker sync` these directories, then fetch again.",
        )
    return write_fetched(folder, run_id, map(_part, run.held))


def _part(held: Held) -> FetchedPart:
    cursor = held.cursor
    return FetchedPart(held.header, cursor.received.max or 0, cursor.fold(), [*_rows(held)])


def _rows(held: Held) -> Iterable[Row]:
    data: dict[int, dict[Key, Plain]] = {}
    for step, key, value, _ in held.points:
        data.setdefault(step, {})[key] = value
    for step in sorted(held.rows):
        yield Row(step, *held.rows[step], data.get(step, {}))
