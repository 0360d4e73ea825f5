"""What was changed of a run after the fact: who did it, when, and what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airtape.fold.fold import Fold
from airtape.fold.keys import dotted, leaves
from airtape.fold.merge import Part
from airtape.overview import Overview
from airtape.records import Plain
from airtape_cli.render.lines import Line, Span
from airtape_cli.render.text import iso_time, local_time, shortened, shown, value_text


def edit_lines(run: Overview) -> Iterator[Line]:
    """Yield a line for each change of a run, the first one first."""
    for header, fold in edits_of(run):
        when = "" if fold.began_ns is None else local_time(fold.began_ns)
        who = " on ".join(filter(None, (_author(fold.exit), header.host)))
        yield [Span(when, "dim"), Span(shown(who)), Span(shortened(changes_text(_changes(fold))))]


def edit_shapes(run: Overview) -> list[dict[str, Any]]:
    """Return the changes of a run, as JSON has them."""
    return [
        {
            "time": None if fold.began_ns is None else iso_time(fold.began_ns),
            "by": _author(fold.exit),
            "host": header.host,
            "writer": header.writer.hex(),
            "run": fold.run,
            "config": fold.config,
            "summary": fold.summary,
            "lost": [
                {"name": name, "bytes": size, "sha256": sha256}
                for sha256, (name, size) in fold.lost.items()
            ],
            "removed": [*fold.removed_config, *map(dotted, fold.removed_summary)],
        }
        for header, fold in edits_of(run)
    ]


def edits_of(run: Overview) -> list[Part]:
    """Return the changes of a run, in the order in which they count."""
    return [part for part in run.writers if part.header.role == "amend"]


def changes_text(changes: Mapping[str, Plain]) -> str:
    """Return changed values in words."""
    return ", ".join(f"{name} {_new(said)}" for name, said in changes.items())


def _new(said: Plain) -> str:
    if said in (None, "", []):
        return "taken away"
    if isinstance(said, list):
        return " ".join(map(str, said))
    return value_text(said.replace("\n", " ") if isinstance(said, str) else said)


def _changes(fold: Fold) -> dict[str, Plain]:
    changed: dict[str, Plain] = dict(fold.run)
    for what, tree in (("config", fold.config), ("summary", fold.summary)):
        changed |= {f"{what}.{dotted(key)}": value for key, value in leaves(tree)}
    changed |= {f"config.{name}": None for name in fold.removed_config}
    changed |= {f"summary.{dotted(key)}": None for key in fold.removed_summary}
    if fold.lost:
        changed["lost"] = [name for name, _ in fold.lost.values()]
    return changed


def _author(said: Mapping[str, Any] | None) -> str | None:
    cause = (said or {}).get("cause")
    by = cause.get("by") if isinstance(cause, Mapping) else None
    return by if isinstance(by, str) else None
