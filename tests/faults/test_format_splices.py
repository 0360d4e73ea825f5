from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.format_seeds import Case, attempt
from tests.faults.spliced_logs import spliced_bytes, spliced_frames
from tests.faults.table import SayRow
from tests.txlog.bytes_of import Reading

TRIES = 26_000


@pytest.mark.faults
@pytest.mark.timeout(240)
@pytest.mark.parametrize("case", [spliced_frames, spliced_bytes])
def test_spliced_logs_hold_what_stands_in_them(
    tmp_path: Path, row: SayRow, rounds: Callable[[int], int], case: Case
) -> None:
    """Nothing of another log or of a value is taken, and nothing that stands whole is missed."""
    tally = attempt(case, Reading(tmp_path / "run.txlog"), rounds(TRIES))
    row(
        "F4",
        f"{case.__name__.replace('_', ' ')}: repeated, moved, deleted, another log, nested frames",
        tries=tally.tries,
        result=tally.among("forged", "untouched missed", "silent"),
        passes="0 forged, 0 untouched missed, 0 silent",
    )
    assert not tally.wrong, tally.seeds
