"""A log writer on disks that refuse, lose, hang and dawdle: real calls that fail."""

from __future__ import annotations

import errno

import pytest

from airtape.txlog.trouble import QUEUE_BYTES
from tests.shim.build import delay_at, errno_at, short_write_at, short_writes
from tests.txlog.faulty import Faulty

MOST_S = 0.05
"""What an append beside a disk in trouble may take at most; a thread may be started in it."""

FIFTY = """
log = open_log()
append(log, range(50))
say(status=log.close())
"""


@pytest.mark.parametrize("error", ["ENOSPC", "EDQUOT", "EIO", "ESTALE", "EROFS", "EINTR"])
def test_writes_that_are_refused_lose_nothing(faulty: Faulty, error: str) -> None:
    """Whatever the disk says, and though the second attempt fails as well as the first."""
    facts = faulty(FIFTY, errno_at("write", getattr(errno, error), 10, 13))
    assert facts["status"] == [None, 0, 0]
    found = faulty.recorded()
    assert sorted(found.rows) == list(range(50))
    assert found.missing == 0


def test_a_short_write_is_repeated_whole(faulty: Faulty) -> None:
    """Its bytes stay; they are damage that costs no record."""
    facts = faulty(FIFTY, short_write_at(10, 5))
    assert facts == {"status": [None, 0, 0], "said": []}
    found = faulty.recorded()
    assert (found.rows, found.missing, len(found.damage)) == (list(range(50)), 0, 1)


def test_a_disk_that_never_takes_a_frame_whole_gets_it_in_pieces(faulty: Faulty) -> None:
    """Some file systems take a few bytes at a time."""
    facts = faulty(FIFTY, short_writes(7))
    assert facts["status"] == [None, 0, 0]
    found = faulty.recorded()
    assert sorted(found.rows) == list(range(50))
    assert found.missing == 0


def test_a_write_that_takes_nothing_is_a_refusal(faulty: Faulty) -> None:
    """It is tried again later, not at once and for ever."""
    facts = faulty(FIFTY, short_write_at(10, 0), short_write_at(11, 0), short_write_at(12, 0))
    assert facts["status"] == [None, 0, 0]
    assert sorted(faulty.recorded().rows) == list(range(50))


def test_records_wait_while_the_disk_is_full(faulty: Faulty) -> None:
    """The caller goes on at once, the status counts what waits, and all is there at the end."""
    facts = faulty("""
log = open_log()
append(log, range(100))
disk.refuse(errno.ENOSPC, "write")
slowest = append(log, range(100, 1100))
full = log.status
eventually(lambda: len(said) == 1)
disk.clear()
again = eventually(lambda: len(said) == 2)
append(log, range(1100, 1200))
say(slowest=slowest, full=full, again=again, status=log.close())
""")
    assert facts["slowest"] < MOST_S
    assert facts["full"] == ["No space left on device", 1000, 0]
    assert (facts["again"], facts["status"]) == (True, [None, 0, 0])
    found = faulty.recorded()
    assert found.rows == list(range(1200))
    assert (found.damage, found.files) == ([], ["run.txlog"])
    refusal, recovery = facts["said"]
    assert refusal.startswith("run.txlog cannot be written (No space left on device); ")
    assert recovery == "run.txlog can be written again, nothing is lost"


def test_a_gap_stands_for_what_memory_could_not_hold(faulty: Faulty) -> None:
    """As many records are said to be dropped as are not there, and no more."""
    facts = faulty("""
log = open_log()
append(log, range(10))
disk.refuse(errno.ENOSPC, "write")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
append(log, range(10, 3010), size=10_000)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
full = log.status
disk.clear()
eventually(lambda: "again" in str(said))
append(log, range(3010, 3020))
say(grown=grown, full=full, status=log.close())
""")
    _, deferred, dropped = facts["full"]
    found = faulty.recorded()
    assert deferred * 10_000 <= QUEUE_BYTES
    assert deferred + dropped == 3000
    assert facts["grown"] < 4 * QUEUE_BYTES / 1024
    assert (found.dropped, found.damage) == (dropped, [])
    assert found.rows == [*range(10), *range(10 + dropped, 3020)]
    assert facts["status"] == [None, 0, dropped]
    assert facts["said"][-1].endswith(f"can be written again; {dropped} records were lost")


def test_a_sync_that_fails_gives_the_file_up(faulty: Faulty) -> None:
    """The kernel forgets the pages of a failed sync; with both files readable nothing doubles."""
    facts = faulty(
        """
log = open_log()
append(log, range(50))
log.sync()
lost_at = log.synced_seq
again = eventually(lambda: log.status.cause is None)
append(log, range(50, 100))
log.sync()
say(lost_at=lost_at, again=again, synced=log.synced_seq, status=log.close())
""",
        errno_at("fsync", errno.EIO, 3),
    )
    assert (facts["lost_at"], facts["again"]) == (0, True)
    assert (facts["synced"], facts["status"]) == (101, [None, 0, 0])
    found = faulty.recorded()
    assert found.rows == list(range(100))
    assert (found.files, found.damage) == (["run.txlog", "run-1.txlog"], [])
    alone = faulty.folder / "run.txlog"
    alone.unlink()
    assert faulty.recorded().rows == list(range(100))


def test_a_full_file_that_cannot_be_synced_is_repeated(faulty: Faulty) -> None:
    """Then nobody knows what it holds."""
    faulty(
        """
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, -1))
log = open_log()
append(log, range(60), size=1000)
resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
say(status=log.close())
""",
        errno_at("fsync", errno.EIO, 3),
    )
    (faulty.folder / "run.txlog").unlink()
    found = faulty.recorded()
    assert (sorted(found.rows), found.missing) == (list(range(60)), 0)


def test_a_file_that_cannot_be_continued_leaves_nothing_behind(faulty: Faulty) -> None:
    """No empty files pile up, and no number is lost, however often it is tried."""
    facts = faulty("""
log = open_log()
append(log, range(50))
disk.refuse(errno.EIO, "write")
append(log, range(50, 60))
eventually(lambda: "Input/output error" in str(said))
for _ in range(3):
    log._trouble._attempt()
files = sorted(path.name for path in folder.iterdir())
disk.clear()
say(files=files, status=log.close())
""")
    assert facts["files"] == ["run.txlog"]
    assert facts["status"] == [None, 0, 0]
    found = faulty.recorded()
    assert (found.rows, found.missing) == (list(range(60)), 0)


def test_only_one_record_waits_for_a_slow_disk(faulty: Faulty) -> None:
    """The others are left to the thread, and all are there."""
    facts = faulty(
        """
log = open_log()
append(log, range(10))
first = append(log, [10])
others = append(log, range(11, 500))
say(first=first, others=others, waiting=log.status.deferred, status=log.close())
""",
        delay_at("write", 0.15, 12, 20),
    )
    assert facts["first"] > 0.15
    assert facts["others"] < MOST_S
    assert facts["waiting"] > 400
    assert facts["status"] == [None, 0, 0]
    assert faulty.recorded().rows == list(range(500))


def test_a_sync_that_hangs_holds_up_nobody(faulty: Faulty) -> None:
    """Records go on to the file, and the end of the run waits for a few seconds only."""
    facts = faulty("""
writer.END_WAIT_S = 0.3
log = open_log()
disk.hang("fsync")
threading.Thread(target=log.sync, daemon=True).start()
slowest = append(log, range(1000))
began = time.perf_counter()
status = log.close()
say(slowest=slowest, took=time.perf_counter() - began, status=status)
""")
    assert facts["slowest"] < MOST_S
    assert facts["took"] < 3
    assert facts["status"] == [None, 0, 0]
    assert "would not survive a power loss" in facts["said"][-1]
    assert faulty.recorded().rows == list(range(1000))


def test_a_write_that_hangs_in_the_thread_does_not_hold_up_the_end(faulty: Faulty) -> None:
    """The last records, that of the hanging write among them, are saved elsewhere."""
    elsewhere = faulty.folder.with_name("elsewhere")
    facts = faulty(f"""
writer.END_WAIT_S = 0.3
log = open_log()
append(log, range(50))
disk.refuse(errno.ENOSPC, "write")
append(log, range(50, 60))
disk.hang("write")
eventually(lambda: log._trouble._in_hand is not None)
append(log, range(60, 70))
began = time.perf_counter()
status = log.close([folder / "hangs too", Path({str(elsewhere)!r})])
say(took=time.perf_counter() - began, status=status)
""")
    assert facts["took"] < 4
    assert facts["status"] == [None, 0, 0]
    assert facts["said"][-1].endswith(f"saved in {elsewhere / 'run.txlog'}: sync that file too")
    found = faulty.recorded(elsewhere / "run.txlog")
    assert (found.rows, found.missing) == (list(range(70)), 0)


def test_what_cannot_be_saved_anywhere_is_counted(faulty: Faulty) -> None:
    """The run ends all the same, and says how much is lost."""
    facts = faulty("""
writer.END_WAIT_S = 0.2
log = open_log()
append(log, range(50))
disk.refuse(errno.ENOSPC, "write")
append(log, range(50, 60))
say(status=log.close([folder / "full too"]))
""")
    assert facts["status"] == [None, 0, 10]
    assert facts["said"][-1] == "10 records are lost: No space left on device"
    assert faulty.recorded().rows == list(range(50))


def test_records_that_cannot_be_synced_are_saved_elsewhere(faulty: Faulty) -> None:
    """They are in the file, but the disk does not promise to keep them."""
    elsewhere = faulty.folder.with_name("elsewhere")
    facts = faulty(f"""
writer.END_WAIT_S = 0.2
log = open_log()
append(log, range(50))
disk.refuse(errno.EIO, "fsync")
say(status=log.close([Path({str(elsewhere)!r})]))
""")
    assert facts["status"] == [None, 0, 0]
    assert faulty.recorded(elsewhere / "run.txlog").rows == list(range(50))
    (faulty.folder / "run.txlog").unlink()
    assert faulty.recorded(elsewhere / "run.txlog").rows == list(range(50))


def test_a_log_may_begin_in_trouble(faulty: Faulty) -> None:
    """A forked child has no say in where its log goes; its records wait for a place."""
    facts = faulty("""
try:
    disk.refuse(errno.ENOSPC, "open")
    open_log()
except OSError as error:
    refused = error.strerror
log = open_log(must_open=False)
append(log, range(50))
full = log.status
disk.clear()
say(refused=refused, full=full, status=log.close())
""")
    assert facts["refused"] == "No space left on device"
    assert facts["full"] == ["No space left on device", 50, 0]
    assert facts["status"] == [None, 0, 0]
    found = faulty.recorded()
    assert (found.rows, found.missing) == (list(range(50)), 0)
