"""What a target holds beside what the logs say, in sentences and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from airtape.sync.compare import Comparison
from airtape_cli.render.text import shown, size_text
from airtape_cli.render.verify_report import counted

_VERBS = {
    "equal": "Equal",
    "behind": "Behind",
    "ahead": "Ahead",
    "different": "Different",
    "absent": "Absent",
    "unreadable": "Unreadable",
}


def comparison_lines(one: Comparison) -> Iterator[str]:
    """Yield what is said of one run."""
    receipt = one.receipt
    amount = f", {counted(receipt.records, 'record')}"
    if receipt.tally is not None:
        amount += f", {size_text(receipt.tally.size)}, digest {receipt.tally.text}"
    if receipt.gaps:
        amount += f", {counted(receipt.gaps, 'gap')}"
    where = ", ".join(shown(str(path)) for path in one.directories)
    yield f"{_VERBS[one.verdict]}: {where}{amount if receipt.records else ''}"
    if one.missing:
        yield f"  {counted(one.missing, 'record')} of the logs not in the target"
    for sentence in one.told:
        yield f"  {shown(sentence)}"
    untold = one.differences - len(one.told)
    if untold > 0:
        yield f"  {counted(untold, 'more difference')}"


def closing_sentence(comparisons: Sequence[Comparison], problems: int, target: str) -> str:
    """Return what is said at the end."""
    equal = sum(one.verdict == "equal" for one in comparisons)
    others = len(comparisons) + problems - equal
    if not others:
        return f"{shown(target)} holds exactly what the logs of {counted(equal, 'run')} say."
    return f"{counted(equal, 'run')} equal in {shown(target)}, {others} not."


def comparison_shape(one: Comparison) -> dict[str, Any]:
    """Return what JSON says of one run."""
    return {
        "directories": [str(path) for path in one.directories],
        "run_id": one.run.run_id or None,
        "entity": one.run.entity or None,
        "project": one.run.project or None,
        "verdict": one.verdict,
        "missing": one.missing,
        "extra": one.extra,
        "differences": one.differences,
        "notes": one.told,
        "receipt": one.receipt.to_json(),
    }
