"""What the runs of some directories are called in a target, as it knows itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from airtape.backends.base import Backend, DirectoryHint
from airtape.backends.cursor import RunKey
from airtape.sync.absolute import Absolute
from airtape.sync.kept_paths import found_paths
from airtape.sync.renames import Renames
from airtape.txlog.format import Header


class TargetNames:
    """Finds the runs of logs in a target; what it has when this is made counts.

    Args:
        backend: The target.

    Raises:
        TargetError: The target does not answer; likewise from every method.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._absolute = Absolute()
        self._hints: Mapping[str, DirectoryHint] = found_paths(backend.hints())

    def hint_of(self, run_dir: Path) -> DirectoryHint | None:
        """Return what a directory looked like when it was synced, None if it never was."""
        return self._hints.get(self._absolute(run_dir))

    def run_of(self, log: Path, header: Header) -> RunKey:
        """Return what the run of a log is there: as it was synced last, or the only one."""
        hint = self.hint_of(log.parent)
        said = None if hint is None else hint.files.get(log.name)
        if said is not None and said.writer == header.writer:
            return said.run
        usual = Renames().key_of(header)
        others = self._known[usual.root]
        return others[0] if len(others) == 1 else usual

    @cached_property
    def _known(self) -> Mapping[bytes, list[RunKey]]:
        known: defaultdict[bytes, list[RunKey]] = defaultdict(list)
        for run in self._backend.runs():
            known[run.root].append(run)
        return known
