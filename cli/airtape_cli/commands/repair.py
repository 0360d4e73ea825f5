"""`tracker repair`: clean copies of damaged logs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from airtape.errors import Error, LogFormatError, TargetError, UsageError
from airtape.named_logs import find_logs
from airtape.repair import repair as repair_logs
from airtape.sync.report import ExitCode
from airtape_cli.boundary import error_lines
from airtape_cli.options import json_option
from airtape_cli.render.repair_report import run_lines, run_shape
from airtape_cli.render.shapes import echo_json
from airtape_cli.render.text import shown


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--output", metavar="DIR", help="Write below this directory, not beside the logs.")
@click.option("--dry-run", is_flag=True, help="Only say what would be written.")
@json_option
@click.pass_context
def repair(
    context: click.Context,
    *,
    paths: tuple[str, ...],
    output: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Write clean copies of damaged logs beside them.

    PATH is a run directory, a folder of them, a single log (*.txlog) or a pattern. The damaged log
    is never touched. The copy has every record that is still whole. Syncing the damaged log and
    the copy doubles nothing. What is lost stays lost, and is named; sync and the other commands
    read damaged logs without a repair too. See docs/DAMAGE.md.

    \b
    Examples:
      tracker repair ./wandb/run-20261120_101112-ab12cd34
      tracker repair /readonly/wandb --output ./repaired --dry-run

    \b
    Exit codes:
      0  every damaged log has a clean copy, or there was nothing to repair
      1  a fault in tracker itself
      2  a wrong argument, or a path that does not exist
      3  a log cannot be read, so there is nothing to copy
      4  a copy cannot be written
    """  # noqa: D301 - \b tells click to keep the lines below it
    named = find_logs(paths)
    errors: list[Error] = [
        LogFormatError(bad.reason, where=str(bad.path)) for bad in named.problems
    ]
    shapes = []
    for one in named.logs:
        done = repair_logs(one, output=None if output is None else Path(output), dry_run=dry_run)
        errors += done.errors
        shapes.append(run_shape(done))
        if not as_json:
            for line in run_lines(done):
                click.echo(line)
    errors += [UsageError("there is nothing at this path", where=path) for path in named.not_found]
    code = _exit_code(errors)
    if as_json:
        problems = [{"path": str(bad.path), "reason": bad.reason} for bad in named.problems]
        echo_json(
            {
                "exit_code": int(code),
                "dry_run": dry_run,
                "runs": shapes,
                "problems": problems,
                "not_found": named.not_found,
            }
        )
    elif not named.logs and not errors:
        click.echo(f"No logs in {shown(', '.join(paths))}.")
    for error in errors:
        click.echo("\n".join(error_lines(error)), err=True)
    context.exit(code)


def _exit_code(errors: Iterable[Error]) -> ExitCode:
    kinds = set(map(type, errors))
    if UsageError in kinds:
        return ExitCode.USAGE
    if TargetError in kinds:
        return ExitCode.UNREACHABLE
    return ExitCode.INCOMPLETE if kinds else ExitCode.OK
