from __future__ import annotations

import io
import math
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.terminal import (
    FileCounts,
    Place,
    Terminal,
    clean,
    end_lines,
    format_number,
    start_lines,
)

ROOT = Path("/home/u/wandb/run-20261120_101112-ab12cd34")
HERE = Path("/home/u")
OFFLINE = Place("likely-lion-9", ROOT, HERE)
ONLINE = Place(
    "likely-lion-9",
    ROOT,
    HERE,
    run_url="https://t.example/u/p/runs/ab12cd34",
    project_url="https://t.example/u/p",
)


def _end(**changes: object) -> list[str]:
    arguments: dict[str, object] = {"history": {}, "summary": {}, "files": FileCounts()}
    return end_lines(OFFLINE, **{**arguments, **changes})  # type: ignore[arg-type]


def test_an_offline_start_tells_name_mode_and_directory() -> None:
    """Two lines say what is recorded, how and where."""
    assert start_lines(OFFLINE, mode="offline") == [
        "Recording run likely-lion-9 (mode: offline)",
        "Run data is saved in ./wandb/run-20261120_101112-ab12cd34",
    ]


def test_an_online_start_tells_the_addresses() -> None:
    """Name, project and run, in the words of the documents."""
    assert start_lines(ONLINE, mode="online") == [
        "Syncing run likely-lion-9",
        "⭐️ View project at https://t.example/u/p",
        "🚀 View run at https://t.example/u/p/runs/ab12cd34",
    ]


def test_an_online_start_without_addresses_tells_the_directory() -> None:
    """A target such as a database file has no addresses."""
    assert start_lines(OFFLINE, mode="online") == [
        "Syncing run likely-lion-9",
        "Run data is saved in ./wandb/run-20261120_101112-ab12cd34",
    ]


def test_a_resumed_start_says_so() -> None:
    """The first word tells a resumed run from a new one."""
    assert start_lines(OFFLINE, mode="offline", resumed=True)[0].startswith("Resuming run likely")


def test_a_disabled_start_says_nothing() -> None:
    """Nothing is recorded, so there is nothing to say."""
    assert start_lines(OFFLINE, mode="disabled") == []


def test_an_offline_end_shows_history_summary_and_the_command() -> None:
    """Sparklines, aligned values, the command that syncs, the files, and last the logs."""
    assert _end(
        history={"loss": [3, 1, 2], "accuracy": [0.1, 0.9]},
        summary={"loss": 2, "accuracy": 0.9},
        files=FileCounts(run=6),
    ) == [
        "",
        "Run history:",
        "  accuracy ▁█",
        "  loss     █▁▅",
        "",
        "Run summary:",
        "  accuracy 0.9",
        "  loss     2",
        "",
        "You can sync this run by running:",
        "tracker sync ./wandb/run-20261120_101112-ab12cd34",
        "Recorded 6 file(s), 0 media file(s), 0 artifact file(s) and 0 other file(s)",
        "Find logs at: ./wandb/run-20261120_101112-ab12cd34/logs",
    ]


def test_a_synced_end_shows_the_addresses() -> None:
    """Where a target has addresses they take the place of the command."""
    lines = end_lines(ONLINE, history={}, summary={}, files=FileCounts(6, 1, 2, 3), synced=True)
    assert lines == [
        "🚀 View run likely-lion-9 at: https://t.example/u/p/runs/ab12cd34",
        "⭐️ View project at: https://t.example/u/p",
        "Synced 6 file(s), 1 media file(s), 2 artifact file(s) and 3 other file(s)",
        "Find logs at: ./wandb/run-20261120_101112-ab12cd34/logs",
    ]


def test_an_online_end_with_work_left_shows_addresses_and_command() -> None:
    """When the target has not everything yet, the user is told how to finish."""
    lines = end_lines(ONLINE, history={}, summary={}, files=FileCounts())
    assert lines[0].startswith("🚀 View run")
    assert "tracker sync ./wandb/run-20261120_101112-ab12cd34" in lines


def test_ten_metrics_are_shown_and_the_rest_is_counted() -> None:
    """The first ten in order of their names, for history and summary alike."""
    lines = _end(
        history={f"m{number:02}": [1] for number in range(13)},
        summary={f"m{number:02}": 1 for number in range(10)},
    )
    assert [line for line in lines if "m09" in line] == ["  m09 ▁", "  m09 1"]
    assert "  +3 ..." in lines
    assert not any("m10" in line for line in lines)
    assert sum("..." in line for line in lines) == 1


def test_the_recorders_own_keys_and_empty_metrics_are_left_out() -> None:
    """_step, _runtime and the like tell the user nothing."""
    lines = _end(history={"_step": [1], "gone": []}, summary={"_runtime": 3, "_wandb": {"a": 1}})
    assert lines[0] == "You can sync this run by running:"


def test_nested_keys_are_joined_by_dots() -> None:
    """A nested metric reads like accuracy.max, in history and summary."""
    lines = _end(history={("a", "b"): [1]}, summary={"accuracy": {"max": 0.5}})
    assert "  a.b ▁" in lines
    assert "  accuracy.max 0.5" in lines


def test_only_numbers_and_texts_are_summed_up() -> None:
    """Media, lists and None have no short form; long texts are cut."""
    lines = _end(
        summary={
            "image": {"_type": "image-file", "path": "x.png"},
            "list": [1, 2],
            "none": None,
            "ok": True,
            "text": "x" * 100,
        }
    )
    table = lines[lines.index("Run summary:") + 1 : lines.index("", 1)]
    assert table == ["  ok   True", f"  text {'x' * 57}..."]


def test_deep_nests_end() -> None:
    """A summary nested a thousand levels deep is cut off, not followed."""
    deep: dict[str, object] = {"x": 1}
    for _ in range(5000):
        deep = {"x": deep}
    assert "Run summary:" not in _end(summary=deep)


def test_long_keys_are_cut() -> None:
    """A key of a hundred characters does not push the values off the screen."""
    assert f"  {'k' * 37}... 1" in _end(summary={"k" * 100: 1})


def test_a_directory_elsewhere_is_shown_in_full_and_quoted() -> None:
    """The command can be copied, blanks in the path included."""
    lines = end_lines(
        Place("x", Path("/data/my runs/run-1"), HERE), history={}, summary={}, files=FileCounts()
    )
    assert "tracker sync '/data/my runs/run-1'" in lines
    assert lines[-1] == "Find logs at: /data/my runs/run-1/logs"


def test_names_cannot_steer_the_terminal() -> None:
    """Escape sequences, carriage returns and reversed text are taken out of every line."""
    evil = "a\x1b[2J\r\n\u202eb\x9b1m"
    place = Place(evil, Path("/home/u/\x1b[31m"), HERE, run_url=f"http://{evil}", project_url=evil)
    lines = start_lines(place, mode="offline") + end_lines(
        place, history={evil: [1]}, summary={evil: evil}, files=FileCounts()
    )
    assert "".join(lines) == clean("".join(lines))
    assert not {"\x1b", "\r", "\n", "\u202e", "\x9b"} & set("".join(lines))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-5, "-5"),
        (123456789, "123456789"),
        (10**15, "1.00000e+15"),
        (10**400, "~1e+400"),
        (-(10**4000), "-~1e+4000"),
        (0.1 + 0.2, "0.3"),
        (0.934213456, "0.934213"),
        (1e-9, "1e-09"),
        (1234567.8, "1.23457e+06"),
        (2.0, "2"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
    ],
)
def test_numbers_are_short(value: float, text: str) -> None:
    """Six significant digits are enough to read."""
    assert format_number(value) == text


@given(st.floats() | st.integers())
def test_any_number_has_a_short_form(value: float) -> None:
    """No number is longer than 16 characters."""
    assert 0 < len(format_number(value)) <= 16


def test_each_line_has_the_prefix() -> None:
    """Lines, and lines within a text, begin with the library's name; empty ones have no blank."""
    stream = io.StringIO()
    Terminal(stream).info(["one", "", "two\nthree"])
    assert stream.getvalue() == "airtape: one\nairtape:\nairtape: two\nairtape: three\n"


def test_stderr_is_where_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a stream of its own it writes to whatever stderr is at that time."""
    Terminal().info("hello")
    assert capsys.readouterr() == ("", "airtape: hello\n")


def test_quiet_keeps_warnings_and_errors() -> None:
    """What the user must know is still said."""
    stream = io.StringIO()
    terminal = Terminal(stream, quiet=True)
    terminal.info("info")
    terminal.warn("warning")
    terminal.error("error")
    assert stream.getvalue() == "airtape: WARNING warning\nairtape: ERROR error\n"


def test_silent_says_nothing() -> None:
    """Not even errors."""
    stream = io.StringIO()
    terminal = Terminal(stream, silent=True)
    terminal.info("info")
    terminal.warn("warning")
    terminal.error("error")
    assert stream.getvalue() == ""


def test_a_warning_is_given_once() -> None:
    """The second warning of one key is counted as said."""
    stream = io.StringIO()
    terminal = Terminal(stream)
    assert [terminal.warn_once("k", "first"), terminal.warn_once("k", "second")] == [True, False]
    assert terminal.warn_once("other", "third")
    assert stream.getvalue() == "airtape: WARNING first\nairtape: WARNING third\n"


def test_control_characters_are_not_written() -> None:
    """A message that holds a name with escape sequences shows them as text."""
    stream = io.StringIO()
    Terminal(stream).warn("run \x1b[31mred\x07")
    assert stream.getvalue() == "airtape: WARNING run [31mred\n"


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("utf-8", "⭐️ ▁▂▇█ é"), ("ascii", "* _.*# ?"), ("latin-1", "* _.*# é")],
)
def test_what_the_terminal_cannot_show_is_replaced(encoding: str, shown: str) -> None:
    """Bars become ASCII bars and other characters question marks."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    Terminal(stream).info("⭐️ ▁▂▇█ é")
    stream.seek(0)
    assert stream.read() == f"airtape: {shown}\n"


class _OnlyWrites:
    """What a program may put in the place of stderr: it has no flush() and no encoding."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        """Keep `text`."""
        self.text += text


def test_a_stream_needs_no_more_than_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """A replaced stderr without flush() and encoding still gets the text."""
    stream = _OnlyWrites()
    monkeypatch.setattr(sys, "stderr", stream)
    Terminal().info("⭐️ here")
    assert stream.text == "airtape: ⭐️ here\n"


@pytest.mark.parametrize(
    "spoil",
    [
        "sys.stderr.close()",
        "sys.stderr = None",
        "r, w = os.pipe(); os.dup2(w, 2); os.close(w); os.close(r)",
    ],
    ids=["closed", "none", "broken pipe"],
)
def test_a_useless_stderr_is_survived(spoil: str) -> None:
    """A process whose stderr cannot be written goes on and ends well."""
    code = (
        "import os, sys\n"
        "from airtape.terminal import Terminal\n"
        f"{spoil}\n"
        "Terminal().warn('lost')\n"
        "print('trained')\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "trained\n"
