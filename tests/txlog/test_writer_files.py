"""What becomes of a log whose file is removed, moved, full, or given up during a write."""

from __future__ import annotations

import resource
import shutil
import threading
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import msgpack
import pytest

from airtape.records import Kind
from airtape.txlog.reader import LogReader
from airtape.txlog.ring import RING_BYTES
from tests.txlog.logged import Log, limit, whole
from tests.txlog.patience import eventually

if TYPE_CHECKING:
    from typing_extensions import Buffer


def test_a_removed_directory_is_made_anew(folder: Path, log: Log) -> None:
    """With the log in it, and all that memory still has of it."""
    log.rows(*range(500))
    shutil.rmtree(folder)
    log.rows(*range(500, 1000))
    log.sync()
    assert eventually(lambda: log.status.cause is None)
    log.rows(*range(1000, 1010))
    assert log.close() == (None, 0, 0)
    assert log.path == folder / "run.txlog"
    found = whole(folder)
    assert (found.rows, found.damage) == (list(range(1010)), [])
    assert log.said == ["run.txlog is given up (the file was removed); run.txlog continues it"]


def test_the_last_megabytes_of_a_removed_file_are_kept(folder: Path, log: Log) -> None:
    """At least as many as the ring promises, and what is older is missed by readers."""
    size = 10_000
    log.rows(*range(1000), size=size)
    shutil.rmtree(folder)
    assert log.close() == (None, 0, 0)
    found = whole(folder)
    assert len(found.rows) * (size + 100) > RING_BYTES
    assert found.rows == list(range(1000))[-len(found.rows) :]


def test_a_removed_file_that_nobody_can_make_anew_is_noticed(folder: Path, log: Log) -> None:
    """When something else stands at its place, another name is taken."""
    log.rows(*range(10))
    log.path.unlink()
    log.path.mkdir()
    assert log.close() == (None, 0, 0)
    log.path.with_name("run.txlog").rmdir()
    found = whole(folder)
    assert (found.rows, found.files) == (list(range(10)), ["run-1.txlog"])


def test_a_file_that_nfs_hides_until_it_is_closed_counts_as_removed(folder: Path, log: Log) -> None:
    """It would vanish with the process that has it open."""
    log.rows(*range(50))
    hidden = log.path.rename(folder / ".nfs0000000000abcdef00000001")
    assert log.close() == (None, 0, 0)
    hidden.unlink()
    assert whole(folder).rows == list(range(50))


def test_a_moved_directory_is_followed(folder: Path, log: Log) -> None:
    """The file is where it was moved to, whole, and none is made at the old place."""
    log.rows(*range(50))
    moved = folder.rename(folder.with_name("run-y"))
    log.sync()
    log.rows(*range(50, 100))
    assert log.close() == (None, 0, 0)
    assert (whole(moved).rows, log.said) == (list(range(100)), [])
    assert not folder.exists()


def test_a_file_at_its_largest_size_is_continued(folder: Path, log: Log) -> None:
    """What it holds is safe there and is not repeated."""
    with limit(resource.RLIMIT_FSIZE, 100_000):
        for first in range(0, 250, 25):
            log.rows(*range(first, first + 25), size=1000)
            assert eventually(lambda: log.status.cause is None)
        assert log.close() == (None, 0, 0)
    found = whole(folder)
    assert (sorted(found.rows), found.missing) == (list(range(250)), 0)
    assert len(found.files) == 3
    assert sum(path.stat().st_size for path in folder.iterdir()) < 300_000


def test_offsets_of_checkpoints_are_those_of_the_newest_file(log: Log) -> None:
    """Broken frames and further files are reckoned with."""
    body = msgpack.packb([6, 0, bytes(range(16)), {}, log.header.to_fields(), None])
    assert log.last_checkpoint is None
    log.rows(*range(5))
    log.append_unsalted(body)
    assert frame_starts(log.path)[6] == log.last_checkpoint
    log.path.unlink()
    log.rows(5)
    log.sync()
    assert eventually(lambda: log.status.cause is None)
    assert log.last_checkpoint is None
    log.append_unsalted(body)
    assert frame_starts(log.path)[-1] == log.last_checkpoint


def frame_starts(path: Path) -> list[int]:
    """Return the offsets of all frames of a file."""
    reader = LogReader(path)
    return [reader.last_frame[0] for _ in reader if reader.last_frame is not None]


class InterruptingBody(bytes):
    """A body during whose encoding, once, the handler of a signal raises."""

    interrupts = 1

    def __len__(self) -> int:
        if self.interrupts:
            self.interrupts -= 1
            raise KeyboardInterrupt
        return super().__len__()


@pytest.mark.parametrize("name", ["append", "append_unsalted"])
def test_an_interrupt_leaves_no_hole(folder: Path, log: Log, name: str) -> None:
    """A record whose number was taken stands, though nobody was told that it does."""
    if name == "append":
        body = msgpack.packb([1, 0, 0, 0, {"n": 7}])
    else:
        body = msgpack.packb([6, 0, bytes(range(16)), {}, log.header.to_fields(), None])
    with pytest.raises(KeyboardInterrupt):
        getattr(log, name)(InterruptingBody(body))
    log.rows(8)
    assert log.close() == (None, 0, 0)
    found = whole(folder)
    assert (found.damage, found.last_seq) == ([], 2)


class MeddlingChunk(BytesIO):
    """Frames that were written; the file is given up at the moment when the first one has been."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log: Log | None = log

    def write(self, frame: Buffer, /) -> int:
        """Remember a frame."""
        written = super().write(frame)
        log, self._log = self._log, None
        if log is not None:
            log.path.unlink()
            log.sync()
            assert eventually(lambda: bool(log.said))
        return written


@pytest.mark.parametrize("is_checkpoint", [False, True])
def test_a_record_whose_file_is_given_up_meanwhile_is_written_once_more(
    folder: Path, log: Log, *, is_checkpoint: bool
) -> None:
    """Between its write and its return another thread may have found that the file is gone."""
    ring = log._files.ring  # noqa: SLF001 - the only moment that a test can seize
    ring.newest = MeddlingChunk(log)
    ring._chunks.append(ring.newest)  # noqa: SLF001 - see above
    if is_checkpoint:
        said = [log.header.writer, {}, log.header.to_fields(), None]
        log.append_unsalted(msgpack.packb([int(Kind.CHECKPOINT), 0, *said]))
    log.rows(*range(10))
    assert log.close() == (None, 0, 0)
    found = whole(folder)
    assert (sorted(found.rows), found.missing) == (list(range(10)), 0)


def test_threads_lose_nothing_with_a_file(folder: Path, log: Log) -> None:
    """Whoever is in the middle of a write when the file is given up writes once more."""
    done = threading.Event()

    def train(first: int) -> None:
        log.rows(*range(first, first + 1500))

    def remove() -> None:
        while not done.wait(0.02):
            with suppress(FileNotFoundError):
                log.path.unlink()
            log.sync()

    threads = [threading.Thread(target=train, args=(1_000_000 * place,)) for place in range(8)]
    remover = threading.Thread(target=remove)
    for thread in [*threads, remover]:
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    remover.join()
    assert log.close() == (None, 0, 0)
    found = whole(folder)
    wanted = [1_000_000 * place + number for place in range(8) for number in range(1500)]
    assert (sorted(found.rows), found.missing) == (wanted, 0)


def test_what_comes_behind_the_end_is_counted_as_lost(folder: Path, log: Log) -> None:
    """The handler of a signal may be late; it waits for nothing and makes no new file."""
    log.rows(*range(10))
    assert log.close() == (None, 0, 0)
    log.sync()
    log.rows(10)
    log.sync()
    assert log.status == (None, 0, 1)
    assert [path.name for path in folder.iterdir()] == ["run.txlog"]
