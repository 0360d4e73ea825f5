"""The files that a user gives to a run: copied at once, and brought up to date by their policy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from time import monotonic, time_ns
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from airtape.below import Looks, looks_of
from airtape.file_list import list_files
from airtape.process import leave_signals_to_the_program
from airtape.records import Plain
from airtape.run_files import Copied, RunFiles, record_of

if TYPE_CHECKING:
    from airtape.file_watch import FileWatch
    from airtape.save_paths import SavedPath

PolicyName: TypeAlias = Literal["live", "now", "end"]
"""``live``: again whenever the file changes; ``now``: never again; ``end``: again at the end."""

OWN_FILES: Final = frozenset({"output.log"})
"""What the recorder goes on writing while the run goes on, and records itself at the end."""
FILES_EVERY_S: Final = 15.0
"""Seconds between two looks for what the program has written among the run's files."""
PATIENCE_S: Final = 60.0
"""Seconds after which a file that never rests is copied all the same."""
REST: Final = 20
"""How many times as long as a look or a copy has taken there is none again."""
ATTEMPTS: Final = 3
"""How often a copy is made at once of a file that changes meanwhile."""
STALL_S: Final = 10.0
"""Seconds without progress after which the end of a run no longer waits for its files."""
TICK_NS: Final = 20_000_000
"""Nanoseconds within which a file system may give two changes the same time."""
RECORDED_TOGETHER: Final = 500
"""Files in one record."""


class _Entry:
    """A file of the run that may change.

    Attributes:
        path: Its path among the run's files.
        source: What it is a copy of, None if it is no copy.
        policy: When it is brought up to date; None if nobody has said.
        looks: What the source looked like when it was copied.
        seen: What it looked like at the last look.
        restless_since: When it was first seen to have changed since, None if it has not.
        rests_until: Until when it is left alone.
        problem: Why it could not be copied the last time, None if it could.
        said: What is to be recorded of it since it was copied last.
        lock: Held while it is copied.
    """

    __slots__ = (
        *("lock", "looks", "path", "policy", "problem"),
        *("restless_since", "rests_until", "said", "seen", "source"),
    )

    def __init__(self, path: str, source: Path | None, policy: PolicyName | None) -> None:
        self.path = path
        self.source = source
        self.policy = policy
        self.looks: Looks | None = None
        self.seen: Looks | None = None
        self.restless_since: float | None = None
        self.rests_until = 0.0
        self.problem: str | None = None
        self.said: dict[str, Plain] = {}
        self.lock = threading.RLock()


class SavedFiles:
    """The saved files of a run, and those that its program has written into ``files/`` itself.

    A copy that takes a while is made in a thread, but the first one: that is of the file as it is
    when it is saved.

    Args:
        files: The run's files.
        warn: Told in words what cannot be copied, once of each thing.
        is_recording: Tells whether this very thread is in the middle of a record.
    """

    def __init__(
        self,
        files: RunFiles,
        *,
        warn: Callable[[str], None],
        is_recording: Callable[[], bool],
    ) -> None:
        self._files = files
        self._warn = warn
        self._is_recording = is_recording
        self._entries: dict[str, _Entry] = {}
        self._lock = threading.RLock()
        self._watch: FileWatch | None = None
        self._looks_again_at = 0.0
        self._is_child = False

    def save(self, found: Iterable[SavedPath], policy: PolicyName) -> list[str]:
        """Copy files to the run's, record them, and return the paths of the copies.

        What cannot be copied is left out, with a warning.

        Args:
            found: The files.
            policy: When they are copied again.
        """
        kept: list[str] = []
        sources: list[Path] = []
        for batch in _batches(list(found), RECORDED_TOGETHER):
            waiting: list[tuple[_Entry, dict[str, Plain]]] = []
            for path, source in batch:
                entry = self._entry(path, source, policy)
                said = self._said(entry, is_first=True)
                if said is not None:
                    waiting.append((entry, said))
                    kept.append(str(self._files.folder / path))
                    if policy == "live" and entry.source is not None:
                        sources.append(entry.source)
            self._record(waiting)
        if sources:
            self._started_watch().add(sources)
        return kept

    def glance(self) -> None:
        """See whether something new lies in the folder; if so, a thread takes it in."""
        now = monotonic()
        if now < self._looks_again_at:
            return
        self._find_new()
        if any(entry.source is None and self._has_changed(entry) for entry in self._all()):
            self._started_watch().wake()
        self._looks_again_at = monotonic() + 10 * REST * (monotonic() - now)

    def finish(self) -> None:
        """Bring everything up to date, as the run ends; waits as long as that goes on.

        Raises:
            TimeoutError: Nothing was copied for a while: some files are not what they should be.
        """
        self.stop()
        # The handler of a signal may end the run in the middle of a record. The thread below would
        # wait for just that record.
        if self._is_recording() or (self._is_child and not self._entries):
            return
        done = threading.Event()
        try:
            threading.Thread(
                target=self._finish_beside, args=(done,), name="airtape-files-end", daemon=True
            ).start()
        except RuntimeError:
            self._finish(done)
        moved = -1
        while not done.wait(STALL_S):
            if moved == self._files.moved:
                raise TimeoutError("saved files are not up to date: the disk does not answer")
            moved = self._files.moved

    def _finish_beside(self, done: threading.Event) -> None:
        leave_signals_to_the_program()
        self._finish(done)

    def _finish(self, done: threading.Event) -> None:
        try:
            self._find_new()
            for entry in self._all():
                if entry.policy != "now" and self._has_changed(entry):
                    self._refresh(entry)
        finally:
            done.set()

    def stop(self) -> None:
        """Leave all files as they are from here on; does not wait."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.stop()

    def after_fork(self) -> None:
        """Leave everything to the parent: a forked child begins with nothing."""
        self._entries = {}
        self._lock = threading.RLock()
        self._watch = None
        self._is_child = True

    def _started_watch(self) -> FileWatch:
        from airtape.file_watch import FileWatch  # noqa: PLC0415 - few runs have files that change

        with self._lock:
            if self._watch is None:
                self._watch = FileWatch(self._refresh_changed, self._warn)
                self._watch.start()
            return self._watch

    def _entry(self, path: str, source: Path | None, policy: PolicyName) -> _Entry:
        """Return the entry of a path; the last call says where it comes from, and how often."""
        with self._lock:
            entry = self._entries.setdefault(path, _Entry(path, source, policy))
        with entry.lock:
            if source is not None and source != entry.source:
                entry.source, entry.looks = source, None
            entry.policy = policy
        return entry

    def _all(self) -> list[_Entry]:
        with self._lock:
            return list(self._entries.values())

    def _find_new(self) -> None:
        """Take in what the program has written into the folder, or changed there."""
        if self._is_child:
            return
        for path, _ in list_files(self._files.folder.parent):
            if path in OWN_FILES or path in self._entries:
                continue
            looks = self._looks(self._files.folder / path)
            if looks is not None and looks != self._files.known.get(path):
                self._entries[path] = _Entry(path, None, None)

    @staticmethod
    def _looks(path: Path) -> Looks | None:
        try:
            return looks_of(path.stat())
        except OSError:
            return None

    def _has_changed(self, entry: _Entry) -> bool:
        looks = self._looks(entry.source or self._files.folder / entry.path)
        return looks is not None and looks != entry.looks

    def _refresh_changed(self) -> bool:
        """Copy what has changed and rests; tell whether there is more that does not rest yet."""
        is_restless = False
        for entry in self._all():
            if entry.source is None or entry.policy == "live":
                is_restless |= self._refresh_at_rest(entry)
        return is_restless

    def _refresh_at_rest(self, entry: _Entry) -> bool:
        """Copy a file if it has changed and rests; tell whether it has changed and does not."""
        looks, now = self._looks(entry.source or self._files.folder / entry.path), monotonic()
        if looks is None or looks == entry.looks:
            entry.restless_since = None
            return False
        if entry.restless_since is None:
            entry.restless_since = now
        is_at_rest = looks == entry.seen
        is_overdue = now - entry.restless_since >= PATIENCE_S
        entry.seen = looks
        if now < entry.rests_until or not (is_at_rest or is_overdue):
            return True
        self._refresh(entry, take_any=is_overdue)
        entry.rests_until = monotonic() + REST * (monotonic() - now)
        return entry.restless_since is not None

    def _refresh(self, entry: _Entry, *, take_any: bool = True) -> None:
        """Copy a file again, and record it."""
        said = self._said(entry, take_any=take_any)
        if said is not None:
            self._record([(entry, said)])

    def _record(self, copied: Sequence[tuple[_Entry, dict[str, Plain]]]) -> None:
        """Record files that were copied, the state of each that lies there now the last.

        Without a lock, which the handler of a signal might find taken: another thread may have
        copied one again, and recorded it before.
        """
        if copied:
            self._files.record([said for _, said in copied])
        late = [entry.said for entry, said in copied if entry.said is not said]
        if late:
            self._files.record(late)

    def _said(
        self, entry: _Entry, *, is_first: bool = False, take_any: bool = True
    ) -> dict[str, Plain] | None:
        """Copy a file and return what is to be recorded of it; None if there is nothing new.

        Args:
            entry: The file.
            is_first: Whether somebody waits for it, so that what cannot be is said.
            take_any: Whether to take a copy of a file that has changed meanwhile.
        """
        with entry.lock:
            try:
                copied = self._copied(entry, take_any=take_any)
            except (OSError, ValueError) as error:
                cause = getattr(error, "strerror", None) or str(error)
                # A file that is saved and then removed stays as it was.
                is_new = cause != entry.problem and not isinstance(error, FileNotFoundError)
                if is_first or is_new:
                    self._warn(f"{entry.source or entry.path} cannot be saved: {cause}")
                entry.problem = cause
                # Tried again with the next look at all files, not before.
                entry.restless_since = None
                return None
            entry.problem = None
            if not copied.is_steady and not take_any:
                return None
            # A file that is changed again within a tick of the clock looks the same.
            is_old = time_ns() - copied.looks.mtime_ns >= TICK_NS
            entry.looks = copied.looks if copied.is_steady and is_old else None
            entry.restless_since = None
            said = record_of(entry.path, copied.digest, "saved", entry.policy)
            if said == entry.said and not is_first:
                return None
            entry.said = said
            return said

    def _copied(self, entry: _Entry, *, take_any: bool) -> Copied:
        """Copy a file until the copy is of one moment, a few times at most."""
        for _ in range(ATTEMPTS - 1 if take_any else 0):
            copied = self._copied_once(entry, take_any=False)
            if copied.is_steady:
                return copied
        return self._copied_once(entry, take_any=take_any)

    def _copied_once(self, entry: _Entry, *, take_any: bool) -> Copied:
        if entry.source is None:
            return self._files.look_at(entry.path)
        return self._files.copy(entry.path, entry.source, any_state=take_any)


def _batches(found: Sequence[SavedPath], size: int) -> Iterator[Sequence[SavedPath]]:
    for start in range(0, len(found), size):
        yield found[start : start + size]
