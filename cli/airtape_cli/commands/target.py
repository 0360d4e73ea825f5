"""`tracker target`: what the owner of a target does for it."""

from __future__ import annotations

import click

from airtape.backends.postgres_entry import compact_store, init_store
from airtape.targets import without_password
from airtape_cli.options import named_target
from airtape_cli.render.text import shown


@click.group()
def target() -> None:
    """Make the store of a PostgreSQL target, and keep it tidy.

    Both are for the owner of the store. Whoever syncs needs no more than to read and to insert.
    Other kinds of targets need neither.

    \b
    Examples:
      tracker target init postgresql://owner@db.lab/runs --grant trainer
      tracker target compact postgresql://owner@db.lab/runs
    """  # noqa: D301 - \b tells click to keep the lines below it


@target.command()
@click.argument("url", metavar="TARGET", type=named_target)
@click.option(
    "--grant",
    "roles",
    metavar="ROLE",
    multiple=True,
    help="A role that may sync into the store: it gets SELECT and INSERT. Repeatable.",
)
def init(*, url: str, roles: tuple[str, ...]) -> None:
    """Make a store of runs in a database.

    TARGET is the URL of a PostgreSQL database, or the name of one. The store is a schema of it,
    "airtape". One that is there already, of an earlier version, is brought up to date; what it
    holds stays.

    \b
    Examples:
      tracker target init postgresql://owner@db.lab/runs --grant trainer
      tracker sync --to postgresql://trainer@db.lab/runs

    \b
    Exit codes:
      0  the store is there
      2  this kind of target needs no such thing
      4  the database cannot be reached or written
    """  # noqa: D301 - \b tells click to keep the lines below it
    is_new = init_store(url, roles)
    place = shown(without_password(url))
    click.echo(f"{place} has a store of runs now." if is_new else f"{place} is up to date.")
    for role in roles:
        click.echo(f"{shown(role)} may sync into it.")


@target.command()
@click.argument("url", metavar="TARGET", type=named_target)
def compact(*, url: str) -> None:
    """Clear away what no longer counts in a store, and fill up its chunks.

    TARGET is the URL of a PostgreSQL database, or the name of one. Whoever syncs only adds: what
    is replaced or taken back later stays until this is run, once a night for example. Syncs may go
    on meanwhile. No value changes.

    \b
    Examples:
      tracker target compact postgresql://owner@db.lab/runs

    \b
    Exit codes:
      0  done
      2  this kind of target needs no such thing
      4  the database cannot be reached or written
    """  # noqa: D301 - \b tells click to keep the lines below it
    done = compact_store(url)
    click.echo(
        f"{done.runs} runs compacted, {done.removed} retracted ones removed;"
        f" {done.chunks} chunks, {done.chunks_before} before."
    )
