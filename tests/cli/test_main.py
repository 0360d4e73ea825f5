from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import airtape_cli.commands
from airtape.errors import CommError, ConfigError, Error, LogFormatError, TargetError, UsageError
from airtape_cli.main import Tracker as TrackerGroup
from airtape_cli.main import main
from tests import logs
from tests.cli.conftest import MakeRun, Tracker
from tests.processes import TRACKER, RunTracker
from tests.terminals import on_terminal

MODULES = """
    import sys
    before = set(sys.modules)
    from click.testing import CliRunner
    from airtape_cli.main import main
    CliRunner().invoke(main, ["ls"])
    print(sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""


COMMANDS = """
    import sys
    from click.testing import CliRunner
    from airtape_cli.main import main
    CliRunner().invoke(main, ["sync", "--help"])
    print(sorted(name for name in sys.modules if name.startswith("airtape_cli.commands.")))
"""


def _fails_with(error: BaseException) -> TrackerGroup:
    group = TrackerGroup(params=[click.Option(["--debug"], is_flag=True)])

    @group.command()
    def fail() -> None:
        raise error

    return group


def test_every_command_says_what_it_does_with_an_example(tracker: Tracker) -> None:
    """Help has a sentence, the options and an example for each command."""
    for name in main.list_commands(click.Context(main)):
        output = tracker(name, "--help").stdout
        assert "Examples:\n    tracker " in output
        assert tracker(name, "-h").stdout == output


def test_every_command_can_be_reached() -> None:
    """No command has a file and is not offered."""
    context = click.Context(main)
    commands = [main.get_command(context, name) for name in main.list_commands(context)]
    reached = {command.callback.__module__ for command in commands if command and command.callback}
    files = Path(airtape_cli.commands.__file__).parent.glob("[a-z]*.py")
    assert reached == {f"airtape_cli.commands.{file.stem}" for file in files}


def test_only_the_command_that_is_asked_for_is_loaded(
    workdir: Path, run_python: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """Syncs that start every few minutes do not pay for all of the other commands."""
    assert run_python(COMMANDS, cwd=workdir).stdout.strip() == "['airtape_cli.commands.sync']"


def test_the_version_is_told(tracker: Tracker) -> None:
    """``--version`` names the command and its version."""
    assert tracker("--version").stdout.startswith("tracker, version ")


def test_an_unknown_command_is_a_wrong_argument(tracker: Tracker) -> None:
    """What the command line does not know ends with exit code 2."""
    assert "No such command 'lss'" in tracker("lss", exit_code=2).stderr
    assert "No such option" in tracker("ls", "--nope", exit_code=2).stderr
    assert "is no time span" in tracker("ls", "--stale-after", "soon", exit_code=2).stderr


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (UsageError("x"), 2),
        (LogFormatError("x"), 3),
        (TargetError("x"), 4),
        (CommError("x"), 4),
        (ConfigError("x"), 1),
        (OSError(28, "No space left on device"), 1),
        (ZeroDivisionError("x"), 1),
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(), 141),
    ],
)
def test_an_error_ends_with_its_exit_code(error: BaseException, exit_code: int) -> None:
    """Each kind of error has a documented exit code, and none shows a traceback."""
    result = CliRunner().invoke(_fails_with(error), ["fail"])
    assert result.exit_code == exit_code
    assert "Traceback" not in result.output


def test_an_error_says_what_where_why_and_what_to_try() -> None:
    """Parts stand on lines of their own, indented where they have several; nothing is obeyed."""
    error = Error("it\x1b[2J failed", where="/a", because="no\nreason", hint="less")
    result = CliRunner().invoke(_fails_with(error), ["fail"])
    assert result.stderr == (
        "Error: it[2J failed\n  Where: /a\n  Why: no\n       reason\n  Try: less\n"
    )


def test_a_refusal_of_the_system_names_the_file() -> None:
    """An operating system's error is told in its words."""
    error = PermissionError(13, "Permission denied", "/etc/shadow")
    result = CliRunner().invoke(_fails_with(error), ["fail"])
    assert result.stderr == "Error: Permission denied (/etc/shadow)\n"


def test_a_fault_of_our_own_keeps_its_traceback_for_those_who_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only ``--debug`` writes the traceback, to a file that it names."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    group = _fails_with(ZeroDivisionError("by zero"))
    quiet = CliRunner().invoke(group, ["fail"]).stderr
    assert "a fault in tracker itself: ZeroDivisionError: by zero" in quiet
    assert "tracker --debug" in quiet
    assert list(tmp_path.iterdir()) == []
    loud = CliRunner().invoke(group, ["--debug", "fail"]).stderr
    (file,) = tmp_path.iterdir()
    assert str(file) in loud
    assert "Traceback" in file.read_text(encoding="utf-8")


@pytest.mark.timeout(40)
def test_a_misspelt_command_is_told_from_those_that_exist(run_tracker: RunTracker) -> None:
    """The error names those that may have been meant."""
    assert "Did you mean 'verify'?" in run_tracker("verfy", returncode=2).stderr


@pytest.mark.timeout(40)
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_command_that_may_write_nowhere_does_its_work(
    closed: str, make_run: MakeRun, workdir: Path
) -> None:
    """Some schedulers close the output of what they start."""
    make_run()
    done = subprocess.run(
        ["bash", "-c", f"{TRACKER} sync {closed}"], cwd=workdir, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert (workdir / "wandb" / "tracker.db").exists()


def test_a_reader_that_goes_away_ends_the_command_quietly(make_run: MakeRun, workdir: Path) -> None:
    """``tracker export … | head`` leaves no message behind."""
    run_dir = make_run("ab12cd34", *(logs.log_row(step, loss=0.5) for step in range(3, 5000)))
    command = f"{TRACKER} export {run_dir} | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=workdir, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (141, "")
    assert done.stdout == "_step,_timestamp,_runtime,loss,eval/acc\n"


def test_a_full_disk_behind_stdout_is_told(make_run: MakeRun, workdir: Path) -> None:
    """Output that cannot be written is an error, not silence."""
    assert make_run().is_dir()
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [TRACKER, "ls"],
            cwd=workdir,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "Error: No space left on device\n")


@pytest.mark.timeout(60)
def test_ctrl_c_ends_the_command_without_a_traceback(workdir: Path) -> None:
    """An interrupted command ends with 130 and says nothing more."""
    pipe = workdir / "pipe"
    os.mkfifo(pipe)
    rows = (logs.log_row(step, loss=0.5) for step in range(10_000))
    logs.write_log(logs.run_dir_of(workdir / "wandb"), *rows)
    command = [str(TRACKER), "export", "ab12cd34", "-o", "pipe"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        # Opening waits until the command has opened it too; unread, it is full before the end.
        with pipe.open("rb") as unread:
            process.send_signal(signal.SIGINT)
            unread.read()
        _, stderr = process.communicate()
    assert (process.returncode, stderr.strip()) == (130, "")


def test_output_fits_whatever_encoding_the_terminal_has(
    make_run: MakeRun, run_tracker: RunTracker, workdir: Path
) -> None:
    """Curves do not break a command whose output is no UTF-8."""
    assert make_run(name="naïve-λ").is_dir()
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = run_tracker("show", "ab12cd34", cwd=workdir, env=environment, encoding="latin-1")
    assert "naïve-?" in done.stdout
    assert "loss" in done.stdout


def test_listing_loads_neither_rich_nor_a_backend(
    workdir: Path, run_python: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """Output that is no terminal's does not pay for the terminal's packages."""
    loaded = run_python(MODULES, cwd=workdir).stdout
    assert "'airtape_cli'" in loaded
    for heavy in ("rich", "sqlite_utils", "sqlite3", "watchdog", "psutil", "pynvml", "numpy"):
        assert f"'{heavy}'" not in loaded


def test_a_terminal_gets_colours_and_lines_that_fit(make_run: MakeRun, workdir: Path) -> None:
    """On a terminal states have colours, and a line is cut rather than wrapped."""
    assert make_run(name="long-" * 10).is_dir()
    output = on_terminal([str(TRACKER), "ls"], workdir, columns=60)
    assert "\x1b[32mfinished" in output
    assert "…" in output
    assert len(output.splitlines()) == 2


def test_modules_of_the_user_are_not_taken_for_ours(workdir: Path) -> None:
    """A user's own `cli.py`, `tracker.py` or `recorder.py` is not taken for ours."""
    for name in ("cli.py", "tracker.py", "recorder.py"):
        (workdir / name).write_text("raise SystemExit('the wrong module')")
    environment = {**os.environ, "PYTHONPATH": "."}
    done = subprocess.run(
        [sys.executable, TRACKER, "ls"],
        cwd=workdir,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "No runs in wandb.\n"
