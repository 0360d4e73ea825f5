from __future__ import annotations

import logging
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import airtape
from airtape.errors import InvalidDataError, UsageError
from airtape.records import Kind
from airtape_cli.main import main
from tests.processes import RunPython
from tests.recording import StartRun, recorded

LINES_AND_A_KILL = """
import os, signal
import airtape
run = airtape.init(project="tests", settings={"disable_metadata": True, "silent": True})
run.write_logs("still here")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def run(start_run: StartRun) -> airtape.Run:
    """A run that records output."""
    return start_run(settings={"disable_console": False, "silent": True})


def _said(run: airtape.Run) -> list[tuple[Any, ...]]:
    return [record.fields for record in recorded(run).of(Kind.CONSOLE)]


def _shown(run: airtape.Run) -> str:
    return Path(run.dir, "output.log").read_text()


def test_a_line_is_in_the_log_when_the_call_returns(
    run: airtape.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is a stream of its own, and nothing of it is printed."""
    run.write_logs("epoch 1")
    assert _said(run) == [("logs", "epoch 1\n")]
    assert capsys.readouterr() == ("", "")


def test_each_text_is_whole_lines(run: airtape.Run) -> None:
    """The last one needs no line break; an empty text is an empty line, as with W&B."""
    for text in ("one\ntwo", "three\n", "", "\nfive"):
        run.write_logs(text)
    run.finish()
    assert _shown(run) == "one\ntwo\nthree\n\n\nfive\n"


def test_a_line_does_not_come_into_another_that_is_being_printed(run: airtape.Run) -> None:
    """The progress bar goes on where it was."""
    sys.stdout.write("10%")
    run.write_logs("checkpoint saved")
    sys.stdout.write("\r100%\n")
    run.finish()
    assert _shown(run) == "checkpoint saved\n100%\n"


@pytest.mark.parametrize("settings", [{"console": "off"}, {"disable_console": True}])
def test_it_works_where_output_is_not_recorded(
    start_run: StartRun, settings: dict[str, object]
) -> None:
    """The program says itself what it wants to have there."""
    run = start_run(settings={"disable_console": False, "silent": True, **settings})
    sys.stderr.write("not this\n")
    run.write_logs("but this")
    run.finish()
    assert _shown(run) == "but this\n"


def test_a_traceback_is_output_only_where_output_is_recorded(start_run: StartRun) -> None:
    """Where it is not, a block that ends in an error leaves the lines of the program alone."""
    run = start_run(settings={"console": "off", "disable_console": False, "silent": True})
    run.write_logs("before")
    with pytest.raises(ZeroDivisionError), run:
        raise ZeroDivisionError
    assert _shown(run) == "before\n"


def test_a_handler_of_logging_can_write_there(run: airtape.Run) -> None:
    """With a formatter's text, which has no line break."""

    class Handler(logging.Handler):
        """Gives lines to the run."""

        def emit(self, record: logging.LogRecord) -> None:
            run.write_logs(self.format(record))

    logger = logging.getLogger("tests.write_logs")
    logger.addHandler(Handler())
    logger.warning("loss is %s", "nan")
    run.finish()
    logger.handlers.clear()
    assert _shown(run) == "loss is nan\n"


def test_secrets_are_taken_out(run: airtape.Run) -> None:
    """As of everything else that is recorded."""
    run.write_logs("key ghp_" + "a1B2c3D4e5F6" * 3)
    run.finish()
    assert _shown(run) == "key [redacted: GitHub token]\n"


def test_show_has_the_lines(run: airtape.Run) -> None:
    """With all the others, in the order of time."""
    sys.stderr.write("printed\n")
    run.write_logs("added")
    run.finish()
    shown = CliRunner().invoke(main, ["show", "--logs", run.sync_dir])
    assert shown.stdout == "printed\nadded\n"


def test_a_line_survives_a_kill(workdir: Path, run_python: RunPython) -> None:
    """It was in the log before."""
    run_python(LINES_AND_A_KILL, cwd=workdir, returncode=-signal.SIGKILL)
    (root,) = workdir.glob("wandb/run-*")
    shown = CliRunner().invoke(main, ["show", "--logs", str(root)])
    assert shown.stdout == "still here\n"


def test_what_is_no_text_is_refused(run: airtape.Run) -> None:
    """With a word on what to do."""
    with pytest.raises(InvalidDataError, match=r"takes text, not bytes"):
        run.write_logs(b"bytes")  # type: ignore[arg-type]  # the point of it


def test_after_the_end_it_is_refused(run: airtape.Run) -> None:
    """Like each call that would record something."""
    run.finish()
    with pytest.raises(UsageError, match="finished"):
        run.write_logs("late")


def test_a_disabled_run_takes_it(start_run: StartRun) -> None:
    """And does nothing."""
    start_run(mode="disabled").write_logs("anything")
