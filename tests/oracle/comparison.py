"""Where two results of a scenario differ."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import NamedTuple

from tests.oracle.normal_form import Value

ABSENT = "<absent>"


class Difference(NamedTuple):
    """One place where two results differ.

    Attributes:
        path: Where: ``/`` before a name, brackets around an index, ``#len`` behind a list.
        wandb: What stands there with wandb, `ABSENT` if nothing.
        airtape: What stands there with airtape, `ABSENT` if nothing.
    """

    path: str
    wandb: Value
    airtape: Value

    def __str__(self) -> str:
        return f"{self.path}: {_short(self.wandb)} with wandb, {_short(self.airtape)} with airtape"


def differences(wandb: Value, airtape: Value, path: str = "") -> Iterator[Difference]:
    """Yield where two results differ; floats count as equal up to rounding."""
    if type(wandb) is not type(airtape):
        yield Difference(path, wandb, airtape)
    elif isinstance(wandb, dict):
        for name in sorted(wandb.keys() | airtape.keys()):
            below = f"{path}/{name}"
            if name in wandb and name in airtape:
                yield from differences(wandb[name], airtape[name], below)
            else:
                yield Difference(below, wandb.get(name, ABSENT), airtape.get(name, ABSENT))
    elif isinstance(wandb, list):
        if len(wandb) != len(airtape):
            yield Difference(f"{path}#len", len(wandb), len(airtape))
        for index, (one, other) in enumerate(zip(wandb, airtape, strict=False)):
            yield from differences(one, other, f"{path}[{index}]")
    elif not _same(wandb, airtape):
        yield Difference(path, wandb, airtape)


def _same(one: Value, other: Value) -> bool:
    if isinstance(one, float) and math.isfinite(one) and math.isfinite(other):
        return math.isclose(one, other, rel_tol=0, abs_tol=1e-9 * max(1, abs(one)))
    return bool(one == other or (one != one and other != other))  # noqa: PLR0124 - true for NaN


def _short(value: Value) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}…"
