"""Keep the generated parts of the documentation equal to what generates them.

A part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->`` in any Markdown file of the
top folder or of ``docs/``; ``GENERATORS`` maps each name to the function that writes it. Without an
argument stale parts are listed and the exit code is 1; with ``--write`` they are written anew.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from docs.api_reference import api_reference

ROOT = Path(__file__).parent.parent
PART = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
WIDTH = 80


def command_reference() -> str:
    """The ``--help`` of the command and of each of its subcommands, as a terminal shows it."""
    from airtape_cli.main import main  # noqa: PLC0415 - the other parts do without the command

    return "".join(_help(main, click.Context(main, info_name="tracker", terminal_width=WIDTH)))


def _help(command: click.Command, context: click.Context, level: int = 2) -> Iterator[str]:
    yield f"{'#' * level} {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                below = click.Context(child, context, info_name=name, terminal_width=WIDTH)
                yield from _help(child, below, level + 1)


GENERATORS: dict[str, Callable[[], str]] = {
    "api-reference": api_reference,
    "command-reference": command_reference,
}


def renewed(text: str) -> str:
    """Return a page with each of its generated parts as its generator writes it now."""
    return PART.sub(lambda part: f"{part[1]}\n{GENERATORS[part[2]]()}{part[3]}", text)


def main() -> int:
    """Check or, with ``--write``, renew every page; return the exit code."""
    write = sys.argv[1:] == ["--write"]
    stale = []
    for page in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]):
        text = page.read_text(encoding="utf-8")
        fresh = renewed(text)
        if fresh != text:
            stale.append(page.relative_to(ROOT))
            if write:
                page.write_text(fresh, encoding="utf-8")
    for page in stale:
        print(f"{page} {'is written anew' if write else 'is out of date; run: make docs'}")
    return 1 if stale and not write else 0


if __name__ == "__main__":
    sys.exit(main())
