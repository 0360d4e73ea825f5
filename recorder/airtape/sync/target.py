"""A target as one thread of a sync uses it: patiently, and no faster than it may."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TypeAlias, TypeVar

from airtape.backends.base import Backend, Batch, DirectoryHint
from airtape.backends.contents import KeepsFiles, TakesFilesTogether
from airtape.backends.cursor import Cursor, RunKey
from airtape.backends.lease import Lease
from airtape.errors import TargetError, TransientError
from airtape.file_copy import Digest
from airtape.sync.brake import Brake
from airtape.sync.kept_paths import found_paths, kept_paths
from airtape.sync.rate import TokenBucket
from airtape.sync.retry import Retry

T = TypeVar("T")
Offer: TypeAlias = Generator[tuple[Digest, Iterable[bytes]], None, None]
"""Contents by their digests; each is used up before the next one is asked for."""


class Target:
    """Asks a backend, and asks again while it says that it will answer later.

    Every method raises `Halted` when the sync is to end while it waits, and otherwise what the
    backend raises.

    Args:
        backend: The backend.
        retry: How often to ask again.
        brake: Ends the waiting.
        bucket: How fast to send, None for as fast as can be.
    """

    def __init__(
        self, backend: Backend, retry: Retry, brake: Brake, bucket: TokenBucket | None = None
    ) -> None:
        self._backend = backend
        self._retry = retry
        self._bucket = bucket
        self.brake = brake
        self._silent_since: float | None = None

    @property
    def answers(self) -> bool:
        """Whether it has answered the last question."""
        return self._silent_since is None

    def _ask(self, question: Callable[[], T]) -> T:
        return self._retry.run(
            lambda: self._ask_once(question), self.brake.pause, since=lambda: self._silent_since
        )

    def _ask_once(self, question: Callable[[], T]) -> T:
        try:
            answer = question()
        except TransientError:
            if self._silent_since is None:
                self._silent_since = self._retry.clock()
            raise
        except TargetError:
            self._silent_since = None  # it refuses, which is an answer
            raise
        self._silent_since = None
        return answer

    @property
    def notes(self) -> Sequence[str]:
        """What the user should know about the target, in sentences."""
        return self._backend.notes

    def read_cursor(self, run: RunKey, writer: bytes) -> Cursor | None:
        """Return the cursor of a writer, None if nothing of it has come."""
        return self._ask(lambda: self._backend.read_cursor(run, writer))

    def commit(self, batch: Batch, size: int) -> bool:
        """Send a batch, and tell whether it was taken.

        Args:
            batch: The batch.
            size: Bytes of logs behind it.
        """
        self._wait_for(size)
        failed = False

        def send() -> bool:
            nonlocal failed
            try:
                return self._backend.commit(batch) or (failed and self._has(batch))
            except TransientError:
                failed = True
                raise

        return self._ask(send)

    def _has(self, batch: Batch) -> bool:
        """Tell whether a batch arrived although the target failed to say so."""
        return self._backend.read_cursor(batch.run, batch.header.writer) == batch.cursor

    @property
    def keeps_files(self) -> bool:
        """Whether it takes the content of files."""
        return isinstance(self._backend, KeepsFiles)

    def missing_files(self, files: Collection[Digest]) -> set[Digest]:
        """Return those of some contents that the target does not hold."""
        backend = self._backend
        assert isinstance(backend, KeepsFiles)  # noqa: S101 - for the type checker
        return self._ask(lambda: backend.missing_files(files))

    def put_files(self, offer: Callable[[], Offer]) -> set[Digest]:
        """Send contents, and return those that the target holds then.

        Args:
            offer: Begins to hand them over, each time from the start.
        """
        return self._ask(lambda: self._put_all(offer()))

    def _put_all(self, offer: Offer) -> set[Digest]:
        backend = self._backend
        with closing(offer):
            files = ((file, self._in_time(content)) for file, content in offer)
            if isinstance(backend, TakesFilesTogether):
                return backend.put_files(files)
            assert isinstance(backend, KeepsFiles)  # noqa: S101 - for the type checker
            return {file for file, content in files if backend.put_file(file, content)}

    def _in_time(self, content: Iterable[bytes]) -> Iterator[bytes]:
        """Hand over a content no faster than may be, as long as the sync is not to end."""
        for data in content:
            self.brake.check()
            self._wait_for(len(data))
            yield data

    def _wait_for(self, size: int) -> None:
        """Wait until so many bytes may be sent."""
        if self._bucket is not None:
            wait_s = self._bucket.take(size)
            if wait_s:
                self.brake.pause(wait_s)

    def take_lease(self, run: RunKey, lease: Lease) -> Lease | None:
        """Put a run into somebody's hands; None if that was done, else in whose hands it is."""
        return self._ask(lambda: self._backend.take_lease(run, lease))

    def drop_lease(self, run: RunKey, owner: str) -> None:
        """Take a run out of somebody's hands.

        A lease ends by itself. So the target is asked only once, and not at all when it has left
        the last question open: a server that is stuck would take its time once more.
        """
        if self.answers:
            self._ask_once(lambda: self._backend.drop_lease(run, owner))

    def hints(self) -> Mapping[str, DirectoryHint]:
        """Return what is known of run directories, by path."""
        return found_paths(self._ask(self._backend.hints))

    def keep_hints(self, hints: Mapping[str, DirectoryHint]) -> None:
        """Remember what run directories look like."""
        kept = kept_paths(hints)
        self._ask(lambda: self._backend.keep_hints(kept))
