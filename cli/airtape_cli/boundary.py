"""The one place where errors become text on stderr and an exit code; no command prints its own."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NoReturn

import click

from airtape.errors import CommError, Error, LogFormatError, TargetError, UsageError
from airtape.sync.report import ExitCode, SyncReport
from airtape_cli.render.text import shown

INTERRUPTED: Final = 130
"""Ctrl+C, as shells count it: 128 and the number of the signal."""
OUTPUT_CLOSED: Final = 141
"""Whoever read the output went away: 128 and the number of SIGPIPE."""

_CODES: Final[tuple[tuple[type[Error], ExitCode], ...]] = (
    (UsageError, ExitCode.USAGE),
    (LogFormatError, ExitCode.INCOMPLETE),
    (TargetError, ExitCode.UNREACHABLE),
    (CommError, ExitCode.UNREACHABLE),
)


@contextmanager
def boundary(*, debug: bool) -> Iterator[None]:
    """Turn whatever a command raises into a message and an exit code.

    Args:
        debug: Write the traceback of a fault of our own to a file.

    Raises:
        SystemExit: With one of the documented exit codes.
    """
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Names and curves that the terminal's encoding lacks must not end a command.
            stream.reconfigure(errors="replace")
    try:
        yield
        sys.stdout.flush()
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except BrokenPipeError:
        forget_stdout()
        sys.exit(OUTPUT_CLOSED)
    except KeyboardInterrupt:
        # Behind the ^C that the terminal has echoed.
        _fail([""], INTERRUPTED)
    except Error as error:
        _fail(error_lines(error), exit_code_of(error))
    except OSError as error:
        where = "" if error.filename is None else f" ({shown(os.fsdecode(error.filename))})"
        _fail([f"Error: {error.strerror or error}{where}"], ExitCode.INTERNAL)
    except Exception as error:  # noqa: BLE001 - a fault of our own; users get no traceback
        _fail(_fault_lines(error, debug=debug), ExitCode.INTERNAL)


def error_lines(error: Error) -> list[str]:
    """Return what is said of an error: what, where, why and what to try."""
    lines = [f"Error: {shown(error.what)}"]
    for label, text in (("Where", error.where), ("Why", error.because), ("Try", error.hint)):
        if text:
            first, *others = text.splitlines()
            lines.append(f"  {label}: {shown(first)}")
            lines += (f"  {' ' * len(label)}  {shown(other)}" for other in others)
    return lines


def echo_errors(*reports: SyncReport, journal: Callable[[str], object] | None = None) -> None:
    """Write to stderr what kept whole syncs of the same paths from being done.

    Args:
        reports: The syncs.
        journal: Takes the same.
    """
    for report in reports:
        errors: list[Error] = []
        if report is reports[0]:
            errors += (
                UsageError("there is nothing at this path", where=path) for path in report.not_found
            )
        if report.target_error is not None:
            errors.append(report.target_error)
        for error in errors:
            text = "\n".join(error_lines(error))
            click.echo(text, err=True)
            if journal is not None:
                journal(text)


def exit_code_of(error: Error) -> ExitCode:
    """Return the exit code that an error means."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.INTERNAL)


def _fault_lines(error: Exception, *, debug: bool) -> list[str]:
    lines = [f"Error: a fault in tracker itself: {type(error).__name__}: {shown(str(error))}"]
    if debug:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", prefix="tracker-", suffix=".txt", delete=False
        ) as file:
            traceback.print_exception(error, file=file)
        return [*lines, f"  Where: the traceback is in {file.name}"]
    return [*lines, "  Try: the same with `tracker --debug …`, and report the traceback it writes"]


def _fail(lines: list[str], code: int) -> NoReturn:
    with suppress(OSError):
        click.echo("\n".join(lines), err=True)
    sys.exit(code)


def _open_closed_streams() -> None:
    """Let a stream that the command was started without (``>&-``) go to nowhere.

    Nothing else may get its number either, or a child would write its output into a file of ours.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - it is stdout or stderr until the process ends
            setattr(sys, name, nowhere)


def forget_stdout() -> None:
    """Let the interpreter flush what is left to nowhere, so that it does not complain."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
