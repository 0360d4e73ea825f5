"""The overview of a run as text, under the names that the documents give its parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from airtape.file_list import RunFile
from airtape.fold.keys import Key, dotted
from airtape.overview import Overview
from airtape.overview_facts import definitions_of, leaves_of, overview_facts, section_of
from airtape.sparkline import sparkline
from airtape_cli.render.edits import edit_lines
from airtape_cli.render.lines import Line, Span, aligned
from airtape_cli.render.notes import health_notes
from airtape_cli.render.text import (
    STATE_STYLES,
    local_time,
    shortened,
    shown,
    size_text,
    value_text,
)

MOST_FILES = 50
MOST_ALERT_TEXT = 200
ALERT_STYLES = {"WARN": "yellow", "ERROR": "red"}
INDENT = Span("  ")


def overview_lines(run: Overview, files: Sequence[RunFile]) -> Iterator[Line]:
    """Yield what is known of a run; what nobody said is left out."""
    yield [Span(shown(run.name or run.run_id or str(run.directory)), "bold")]
    yield from _indented(
        [
            [
                Span(label, "dim"),
                Span(shown(text), STATE_STYLES[run.state.name] if label == "State" else ""),
            ]
            for label, text in overview_facts(run)
        ]
    )
    if run.config:
        yield from _titled("Config")
        rows = [[_key(key), Span(value_text(value))] for key, value in leaves_of(run.config)]
        yield from _indented(rows)
    yield from _summary_lines(run)
    if run.alerts:
        yield from _alert_lines(run)
    edits = [*edit_lines(run)]
    if edits:
        yield from _titled("Edits")
        yield from _indented(edits)
    if files:
        yield from _file_lines(files)
    problems = health_notes(run)
    if problems:
        yield from _titled("Problems")
        yield from _indented([[Span(shown(problem), "red")] for problem in problems])


def _summary_lines(run: Overview) -> Iterator[Line]:
    values = {dotted(key): value_text(value) for key, value in leaves_of(run.summary)}
    curves: dict[str, str] = {}
    for key, trace in _plotted(run):
        name = dotted(key)
        # Of a metric with several values, such as x.min and x.max, the first one gets the curve.
        shown_as = next((other for other in values if other.startswith(f"{name}.")), name)
        curves[name if name in values else shown_as] = sparkline(trace)
    names = sorted(name for name in values | curves if not name.startswith("_"))
    for section in sorted({section_of(name) for name in names}):
        yield from _titled(f"Summary: {shown(section)}" if section else "Summary")
        yield from _indented(
            [
                [
                    Span(shortened(name.removeprefix(f"{section}/"))),
                    Span(values.get(name, "")),
                    Span(curves.get(name, ""), "cyan"),
                ]
                for name in names
                if section_of(name) == section
            ]
        )


def _plotted(run: Overview) -> Iterator[tuple[Key, list[float]]]:
    definitions = definitions_of(run)
    for key, trace in run.traces.items():
        definition = definitions.find(key)
        if len(trace) > 1 and not (definition is not None and definition.hidden):
            yield key, trace


def _alert_lines(run: Overview) -> Iterator[Line]:
    kept = run.last_alerts
    yield from _titled(f"Alerts: {run.alerts}")
    yield from _indented(
        [
            [
                Span(local_time(alert.wall_ns), "dim"),
                Span(shown(alert.level), ALERT_STYLES.get(alert.level, "")),
                Span(shortened(alert.title)),
                Span(shortened(alert.text, MOST_ALERT_TEXT)),
            ]
            for alert in kept
        ]
    )
    if run.alerts > len(kept):
        yield [INDENT, Span(f"and {run.alerts - len(kept)} before; log-dump shows them", "dim")]


def _file_lines(files: Sequence[RunFile]) -> Iterator[Line]:
    total = size_text(sum(file.size for file in files))
    yield from _titled(f"Files: {len(files)}, {total}")
    rows = [[Span(shown(file.path)), Span(size_text(file.size))] for file in files[:MOST_FILES]]
    yield from _indented(rows)
    if len(files) > MOST_FILES:
        yield [INDENT, Span(f"and {len(files) - MOST_FILES} more; --json lists them all", "dim")]


def _key(key: Key) -> Span:
    return Span(shortened(dotted(key)), "dim")


def _titled(title: str) -> Iterator[Line]:
    yield []
    yield [Span(title, "bold")]


def _indented(rows: Sequence[Sequence[Span]]) -> list[Line]:
    return [[INDENT, *line] for line in aligned(rows)]
