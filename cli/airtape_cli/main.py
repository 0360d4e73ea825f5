"""The `tracker` command: the group that holds its commands."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Final

import click

from airtape.version import __version__
from airtape_cli.boundary import boundary

_MODULES: Final = {
    **{
        name: name.replace("-", "_")
        for name in (
            *("bundle", "clean", "config", "cron", "delete", "diff", "doctor", "edit", "export"),
            *("fetch", "gc", "log-dump", "ls", "rebuild", "receipt", "repair", "scrub", "show"),
            *("status", "stop", "sync", "target", "targets", "verify"),
        )
    },
    **dict.fromkeys(("disabled", "enabled", "offline", "online"), "mode"),
}
"""The module of each command."""


class Tracker(click.Group):
    """The group of commands, with the boundary for errors around each of them.

    Only the command that was asked for is loaded: all of them take longer than a sync that finds
    nothing new, and many such syncs may start at the same minute.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, sorted."""
        return sorted({*super().list_commands(ctx), *_MODULES})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, None if there is none of that name."""
        if cmd_name not in self.commands and cmd_name in _MODULES:
            module = import_module(f"airtape_cli.commands.{_MODULES[cmd_name]}")
            self.add_command(getattr(module, cmd_name.replace("-", "_")))
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that was asked for."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            # With all of them loaded, the error names those that may have been meant.
            for name in self.list_commands(ctx):
                self.get_command(ctx, name)
            return super().resolve_command(ctx, args)

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
    here changes what was recorded but `scrub`, which takes a text out of a run; `delete` removes
    runs as a whole, `clean` the logs of those that targets hold.

    \b
    Exit codes:
      0    done, or nothing to do
      1    a fault in tracker itself, or output that cannot be written
      2    a wrong argument, or a path that does not exist
      3    a run that is damaged or cannot be read
      4    a target that cannot be reached or written
      5    other syncs hold every run
      6    a sync ended with work left
      130  stopped by Ctrl+C
      141  whoever read the output stopped reading
    """  # noqa: D301 - \b tells click to keep the lines below it
