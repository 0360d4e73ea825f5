"""The `tracker` command: the group that holds its commands."""

from __future__ import annotations

import os

import click

from airtape.version import __version__
from airtape_cli.boundary import boundary
from airtape_cli.commands.bundle import bundle
from airtape_cli.commands.clean import clean
from airtape_cli.commands.config import config
from airtape_cli.commands.cron import cron
from airtape_cli.commands.delete import delete
from airtape_cli.commands.diff import diff
from airtape_cli.commands.doctor import doctor
from airtape_cli.commands.edit import edit
from airtape_cli.commands.export import export
from airtape_cli.commands.fetch import fetch
from airtape_cli.commands.gc import gc
from airtape_cli.commands.log_dump import log_dump
from airtape_cli.commands.ls import ls
from airtape_cli.commands.mode import disabled, enabled, offline, online
from airtape_cli.commands.rebuild import rebuild
from airtape_cli.commands.receipt import receipt
from airtape_cli.commands.repair import repair
from airtape_cli.commands.scrub import scrub
from airtape_cli.commands.show import show
from airtape_cli.commands.status import status
from airtape_cli.commands.stop import stop
from airtape_cli.commands.sync import sync
from airtape_cli.commands.target import target
from airtape_cli.commands.targets import targets
from airtape_cli.commands.verify import verify


class Tracker(click.Group):
    """The group of commands, with the boundary for errors around each of them."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command that was asked for."""
        # Nothing that a command makes is writable for everybody, whatever the umask says.
        os.umask(os.umask(0o077) | 0o002)
        with boundary(debug=bool(ctx.params.get("debug"))):
            return super().invoke(ctx)


@click.group(
    cls=Tracker,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, package_name="airtape", prog_name="tracker")
@click.option(
    "--debug", is_flag=True, help="Write the traceback of a fault in tracker itself to a file."
)
def main(debug: bool) -> None:
    """Sync, list and read the runs that airtape recorded.

    Runs are read where they were recorded, below ./wandb unless you name another place. Nothing
    here changes what was recorded; `delete` removes runs as a whole, `clean` the logs of those that
    targets hold.

    \b
    Exit codes:
      0    done, or nothing to do
      1    a fault in tracker itself, or output that cannot be written
      2    a wrong argument, or a path that does not exist
      3    a run that is damaged or cannot be read
      4    a target that cannot be reached or written
      130  stopped by Ctrl+C
    """  # noqa: D301 - \b tells click to keep the lines below it


for command in (
    *(sync, status, ls, show, diff, export, fetch, edit, stop, delete),
    *(verify, repair, log_dump, rebuild),
    *(receipt, bundle, clean, gc, scrub, cron),
    *(doctor, config, target, targets, offline, online, disabled, enabled),
):
    main.add_command(command)
