"""Run directories whose run was deleted: a copy that turns up again is not brought to a target."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from airtape.fold.merge import Part, merge
from airtape.names import NO_ENTITY, NO_PROJECT
from airtape.tombstones import RunPath, Tombstone, all_tombstones
from airtape.writers import read_writers

_NAMES: Final = re.compile(r"run-\d{8}_\d{6}-((.+?)(?:-\d+)?)", re.DOTALL)
"""A run directory's name, with the run's id, behind which may stand a number."""


class DeletedRuns:
    """The runs that were deleted, as the folders of some run directories tell.

    Args:
        further: Folders that count for all run directories, wherever these are.
    """

    def __init__(self, further: Sequence[Path]) -> None:
        self._further = further
        self._stones: dict[Path, dict[RunPath, Tombstone]] = {}

    def find(self, run_dir: Path) -> Tombstone | None:
        """Return the tombstone of the run in a directory, None if there is none.

        Where there are no tombstones, nothing is read; else only what may have one.

        Raises:
            OSError: A log cannot be read.
        """
        stones = self._of(run_dir.parent)
        for folder in self._further:
            stones = stones | self._of(folder)
        if not stones or not _may_be_one(run_dir.name, {run.run_id for run in stones}):
            return None
        writers = read_writers(run_dir, [])
        if not writers:
            return None
        whole = merge([Part(writer.header, writer.fold()) for writer in writers])
        entity, project = (whole.run.get(name) for name in ("entity", "project"))
        run_id = whole.newest.header.run_id
        if all(writer.header.role == "amend" for writer in writers):
            # Changes alone do not tell where the run belonged.
            return next((stone for run, stone in stones.items() if run.run_id == run_id), None)
        return stones.get(RunPath(str(entity or NO_ENTITY), str(project or NO_PROJECT), run_id))

    def _of(self, folder: Path) -> dict[RunPath, Tombstone]:
        if folder not in self._stones:
            self._stones[folder] = {stone.run: stone for stone in all_tombstones(folder)}
        return self._stones[folder]


def _may_be_one(name: str, run_ids: set[str]) -> bool:
    """Tell whether a directory of this name may hold one of these runs."""
    match = _NAMES.fullmatch(name)
    return match is None or not run_ids.isdisjoint(match.groups())
