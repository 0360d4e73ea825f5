"""`tracker doctor`: what this machine can do, and what is set on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from airtape.doctor.finding import Finding
from airtape.doctor.folder import examine_folder
from airtape.doctor.machine import examine_machine
from airtape.redaction import Redaction
from airtape.run_search import find_run_dirs
from airtape.settings import SETTINGS
from airtape.settings_sources import DEFAULT, resolve_settings
from airtape.sync.report import ExitCode
from airtape.targets import named_targets, without_password
from airtape_cli.options import default_folder, json_option
from airtape_cli.render.lines import Line, Span, aligned, echo_lines
from airtape_cli.render.shapes import echo_json
from airtape_cli.render.text import shortened, shown

_STYLES: Final = {"good": "green", "poor": "yellow", "bad": "red"}
_HIDDEN: Final = "***"
_WIDEST: Final = 120


@click.command()
@click.option(
    "--in", "folder", metavar="PATH", help="The folder of runs to try; ./wandb if unsaid."
)
@json_option
@click.pass_context
def doctor(context: click.Context, *, folder: str | None, as_json: bool) -> None:
    """Try out what this machine can do, and say what is set.

    One screen, to be sent to whoever helps: the machine and what is installed, what the file system
    of ./wandb can do (in a folder that is removed again), the settings that somebody gave and where
    they come from, the targets that have names. Passwords, tokens and the like are taken out.

    \b
    Examples:
      tracker doctor
      tracker doctor --json > doctor.json

    \b
    Exit codes:
      0  recording and syncing work here; `poor` costs time, or a convenience
      2  a setting is wrong
      3  something is bad: it does not work here
    """  # noqa: D301 - \b tells click to keep the lines below it
    where = default_folder() if folder is None else Path(folder)
    findings = [*examine_machine(), *examine_folder(where), _runs(where)]
    redact = Redaction(os.environ, _home())
    settings = [_redacted(one, redact) for one in _settings()]
    targets, problems = _targets(where, redact)
    is_bad = any(found.state == "bad" for found in findings)
    code = ExitCode.INCOMPLETE if is_bad else ExitCode.OK
    if as_json:
        shapes = [{**found._asdict(), "detail": redact(found.detail, "")} for found in findings]
        echo_json(
            {
                "exit_code": int(code),
                "findings": shapes,
                "settings": settings,
                "targets": targets,
                "problems": [redact(problem, "") for problem in problems],
            }
        )
    else:
        echo_lines(_lines(findings, settings, targets, problems, redact))
    context.exit(code)


def _home() -> Path | None:
    home = os.environ.get("HOME")
    return Path(home) if home else None


def _runs(folder: Path) -> Finding:
    found = find_run_dirs([folder]) if folder.is_dir() else None
    if found is None:
        return Finding("runs", "good", "none yet")
    bad = f", {_directories(len(found.problems))} without a log" if found.problems else ""
    return Finding("runs", "good", f"{_directories(len(found.run_dirs), 'run ')}{bad}")


def _directories(count: int, kind: str = "") -> str:
    return f"{count} {kind}{'directory' if count == 1 else 'directories'}"


def _settings() -> Iterator[dict[str, Any]]:
    """Yield each setting that somebody gave, and where it comes from."""
    settings, sources = resolve_settings({}, environ=os.environ, cwd=Path.cwd())
    for name, source in sources.items():
        if source != DEFAULT:
            value = _HIDDEN if SETTINGS[name].secret else getattr(settings, name)
            yield {"name": name, "value": str(value), "source": source}
    for notice in settings.notices:
        yield {"name": "note", "value": notice, "source": ""}


def _redacted(setting: dict[str, Any], redact: Redaction) -> dict[str, Any]:
    return {name: redact(text, "") for name, text in setting.items()}


def _targets(folder: Path, redact: Redaction) -> tuple[list[dict[str, str]], list[str]]:
    found, problems = named_targets(os.environ, Path.cwd(), folder)
    shapes = [
        {
            "name": name,
            "url": redact(without_password(found[name].url), ""),
            "source": found[name].source,
        }
        for name in sorted(found)
    ]
    return shapes, problems


def _lines(
    findings: list[Finding],
    settings: list[dict[str, Any]],
    targets: list[dict[str, str]],
    problems: list[str],
    redact: Redaction,
) -> Iterator[Line]:
    rows = [
        [
            Span(found.state, _STYLES[found.state]),
            Span(found.name, "bold"),
            _cell(found.detail, redact),
        ]
        for found in findings
    ]
    yield from aligned(rows)
    yield [
        Span("Settings that somebody gave:" if settings else "All settings have their defaults.")
    ]
    yield from aligned(
        [
            [
                Span(f"  {one['name']}", "bold"),
                _cell(one["value"]),
                Span(shown(one["source"]), "dim"),
            ]
            for one in settings
        ]
    )
    yield [Span("Targets that have names:" if targets else "No target has a name here.")]
    yield from aligned(
        [
            [Span(f"  {one['name']}", "bold"), _cell(one["url"]), Span(shown(one["source"]), "dim")]
            for one in targets
        ]
    )
    for problem in problems:
        yield [_cell(problem, redact)]


def _cell(text: str, redact: Redaction | None = None) -> Span:
    return Span(shortened(text if redact is None else redact(text, ""), _WIDEST))
