"""S7: a server that is killed in the middle of syncs, is away for a while, and comes back."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ended import wait_until
from tests.faults.table import SayRow
from tests.faults.trials import Server
from tests.sync_faults.conftest import looks_of
from tests.sync_faults.exactness import EXACT, NONE, Difference, difference, logs_in
from tests.sync_faults.syncs import HANGS_AFTER_S, Syncs, small_batches, tracker
from tests.sync_faults.targets import Databases
from tests.sync_faults.test_crons import write_runs

pytestmark = [pytest.mark.sync_faults, pytest.mark.postgres, pytest.mark.timeout(240)]

POINTS = {
    "before the first look at what is there": (b"airtape.schema_versions", 1, False),
    "after the first look": (b"airtape.schema_versions", 1, True),
    "when a run is to be held": (b"airtape.leases", 1, False),
    "before a transaction begins": (b"BEGIN", 9, False),
    "in the middle of values": (b"COPY", 2, True),
    "before a commit": (b"COMMIT", 8, False),
    "after a commit, whose answer gets lost": (b"COMMIT", 8, True),
    "after the last commit but one": (b"COMMIT", 11, True),
}
"""What a client sends when the server is killed, the how manieth that is, and whether after it."""
AWAY_S = 20.0
"""Within which a sync gives up on a server that is away, when it is to ask for a second."""


class Mortal:
    """Syncs into a server that dies.

    Args:
        targets: Its databases.
        syncs: Starts the syncs.
        source: What they bring.
    """

    def __init__(self, targets: Databases, syncs: Syncs, source: Path) -> None:
        self._targets = targets
        self._syncs = syncs
        self._source = source

    def pieces(self) -> int:
        """Return in how many pieces a sync sends what it has to say."""
        before = self._targets.relay.pieces
        assert self._syncs.run(small_batches(self._source, self._targets.new())) == 0
        return self._targets.relay.pieces - before

    def trial(self, part: bytes, nth: int, *, answered: bool) -> tuple[bool, int, Difference]:
        """Sync, kill the server at a point, and bring it back.

        Returns:
            Whether it was killed, how the sync ended, and what was there then.
        """
        url, server = self._targets.new(), self._targets.server
        killed = self._targets.relay.trap(server.kill, part, nth, answered=answered)
        process = self._syncs.start(small_batches(self._source, url))
        wait_until(lambda: killed.is_set() or process.poll() is not None, "the end of the server")
        if killed.is_set():
            server.start()
        output, _ = process.communicate(timeout=HANGS_AFTER_S)
        assert "Traceback" not in output, output
        return killed.is_set(), process.returncode, difference(url, logs_in(self._source))


@pytest.fixture
def mortal(postgres_targets: Databases, syncs: Syncs, source: Path) -> Mortal:
    """Syncs of two runs."""
    return Mortal(postgres_targets, syncs, source)


def test_a_server_that_is_killed_at_chosen_points(
    mortal: Mortal, source: Path, row: SayRow
) -> None:
    """A sync that was under way goes on when the server is back, and lacks nothing."""
    before = looks_of(source)
    for what, (part, nth, answered) in POINTS.items():
        killed, code, found = mortal.trial(part, nth, answered=answered)
        row(
            "S7",
            f"postgres: kill -9 of the server {what}, then it is back",
            tries=1,
            result=f"{'killed' if killed else 'NOT KILLED'}, exit {code}; {found}",
            passes=f"killed, exit 0; {EXACT}",
        )
        assert (killed, code, found) == (True, 0, NONE)
    assert looks_of(source) == before


def test_a_server_that_is_killed_at_random_points(
    mortal: Mortal, rounds: Callable[[int], int], row: SayRow
) -> None:
    """Anywhere between two things that a sync says to it."""
    trials, chances, pieces = rounds(8), random.Random(20261129), mortal.pieces()
    kills, codes, whole = 0, set(), NONE
    for _ in range(trials):
        nth, answered = chances.randrange(1, pieces), chances.random() < 0.5
        killed, code, found = mortal.trial(b"", nth, answered=answered)
        kills += killed
        codes.add(code)
        whole = whole.plus(found)
    row(
        "S7",
        f"postgres: kill -9 of the server at one of {pieces} things said to it, then it is back",
        tries=trials,
        result=f"{kills} killed, exit codes {sorted(codes)}; {whole}",
        passes=f"exit 0; {EXACT}",
    )
    assert (codes, whole) == ({0}, NONE)
    assert kills


def test_a_server_that_stays_away(
    postgres_targets: Databases,
    syncs: Syncs,
    source: Path,
    rounds: Callable[[int], int],
    row: SayRow,
) -> None:
    """The sync under way and those after it say so in time; the first one after that completes."""
    server, relay, longest_s, whole = postgres_targets.server, postgres_targets.relay, 0.0, NONE
    trials, codes, said = rounds(3), set(), 0
    for number in range(trials):
        url = postgres_targets.new()
        killed = relay.trap(server.kill, b"COMMIT", 2 + 3 * number, answered=bool(number % 2))
        for _ in range(2):
            process = syncs.start(tracker(source, url, "--retry-for", "1s"))
            began = time.monotonic()
            output, _ = process.communicate(timeout=HANGS_AFTER_S)
            longest_s = max(longest_s, time.monotonic() - began)
            codes.add(process.returncode)
            said += "the server" in output and "sync again" in output
        # Its processes are gone, but the system may keep their entries for longer than syncs take.
        assert killed.wait(HANGS_AFTER_S)
        server.start()
        assert syncs.run(tracker(source, url)) == 0
        whole = whole.plus(difference(url, logs_in(source)))
    row(
        "S7",
        "postgres: kill -9 of the server in the middle of a sync, --retry-for 1s; another sync",
        tries=2 * trials,
        result=f"exit codes {sorted(codes)}, {said} with the reason, within {longest_s:.0f} s; "
        f"when it is back: {whole}",
        passes=f"exit 4, all with the reason, within {AWAY_S:.0f} s; {EXACT}",
    )
    assert (codes, said, whole) == ({4}, 2 * trials, NONE)
    assert longest_s <= AWAY_S


def test_a_server_that_comes_and_goes_under_syncs_and_followers(
    postgres_targets: Databases,
    syncs: Syncs,
    server: Server,
    tmp_path: Path,
    rounds: Callable[[int], int],
    row: SayRow,
) -> None:
    """Threads, several syncs, followers: killed or stopped, the server gets everything once."""
    folder, url, database = tmp_path / "training", postgres_targets.new(), postgres_targets.server
    wandb, ends = folder / "wandb", rounds(6)
    write_runs(wandb, runs=8, rows=400)
    trial = server.start("plain", folder=folder, rate=50, run_id="grows")
    trial.wait_until_ready()
    follower = syncs.start(tracker(wandb, url, "--follow"))
    codes = set()
    for number in range(ends):
        gone = postgres_targets.relay.trap(
            database.stop if number % 2 else database.kill, b"COMMIT", 2 + number % 3
        )
        crons = [syncs.start(tracker(wandb, url, "-j", jobs)) for jobs in ("1", "4")]
        wait_until(gone.is_set, "the end of the server")
        database.start()
        for cron in crons:
            output, _ = cron.communicate(timeout=HANGS_AFTER_S)
            assert cron.returncode in {0, 5}, output
            codes.add(cron.returncode)
    trial.stop()
    assert trial.wait() == 0
    follower.send_signal(signal.SIGTERM)
    output, _ = follower.communicate(timeout=HANGS_AFTER_S)
    assert follower.returncode in {0, 4, 6}, output
    last = syncs.run(tracker(wandb, url, "--wait", "90s"))
    found = difference(url, logs_in(wandb))
    row(
        "S7",
        "postgres: a server killed or stopped, and started, under two syncs (-j 1, -j 4) and a "
        "follower",
        tries=ends,
        result=f"exit codes {sorted(codes)}, then {last}; {found}",
        passes=f"exit 0 or 5, then 0; {EXACT}",
    )
    assert (last, found) == (0, NONE)
