from __future__ import annotations

import csv
import io
import json
import math
import os
import stat
import subprocess
import threading
from pathlib import Path

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.exactjson import loads
from airtape.fold.row import Row
from airtape.large_values import store_large
from airtape_cli.render.formats import csv_lines
from tests import logs
from tests.cli.conftest import MakeRun, Tracker
from tests.processes import TRACKER
from tests.terminals import on_terminal


def _export(tracker: Tracker, *arguments: str, exit_code: int = 0) -> str:
    return tracker("export", "ab12cd34", *arguments, exit_code=exit_code).stdout


def test_csv_has_a_column_for_each_metric(tracker: Tracker, make_run: MakeRun) -> None:
    """Titles come first; a row has a cell for each metric, empty where it has no value."""
    make_run("ab12cd34", logs.log_row(3, extra="text"), logs.ended())
    lines = _export(tracker).splitlines()
    began = logs.BEGAN_NS // 10**9
    assert lines == [
        "_step,_timestamp,_runtime,loss,eval/acc,extra",
        f"0,{began + 2}.0,2.0,1.0,0,",
        f"1,{began + 3}.0,3.0,0.5,1,",
        f"2,{began + 4}.0,4.0,{1 / 3!r},2,",
        f'3,{began + 5}.0,5.0,,,"text"',
    ]


@pytest.mark.timeout(40)
def test_a_terminal_is_not_told_what_to_do(make_run: MakeRun, workdir: Path) -> None:
    """What it would obey is left out there; files and pipes get texts as they were logged."""
    make_run("ab12cd34", logs.log_row(3, extra="\x1b[2Jtext"))
    command = [str(TRACKER), "export", "ab12cd34"]
    assert '"[2Jtext"' in on_terminal(command, workdir)
    piped = subprocess.run(command, cwd=workdir, capture_output=True, check=True)
    assert b'"\x1b[2Jtext"' in piped.stdout


def test_jsonl_has_an_object_for_each_row(tracker: Tracker, make_run: MakeRun) -> None:
    """Values are nested as they were logged, and what JSON lacks comes back too."""
    values = {"nested": {"a": [1, None], "b.c": True}, "big": 1 << 80, "inf": math.inf}
    make_run("ab12cd34", logs.log_row(3, **values), logs.ended())
    lines = _export(tracker, "--format", "jsonl").splitlines()
    assert len(lines) == 4
    last = loads(lines[-1])
    assert last.pop("_step") == 3
    assert last.pop("_runtime") == 5.0
    assert last.pop("_timestamp") == logs.BEGAN_NS / 1e9 + 5
    assert last == values
    assert json.loads(lines[-1])["inf"] == {"$float": "inf"}


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (True, "true"),
        (None, "null"),
        ("true", '"true"'),
        ("", '""'),
        ('a"b,\nc', '"a""b,\nc"'),
        (-0.0, "-0.0"),
        (1e-320, "1e-320"),
        (math.nan, "NaN"),
        (-math.inf, "-inf"),
        (1 << 100, str(1 << 100)),
        ([1, "a"], '"[1,""a""]"'),
        ({}, '"{}"'),
    ],
)
def test_a_csv_cell_tells_what_was_logged(value: object, cell: str) -> None:
    """Text stands in quotes, numbers and words of the format do not, lists are JSON."""
    row = Row(0, 1.0, 0.0, {"a": value})  # type: ignore[dict-item]  # any plain value
    assert list(csv_lines(["a"], [row]))[1] == f"0,1.0,0.0,{cell}"


def test_an_enormous_integer_is_written_in_hexadecimal() -> None:
    """Integers of more digits than programs parse keep every bit."""
    value = (1 << 20_000) + 1
    cell = list(csv_lines(["a"], [Row(0, 1.0, 0.0, {"a": value})]))[1].rsplit(",", 1)[1]
    assert int(cell, 0) == value


def test_titles_that_would_be_alike_are_told_apart() -> None:
    """A dot inside a name is escaped where a nested value would have the same title."""
    columns = [("a", "b"), "a.b", "c.d", 'say "hi"']
    assert next(csv_lines(columns, [])) == (  # type: ignore[arg-type]  # keys of both kinds
        '_step,_timestamp,_runtime,a.b,a\\.b,c.d,"say ""hi"""'
    )


@given(st.lists(st.floats() | st.text(st.characters(exclude_categories=["Cs"]))))
def test_csv_gives_every_value_back(values: list[float | str]) -> None:
    """Floats come back to the bit, text to the character, through an ordinary CSV reader."""
    rows = [Row(step, 1.0, 0.0, {"a": value}) for step, value in enumerate(values)]
    text = "\n".join(csv_lines(["a"], rows))
    cells = [line["a"] for line in csv.DictReader(io.StringIO(text, newline=""))]
    assert len(cells) == len(values)
    for cell, value in zip(cells, values, strict=True):
        if isinstance(value, float) and not math.isnan(value):
            assert float(cell).hex() == value.hex()
        elif isinstance(value, str):
            assert cell == value


def test_a_file_appears_when_all_of_it_is_written(
    tracker: Tracker, make_run: MakeRun, workdir: Path
) -> None:
    """``-o`` replaces a file in one step and leaves nothing else behind."""
    make_run()
    (workdir / "out.csv").write_text("old")
    assert _export(tracker, "-o", "out.csv") == ""
    assert (workdir / "out.csv").read_text().startswith("_step,")
    assert sorted(path.name for path in workdir.iterdir()) == ["out.csv", "wandb"]
    assert stat.S_IMODE((workdir / "out.csv").stat().st_mode) & 0o400


def test_a_pipe_is_written_into(tracker: Tracker, make_run: MakeRun, workdir: Path) -> None:
    """What is no ordinary file is written as it is, and stays."""
    make_run()
    pipe = workdir / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    _export(tracker, "-o", "pipe")
    reader.join()
    assert read[0].startswith("_step,")
    assert pipe.is_fifo()


def test_a_link_leads_to_the_output(tracker: Tracker, make_run: MakeRun, workdir: Path) -> None:
    """It stays a link: ``/dev/stdout`` is one, which root would lose where a shell redirects it."""
    make_run()
    (workdir / "link").symlink_to("out.csv")
    for _ in ("there is none yet", "it is replaced"):
        _export(tracker, "-o", "link")
        assert (workdir / "link").is_symlink()
        assert (workdir / "out.csv").read_text().startswith("_step,")
        (workdir / "out.csv").write_text("old")


def test_a_dash_is_stdout(tracker: Tracker, make_run: MakeRun) -> None:
    """``-o -`` writes to stdout, as in other commands."""
    make_run()
    assert _export(tracker, "-o", "-").startswith("_step,")


@pytest.mark.parametrize("form", ["csv", "html"])
def test_an_output_that_is_full_is_named(form: str, tracker: Tracker, make_run: MakeRun) -> None:
    """It is said what cannot be written, and why."""
    make_run()
    result = tracker("export", "ab12cd34", "--format", form, "-o", "/dev/full", exit_code=1)
    assert result.stderr == (
        "Error: the output cannot be written\n  Where: /dev/full\n  Why: No space left on device\n"
    )


@pytest.mark.parametrize("command", ["export ab12cd34 -o", "bundle create -o", "sync --log-file"])
def test_no_log_is_written_over(
    command: str, tracker: Tracker, make_run: MakeRun, workdir: Path
) -> None:
    """Whoever takes the output for the run loses nothing, not even through a link."""
    (log,) = make_run().glob("*.txlog")
    recorded = log.read_bytes()
    (workdir / "link").symlink_to(log)
    for output in (str(log), "link"):
        result = tracker(*command.split(), output, exit_code=2)
        assert f"{output} is the log of a run, and stays; name another file." in result.stderr
        assert log.read_bytes() == recorded


def test_an_output_that_cannot_be_written_is_named(tracker: Tracker, make_run: MakeRun) -> None:
    """A wrong output file is a wrong argument."""
    make_run()
    result = tracker("export", "ab12cd34", "-o", "no/such/out.csv", exit_code=2)
    assert result.stderr == (
        "Error: the output cannot be written\n"
        "  Where: no/such/out.csv\n"
        "  Why: No such file or directory\n"
    )


def test_damage_is_told_and_the_rest_is_written(tracker: Tracker, make_run: MakeRun) -> None:
    """A damaged record is missing, its place is told once, and the exit code is 3."""
    path = make_run() / "run-ab12cd34.txlog"
    content = bytearray(path.read_bytes())
    content[content.index(b"loss") + 20] ^= 0xFF
    path.write_bytes(content)
    result = tracker("export", "ab12cd34", exit_code=3)
    assert [line.split(",")[0] for line in result.stdout.splitlines()] == ["_step", "1", "2"]
    assert result.stderr.count("1 record lost") == 1


def test_a_run_without_rows_has_only_titles(tracker: Tracker, wandb: Path) -> None:
    """Nothing logged is a table without rows."""
    logs.write_log(logs.run_dir_of(wandb))
    assert _export(tracker) == "_step,_timestamp,_runtime\n"
    assert _export(tracker, "--format", "jsonl") == ""


def test_large_values_are_put_back(tracker: Tracker, wandb: Path) -> None:
    """A value that is kept in a file of its own is exported like any other."""
    run_dir = logs.run_dir_of(wandb)
    text = "x" * 1000
    reference = store_large(_made(run_dir) / "blobs", text)
    logs.write_log(run_dir, logs.log_row(0, big=reference, deep={"big": reference}, a=1))
    assert loads(_export(tracker, "--format", "jsonl"))["deep"] == {"big": text}
    assert _export(tracker).splitlines()[0] == "_step,_timestamp,_runtime,big,deep.big,a"


def test_a_large_value_whose_file_is_lost_stays_a_reference(tracker: Tracker, wandb: Path) -> None:
    """What cannot be put back is told; the rest is written."""
    run_dir = logs.run_dir_of(wandb)
    reference = store_large(_made(run_dir) / "blobs", "x" * 1000)
    (run_dir / "blobs" / str(reference["sha256"])).unlink()
    logs.write_log(run_dir, logs.log_row(0, big=reference))
    result = tracker("export", "ab12cd34", "--format", "jsonl", exit_code=3)
    assert loads(result.stdout)["big"] == reference
    assert "a large value cannot be read" in result.stderr
    assert "No such file or directory" in result.stderr


def test_a_large_value_that_was_changed_is_refused(tracker: Tracker, wandb: Path) -> None:
    """A file that is not what the log says is not exported."""
    run_dir = logs.run_dir_of(wandb)
    reference = store_large(_made(run_dir) / "blobs", "x" * 1000)
    blob = run_dir / "blobs" / str(reference["sha256"])
    blob.chmod(0o600)
    blob.write_bytes(msgpack.packb("y"))
    logs.write_log(run_dir, logs.log_row(0, big=reference))
    assert "was changed" in tracker("export", "ab12cd34", exit_code=3).stderr


def _made(run_dir: Path) -> Path:
    run_dir.mkdir()
    return run_dir


def test_html_is_a_page_of_the_whole_run(tracker: Tracker, make_run: MakeRun) -> None:
    """With charts of its metrics, and nothing that the reader's browser would have to fetch."""
    make_run("ab12cd34", logs.ended())
    tracker("export", "ab12cd34", "--format", "html", "-o", "run.html")
    page = Path("run.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert 'aria-label="loss over step"' in page
    assert "finished" in page
    assert "src=" not in page
    assert "href=" not in page
    assert _export(tracker, "--format", "html").rstrip() == page.rstrip()


def test_html_of_a_damaged_log_has_the_rest(tracker: Tracker, make_run: MakeRun) -> None:
    """The exit code says that something is missing."""
    run_dir = make_run("ab12cd34", logs.ended())
    [log] = run_dir.glob("*.txlog")
    content = bytearray(log.read_bytes())
    content[content.index(b"loss") + 2] ^= 0xFF
    log.write_bytes(content)
    tracker("export", "ab12cd34", "--format", "html", "-o", "run.html", exit_code=3)
    page = Path("run.html").read_text("utf-8")
    assert "Problems" in page
    assert 'aria-label="loss over step"' in page


def test_what_was_measured_of_the_machine_is_a_table_too(
    tracker: Tracker, make_run: MakeRun
) -> None:
    """Each sample a line, an empty cell where it lacks a value; or each an object, exact."""
    disk = "system.disk./a,b.usagePercent"
    make_run("ab12cd34", logs.system(a=0.1), logs.system(a=2, **{disk: 2**70}), logs.ended())
    began = logs.BEGAN_NS // 10**9
    first, *lines = _export(tracker, "--system").splitlines()
    assert first == f'_timestamp,_runtime,a,"{disk}"'
    (at, one), (then, two) = (line.split(",", 1) for line in lines)
    assert (float(at) - began, float(then) - began) == (5, 6)
    assert (one, two) == ("5.0,0.1,", f"6.0,2,{2**70}")
    said = [loads(line) for line in _export(tracker, "--system", "--format", "jsonl").splitlines()]
    assert said == [
        {"_timestamp": began + 5.0, "_runtime": 5.0, "a": 0.1},
        {"_timestamp": began + 6.0, "_runtime": 6.0, "a": 2, disk: 2**70},
    ]


def test_a_page_has_no_switch_for_the_machine(tracker: Tracker, make_run: MakeRun) -> None:
    """It is refused, and nothing is written."""
    make_run()
    assert (
        "csv and jsonl"
        in tracker("export", "ab12cd34", "--system", "--format", "html", exit_code=2).stderr
    )
