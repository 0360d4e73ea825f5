"""`tracker config`: which settings hold here, and where each comes from."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import click

from airtape.errors import UsageError
from airtape.records import Plain
from airtape.settings import SETTINGS, Settings
from airtape.settings_names import ALIASES
from airtape.settings_sources import resolve_settings
from airtape_cli.options import json_option
from airtape_cli.render.lines import Column, Span, echo_lines, table
from airtape_cli.render.notes import echo_note
from airtape_cli.render.shapes import echo_json
from airtape_cli.render.text import shown

HIDDEN: Final = "***"
_COLUMNS: Final = (Column("SETTING"), Column("VALUE"), Column("SOURCE"))


@click.command()
@click.argument("name", required=False)
@json_option
def config(*, name: str | None, as_json: bool) -> None:
    """Show each setting with its value and where that comes from.

    NAME is a single setting. What init() is given counts over all that is shown here; then come
    variables, ./wandb/settings, the files of the project and of the user, and defaults. What may
    hold a password is shown as ***.

    \b
    Examples:
      tracker config
      tracker config mode
      tracker config --json | jq .settings.mode.value
    """  # noqa: D301 - \b tells click to keep the lines below it
    settings, sources = resolve_settings({}, environ=os.environ, cwd=Path.cwd())
    names = [*SETTINGS] if name is None else [_known(name)]
    if as_json:
        shapes = {
            one: {
                "value": _value(settings, one),
                "source": sources[one],
                "meaning": SETTINGS[one].meaning,
                "secret": SETTINGS[one].secret,
            }
            for one in names
        }
        echo_json({"settings": shapes, "notices": list(settings.notices)})
        return
    rows = [
        [Span(one, "bold"), Span(shown(_text(settings, one))), Span(shown(sources[one]), "dim")]
        for one in names
    ]
    echo_lines(table(_COLUMNS, rows))
    if name is not None:
        click.echo(f"\n{SETTINGS[names[0]].meaning}")
    for notice in settings.notices:
        echo_note(notice)


def _known(name: str) -> str:
    """Return the name of a setting, by whatever W&B or `init` call it.

    Raises:
        UsageError: There is no such setting.
    """
    known = ALIASES.get(name, name)
    if known not in SETTINGS:
        near = get_close_matches(name, SETTINGS, n=1)
        hint = f"Did you mean {near[0]}?" if near else "`tracker config` lists all of them."
        raise UsageError(f"there is no setting {name!r}", hint=hint)
    return known


def _value(settings: Settings, name: str) -> Plain:
    value = getattr(settings, name)
    if value is None:
        return None
    if SETTINGS[name].secret:
        return HIDDEN
    if name == "file_mode":
        return f"{value:o}"
    plain: Plain = list(value) if isinstance(value, tuple) else value
    return plain


def _text(settings: Settings, name: str) -> str:
    value = _value(settings, name)
    if value is None or value == []:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
