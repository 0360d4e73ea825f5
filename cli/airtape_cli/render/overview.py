"""The overview of a run as text, under the names that the documents give its parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from airtape.file_list import RunFile
from airtape.fold.keys import Key, Tree, dotted
from airtape.fold.metrics import Metrics
from airtape.overview import Overview
from airtape.records import Plain
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
    span_text,
    value_text,
)

MOST_FILES = 50
MOST_ALERT_TEXT = 200
ALERT_STYLES = {"WARN": "yellow", "ERROR": "red"}
INDENT = Span("  ")


def overview_lines(run: Overview, files: Sequence[RunFile]) -> Iterator[Line]:
    """Yield what is known of a run; what nobody said is left out."""
    yield [Span(shown(run.name or run.run_id or str(run.directory)), "bold")]
    yield from _indented([[Span(label, "dim"), value] for label, value in _facts(run)])
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


def section_of(name: str) -> str:
    """Return the section of a metric: what stands before its last slash; empty without one."""
    return name.rpartition("/")[0]


def _facts(run: Overview) -> Iterator[tuple[str, Span]]:
    machine = run.machine
    began_ns, runtime = run.began_ns, run.runtime_s
    said: list[tuple[str, str | None]] = [
        ("Run path", run.path),
        ("Description", run.notes),
        ("Tags", ", ".join(run.tags)),
        ("Author", machine.author),
        ("State", str(run.state)),
        ("Cleaned", None if run.cleaned_ns is None else local_time(run.cleaned_ns)),
        ("Start time", None if began_ns is None else local_time(began_ns)),
        ("Runtime", None if runtime is None else span_text(runtime)),
        ("Duration", None if runtime is None else span_text(run.duration_s)),
        ("Group", run.group),
        ("Job type", run.job_type),
        ("Command", machine.command),
        ("Git repository", machine.git_repository),
        ("Git commit", machine.git_commit),
        ("Host name", machine.host),
        ("OS", machine.os),
        ("Python version", machine.python),
        ("Python executable", machine.executable),
        ("System hardware", _hardware(machine.hardware)),
        ("Library version", run.library),
        ("Steps", _steps(run)),
        ("Writers", _writers(run)),
        ("Directory", ", ".join(map(str, run.directories))),
    ]
    for label, text in said:
        if text:
            style = STATE_STYLES[run.state.name] if label == "State" else ""
            yield label, Span(shown(text.replace("\n", " ")), style)


def _steps(run: Overview) -> str:
    if run.last_step is None:
        return "none logged"
    dropped = f", {run.dropped} dropped" if run.dropped else ""
    return f"up to {run.last_step}, {run.rows} {'row' if run.rows == 1 else 'rows'}{dropped}"


def _writers(run: Overview) -> str:
    if len(run.writers) == 1:
        return ""
    return ", ".join(
        header.label or f"{header.role} {header.host}:{header.pid}" for header, _ in run.writers
    )


def _hardware(hardware: Mapping[str, Plain]) -> str:
    said = []
    for name, value in hardware.items():
        if name.endswith("_bytes") and isinstance(value, int):
            said.append(f"{name.removesuffix('_bytes').replace('_', ' ')} {size_text(value)}")
        else:
            said.append(f"{name.replace('_', ' ')} {value_text(value)}")
    return ", ".join(said)


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
    definitions = Metrics(
        {said.name: said for said in run.metrics if not said.glob},
        {said.name: said for said in run.metrics if said.glob},
    )
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


def leaves_of(tree: Tree) -> Iterator[tuple[Key, Plain]]:
    """Yield each value with its key; a dictionary that stands for a file is one value."""
    stack: list[tuple[tuple[str, ...], Plain]] = [((), tree)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict) and value and "_type" not in value:
            stack += [((*path, name), below) for name, below in reversed(value.items())]
        elif path:
            yield (path[0] if len(path) == 1 else path), value


def _key(key: Key) -> Span:
    return Span(shortened(dotted(key)), "dim")


def _titled(title: str) -> Iterator[Line]:
    yield []
    yield [Span(title, "bold")]


def _indented(rows: Sequence[Sequence[Span]]) -> list[Line]:
    return [[INDENT, *line] for line in aligned(rows)]
