"""What a program writes for TensorBoard is recorded too: the scalars, and the event files."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final

from airtape.errors import Error
from airtape.event_files import OpenedEventFiles
from airtape.process import leave_signals_to_the_program
from airtape.tfevents import EventFile, Scalars
from airtape.txlog.trouble import within

LOOK_EVERY_S: Final = 1.0
"""Seconds between two looks for what has been written."""
FLUSH_S: Final = 5.0
"""Seconds that writers get at the end to write what they hold."""
LOCK_S: Final = 0.5
"""Seconds to wait for a look that another thread is taking."""
SHORT_S: Final = 0.02
"""Seconds that a writer takes at most to write one event."""
FOLDER: Final = "tensorboard"
"""Where event files are kept that lie outside of the working directory."""

_PARTS_OF_ONE: Final = frozenset({"train", "training", "validation", "val", "eval", "test"})
"""Folders that are named after a part of a training: their metrics are told apart by it."""
_WRITERS: Final = (
    ("tensorboardX.event_file_writer", "EventFileWriter"),
    ("tensorboard.summary.writer.event_file_writer", "EventFileWriter"),
)
"""Classes whose objects hold back what was logged for up to two minutes."""


class TensorboardSync:
    """Records scalars of event files that this process writes, a row for each of their steps.

    Args:
        log: Records a row.
        define: Says that a metric has this step metric.
        keep: Keeps files with the run: pairs of file and path among the run's.
        warn: Told in words what goes wrong, once of each thing.
        cwd: The working directory.
    """

    def __init__(
        self,
        log: Callable[[dict[str, Any]], None],
        define: Callable[[str, str], None],
        keep: Callable[[list[tuple[Path, str]]], None],
        warn: Callable[[str], None],
        *,
        cwd: Path,
    ) -> None:
        self._log = log
        self._define = define
        self._keep = keep
        self._warn = warn
        self._cwd = cwd
        self._opened = OpenedEventFiles()
        self._files: dict[Path, _Tail] = {}
        self._root: Path | None = None
        self._defined: set[str] = set()
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def start(self) -> None:
        """Begin to look, in a thread; without one it is done at the end."""
        self._opened.begin()
        with suppress(RuntimeError):
            threading.Thread(target=self._run, name="airtape-tensorboard", daemon=True).start()

    def _run(self) -> None:
        leave_signals_to_the_program()
        while not self._ended.wait(LOOK_EVERY_S):
            self._attempt()

    def _attempt(self) -> None:
        try:
            self.look()
        except Exception as error:  # noqa: BLE001 - the thread must outlive any one failure
            self._warn(f"TensorBoard: {type(error).__name__}: {error}")

    def finish(self) -> None:
        """Record what is left, and look no more; a second call does nothing."""
        if self._ended.is_set():
            return
        self.stop()
        within(FLUSH_S, _flush_writers)
        self.look(is_last=True)

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        self._opened.end()

    def look(self, *, is_last: bool = False) -> None:
        """Record what has been written since the last look.

        Args:
            is_last: Whether nothing will follow, so that no step waits for the rest of it.
        """
        # The handler of a signal may have interrupted this very thing.
        if not self._lock.acquire(timeout=LOCK_S):
            return
        try:
            new = [path for path in self._opened.paths() if path not in self._files]
            for path in new:
                self._files[path] = _Tail(path, self._namespace_of(path.parent))
            if new:
                self._keep([(path, self._place_of(path)) for path in new])
            for tail in self._files.values():
                for row in tail.rows(self._warn, is_last=is_last):
                    self._record(tail.namespace, row)
        finally:
            self._lock.release()

    def _namespace_of(self, folder: Path) -> str:
        """Return what stands before the metrics of a folder: nothing for the first one."""
        if self._root is None:
            self._root = folder.parent if folder.name in _PARTS_OF_ONE else folder
        if folder == self._root:
            return ""
        if self._root in folder.parents:
            return f"{folder.relative_to(self._root).as_posix()}/"
        return f"{folder.name}/"

    def _place_of(self, path: Path) -> str:
        if self._cwd in path.parents:
            return path.relative_to(self._cwd).as_posix()
        return f"{FOLDER}/{path.parent.name}/{path.name}"

    def _record(self, namespace: str, row: Scalars) -> None:
        step = f"{namespace}global_step"
        values = {f"{namespace}{tag}": value for tag, value in row.values.items()}
        for name in values.keys() - self._defined:
            self._defined.add(name)
            with suppress(Error):  # a name that no metric may have
                self._define(name, step)
        self._log({**values, step: row.step, "_timestamp": row.wall_time})


class _Tail:
    """One event file, and the step of it that may not be complete."""

    def __init__(self, path: Path, namespace: str) -> None:
        self.namespace = namespace
        self._path = path
        self._file = EventFile()
        self._open_row: Scalars | None = None

    def rows(self, warn: Callable[[str], None], *, is_last: bool) -> Iterator[Scalars]:
        """Yield the steps that are complete, and one that nothing was added to since."""
        is_news = False
        try:
            with self._path.open("rb") as file:
                for scalars in self._file.read(file):
                    is_news = True
                    yield from self._merge(scalars)
        except OSError as error:
            warn(f"{self._path} cannot be read: {error.strerror}")
        if self._open_row is not None and (is_last or not is_news):
            row, self._open_row = self._open_row, None
            yield row
        if self._file.problem or self._file.damaged:
            said = self._file.problem or "records of it are damaged"
            warn(f"{self._path} is not recorded as a whole: {said}")

    def _merge(self, scalars: Scalars) -> Iterator[Scalars]:
        before = self._open_row
        if before is not None and before.step == scalars.step:
            values = {**before.values, **scalars.values}
            self._open_row = Scalars(before.step, scalars.wall_time, values)
            return
        self._open_row = scalars
        if before is not None:
            yield before


def _flush_writers() -> None:
    """Have writers of event files that are still open write what they hold."""
    loaded = ((sys.modules.get(module), name) for module, name in _WRITERS)
    classes = {getattr(module, name, None) for module, name in loaded if module is not None}
    # By their very classes: some objects answer `isinstance` with much work.
    for writer in [it for it in gc.get_objects() if type(it) in classes] if classes else ():
        with suppress(Exception):  # what it raises is its user's to see
            _wait_until_taken(getattr(writer, "_event_queue", None))
            writer.flush()


def _wait_until_taken(queue: Any) -> None:  # noqa: ANN401 - of whatever library
    """Wait until nothing is in the queue of a writer whose `flush` does not wait for it."""
    give_up_at = monotonic() + FLUSH_S
    while hasattr(queue, "qsize") and queue.qsize() and monotonic() < give_up_at:
        sleep(SHORT_S)
    # The last one has been taken, and is being written.
    sleep(SHORT_S)
