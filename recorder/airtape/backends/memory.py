"""A target in this process's memory: to try a sync, and to test what is built on one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import ClassVar

from airtape.backends.base import Batch, DirectoryHint, Held
from airtape.backends.cursor import Cursor, RunKey
from airtape.backends.lease import Lease
from airtape.backends.replica import Replica
from airtape.digest import sha256_hex
from airtape.file_copy import Digest


@dataclass(slots=True)
class _Store:
    lock: Lock = field(default_factory=Lock)
    replicas: dict[tuple[RunKey, bytes], Replica] = field(default_factory=dict)
    hints: dict[str, DirectoryHint] = field(default_factory=dict)
    leases: dict[RunKey, Lease] = field(default_factory=dict)
    contents: dict[Digest, bytes] = field(default_factory=dict)


class MemoryBackend:
    """A target that ends with the process.

    Args:
        name: Whoever opens the same name in this process sees the same target.
    """

    transactional = True
    can_retract = True

    _stores: ClassVar[dict[str, _Store]] = {}

    def __init__(self, name: str) -> None:
        self.notes: list[str] = []
        self._store = self._stores.setdefault(name, _Store())

    @classmethod
    def forget(cls, name: str) -> None:
        """Drop the target of this name; those who have it open keep what they see."""
        cls._stores.pop(name, None)

    def read_cursor(self, run: RunKey, writer: bytes) -> Cursor | None:
        """Return the cursor of a writer, None if nothing of it has come."""
        with self._store.lock:
            replica = self._store.replicas.get((run, writer))
            return None if replica is None else replica.cursor

    def commit(self, batch: Batch) -> bool:
        """Take in a batch if it builds on the cursor that is stored; tell whether it does."""
        place = batch.run, batch.header.writer
        with self._store.lock:
            replica = self._store.replicas.get(place)
            if batch.base_version != (0 if replica is None else replica.cursor.version):
                return False
            if replica is None:
                replica = self._store.replicas[place] = Replica(batch.run, batch.header)
            if batch.restart:
                replica.clear()
                replica.header = batch.header
            replica.apply(batch.changes, batch.events)
            replica.cursor = batch.cursor
            return True

    def take_lease(self, run: RunKey, lease: Lease) -> Lease | None:
        """Put a run into somebody's hands; None if that was done, else in whose hands it is."""
        with self._store.lock:
            held = self._store.leases.get(run, lease)
            if not held.gives_way_to(lease):
                return held
            self._store.leases[run] = lease
            return None

    def drop_lease(self, run: RunKey, owner: str) -> None:
        """Take a run out of somebody's hands."""
        with self._store.lock:
            held = self._store.leases.get(run)
            if held is not None and held.owner == owner:
                del self._store.leases[run]

    def hints(self) -> Mapping[str, DirectoryHint]:
        """Return what is known of run directories, by path."""
        with self._store.lock:
            return dict(self._store.hints)

    def keep_hints(self, hints: Mapping[str, DirectoryHint]) -> None:
        """Remember what run directories look like."""
        with self._store.lock:
            self._store.hints.update(hints)

    def retract(self, run: RunKey) -> None:
        """Forget a run, so that the next sync sends it anew."""
        store = self._store
        with store.lock:
            for place in [place for place in store.replicas if place[0] == run]:
                del store.replicas[place]
            for path in [path for path, hint in store.hints.items() if hint.concerns(run)]:
                del store.hints[path]

    def runs(self, run_id: str | None = None) -> list[RunKey]:
        """Return the runs that something has come of, sorted: all, or those with this id."""
        with self._store.lock:
            found = {run for run, _ in self._store.replicas}
        return sorted(run for run in found if run_id in {None, run.run_id})

    def dump(self, run: RunKey | None = None) -> Iterator[Held]:
        """Yield what the target holds of each writer, sorted by run and writer."""
        with self._store.lock:
            replicas = sorted(self._store.replicas.items())
            held = [replica.held() for place, replica in replicas if run in {None, place[0]}]
        yield from held

    def missing_files(self, files: Collection[Digest]) -> set[Digest]:
        """Return those of some contents that the target does not hold."""
        with self._store.lock:
            return set(files) - self._store.contents.keys()

    def put_file(self, file: Digest, content: Iterable[bytes]) -> bool:
        """Take in a content, and tell whether it was what its digest says."""
        data = b"".join(content)
        if Digest(len(data), sha256_hex(data)) != file:
            return False
        with self._store.lock:
            self._store.contents[file] = data
        return True

    def read_file(self, file: Digest) -> Iterator[bytes]:
        """Yield a content."""
        with self._store.lock:
            yield self._store.contents[file]

    def close(self) -> None:
        """Nothing to let go of: the target stays for others who open it."""
