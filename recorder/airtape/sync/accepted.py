"""Which lost contents of the runs of a pass somebody has accepted, wherever that stands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from airtape.accepted_losses import accepted_in
from airtape.backends.base import DirectoryHint
from airtape.errors import Error
from airtape.sync.log_file import header_of


class AcceptedLosses:
    """Looks through the directories of a run, when one of them lacks a content.

    A change may stand in a directory of its own: see `airtape.query.amendments`.

    Args:
        hints: What is known of directories that were synced before, by path.
        logs: Logs that may be new.
    """

    def __init__(self, hints: Mapping[str, DirectoryHint], logs: Sequence[Path]) -> None:
        self._hints = hints
        self._logs = logs

    def of(self, run_dir: Path, roots: Iterable[bytes]) -> frozenset[str]:
        """Return the SHA-256 of each content that is accepted as lost.

        Args:
            run_dir: The directory that lacks something.
            roots: Who began the runs that it holds.
        """
        found: frozenset[str] = frozenset()
        for root in roots:
            places = dict.fromkeys([run_dir.absolute(), *self._places.get(root, ())])
            found |= accepted_in(places, root)
        return found

    @cached_property
    def _places(self) -> Mapping[bytes, set[Path]]:
        """The directories by who began a run of which they hold a log."""
        places: defaultdict[bytes, set[Path]] = defaultdict(set)
        for directory, hint in self._hints.items():
            for file in hint.files.values():
                places[file.run.root].add(Path(directory))
        for log in self._logs:
            with suppress(OSError, Error):
                header = header_of(log)
                if header is not None and header.role == "amend":
                    places[header.root].add(log.parent.absolute())
        return places
