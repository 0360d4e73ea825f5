"""S12: every value comes back bit for bit: from a log into targets, and out of them."""

from __future__ import annotations

import csv
import random
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airtape.backends.registry import open_backend
from airtape.exactjson import float_from, loads
from airtape.sync.engine import sync
from tests.faults.table import SayRow
from tests.logs import ended, log_row, run_dir_of, write_log
from tests.processes import TRACKER
from tests.sync_faults.exactness import EXACT, NONE, difference
from tests.sync_faults.targets import Files, Targets

pytestmark = [pytest.mark.sync_faults, pytest.mark.timeout(120)]

KEYS = ("loss", "eval/acc", "grad.norm", "é")


def odd_value(source: random.Random) -> Any:  # noqa: ANN401 - whatever can be logged
    """Return a float of any bits, or another value that is easily changed on its way."""
    kind = source.randrange(8)
    if kind < 4:
        bits = source.getrandbits(64)
        return struct.unpack("<d", bits.to_bytes(8, "little"))[0]
    return source.choice(
        [
            *(-0.0, 5e-324, float("nan"), float("-inf"), 1 / 3, 1.0, 1, True),
            *(2**53 + 1, -(2**63), 2**64, -(2**70), None, "", "é\u2028", [1, 2.0, None]),
        ]
    )


def test_every_value_comes_back_bit_for_bit(
    targets: Targets, tmp_path: Path, rounds: Callable[[int], int], row: SayRow
) -> None:
    """Into the target, and into others beside it, which all hold the same."""
    source, wandb = random.Random(12), tmp_path / "wandb"
    count = rounds(3000)
    rows = [log_row(step, **{key: odd_value(source) for key in KEYS}) for step in range(count)]
    log = write_log(run_dir_of(wandb), *rows, ended())
    others = Files("jsonl", tmp_path / "others")
    whole = NONE
    for url in (targets.new(), others.new(), f"memory:{tmp_path}"):
        backend = open_backend(url)
        assert sync([wandb], backend).exit_code == 0
        if not url.startswith("memory"):
            backend.close()
        whole = whole.plus(difference(url, [log]))
    row(
        "S12",
        f"log -> {targets.kind}, jsonl and memory -> what they hold",
        tries=count * len(KEYS),
        result=str(whole),
        passes=EXACT,
    )
    assert whole == NONE


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_an_export_says_every_float_exactly(
    tmp_path: Path, rounds: Callable[[int], int], row: SayRow, form: str
) -> None:
    """What is written for people and other programs reads back to the same bits."""
    source, wandb = random.Random(13), tmp_path / "wandb"
    count = rounds(3000)
    logged = [struct.unpack("<d", source.randbytes(8))[0] for _ in range(count)]
    rows = [log_row(step, x=value) for step, value in enumerate(logged)]
    run_dir = run_dir_of(wandb)
    write_log(run_dir, *rows, ended())
    out = subprocess.run(
        [str(TRACKER), "export", str(run_dir), "--format", form],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    if form == "csv":
        read = [float_from(line["x"]) for line in csv.DictReader(out.splitlines())]
    else:
        read = [loads(line)["x"] for line in out.splitlines()]
    wrong = sum(
        struct.pack("<d", again) != struct.pack("<d", value)
        for again, value in zip(read, logged, strict=True)
    )
    row(
        "S12",
        f"log -> tracker export --format {form} -> floats",
        tries=count,
        result=f"{wrong} of {count:,} with other bits",
        passes="0 with other bits",
    )
    assert wrong == 0
