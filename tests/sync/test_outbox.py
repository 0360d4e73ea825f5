"""What a target does not have yet, and how the last sync went."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from airtape.backends.base import Backend
from airtape.backends.cursor import Cursor, RunKey
from airtape.backends.memory import MemoryBackend
from airtape.follow_state import FILE_NAME, FollowState
from airtape.sync.engine import sync
from airtape.sync.last_sync import LastSync, keep_last_sync, read_last_sync, state_folder
from airtape.sync.options import SyncOptions
from airtape.sync.outbox import Waiting, waiting_in
from airtape.tombstones import RunPath, Tombstone, bury
from tests.logs import (
    BEGAN_NS,
    CHECKPOINT,
    checkpoint_frame,
    describe,
    ended,
    frames_of,
    gap,
    header,
    log_row,
    run_dir_of,
    write_log,
)

OpenTarget = Callable[[], Backend]
S = 10**9
LATER = SyncOptions(now_ns=lambda: 2**62)


def waiting(backend: Backend, *run_dirs: Path) -> list[Waiting]:
    """Return what waits in some directories."""
    return list(waiting_in(run_dirs, backend, []))


def test_a_run_that_was_never_synced(open_target: OpenTarget, run_dir: Path) -> None:
    """All of it waits, since its first record."""
    said = describe(name="n", entity="me", project="p")
    log = write_log(run_dir, said, CHECKPOINT, log_row(0, x=1), ended())
    assert waiting(open_target(), run_dir) == [
        Waiting(
            *(run_dir, "ab12cd34", "me", "p", "n"),
            records=5,
            size=log.stat().st_size,
            since_ns=BEGAN_NS,
            ended=True,
            problems=[],
        )
    ]
    sync([run_dir], open_target(), LATER)
    assert waiting(open_target(), run_dir) == []


def test_a_run_that_went_on(open_target: OpenTarget, run_dir: Path) -> None:
    """What has come since waits, since the last record that the target has."""
    frames = frames_of(*(log_row(step, x=step) for step in range(9)))
    log = write_log(run_dir)
    log.write_bytes(b"".join(frames[:4]))
    sync([run_dir], open_target(), SyncOptions(project="elsewhere"))
    assert waiting(open_target(), run_dir) == []
    log.write_bytes(b"".join(frames) + frames[0][:9])
    (one,) = waiting(open_target(), run_dir)
    assert (one.records, one.since_ns, one.ended) == (6, BEGAN_NS + 3 * S, False)
    assert one.size == sum(map(len, frames[4:])) + 9
    sync([run_dir], open_target(), SyncOptions(project="elsewhere"))
    assert waiting(open_target(), run_dir) == []


def test_what_is_lost_does_not_wait(memory: MemoryBackend, run_dir: Path) -> None:
    """Neither damaged records nor those that the writer itself had to drop."""
    rows = [log_row(step, loss=step) for step in range(9)]
    log = write_log(run_dir, *rows, gap(99, 99, "full"))
    content = bytearray(log.read_bytes())
    content[content.index(b"loss")] ^= 1
    content += content[-5:]
    log.write_bytes(content)
    sync([run_dir], memory)
    assert waiting(memory, run_dir) == []
    log.write_bytes(frames_of(log_row(0, x=1))[0] + content)
    assert waiting(memory, run_dir) == []


def test_two_writers_of_which_one_has_come(memory: MemoryBackend, run_dir: Path) -> None:
    """The earliest of what waits counts."""
    write_log(run_dir, log_row(0, x=1), ended())
    sync([run_dir], memory)
    for number in (1, 2):
        writer, began_ns = bytes([number] * 16), BEGAN_NS + (9 - number) * S
        write_log(run_dir, name=f"{number}.txlog", writer=writer, root=writer, began_ns=began_ns)
    (one,) = waiting(memory, run_dir)
    assert (one.records, one.since_ns) == (2, BEGAN_NS + 7 * S)


def test_what_cannot_be_read_is_told(memory: MemoryBackend, wandb: Path) -> None:
    """Foreign files, and directories that are gone; also what a follower said."""
    bad, gone, followed = (run_dir_of(wandb, run_id) for run_id in ("bad", "gone", "followed"))
    write_log(bad, run_id="bad").write_text("just some text")
    write_log(followed, run_id="followed")
    (followed / "logs").mkdir()
    FollowState(error="no such host").write(followed / "logs" / FILE_NAME)
    found = {one.path: one for one in waiting(memory, bad, gone, followed)}
    assert found[bad].problems == ["run-bad.txlog: this is no transaction log"]
    assert found[gone].problems == ["the directory cannot be read: No such file or directory"]
    assert found[followed].problems == ["no such host"]
    assert (found[bad].records, found[bad].run_id, found[followed].records) == (0, None, 1)


def test_a_deleted_run_does_not_wait(memory: MemoryBackend, wandb: Path) -> None:
    """As it is not synced either."""
    run_dir = run_dir_of(wandb)
    write_log(run_dir, describe(project="p", entity="e"))
    assert len(waiting(memory, run_dir)) == 1
    bury(wandb, Tombstone(RunPath("e", "p", "ab12cd34"), "2026-11-20T10:11:12+00:00", "you"))
    assert waiting(memory, run_dir) == []


class Removing(MemoryBackend):
    """A target that removes a file when it is asked for a cursor."""

    def __init__(self, name: str, file: Path) -> None:
        super().__init__(name)
        self._file = file

    def read_cursor(self, run: RunKey, writer: bytes) -> Cursor | None:
        """Return the cursor."""
        self._file.unlink()
        return super().read_cursor(run, writer)


def test_a_log_that_goes_away_meanwhile(run_dir: Path) -> None:
    """It is told; what is known of the other writers counts."""
    write_log(run_dir, log_row(0, x=1))
    of = header(writer=b"z" * 16, root=bytes(range(16)), parents=[(bytes(range(16)), 1)])
    log = run_dir / "z.txlog"
    frames = frames_of(log_row(1, x=1), of=of)
    log.write_bytes(b"".join([*frames, checkpoint_frame(2, {"of": "another version"}, of=of)]))
    (one,) = waiting(Removing("removing", log), run_dir)
    assert one.problems == [f"{log} cannot be read: No such file or directory"]
    assert one.records == 2


def test_the_last_sync_is_remembered(tmp_path: Path) -> None:
    """For each target, with its error and when one last went well."""
    assert read_last_sync(tmp_path, "a:b") is None
    keep_last_sync(tmp_path, "a:b", now_ns=5, exit_code=4, error="no answer")
    assert read_last_sync(tmp_path, "a:b") == LastSync(5, 4, "no answer", None)
    keep_last_sync(tmp_path, "a:b", now_ns=6, exit_code=0, error=None)
    keep_last_sync(tmp_path, "a:c", now_ns=7, exit_code=0, error=None)
    keep_last_sync(tmp_path, "a:b", now_ns=8, exit_code=3, error="damaged")
    assert read_last_sync(tmp_path, "a:b") == LastSync(8, 3, "damaged", 6)
    assert len(list((tmp_path / "syncs").iterdir())) == 2


def test_a_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    """It is only forgotten; neither is a file that holds something else."""
    (tmp_path / "syncs").write_text("in the way")
    keep_last_sync(tmp_path, "a:b", now_ns=5, exit_code=0, error=None)
    (tmp_path / "syncs").unlink()
    keep_last_sync(tmp_path, "a:b", now_ns=5, exit_code=0, error=None)
    (file,) = (tmp_path / "syncs").iterdir()
    file.write_text("[]")
    assert read_last_sync(tmp_path, "a:b") is None


def test_where_the_users_state_is() -> None:
    """As the environment says, or nowhere."""
    assert state_folder({"XDG_STATE_HOME": "/s", "HOME": "/h"}) == Path("/s/airtape")
    assert state_folder({"HOME": "/h"}) == Path("/h/.local/state/airtape")
    assert state_folder({}) is None
