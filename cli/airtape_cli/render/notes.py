"""Remarks beside the output: they go to stderr, so that what is piped on stays clean."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

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


def clash_notes(runs: Iterable[Overview]) -> list[str]:
    """Return a sentence for each path that stands for runs which know nothing of another."""
    begun: dict[str, dict[bytes, Path]] = {}
    for run in runs:
        for header, _ in run.writers:
            places = begun.setdefault(run.path, {})
            places.setdefault(header.root or header.writer, run.directory)
    return [
        f"{path} stands for {len(places)} different runs: {', '.join(map(str, places.values()))}"
        for path, places in begun.items()
        if len(places) > 1
    ]
