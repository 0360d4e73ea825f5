"""Leases: what every target promises of them, and when one gives way to another."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from airtape.backends.base import Backend
from airtape.backends.jsonl import JsonlBackend
from airtape.backends.jsonl_leases import drop, take
from airtape.backends.lease import Lease
from airtape.errors import TargetError
from airtape.process import this_process
from tests.backends.conftest import OpenTarget
from tests.batches import RUN, batch_of

NOW_NS = 1_795_169_472_000_000_000
LASTS_NS = 60 * 10**9
OTHER_RUN = RUN._replace(project="elsewhere")


def lease_of(owner: str, after_s: float = 0) -> Lease:
    """Return the lease that an owner on a machine of its own asks for."""
    return Lease(owner, f"host{owner}", "boot", 1, 2, NOW_NS + round(after_s * 1e9), LASTS_NS)


MINE, OTHERS = lease_of("me"), lease_of("other")


def test_one_of_two_gets_a_run(open_target: OpenTarget) -> None:
    """The second is told who holds it, and may have another run; a project makes another run."""
    assert open_target().take_lease(RUN, MINE) is None
    assert open_target().take_lease(RUN, OTHERS) == MINE
    assert open_target().take_lease(OTHER_RUN, OTHERS) is None


def test_the_owner_renews_a_lease(open_target: OpenTarget) -> None:
    """Then it lasts from that moment on."""
    open_target().take_lease(RUN, MINE)
    renewed = lease_of("me", 50)
    assert open_target().take_lease(RUN, renewed) is None
    assert open_target().take_lease(RUN, lease_of("other", 100)) == renewed


@pytest.mark.parametrize("after_s", [61, -61], ids=["stopped", "future"])
def test_a_lease_ends_by_itself(backend: Backend, after_s: float) -> None:
    """When it is older than it lasts, or so far in the future that a clock must be wrong."""
    backend.take_lease(RUN, MINE)
    taken_over = lease_of("other", after_s)
    assert backend.take_lease(RUN, taken_over) is None
    assert backend.take_lease(RUN, lease_of("me", after_s)) == taken_over


def test_a_lease_is_given_back(open_target: OpenTarget) -> None:
    """The next one gets it at once; whoever does not hold it changes nothing."""
    backend = open_target()
    backend.drop_lease(RUN, "me")
    backend.take_lease(RUN, MINE)
    backend.drop_lease(RUN, "other")
    backend.drop_lease(OTHER_RUN, "me")
    assert open_target().take_lease(RUN, OTHERS) == MINE
    backend.drop_lease(RUN, "me")
    assert open_target().take_lease(RUN, OTHERS) is None


def test_a_lease_is_no_run(backend: Backend) -> None:
    """A run that was held and never sent is not there; one that is taken back is not held."""
    backend.take_lease(RUN, MINE)
    assert backend.runs() == []
    assert list(backend.dump()) == []
    assert backend.read_cursor(RUN, b"w" * 16) is None
    if backend.can_retract:
        assert backend.commit(batch_of())
        backend.retract(RUN)
        backend.drop_lease(RUN, "me")
        assert backend.take_lease(RUN, OTHERS) is None


@pytest.mark.parametrize("stale", [False, True])
def test_of_many_at_once_one_gets_it(open_target: OpenTarget, *, stale: bool) -> None:
    """Also when all of them find one that is out of date."""
    after_s = 100
    if stale:
        open_target().take_lease(RUN, OTHERS)
    start = threading.Barrier(4, timeout=5)
    refused = []

    def ask(number: int) -> None:
        mine = open_target()
        start.wait()
        held = mine.take_lease(RUN, lease_of(str(number), after_s))
        refused.append(held and held.owner)
        mine.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    (winner,) = {owner for owner in refused if owner}
    assert refused.count(None) == 1
    held = open_target().take_lease(RUN, lease_of("late", after_s))
    assert held is not None
    assert held.owner == winner


def here(owner: str, pid: int, ticks: int) -> Lease:
    """Return the lease of a process of this machine."""
    process = this_process()
    return Lease(owner, process.host, process.boot_id, pid, ticks, NOW_NS, LASTS_NS)


def test_a_process_that_is_gone_holds_nothing() -> None:
    """On the same machine that is known at once; elsewhere, or after a restart, it is not."""
    process = this_process()
    alive = here("a", process.pid, process.start_ticks)
    gone = here("b", process.pid, process.start_ticks + 1)
    assert not alive.gives_way_to(MINE)
    assert not alive.gives_way_to(gone)
    assert gone.gives_way_to(alive)
    assert not gone.gives_way_to(MINE)
    assert not replace(gone, boot_id="").gives_way_to(replace(alive, boot_id=""))
    assert not replace(gone, boot_id="earlier").gives_way_to(alive)


def test_who_holds_a_run_is_told_in_words() -> None:
    """By process and machine."""
    assert str(MINE) == "process 1 on hostme"


def test_a_lease_file_that_a_power_loss_has_cut(tmp_path: Path) -> None:
    """It holds nothing, and its number is not given again."""
    take(tmp_path, MINE)
    (tmp_path / "lease-00000001.json").write_text('{"owner": "me", "ho')
    assert take(tmp_path, OTHERS) is None
    assert [path.name for path in tmp_path.iterdir()] == ["lease-00000002.json"]


def test_lease_files_do_not_pile_up(tmp_path: Path) -> None:
    """One is left however often a run changes hands."""
    for number in range(5):
        assert take(tmp_path, lease_of(str(number))) is None
        drop(tmp_path, str(number))
    assert [path.name for path in tmp_path.iterdir()] == ["lease-00000005.json"]


def test_a_place_where_no_lease_can_be_kept(tmp_path: Path) -> None:
    """The error is the target's."""
    (tmp_path / "store" / "runs").mkdir(parents=True)
    (tmp_path / "store" / "runs" / "ab12cd34").write_text("in the way")
    with pytest.raises(TargetError):
        JsonlBackend(str(tmp_path / "store")).take_lease(RUN, MINE)
