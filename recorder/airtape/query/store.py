"""Runs in a SQLite store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn

from airtape.backends import sqlite_cursors, sqlite_history
from airtape.backends.content_folder import ContentFolder
from airtape.backends.contents import is_digest
from airtape.backends.cursor import RunKey
from airtape.backends.sqlite_cursors import Place
from airtape.backends.sqlite_open import Store, files_beside
from airtape.errors import UsageError
from airtape.file_copy import Digest
from airtape.fold.keys import Key, Tree
from airtape.fold.merge import Part, in_order, merge
from airtape.fold.row import Row
from airtape.overview import Overview, overview_of_parts
from airtape.query.kept import Amendment, KeptFile, KeptRun, here_and_now, warn
from airtape.query.whole_values import Load, from_contents, whole_tree, with_large_values
from airtape.records import Kind, Plain
from airtape.rows import join_rows
from airtape.states import Vantage
from airtape.system_samples import SystemSample, samples_in


class StoreRun:
    """A run in a store.

    Args:
        path: The file of the store.
        key: Which run it is.
        place: Its id in the store.
        parts: What its writers amount to, in the order in which they count.
        vantage: When and where one looks from.

    Attributes:
        overview: What it is.
    """

    def __init__(
        self, path: Path, key: RunKey, place: int, parts: list[Part], vantage: Vantage
    ) -> None:
        self._path = path
        self._key = key
        self._place = place
        self.overview = self._overview(parts, vantage)

    def _overview(self, parts: list[Part], vantage: Vantage) -> Overview:
        overview = overview_of_parts(self._path, parts, vantage)
        # Thousands of runs may be held at once, and what their writers said is the larger part.
        overview.writers, overview.traces = [], {}
        overview.entity = self._key.entity or overview.entity
        overview.project = self._key.project or overview.project
        return overview

    def rows(self) -> Iterator[Row]:
        """Yield the history in order of the steps; warns of large values that are missing."""
        with closing(Store(str(self._path))) as store, store.snapshot() as db:
            if db is None:
                self._refuse_gone()
            writers = sqlite_cursors.headers_of(db, self._place)
            by_uuid = {header.writer: place for place, header in writers.items()}
            streams = [
                (header, _rows(db, Place(self._place, by_uuid[header.writer])))
                for header in in_order(list(writers.values()))
            ]
        return with_large_values(join_rows(streams), self._load, self._warn)

    def system(self) -> Iterator[SystemSample]:
        """Yield what was measured of the machine, in order of the times."""
        with closing(Store(str(self._path))) as store, store.snapshot() as db:
            if db is None:
                self._refuse_gone()
            samples = [
                sample
                for place, header in sqlite_cursors.headers_of(db, self._place).items()
                for sample in samples_in(
                    sqlite_history.read_events(db, place, Kind.SYSTEM),
                    began_ns=sqlite_cursors.read(db, place).fold().began_ns,
                    label=header.label,
                )
            ]
        return iter(sorted(samples, key=lambda sample: sample.timestamp))

    def whole(self, tree: Tree) -> Tree:
        """Return config or summary with the values that were too large for the log."""
        return whole_tree(tree, self._load, self._warn)

    @property
    def _load(self) -> Load:
        return from_contents(ContentFolder(files_beside(self._path)))

    def _warn(self, problem: str) -> None:
        warn(f"{self.overview.path}: {problem}")

    def metadata(self) -> Mapping[str, Any]:
        """Return what was recorded of the machine and the program."""
        return merge(self._parts()).metadata

    def files(self) -> list[KeptFile]:
        """Return the files; of some the store may have no content."""
        said = {name: file for _, fold in self._parts() for name, file in fold.files.items()}
        return [self._kept(name, said[name]) for name in sorted(said)]

    def _kept(self, name: str, said: Mapping[str, Any]) -> KeptFile:
        size, sha256 = said.get("size"), said.get("sha256")
        if not isinstance(size, int):
            return KeptFile(name, 0, None)
        contents = ContentFolder(files_beside(self._path))
        place = contents.place_of(Digest(size, sha256)) if is_digest(sha256) else None
        return KeptFile(name, size, place)

    def _parts(self) -> list[Part]:
        with closing(Store(str(self._path))) as store, store.snapshot() as db:
            parts = [] if db is None else _parts(db, self._place)
        if not parts:
            self._refuse_gone()
        return parts

    def _refuse_gone(self) -> NoReturn:
        raise UsageError(f"the run {self.overview.path} is gone", where=str(self._path))

    def amend(self, amendment: Amendment) -> None:  # noqa: ARG002 - nothing can be changed
        """Refuse.

        Raises:
            UsageError: Always.
        """
        raise UsageError(
            "a run cannot be changed in a store",
            where=str(self._path),
            hint="Change it in its run directory, Api('./wandb'), then sync.",
        )

    def read_again(self) -> None:
        """Bring the overview up to date."""
        self.overview = self._overview(self._parts(), here_and_now())


class StoreFile:
    """The runs of a store.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def find(self, run_id: str | None = None) -> tuple[Sequence[KeptRun], list[str]]:
        """Return the runs with an id, or all, and no complaints.

        Raises:
            TargetError: The store cannot be read.
        """
        vantage = here_and_now()
        with closing(Store(str(self._path))) as store, store.snapshot() as db:
            if db is None:
                return [], []
            found = [
                StoreRun(self._path, key, place, parts, vantage)
                for key, place in sqlite_cursors.runs_like(db, None)
                if run_id in {None, key.run_id} and (parts := _parts(db, place))
            ]
        return found, []


def _parts(db: sqlite3.Connection, run: int) -> list[Part]:
    parts = {
        header.writer: Part(header, sqlite_cursors.read(db, writer).fold())
        for writer, header in sqlite_cursors.headers_of(db, run).items()
    }
    return [parts[header.writer] for header in in_order([part.header for part in parts.values()])]


def _rows(db: sqlite3.Connection, place: Place) -> list[Row]:
    data: dict[int, dict[Key, Plain]] = {}
    for step, key, value, _ in sqlite_history.read_points(db, place):
        data.setdefault(step, {})[key] = value
    rows = sqlite_history.read_rows(db, place)
    return [Row(step, *rows[step], data.get(step, {})) for step in sorted(rows)]
