"""`tracker verify`: what is whole, torn, damaged or missing in the logs of runs."""

from __future__ import annotations

import click

from airtape.errors import UsageError
from airtape.named_logs import find_logs
from airtape.sync.report import ExitCode
from airtape.verify import verify as verify_logs
from airtape_cli.boundary import error_lines
from airtape_cli.options import default_folder, json_option
from airtape_cli.render.shapes import echo_json
from airtape_cli.render.text import shown
from airtape_cli.render.verify_report import closing_line, run_lines, run_shape


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@json_option
@click.pass_context
def verify(context: click.Context, *, paths: tuple[str, ...], as_json: bool) -> None:
    """Say what is whole, torn, damaged or missing in the logs.

    PATH is a run directory, a folder of them such as ./wandb, a single log (*.txlog) or a pattern;
    ./wandb if you name none. Nothing is changed. The end of a log that is being written, or whose
    writer was killed, is no damage; neither is damage that costs no record. See docs/DAMAGE.md.

    \b
    Examples:
      tracker verify
      tracker verify ./wandb/run-20261120_101112-ab12cd34
      tracker verify --json '/scratch/*/wandb' | jq '.runs[] | select(.whole | not).directory'

    \b
    Exit codes:
      0  every log is whole
      1  a fault in tracker itself
      2  a wrong argument, or a path that does not exist
      3  records are lost or damaged, or a log cannot be read
    """  # noqa: D301 - \b tells click to keep the lines below it
    chosen = paths or (str(default_folder()),)
    named = find_logs(chosen)
    runs = []
    for run in verify_logs(named.logs):
        runs.append(run)
        if not as_json:
            for line in run_lines(run):
                click.echo(line)
    not_found = named.not_found if paths else []
    whole = not named.problems and all(run.is_whole for run in runs)
    code = ExitCode.USAGE if not_found else ExitCode.OK if whole else ExitCode.INCOMPLETE
    if as_json:
        problems = [{"path": str(bad.path), "reason": bad.reason} for bad in named.problems]
        echo_json(
            {
                "exit_code": int(code),
                "runs": [run_shape(run) for run in runs],
                "problems": problems,
                "not_found": not_found,
            }
        )
    else:
        for bad in named.problems:
            click.echo(f"Damaged: {shown(str(bad.path))}\n  {shown(bad.reason)}")
        if runs or named.problems:
            click.echo(closing_line(runs, len(named.problems)))
        elif not not_found:
            click.echo(f"No runs in {shown(', '.join(chosen))}.")
    for path in not_found:
        error = UsageError("there is nothing at this path", where=path)
        click.echo("\n".join(error_lines(error)), err=True)
    context.exit(code)
