from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from tests.faults import broken_logs, spliced_logs
from tests.faults.format_seeds import CORPUS, KEPT_AT_ONCE, Case, attempt, seeds_of, try_seed
from tests.txlog.bytes_of import Read, Reading

CASES: list[Case] = [
    broken_logs.cut,
    broken_logs.single_flip,
    broken_logs.multiple_flips,
    broken_logs.hole_of_4_kib,
    broken_logs.hole_of_64_kib,
    broken_logs.garbage_of_512_bytes,
    broken_logs.tail_of_zeros,
    spliced_logs.spliced_frames,
    spliced_logs.spliced_bytes,
]


@pytest.fixture
def read(tmp_path: Path) -> Reading:
    """Read bytes as a log."""
    return Reading(tmp_path / "run.txlog")


def odd_seeds(random: Random, _: Read) -> Counter[str]:
    """Go wrong now and then."""
    return +Counter({"odd": random.getrandbits(1)})


def raising(_: Random, read: Read) -> Counter[str]:
    """Raise in the reader's place."""
    raise ValueError(read)


@pytest.mark.parametrize("case", CASES, ids=[case.__name__ for case in CASES])
def test_seeds_that_failed_pass(read: Reading, case: Case) -> None:
    """What random tries once found stays mended, and one seed more is tried."""
    for seed in [*seeds_of(case.__name__), 7]:
        said, wrong = try_seed(case, seed, read)
        assert not wrong, said


def test_every_case_of_the_corpus_is_known() -> None:
    """A case that gets another name takes its seeds along."""
    kept = {path.name for path in CORPUS.iterdir() if path.is_dir()}
    assert kept <= {case.__name__ for case in CASES}


def test_seeds_that_fail_are_kept_and_tried_first(read: Reading, tmp_path: Path) -> None:
    """A few of them, each with what went wrong."""
    first = attempt(odd_seeds, read, 50, tmp_path)
    kept = seeds_of("odd_seeds", tmp_path)
    assert first.wrong["odd"] == len(first.seeds) > KEPT_AT_ONCE
    assert kept == sorted(first.seeds[:KEPT_AT_ONCE])
    assert (tmp_path / "odd_seeds" / str(kept[0])).read_text() == "{'odd': 1}\n"
    again = attempt(odd_seeds, read, 0, tmp_path)
    assert (again.tries, again.seeds) == (KEPT_AT_ONCE, kept)


def test_a_reader_that_raises_is_wrong(read: Reading, tmp_path: Path) -> None:
    """The traceback is kept."""
    tally = attempt(raising, read, 1, tmp_path)
    (seed,) = tally.seeds
    assert tally.among("lost") == "0 lost, 1 raised"
    assert "ValueError" in (tmp_path / "raising" / str(seed)).read_text()
