from __future__ import annotations

import json
import re
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.processes import RunPython, RunTracker

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def blocks() -> list[tuple[str, str]]:
    """The language and text of each example."""
    return BLOCK.findall(README.read_text(encoding="utf-8"))


@pytest.mark.timeout(60)
def test_the_example_works(
    blocks: list[tuple[str, str]], run_python: RunPython, run_tracker: RunTracker, workdir: Path
) -> None:
    """The program runs as it stands, and so do the commands behind it."""
    [program] = [text for language, text in blocks if language == "python"]
    assert len(program.split("\n\n", 1)[1].splitlines()) <= 10
    run_python(program)
    for command in _commands(blocks, "tracker"):
        run_tracker(*command[1:])
    [run] = json.loads(run_tracker("ls", "--json").stdout)["runs"]
    assert (run["project"], run["state"], run["rows"]) == ("digits", "finished", 20)
    [query] = [command[2] for command in _commands(blocks, "sqlite3")]
    with closing(sqlite3.connect(workdir / "wandb" / "tracker.db")) as store:
        assert store.execute(query).fetchall() == [(run["name"], 19)]


def _commands(blocks: list[tuple[str, str]], program: str) -> list[list[str]]:
    """Return the command lines of one program, without the remarks behind them."""
    lines = [line for language, text in blocks if language == "sh" for line in text.splitlines()]
    commands = [shlex.split(line, comments=True) for line in lines]
    return [command for command in commands if command[0] == program]


def test_the_commands_of_make_exist(blocks: list[tuple[str, str]]) -> None:
    """Whoever follows the first lines gets what they say."""
    makefile = README.with_name("Makefile").read_text(encoding="utf-8")
    targets = [command[1] for command in _commands(blocks, "make")]
    assert targets == ["demo", "test"]
    assert all(f"\n{target}:" in makefile for target in targets)


def test_the_picture_of_a_run_directory_is_true(
    blocks: list[tuple[str, str]], run_python: RunPython, workdir: Path
) -> None:
    """Whatever it shows is there, under these names."""
    run_python(
        "import airtape\n"
        "with airtape.init(project='tests', settings={'silent': True}) as run:\n"
        "    run.log({'large': 'x' * 2_000_000})\n"
    )
    [run_dir] = workdir.glob("wandb/run-*")
    [picture] = [text for language, text in blocks if language == "text"]
    shown = {line.split()[0].rstrip("/") for line in picture.splitlines() if "    " in line[:5]}
    run_id = run_dir.name.rpartition("-")[2]
    shown = {name.replace("ab12cd34", run_id) for name in shown}
    found = {path.name for path in run_dir.iterdir()}
    assert {name.partition("/")[0] for name in shown} == found
    assert (workdir / "wandb" / "latest-run").resolve() == run_dir
