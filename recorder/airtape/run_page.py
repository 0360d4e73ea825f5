"""A run as a page of HTML that needs nothing from elsewhere, for notebooks and for files.

Nothing of a run is taken for HTML, and the page forbids what it does not need: scripts, addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from airtape.chart import chart
from airtape.curves import Curve
from airtape.file_list import RunFile
from airtape.fold.keys import Tree, dotted
from airtape.html_text import escaped
from airtape.overview import Overview
from airtape.overview_facts import leaves_of, overview_facts, section_of
from airtape.page_style import STYLE
from airtape.value_text import local_time, shown, size_text, value_text

MAX_ROWS: Final = 100
"""Rows of each table; more would make a cell of a notebook slow to draw."""

MAX_CHARTS: Final = 200
MAX_VALUE: Final = 200
_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True, slots=True)
class PageData:
    """What a page shows of a run.

    Attributes:
        overview: What it is.
        curves: Its metrics, but the hidden ones.
        system: What was measured of the machine.
        files: Its files.
        output: The end of what it printed.
    """

    overview: Overview
    curves: Sequence[Curve] = ()
    system: Sequence[Curve] = ()
    files: Sequence[RunFile] = field(default=())
    output: str = ""


def page(data: PageData, *, folded: bool = False) -> str:
    """Return the page of a run as it is at this moment.

    Args:
        data: What it shows.
        folded: Whether tables are folded up, so that charts come first where there is little room.
    """
    run = data.overview
    title = shown(run.name or run.run_id or "run")
    state = run.state.name
    body = [
        f'<h1>{escaped(title)} <span class="state {state}">{state}</span></h1>',
        *_titled_table("Overview", [*overview_facts(run)], folded=folded),
        *_titled_table("Config", _texts(run.config), folded=folded),
        *_titled_table("Summary", _summary(run), folded=folded),
        *_charts(data.curves),
        *_system(data.system),
        *_alerts(run),
        *_titled_table("Files", [(file.path, size_text(file.size)) for file in data.files]),
        *_output(data.output),
        *_titled_table("Problems", [(problem, "") for problem in _problems(run)]),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{escaped(title)}</title><style>{STYLE}</style></head>"
        f"<body>{''.join(body)}</body></html>\n"
    )


def frame(html: str, *, height: int, hidden: bool) -> str:
    """Return a frame that holds a page, and lets nothing in it run.

    Args:
        html: The page.
        height: The height of the frame in pixels.
        hidden: Whether a button stands there until somebody presses it.
    """
    style = f"border:none;width:100%;height:{int(height)}px;"
    button = ""
    if hidden:
        show = "this.nextSibling.style.display='block';this.style.display='none';"
        button = f'<button onClick="{show}">Display run</button>'
        style += "display:none;"
    return f'{button}<iframe srcdoc="{escaped(html)}" sandbox="" style="{style}"></iframe>'


def _summary(run: Overview) -> list[tuple[str, str]]:
    names = {name: value for name, value in run.summary.items() if not name.startswith("_")}
    return _texts(names)


def _texts(tree: Tree) -> list[tuple[str, str]]:
    return [(dotted(key), value_text(value, MAX_VALUE)) for key, value in leaves_of(tree)]


def _titled_table(
    title: str, rows: Sequence[tuple[str, str]], *, folded: bool = False
) -> Iterator[str]:
    if rows:
        yield f"<details{'' if folded else ' open'}><summary><h2>{title}</h2></summary>"
        yield f"{_table(rows)}</details>"


def _table(rows: Iterable[tuple[str, str]]) -> str:
    cells = [f"<tr><td>{_cell(name)}</td><td>{_cell(text)}</td></tr>" for name, text in rows]
    if len(cells) > MAX_ROWS:
        cells[MAX_ROWS:] = [f"<tr><td>and {len(cells) - MAX_ROWS} more</td></tr>"]
    return f"<table>{''.join(cells)}</table>"


def _cell(text: str) -> str:
    text = shown(text)
    return escaped(text if len(text) <= MAX_VALUE else f"{text[: MAX_VALUE - 1]}…")


def _charts(curves: Sequence[Curve]) -> Iterator[str]:
    """Yield the charts, those of a section together; what has no section comes first."""
    if not curves:
        return
    yield "<h2>Charts</h2>"
    ordered = sorted(curves, key=lambda curve: (section_of(curve.name), curve.name))
    for section, group in groupby(ordered[:MAX_CHARTS], key=lambda curve: section_of(curve.name)):
        yield from _grid(section or "metrics", [*group])
    if len(ordered) > MAX_CHARTS:
        yield f"<p>and {len(ordered) - MAX_CHARTS} more</p>"


def _system(curves: Sequence[Curve]) -> Iterator[str]:
    if curves:
        yield "<h2>System</h2>"
        yield from _grid("over the time of the run", curves[:MAX_CHARTS])


def _grid(title: str, curves: Sequence[Curve]) -> Iterator[str]:
    yield f"<details open><summary>{escaped(shown(title))} ({len(curves)})</summary>"
    yield '<div class="grid">'
    for curve in curves:
        last = escaped(value_text(curve.last))
        name = escaped(shown(curve.name)[:MAX_VALUE])
        yield f"<figure><figcaption>{name}<b>{last}</b></figcaption>{chart(curve)}</figure>"
    yield "</div></details>"


def _alerts(run: Overview) -> Iterator[str]:
    rows = [
        (f"{local_time(alert.wall_ns)} {alert.level}", f"{alert.title}: {alert.text}")
        for alert in run.last_alerts
    ]
    yield from _titled_table(f"Alerts: {run.alerts}", rows)


def _problems(run: Overview) -> list[str]:
    # A problem may be noted while the history is read, and then be among the damage too.
    damage = [f"{log}: {damage}" for log, damage in run.damage]
    return [*dict.fromkeys([*run.problems, *damage])]


def _output(text: str) -> Iterator[str]:
    if text:
        lines = (escaped(shown(line)) for line in text.split("\n"))
        yield f"<h2>Logs</h2><pre>{chr(10).join(lines)}</pre>"
