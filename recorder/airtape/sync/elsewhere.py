"""The other directories of a run: a log goes on in another one where a disk refuses the first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from airtape.errors import Error
from airtape.sync.glance import Glance
from airtape.sync.log_file import header_of


class Elsewhere:
    """Finds the directories of a writer among those of a pass, when one of them lacks a content.

    Args:
        glances: The directories.
    """

    def __init__(self, glances: Sequence[Glance]) -> None:
        self._glances = glances

    def of(self, run_dir: Path, writers: Iterable[bytes]) -> list[Path]:
        """Return the directories that have a log of one of some writers, but for one of them."""
        found = dict.fromkeys(place for writer in writers for place in self._places[writer])
        return [place for place in found if place != run_dir]

    @cached_property
    def _places(self) -> Mapping[bytes, list[Path]]:
        """The directories by the writers of their logs."""
        places: defaultdict[bytes, list[Path]] = defaultdict(list)
        for seen in self._glances:
            for writer in set(_writers_in(seen)):
                places[writer].append(seen.path)
        return places


def _writers_in(seen: Glance) -> Iterator[bytes]:
    if seen.unchanged and seen.hint is not None:
        yield from (file.writer for file in seen.hint.files.values())
    for log in seen.logs:
        with suppress(OSError, Error):
            # What is wrong with it is said where it is sent.
            header = header_of(log)
            if header is not None:
                yield header.writer
