"""What a run measured of its machine: of each number the course and the extremes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from airtape.sparkline import sparkline
from airtape.system_samples import SystemSample, series_of
from airtape_cli.render.lines import Column, Line, Span, table
from airtape_cli.render.text import shortened, span_text, value_text

_TITLES = (
    Column("name"),
    Column("last", "right"),
    Column("lowest", "right"),
    Column("highest", "right"),
    Column("course"),
)


def system_lines(samples: Sequence[SystemSample], keys: Collection[str]) -> Iterator[Line]:
    """Yield what was measured as text.

    Args:
        samples: The samples.
        keys: Names of what is shown; everything where there are none.
    """
    if not samples:
        yield [Span("Nothing was measured of the machine.")]
        return
    spans = samples[-1].timestamp - samples[0].timestamp
    yield [Span(f"Samples: {len(samples)} within {span_text(max(0.0, spans))}", "bold")]
    rows = []
    for name, points in sorted(series_of(_chosen(samples, keys)).items()):
        values = [value for _, value in points]
        numbers = [Span(value_text(value)) for value in (values[-1], min(values), max(values))]
        rows.append([Span(shortened(name)), *numbers, Span(sparkline(values), "cyan")])
    yield from ([Span("  "), *line] for line in table(_TITLES, rows))


def system_shape(samples: Sequence[SystemSample], keys: Collection[str]) -> dict[str, Any]:
    """Return what was measured as ``--json`` prints it; see `system_lines`."""
    return {
        "samples": [
            {"writer": sample.writer or None, **sample.as_row()}
            for sample in _chosen(samples, keys)
        ]
    }


def _chosen(samples: Sequence[SystemSample], keys: Collection[str]) -> list[SystemSample]:
    if not keys:
        return list(samples)
    return [
        sample._replace(
            values={name: sample.values[name] for name in sample.values if name in keys}
        )
        for sample in samples
    ]
