"""Making receipts: a target and the logs that it was sent say the same."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from airtape.backends.base import Backend
from airtape.backends.memory import MemoryBackend
from airtape.errors import UsageError
from airtape.receipts.backend import ReceiptBackend
from airtape.receipts.document import ReceiptDocument
from airtape.receipts.taking import receipt_of_directories, take_receipt
from airtape.sync.engine import sync
from airtape.sync.outbox import waiting_in
from tests.batches import RUN, batch_of
from tests.logs import ended, frames_of, gap, log_row, run_dir_of, write_log
from tests.sync.runs import A_RUN


def _of(backend: Backend) -> ReceiptDocument:
    return take_receipt(backend, name="lab", target="memory:x", now_ns=5)


def _of_logs(*run_dirs: Path) -> ReceiptDocument:
    return receipt_of_directories(run_dirs, name="lab", target="memory:x", now_ns=5)


def test_logs_say_what_the_target_has(memory: MemoryBackend, wandb: Path) -> None:
    """Records, digest, marks and damage are the same, whichever of both is asked."""
    first = write_log(run_dir_of(wandb), *A_RUN, ended())
    second = write_log(
        run_dir_of(wandb, "other"), *A_RUN, gap(7, 8, "full"), run_id="other", writer=b"o" * 16
    )
    content = bytearray(second.read_bytes())
    content[content.index(b"optimizer")] ^= 1
    second.write_bytes(content + b"\xc9")
    run_dirs = [first.parent, second.parent]
    sync(run_dirs, memory)
    held, said = _of(memory), _of_logs(*run_dirs)
    assert [one[:2] for one in said.writers] == [one[:2] for one in held.writers]
    for mine, theirs in zip(said.writers, held.writers, strict=True):
        for part in ("received", "files", "losses", "ended", "tally"):
            assert getattr(mine.cursor, part) == getattr(theirs.cursor, part), part


def test_files_are_held_by_their_digests(run_dir: Path) -> None:
    """Those below ``files`` and ``blobs``; links are none."""
    write_log(run_dir, ended())
    for name in ("files/media/a.txt", "blobs/b"):
        (run_dir / name).parent.mkdir(parents=True)
        (run_dir / name).write_text(name)
    (run_dir / "files/link").symlink_to("/etc/hostname")
    (digests,) = _of_logs(run_dir).files.values()
    names = "files/media/a.txt", "blobs/b"
    assert digests == {(name, sha256(name.encode()).hexdigest()) for name in names}


def test_what_is_no_log_is_not_held(run_dir: Path) -> None:
    """Neither an empty file nor a foreign one."""
    run_dir.mkdir()
    (run_dir / "run-a.txlog").touch()
    (run_dir / "run-b.txlog").write_text("foreign")
    assert _of_logs(run_dir).writers == []


def test_a_receipt_answers_for_its_target(memory: MemoryBackend, run_dir: Path) -> None:
    """What waits for the target waits for the receipt."""
    frames = frames_of(*(log_row(step, loss=step) for step in range(9)), ended())
    log = write_log(run_dir)
    log.write_bytes(b"".join(frames[:5]))
    sync([run_dir], memory)
    backend = ReceiptBackend(_of(memory))
    assert list(waiting_in([run_dir], backend, [])) == []
    log.write_bytes(b"".join(frames))
    (waits,) = waiting_in([run_dir], backend, [])
    assert (waits.records, waits.size) == (len(frames) - 5, sum(map(len, frames[5:])))
    assert backend.runs("nobody") == []
    assert backend.runs(waits.run_id) == backend.runs() == memory.runs()
    assert list(backend.cursors()) == list(_of(memory).writers)


REFUSED: dict[str, Callable[[ReceiptBackend], object]] = {
    "dump": lambda backend: backend.dump(),
    "commit": lambda backend: backend.commit(batch_of()),
    "retract": lambda backend: backend.retract(RUN),
}


@pytest.mark.parametrize("method", REFUSED)
def test_a_receipt_takes_in_nothing(method: str) -> None:
    """Nor does it give back anything; the words say what it is of."""
    backend = ReceiptBackend(ReceiptDocument("lab", "sqlite:/data/runs.db", 5))
    with pytest.raises(UsageError, match="receipt of sqlite:/data/runs"):
        REFUSED[method](backend)


def test_a_sync_into_a_receipt_fails_whole(run_dir: Path) -> None:
    """The run's report says why; leases and hints do no harm."""
    write_log(run_dir, ended())
    (run,) = sync([run_dir], ReceiptBackend(ReceiptDocument("lab", "sqlite:x", 5))).runs
    assert run.status == "failed"
    assert "cannot be sent to a receipt" in str(run.problems[0])
