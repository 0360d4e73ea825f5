"""`tracker verify`: what is whole, torn, damaged or missing in the logs of runs."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing

import click

from airtape.backends.registry import open_backend
from airtape.errors import UsageError
from airtape.named_logs import find_logs
from airtape.run_search import Found, find_run_dirs
from airtape.sync.compare import compare
from airtape.sync.report import ExitCode
from airtape.targets import without_password
from airtape.verify import verify as verify_logs
from airtape_cli.aside import with_asides
from airtape_cli.boundary import error_lines
from airtape_cli.options import default_folder, json_option, named_target
from airtape_cli.render.comparison import closing_sentence, comparison_lines, comparison_shape
from airtape_cli.render.shapes import echo_json
from airtape_cli.render.text import shown
from airtape_cli.render.verify_report import closing_line, run_lines, run_shape


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--against",
    "target",
    type=named_target,
    metavar="TARGET",
    help="Compare this target with the logs, record by record; a name or URL.",
)
@json_option
@click.pass_context
def verify(
    context: click.Context, *, paths: tuple[str, ...], target: str | None, as_json: bool
) -> None:
    """Say what is whole, torn, damaged or missing in the logs.

    PATH is a run directory, a folder of them such as ./wandb, a single log (*.txlog) or a pattern;
    ./wandb if you name none. Nothing is changed. The end of a log that is being written, or whose
    writer was killed, is no damage; neither is damage that costs no record. See docs/DAMAGE.md.

    With --against it is said instead whether a target holds exactly what can be read of the logs:
    every value, time, record, config and summary. `tracker sync` brings what it lacks.

    \b
    Examples:
      tracker verify
      tracker verify ./wandb/run-20261120_101112-ab12cd34
      tracker verify --against sqlite:./wandb/tracker.db
      tracker verify --json '/scratch/*/wandb' | jq '.runs[] | select(.whole | not).directory'

    \b
    Exit codes:
      0  every log is whole
      1  a fault in tracker itself
      2  a wrong argument, or a path that does not exist
      3  records are lost or damaged, a log cannot be read, or the target holds something else
      4  the target cannot be reached
    """  # noqa: D301 - \b tells click to keep the lines below it
    chosen = paths or (str(default_folder()),)
    if target is not None:
        found = with_asides(find_run_dirs(chosen), default_folder())
        context.exit(_compare(found, target, named=bool(paths), as_json=as_json))
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
    _echo_not_found(not_found)
    context.exit(code)


def _compare(found: Found, target: str, *, named: bool, as_json: bool) -> ExitCode:
    """Compare the runs with a target, and say what comes of it."""
    not_found = found.not_found if named else []
    comparisons = []
    with closing(open_backend(target)) as backend:
        for one in compare(found.run_dirs, backend):
            comparisons.append(one)
            if not as_json:
                for line in comparison_lines(one):
                    click.echo(line)
    whole = not found.problems and all(one.verdict == "equal" for one in comparisons)
    code = ExitCode.USAGE if not_found else ExitCode.OK if whole else ExitCode.INCOMPLETE
    if as_json:
        problems = [{"path": str(bad.path), "reason": bad.reason} for bad in found.problems]
        shapes = [comparison_shape(one) for one in comparisons]
        said = {"exit_code": int(code), "target": without_password(target), "runs": shapes}
        echo_json({**said, "problems": problems, "not_found": not_found})
    else:
        for bad in found.problems:
            click.echo(f"Unreadable: {shown(str(bad.path))}\n  {shown(bad.reason)}")
        click.echo(closing_sentence(comparisons, len(found.problems), without_password(target)))
    _echo_not_found(not_found)
    return code


def _echo_not_found(paths: Iterable[str]) -> None:
    for path in paths:
        error = UsageError("there is nothing at this path", where=path)
        click.echo("\n".join(error_lines(error)), err=True)
