"""Cases that are tried with random seeds, those that ever failed first."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random, getrandbits

from tests.txlog.bytes_of import Read

CORPUS = Path(__file__).parents[1] / "corpus"
KEPT_AT_ONCE = 5
"""How many seeds one run leaves in the corpus at most; more of the same help nobody."""

Case = Callable[[Random, Read], Counter[str]]
"""Damages a log, reads it, and returns what is wrong with what was read; nothing if all is well."""


@dataclass
class Tally:
    """What came of many tries.

    Attributes:
        tries: How many there were.
        wrong: What was wrong, and how often.
        seeds: The seeds that failed.
    """

    tries: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    seeds: list[int] = field(default_factory=list)

    def among(self, *looked_for: str) -> str:
        """Say how often each of these was wrong, also if never, and what else was."""
        names = dict.fromkeys([*looked_for, "raised", *self.wrong])
        return ", ".join(f"{self.wrong[name]} {name}" for name in names)


def seeds_of(name: str, corpus: Path = CORPUS) -> list[int]:
    """Return the seeds with which a case failed before."""
    return sorted(int(path.name) for path in (corpus / name).glob("[0-9]*"))


def attempt(case: Case, read: Read, tries: int, corpus: Path = CORPUS) -> Tally:
    """Try a case with the seeds of the corpus and then with new ones, and keep those that fail."""
    name = case.__name__
    tally = Tally()
    for seed in [*seeds_of(name, corpus), *(getrandbits(40) for _ in range(tries))]:
        tally.tries += 1
        said, wrong = try_seed(case, seed, read)
        if not wrong:
            continue
        tally.wrong += wrong
        tally.seeds.append(seed)
        if len(tally.seeds) <= KEPT_AT_ONCE:
            (corpus / name).mkdir(parents=True, exist_ok=True)
            (corpus / name / str(seed)).write_text(said, encoding="utf-8")
    return tally


def try_seed(case: Case, seed: int, read: Read) -> tuple[str, Counter[str]]:
    """Try a case with one seed; return what is wrong, in words and counted."""
    try:
        wrong = case(Random(seed), read)
    except Exception:  # noqa: BLE001 - a reader that raises is what is looked for
        return traceback.format_exc(), Counter(raised=1)
    return f"{dict(wrong)}\n", wrong
