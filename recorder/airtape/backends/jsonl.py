"""A directory of JSON lines that is only ever added to: ``docs/STORE.md`` says what stands where.

No data in it is changed once it is there. Each batch is one file, named after its writer and its
number, written aside and then linked to its name: the link is made once, whoever is first.
"""

from __future__ import annotations

import errno
import glob
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import quote

from airtape.backends import jsonl_hints, jsonl_leases
from airtape.backends.base import Batch, DirectoryHint, Held
from airtape.backends.content_folder import FILES, ContentFolder
from airtape.backends.cursor import Cursor, RunKey
from airtape.backends.jsonl_batch import cursor_from, lines_of, replay, run_of
from airtape.backends.jsonl_files import make_folders, publish_new
from airtape.backends.jsonl_names import (
    batch_path,
    batches_in,
    first_line,
    last_line,
    sweep,
)
from airtape.backends.jsonl_replacement import JsonlReplacement
from airtape.backends.lease import Lease
from airtape.backends.listing import WriterCursor
from airtape.backends.replica import Replica
from airtape.errors import TargetError, TransientError, UsageError
from airtape.file_copy import Digest

RUNS: Final = "runs"
LONGEST_NAME: Final = 150
GENERATION: Final = 10**9
"""A directory that takes the place of another numbers its batches from the next multiple on, so
that nobody who has read a cursor in the old one can add a batch to the new one."""
TRANSIENT: Final = frozenset(
    {errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN}
)
"""What a file system over a network says when it may answer in a moment."""


class JsonlBackend:
    """A target that is a directory of JSON lines.

    Args:
        location: The directory; made by the first batch, in a folder that exists.
        follows: The directory that this one is to take the place of, if any.

    Raises:
        TargetError: The directory cannot be made or read.
    """

    transactional = False
    can_retract = False

    def __init__(self, location: str, *, follows: Path | None = None) -> None:
        self.notes: list[str] = []
        self._top = Path(location)
        self._follows = follows
        self._contents = ContentFolder(self._top / FILES)
        if self._top.exists() and not self._top.is_dir():
            raise TargetError("the target is no directory", where=location)
        if not self._top.exists() and not self._top.parent.is_dir():
            raise TargetError(
                "the target's folder does not exist",
                where=str(self._top.parent),
                hint="Make the folder, or choose another place with --to jsonl:DIRECTORY.",
            )

    @classmethod
    def replacement(cls, location: str) -> JsonlReplacement:
        """Return the way to make a directory anew."""
        return JsonlReplacement(Path(location), lambda new, old: cls(str(new), follows=old))

    def read_cursor(self, run: RunKey, writer: bytes) -> Cursor | None:
        """Return the cursor of a writer, None if nothing of it has come."""
        folder = self._folder(run)
        with self._failing():
            batches = batches_in(folder).get(writer)
            if batches:
                return cursor_from(last_line(batches[-1]))
            first = self._first_version(folder, writer)
            return Cursor(version=first) if first else None

    def _first_version(self, folder: Path, writer: bytes) -> int:
        """Return what the first batch of a writer builds on: nothing, or what was here before."""
        if self._follows is None:
            return 0
        before = batches_in(self._follows / folder.relative_to(self._top)).get(writer)
        last = int(before[-1].stem.rpartition("-")[2]) if before else 0
        return (last // GENERATION + 1) * GENERATION

    def commit(self, batch: Batch) -> bool:
        """Take in a batch if it builds on the last one that is there; tell whether it does."""
        folder = self._folder(batch.run)
        writer, version = batch.header.writer, batch.cursor.version
        with self._failing():
            base = batch.base_version
            is_there = not base or batch_path(folder, writer, base).exists()
            if not is_there and base != self._first_version(folder, writer):
                return False
            make_folders(folder, self._top.parent)
            is_first = publish_new(batch_path(folder, writer, version), lines_of(batch))
            sweep(folder, writer, version)
            return is_first

    def take_lease(self, run: RunKey, lease: Lease) -> Lease | None:
        """Put a run into somebody's hands; None if that was done, else in whose hands it is."""
        folder = self._folder(run)
        with self._failing():
            make_folders(folder, self._top.parent)
            return jsonl_leases.take(folder, lease)

    def drop_lease(self, run: RunKey, owner: str) -> None:
        """Take a run out of somebody's hands."""
        with self._failing():
            jsonl_leases.drop(self._folder(run), owner)

    def hints(self) -> Mapping[str, DirectoryHint]:
        """Return what is known of run directories, by path."""
        with self._failing():
            return jsonl_hints.read(self._top)

    def keep_hints(self, hints: Mapping[str, DirectoryHint]) -> None:
        """Remember what run directories look like; of two at a time one may be forgotten."""
        with self._failing():
            make_folders(self._top, self._top.parent)
            jsonl_hints.keep(self._top, hints)

    def retract(self, run: RunKey) -> None:
        """Refuse: nothing that has come is taken back."""
        raise UsageError(
            f"run {run.run_id} cannot be taken back",
            where=str(self._top),
            because="a jsonl target is only ever added to",
            hint="Sync to a new directory.",
        )

    def runs(self, run_id: str | None = None) -> list[RunKey]:
        """Return the runs that something has come of, sorted: all, or those with this id."""
        name = "*" if run_id is None else glob.escape(_file_name(run_id))
        found = []
        for folder in self._folders(name):
            with self._failing():
                batches = next(iter(batches_in(folder).values()), None)
                if batches:
                    found.append(run_of(first_line(batches[0])))
        return sorted(run for run in found if run_id in {None, run.run_id})

    def cursors(self) -> Iterator[WriterCursor]:
        """Yield the cursor of each writer, sorted by run and writer."""
        found = []
        for folder in self._folders():
            with self._failing():
                for writer, batches in batches_in(folder).items():
                    run = run_of(first_line(batches[0]))
                    found.append(WriterCursor(run, writer, cursor_from(last_line(batches[-1]))))
        yield from sorted(found, key=lambda one: (one.run, one.writer))

    def dump(self, run: RunKey | None = None) -> Iterator[Held]:
        """Yield what the target holds of each writer, sorted by run and writer."""
        folders = [self._folder(run)] if run is not None else self._folders()
        replicas = [replica for folder in folders for replica in self._replicas(folder)]
        for replica in sorted(replicas, key=lambda replica: (replica.run, replica.header.writer)):
            yield replica.held()

    def missing_files(self, files: Collection[Digest]) -> set[Digest]:
        """Return those of some contents that the target does not hold whole."""
        with self._failing():
            return self._contents.missing(files)

    def put_file(self, file: Digest, content: Iterable[bytes]) -> bool:
        """Take in a content, and tell whether it was what its digest says."""
        with self._failing():
            make_folders(self._top, self._top.parent)
            return self._contents.put(file, content)

    def put_files(self, files: Iterable[tuple[Digest, Iterable[bytes]]]) -> set[Digest]:
        """Take in contents together, and return those that were what their digests say."""
        with self._failing():
            make_folders(self._top, self._top.parent)
            return self._contents.put_all(files)

    def read_file(self, file: Digest) -> Iterator[bytes]:
        """Yield a content, piece by piece."""
        with self._failing():
            yield from self._contents.read(file)

    def close(self) -> None:
        """Nothing to let go of."""

    def _folder(self, run: RunKey) -> Path:
        """Return the folder of a run's batches; below the target whatever the run is called."""
        given_to = f"{_file_name(run.entity)},{_file_name(run.project)}"
        top = given_to if run.entity or run.project else RUNS
        return self._top / top / _file_name(run.run_id) / run.root.hex()

    def _folders(self, name: str = "*") -> list[Path]:
        with self._failing():
            tops = [] if not self._top.is_dir() else sorted(self._top.iterdir())
            return [
                folder
                for top in tops
                if top.name != FILES  # a folder of runs has another name
                for folder in sorted(top.glob(f"{name}/*"))
            ]

    def _replicas(self, folder: Path) -> Iterator[Replica]:
        with self._failing():
            for batches in batches_in(folder).values():
                replica: Replica | None = None
                for path in batches:
                    lines = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
                    replica = replay(lines, replica, str(path))
                    replica.cursor = cursor_from(lines[-1])
                assert replica is not None  # noqa: S101 - for the type checker; a file is there
                yield replica

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Say what failed and what to try.

        Raises:
            TransientError: The system failed for the moment.
            TargetError: The system failed, or a file is none of ours.
        """
        try:
            yield
        except OSError as error:
            kind = TransientError if error.errno in TRANSIENT else TargetError
            raise kind(
                "the target cannot be read or written",
                where=str(error.filename or self._top),
                because=error.strerror,
                hint="Make room or get access, then sync again; or choose another place with "
                "--to jsonl:DIRECTORY.",
            ) from error
        except (ValueError, KeyError) as error:
            raise TargetError(
                "a file of the target has been changed",
                where=str(self._top),
                because=str(error),
                hint="The logs are whole: sync to a new directory.",
            ) from error


def _file_name(text: str) -> str:
    """Return a text as the name of one file, whatever it holds; different ones for different."""
    name = quote(text, safe="")
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[:LONGEST_NAME]}%{sha256(text.encode()).hexdigest()}"
