"""W13: values that are huge, odd, or none at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults.table import SayRow
from tests.processes import RunPython

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

PROGRAM = """
import datetime, decimal, enum, json, math, sys
from pathlib import Path
import numpy as np
import airtape
from airtape.errors import InvalidDataError
from airtape.large_values import is_large, load_large
from airtape.fold.keys import nested
from airtape.rows import read_history

class Colour(enum.Enum):
    RED = 1

class Unprintable:
    def __repr__(self):
        raise RuntimeError

def deep(levels, inner):
    value = 0
    for _ in range(levels):
        value = inner(value)
    return value

loop = []
loop.append(loop)
ring = {}
ring["ring"] = ring

SAME = object()
VALUES = {
    "nan": (math.nan, SAME), "inf": (math.inf, SAME), "-inf": (-math.inf, SAME),
    "1e308": (1e308, SAME), "least": (5e-324, SAME), "-0.0": (-0.0, SAME),
    "2**63": (2**63, SAME), "2**64": (2**64, SAME), "-2**64": (-(2**64), SAME),
    "2**5000": (2**5000, SAME), "True": (True, SAME), "None": (None, SAME),
    "text": ("\\u00e4\\0b", SAME), "a lone surrogate": ("\\ud800x", "\\ufffdx"),
    "3 MB of text": ("x" * 3_000_000, SAME), "100 MiB of text": ("y" * (100 << 20), SAME),
    "bytes of text": (b"abc", "abc"), "a list": (list(range(100_000)), SAME),
    "a tuple": ((1, 2.5), [1, 2.5]), "a set": ({1}, [1]), "100,000 keys": (
        {f"k{number}": number for number in range(100_000)}, SAME),
    "150 levels": (deep(150, lambda value: [value]), SAME),
    "150 levels of maps": (deep(150, lambda value: {"a": value}), SAME),
    "float32": (np.float32(1.5), 1.5), "int64": (np.int64(-7), -7), "bool_": (np.bool_(1), True),
    "float16": (np.float16(0.5), 0.5), "uint64": (np.uint64(2**64 - 1), 2**64 - 1),
    "0-d": (np.array(2.5), 2.5), "an array": (np.arange(5), [0, 1, 2, 3, 4]),
    "an array of nan": (np.array([1, math.nan]), [1.0, math.nan]),
    "an enum": (Colour.RED, 1), "a decimal": (decimal.Decimal("1.1"), "1.1"),
    "a date": (datetime.date(2026, 1, 2), "2026-01-02"), "an int as key": ({1: 2}, {"1": 2}),
    "no key": ({"": 1}, SAME), "a key with a dot": ({"a.b": 1}, SAME),
}
REFUSED = {
    "1,000 lists deep": deep(1000, lambda value: [value]),
    "1,000 maps deep": deep(1000, lambda value: {"a": value}),
    "a list in itself": loop, "a map in itself": ring, "no text": b"\\xff\\x00",
    "an object": object(), "unprintable": Unprintable(), "a range": range(3),
    "a name of a million letters": {"x" * 2_000_000: 1},
}

def same(left, right):
    if isinstance(left, float) and isinstance(right, float):
        return repr(left) == repr(right)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return type(left) is type(right) and left == right

run = airtape.init(project="faults", settings={"silent": True})
for name, (value, _) in VALUES.items():
    run.log({name: value, "name": name})
silent = []
for name, value in REFUSED.items():
    try:
        run.log({name: value})
        silent.append(name)
    except (InvalidDataError, UnicodeDecodeError):
        pass
run.log({"name": "the end"})
run.finish()
wrong, names = [], []
for row in read_history(Path(run.sync_dir), wrong.append):
    found = nested(row.data)
    names.append(found.pop("name"))
    if names[-1] not in VALUES:
        continue
    value, expected = VALUES[names[-1]]
    (said,) = found.values()
    if is_large(said):
        said = load_large(Path(run.sync_dir, "blobs"), said)
    if not same(said, value if expected is SAME else expected):
        wrong.append(names[-1])
wrong += {*VALUES, "the end"} ^ {*names}
print(json.dumps([len(VALUES), len(REFUSED), wrong, silent]))
"""


def test_odd_values(run_python: RunPython, workdir: Path, row: SayRow) -> None:
    """What can be recorded comes back equal; the rest is refused with a word, and only that."""
    assert workdir.is_dir()
    kept, refused, wrong, silent = json.loads(run_python(PROGRAM).stdout)
    row(
        "W13",
        f"{kept} values that can be recorded, {refused} that cannot",
        tries=kept + refused,
        result=f"{len(wrong)} not equal, {len(silent)} neither kept nor refused",
        passes="each equal, or refused with an error that says why; the run goes on",
    )
    assert (wrong, silent) == ([], [])
