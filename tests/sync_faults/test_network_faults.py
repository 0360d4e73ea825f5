"""S2 and S3: a way to a server that refuses, stalls, is slow, or breaks off, and gets better."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.table import SayRow
from tests.sync_faults.exactness import EXACT, NONE, difference, logs_in
from tests.sync_faults.relay import Relay, Way
from tests.sync_faults.syncs import HANGS_AFTER_S, Syncs, small_batches, tracker
from tests.sync_faults.targets import Databases

pytestmark = [pytest.mark.sync_faults, pytest.mark.postgres, pytest.mark.timeout(180)]

ANSWER_S = 30.0
"""How long a server may take for one transaction."""
CONNECT_S = 10.0
RETRY_S = 2.0
START_S = 5.0
"""What starting and ending a process may take beside, on a busy machine."""
Disturb = Callable[[Relay], object]


def refuses(relay: Relay) -> None:
    """Nobody listens."""
    relay.refuse()


def stalls(relay: Relay) -> None:
    """Connections are taken, and nothing comes through."""
    relay.hand_on(Way(stalls=True))


def stalls_later(relay: Relay) -> None:
    """The answer to the first commit never comes, by which a run is to be held."""
    relay.trap(lambda: relay.hand_on(Way(stalls=True)), b"COMMIT", 1)


def stalls_held(relay: Relay) -> None:
    """The answer to the second transaction never comes, by which records of a held run are sent."""
    relay.trap(lambda: relay.hand_on(Way(stalls=True)), b"BEGIN", 2)


def trickles(relay: Relay) -> None:
    """A byte in a second."""
    relay.hand_on(Way(rate=1))


def is_slow(relay: Relay) -> None:
    """As over a bad line."""
    relay.hand_on(Way(rate=50_000, latency_s=0.01))


@pytest.mark.parametrize(
    ("disturb", "tried", "code", "longest_s"),
    [
        (refuses, "connections refused", 4, CONNECT_S + RETRY_S),
        (stalls, "stalls from the start", 4, 2 * CONNECT_S + RETRY_S),
        (stalls_later, "stalls in the middle", 4, ANSWER_S + CONNECT_S + RETRY_S),
        (stalls_held, "stalls while a run is held", 4, ANSWER_S + CONNECT_S + RETRY_S),
        (trickles, "1 byte/s", 4, 2 * CONNECT_S + RETRY_S),
        (is_slow, "50 kB/s, 10 ms each way", 0, ANSWER_S),
    ],
)
def test_a_bad_way_to_a_server(
    postgres_targets: Databases,
    syncs: Syncs,
    source: Path,
    row: SayRow,
    disturb: Disturb,
    tried: str,
    code: int,
    longest_s: float,
) -> None:
    """The sync ends in time and says why; when the way is better the next one completes it."""
    url = postgres_targets.new()
    disturb(postgres_targets.relay)
    process = syncs.start(tracker(source, url, "--retry-for", f"{RETRY_S:.0f}s"))
    began = time.monotonic()
    output, _ = process.communicate(timeout=HANGS_AFTER_S)
    took = time.monotonic() - began
    postgres_targets.relay.hand_on()
    then = syncs.run(tracker(source, url))
    found = difference(url, logs_in(source))
    row(
        "S2",
        f"postgres: {tried}",
        tries=1,
        result=f"exit {process.returncode} after {took:.0f} s; the next one: {found}",
        passes=f"exit {code} within {longest_s:.0f} s; {EXACT}",
    )
    assert (process.returncode, then, found) == (code, 0, NONE), output
    assert code == 0 or "the server" in output
    assert "Traceback" not in output
    assert took <= longest_s + START_S


def test_connections_that_break_off(
    postgres_targets: Databases,
    syncs: Syncs,
    source: Path,
    rounds: Callable[[int], int],
    row: SayRow,
) -> None:
    """Before a commit reaches the server, or before its answer comes back: it is asked again."""
    trials, codes, whole, cuts = rounds(6), set(), NONE, 0
    for number in range(trials):
        url, relay = postgres_targets.new(), postgres_targets.relay
        cut = relay.trap(relay.cut, b"COMMIT", 2 + number, answered=bool(number % 2))
        codes.add(syncs.run(small_batches(source, url)))
        cuts += cut.is_set()
        whole = whole.plus(difference(url, logs_in(source)))
    row(
        "S3",
        "postgres: the connection breaks off at a commit, on the way there or back",
        tries=trials,
        result=f"{cuts} broken off; exit codes {sorted(codes)}; {whole}",
        passes=f"exit 0; {EXACT}",
    )
    assert (codes, whole) == ({0}, NONE)
    assert cuts
