"""Changing one setting in a settings file, and nothing else of it."""

from __future__ import annotations

import re
from configparser import Error as ConfigParserError
from configparser import RawConfigParser
from typing import Final

from airtape.errors import UsageError

_SECTION: Final = re.compile(r"\[(?P<name>[^]]*)\]")


def with_setting(text: str, name: str, value: str | None) -> str:
    """Return a settings file in which a setting of the section ``[default]`` has another value.

    Comments, other settings and their order stay.

    Args:
        text: The file; may be empty.
        name: The setting.
        value: Its value, None to leave it unsaid.

    Raises:
        UsageError: The file says it in a way that is not understood here.
    """
    own = re.compile(rf"{re.escape(name)}\s*([=:]|$)", re.IGNORECASE)
    lines: list[str] = []
    here = is_own = False
    place = None
    for line in text.splitlines():
        section = _SECTION.match(line)
        if section is not None:
            here = section["name"] == "default"
        if is_own and line[:1].isspace() and line.strip():
            continue  # what goes on with the old value
        is_own = here and own.match(line) is not None
        if not is_own:
            lines.append(line)
        if here and (section is not None or is_own):
            place = len(lines)
    if value is not None:
        if place is None:
            lines.append("[default]")
            place = len(lines)
        lines.insert(place, f"{name} = {value}")
    changed = "".join(f"{line}\n" for line in lines)
    if _said(changed, name) != value:
        raise UsageError(
            f"the setting {name} cannot be changed in this file", hint="Change it with an editor."
        )
    return changed


def _said(text: str, name: str) -> str | None:
    parser = RawConfigParser()
    try:
        parser.read_string(text)
        return parser.get("default", name, fallback=None)
    except ConfigParserError as error:
        return f"nothing: {error}"
