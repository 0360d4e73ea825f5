from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from airtape.txlog.reader import read_log
from tests.plain_values import encoded
from tests.processes import RunPython
from tests.txlog.bytes_of import small_log

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "examples" / "read_log.py"
LOGS = sorted([*ROOT.glob("tests/golden/*.txlog"), *ROOT.glob("wandb_dirs_fixtures/**/*.txlog")])
SMALL = small_log().data

Records = Callable[[bytes], Iterator[tuple[int, list[Any]]]]


@pytest.fixture(scope="module")
def records() -> Records:
    """Return the reader of the example."""
    spec = importlib.util.spec_from_file_location("read_log", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Records = module.records
    return found


def check(records: Records, log: Path) -> None:
    """Compare what the two readers make of a file."""
    ours: list[Any] = [[r.seq, [r.kind, r.wall_ns, *r.fields]] for r in read_log(log).records]
    theirs: list[Any] = [[seq, fields] for seq, fields in records(log.read_bytes())]
    assert encoded(theirs) == encoded(ours)


def test_the_example_shares_no_code() -> None:
    """It is a reader of its own, or it would prove nothing."""
    assert "import airtape" not in EXAMPLE.read_text(encoding="utf-8")
    assert "from airtape" not in EXAMPLE.read_text(encoding="utf-8")


@pytest.mark.parametrize("log", LOGS, ids=[str(log.relative_to(ROOT)) for log in LOGS])
def test_both_readers_read_the_same(records: Records, log: Path) -> None:
    """Of every log in the repository."""
    check(records, log)


def test_both_readers_read_the_same_of_every_cut(records: Records, tmp_path: Path) -> None:
    """Wherever a log ends, or nearly."""
    log = tmp_path / "log"
    for cut in range(0, len(SMALL), 3):
        log.write_bytes(SMALL[:cut])
        check(records, log)


def test_both_readers_read_the_same_of_damage(
    records: Records, tmp_path: Path, rounds: Callable[[int], int]
) -> None:
    """Flipped bits, holes, and ranges that stand twice or not at all."""
    log = tmp_path / "log"
    random = Random(5)
    for _ in range(rounds(300)):
        data = bytearray(SMALL)
        start, end = sorted(random.randrange(len(data)) for _ in range(2))
        place = random.randrange(len(data))
        match random.randrange(4):
            case 0:
                data[place] ^= 1 << random.randrange(8)
            case 1:
                data[start:end] = bytes(end - start)
            case 2:
                data[place:place] = data[start:end]
            case 3:
                del data[start:end]
        log.write_bytes(data)
        check(records, log)


def test_the_example_prints_a_log(run_python: RunPython) -> None:
    """A line for each record."""
    golden = ROOT / "tests" / "golden" / "v1_0.txlog"
    lines = run_python(EXAMPLE, str(golden)).stdout.splitlines()
    assert len(lines) == len(read_log(golden).records)
    assert lines[-1] == "21 7 1767323066000000000 0 {'how': 'finish'}"
