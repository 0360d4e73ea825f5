"""`tracker show`: everything that is known of one run, a tab at a time."""

from __future__ import annotations

from pathlib import Path

import click

from airtape.sync.report import ExitCode
from airtape_cli.locate import find_run
from airtape_cli.options import default_folder, folder_option, json_option, stale_option, vantage
from airtape_cli.render.notes import echo_note
from airtape_cli.tabs import TABS, Wanted


def _split(_: click.Context, __: click.Parameter, said: str | None) -> frozenset[str]:
    return frozenset(name for name in (said or "").split(",") if name)


@click.command()
@click.argument("run")
@click.option(
    "--tab",
    type=click.Choice(list(TABS)),
    default="overview",
    show_default=True,
    help="What of the run to show.",
)
@click.option("--logs", "tab", flag_value="logs", help="The same as --tab logs.")
@click.option(
    "--tail",
    type=click.IntRange(min=0),
    metavar="N",
    help="Only the last N rows, samples or lines.",
)
@click.option(
    "--keys", callback=_split, metavar="A,B", help="Only these metrics, of history and system."
)
@click.option(
    "--raw", is_flag=True, help="Output as it was written, with all that was written over."
)
@folder_option
@json_option
@stale_option
@click.pass_context
def show(
    context: click.Context,
    *,
    run: str,
    tab: str,
    tail: int | None,
    keys: frozenset[str],
    raw: bool,
    folder: str | None,
    as_json: bool,
    stale_after: float,
) -> None:
    """Show one run: what it is, its config, its summary and its files.

    RUN is a run directory, or the id, the name or the path (entity/project/id) of a run in
    ./wandb. A run that was resumed in further directories is shown as a whole, a directory alone.
    Metrics are grouped by what stands before the last slash of their names.

    \b
    Examples:
      tracker show likely-lion-9
      tracker show ./wandb/latest-run --logs
      tracker show ab12cd34 --tab history --keys loss,eval/acc --tail 5
      tracker show me/digits/ab12cd34 --json | jq .summary
    """  # noqa: D301 - \b tells click to keep the lines below it
    where = Path(folder) if folder is not None else default_folder()
    found = find_run(run, where, vantage(stale_after))
    noted: dict[str, None] = {}

    def report(text: str) -> None:
        noted[text] = None

    TABS[tab](found, Wanted(as_json, raw, tail, keys, report))
    for note in noted:
        echo_note(note)
    if noted:
        context.exit(ExitCode.INCOMPLETE)
