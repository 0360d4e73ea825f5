"""Where airtape may differ from wandb, and by whose word: what ``differences.json`` lists.

Each entry names one place in the result of a scenario, what stands there with airtape, and why. It
allows for whatever differs at that place or below it. ``everywhere`` lists what every run of every
scenario has; ``[*]`` there is any index. ``later`` lists scenarios about what does not exist yet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from tests.oracle.comparison import Difference, differences
from tests.oracle.normal_form import Value

EXPECTED_LATER = frozenset({"artifacts", "media", "watch"})
"""The only topics that may be missing."""

LIST = Path(__file__).parent / "differences.json"
ANY = "<any>"
"""Stands for a value that is another one each time."""


class Reason(NamedTuple):
    """Why results may differ.

    Attributes:
        kind: ``promised``: airtape's documents want it otherwise; ``defect``: wandb loses data,
            hangs or is wrong; ``later``: something does not exist yet.
        says: What is promised, what is wrong, or what is missing.
    """

    kind: Literal["promised", "defect", "later"]
    says: str


class Allowance(NamedTuple):
    """A place where results may differ.

    Attributes:
        path: The place, as in `Difference`.
        ours: What stands there with airtape.
        because: Names of reasons.
        sometimes: Whether there may also be no difference: a scenario says itself what others
            leave to us, or depends on the time.
    """

    path: str
    ours: Value
    because: tuple[str, ...]
    sometimes: bool = False

    def covers(self, difference: Difference) -> bool:
        """Tell whether the difference is at the place or below it."""
        pattern = re.escape(self.path).replace(r"\[\*\]", r"\[\d+\]")
        return re.match(rf"{pattern}(?=$|[/\[#])", difference.path) is not None


@dataclass
class Verdict:
    """How a scenario came out.

    Attributes:
        unlisted: Differences that nothing allows for.
        changed: Allowances for places where something else stands with airtape by now.
        gone: Allowances for places where nothing differs any more.
        deliberate: Number of allowances that hold for good, those for every run left out.
        later: For each of the other allowances, which hold until something exists, its topics.
    """

    unlisted: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    deliberate: int = 0
    later: list[list[str]] = field(default_factory=list)


@dataclass(frozen=True)
class Allowed:
    """The whole list.

    Attributes:
        reasons: Why results may differ, by name.
        everywhere: Allowances for every run of every scenario.
        scenarios: Allowances for one scenario, by its name.
        later: What scenarios are about that are not compared yet, by name.
    """

    reasons: dict[str, Reason]
    everywhere: list[Allowance]
    scenarios: dict[str, list[Allowance]]
    later: dict[str, str]

    @property
    def missing(self) -> set[str]:
        """Topics that do not exist yet, of whole scenarios or of parts."""
        parts = {name for name, reason in self.reasons.items() if reason.kind == "later"}
        return parts | {*self.later.values()}

    def judge(self, name: str, wandb: Value, airtape: Value) -> Verdict:
        """Compare two results of a scenario."""
        found = list(differences(wandb, airtape))
        own = self.scenarios.get(name, [])
        common = self.everywhere if wandb["runs"] else []
        verdict = Verdict()
        verdict.unlisted = [
            str(difference)
            for difference in found
            if not any(allowance.covers(difference) for allowance in (*own, *common))
        ]
        for allowance in (*own, *common):
            if not allowance.sometimes and not any(map(allowance.covers, found)):
                verdict.gone.append(allowance.path)
        for allowance in own:
            now = _stands_at(allowance.path, found, airtape)
            # Several entries of one path are what it may be, now this, now that.
            said = [other.ours for other in own if other.path == allowance.path]
            if all(any(differences(_without_any(ours, now), now)) for ours in said):
                verdict.changed.append(f"{allowance.path}: {json.dumps(now, ensure_ascii=False)}")
            if topics := [name for name in allowance.because if name in self.missing]:
                verdict.later.append(topics)
            else:
                verdict.deliberate += 1
        return verdict


def load() -> Allowed:
    """Return the list that stands beside this file."""
    said = json.loads(LIST.read_text(encoding="utf-8"))
    return Allowed(
        reasons={name: Reason(**reason) for name, reason in said["reasons"].items()},
        everywhere=[_allowance(entry) for entry in said["everywhere"]],
        scenarios={
            name: [_allowance(entry) for entry in entries]
            for name, entries in said["scenarios"].items()
        },
        later=said["later"],
    )


def _allowance(entry: dict[str, Value]) -> Allowance:
    because = tuple(entry["because"])
    return Allowance(entry["path"], entry.get("ours", ANY), because, entry.get("sometimes", False))


def _stands_at(path: str, found: list[Difference], airtape: Value) -> Value:
    for difference in found:
        if difference.path == path:
            return difference.airtape
    return next(_values_at(path, airtape), None)


def _values_at(path: str, value: Value) -> Iterator[Value]:
    """Yield what stands at a path; there may be two, for names may have slashes in them."""
    if not path:
        yield value
    elif isinstance(value, dict):
        for name, below in value.items():
            rest = path.removeprefix(f"/{name}")
            if rest != path and rest[:1] in {"", "/", "["}:
                yield from _values_at(rest, below)
    elif isinstance(value, list):
        for index, below in enumerate(value):
            rest = path.removeprefix(f"[{index}]")
            if rest != path:
                yield from _values_at(rest, below)


def _without_any(ours: Value, now: Value) -> Value:
    """Return what an allowance says, with whatever stands there now in place of `ANY`."""
    if ours == ANY:
        return now
    if isinstance(ours, dict) and isinstance(now, dict):
        return {name: _without_any(below, now.get(name)) for name, below in ours.items()}
    if isinstance(ours, list) and isinstance(now, list) and len(ours) == len(now):
        return [_without_any(*items) for items in zip(ours, now, strict=True)]
    return ours
