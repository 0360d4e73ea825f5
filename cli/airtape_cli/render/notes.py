"""Remarks beside the output: they go to stderr, so that what is piped on stays clean."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from airtape.overview import Overview
from airtape_cli.render.text import shown


def echo_note(text: str) -> None:
    """Write one remark."""
    click.echo(f"Note: {shown(text.replace(chr(10), ' '))}", err=True)


def health_notes(run: Overview) -> list[str]:
    """Return what is wrong with a run, in sentences."""
    notes = [*run.problems, *(f"{log}, {damage}" for log, damage in run.damage)]
    if run.incomplete and run.writers and run.state.name != "running":
        notes.append("the log ends in the middle of a record, which is lost")
    return notes


class Clashes:
    """Paths that stand for runs which know nothing of another."""

    def __init__(self) -> None:
        self._places: dict[str, dict[bytes, list[Path]]] = {}

    def add(self, run: Overview) -> None:
        """Look at one more run."""
        if run.writers:
            header = run.writers[-1].header
            places = self._places.setdefault(run.path, {})
            places.setdefault(header.root or header.writer, run.directories)

    def notes(self) -> list[str]:
        """Return a sentence for each path that several runs have taken."""
        return [
            f"{path} stands for {len(places)} different runs: "
            f"{', '.join(' + '.join(map(str, directories)) for directories in places)}"
            for path, places in self._several()
        ]

    def shapes(self) -> list[dict[str, Any]]:
        """Return each such path with the directories of each of its runs."""
        return [
            {"path": path, "runs": [[str(path) for path in directories] for directories in places]}
            for path, places in self._several()
        ]

    def _several(self) -> Iterator[tuple[str, list[list[Path]]]]:
        for path, places in self._places.items():
            if len(places) > 1:
                yield path, [*places.values()]
