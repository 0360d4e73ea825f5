"""S2 and S3: a target that refuses, is slow or silent, and answers and batches that get lost."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.ended import wait_until
from tests.faults.table import SayRow
from tests.sync_faults.conftest import looks_of
from tests.sync_faults.exactness import EXACT, NONE, difference, logs_in
from tests.sync_faults.faulty import RETRY_AFTER_S, install
from tests.sync_faults.syncs import ROOT, Syncs, small_batches, tracker
from tests.sync_faults.targets import Targets

pytestmark = [pytest.mark.sync_faults, pytest.mark.timeout(120)]

LONGEST_S = 30.0
"""Seconds within which a sync of a target that does not answer has to end."""
RETRY_FOR = ("--retry-for", "2s")
STOPS_WITHIN_S = 2.0


@pytest.fixture
def faulty(tmp_path: Path) -> dict[str, str]:
    """The environment in which there are targets that something happens to."""
    site = install(tmp_path / "site")
    return {"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}


@pytest.mark.parametrize(
    ("mode", "tried", "code"),
    [
        ("busy", "503 three times before each batch", 0),
        ("later", "429, come back after 1 s", 0),
        ("down", "refuses for ever", 4),
        ("denied", "401", 4),
        ("broken", "fails in the middle", 4),
        ("garbage", "answers what nobody understands", 1),
    ],
)
def test_a_target_that_refuses(
    targets: Targets,
    syncs: Syncs,
    source: Path,
    faulty: dict[str, str],
    row: SayRow,
    mode: str,
    tried: str,
    code: int,
) -> None:
    """The sync ends in time, says what came of it, and the next one completes it."""
    url, before = targets.new(), looks_of(source)
    began = time.monotonic()
    ended_with = syncs.run(tracker(source, f"faulty:{mode},{url}", *RETRY_FOR), env=faulty)
    took = time.monotonic() - began
    then = syncs.run(tracker(source, url))
    found = difference(url, logs_in(source))
    row(
        "S2",
        f"{targets.kind}: {tried}",
        tries=1,
        result=f"exit {ended_with} after {took:.1f} s; the next one: {found}",
        passes=f"exit {code} within {LONGEST_S:.0f} s; {EXACT}",
    )
    assert (ended_with, then, found) == (code, 0, NONE)
    assert took <= LONGEST_S
    assert mode != "later" or took >= RETRY_AFTER_S
    assert looks_of(source) == before


def test_a_target_that_never_answers(
    targets: Targets,
    syncs: Syncs,
    source: Path,
    faulty: dict[str, str],
    tmp_path: Path,
    row: SayRow,
) -> None:
    """A second signal ends the sync in the middle of waiting; nothing is half done."""
    url, notes = targets.new(), tmp_path / "notes"
    process = syncs.start(
        small_batches(source, f"faulty:stalls,{url}"), env={**faulty, "FAULTY_NOTES": str(notes)}
    )
    wait_until(lambda: notes.exists() and notes.read_text().count("asked") == 2, "the silence")
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    code = process.wait(LONGEST_S)
    took = time.monotonic() - began
    then = syncs.run(tracker(source, url))
    found = difference(url, logs_in(source))
    row(
        "S2",
        f"{targets.kind}: never answers; SIGTERM",
        tries=1,
        result=f"gone after {took:.1f} s; the next one: {found}",
        passes=f"gone within {STOPS_WITHIN_S:.0f} s; {EXACT}",
    )
    assert (code, then, found) == (-signal.SIGTERM, 0, NONE)
    assert took <= STOPS_WITHIN_S


@pytest.mark.parametrize(
    ("mode", "tried", "code"),
    [
        ("lost_answers", "every other answer lost after the commit", 0),
        ("last_answer_lost", "connection lost after the commit, for good", 4),
        ("twice", "every batch delivered twice", 0),
        ("again_later", "all batches delivered again in the end, last first", 0),
    ],
)
def test_answers_and_batches_that_get_lost_or_come_again(
    targets: Targets,
    syncs: Syncs,
    source: Path,
    faulty: dict[str, str],
    tmp_path: Path,
    row: SayRow,
    mode: str,
    tried: str,
    code: int,
) -> None:
    """Whatever happened on the way, everything is there once."""
    url, notes = targets.new(), tmp_path / "notes"
    env = {**faulty, "FAULTY_NOTES": str(notes)}
    ended_with = syncs.run(small_batches(source, f"faulty:{mode},{url}", 4), env=env)
    batches = notes.read_text().count("asked")
    then = syncs.run(tracker(source, url))
    found = difference(url, logs_in(source))
    row(
        "S3",
        f"{targets.kind}: {tried}",
        tries=batches,
        result=f"exit {ended_with}; {found}",
        passes=f"exit {code}; {EXACT}",
    )
    assert (ended_with, then, found) == (code, 0, NONE)
