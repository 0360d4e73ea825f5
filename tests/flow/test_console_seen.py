from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.ended import wait_until
from tests.processes import RunTracker, StartPython
from tests.terminals import on_terminal

PROGRAM = """\
import subprocess, sys, time
import airtape

run = airtape.init(project="p", id="demo", settings={"console": CONSOLE})
print("\\x1b[1mtraining\\x1b[0m", sys.stdout.isatty())
for step in range(21):
    bar = "#" * (step // 2)
    print(f"\\repoch 1: {step * 5:3}%|{bar:<10}| {step}/20", end="", file=sys.stderr, flush=True)
    run.log({"loss": 1 / (step + 1)})
print(file=sys.stderr)
subprocess.run(["echo", "from a process"], check=True)
print("\\x1b]52;c;aGFybQ==\\x07evaluating")
raise ValueError("diverged")
"""
"""A bar drawn the way tqdm draws it, another process, and an error that ends it all."""


def seen_on_terminal(program: str, folder: Path, *, returncode: int = 0) -> str:
    """Run a program whose stdin, stdout and stderr are a terminal; return what it wrote."""
    (folder / "train.py").write_text(program)
    command = [sys.executable, "train.py"]
    return on_terminal(command, folder, everywhere=True, returncode=returncode)


def test_logs_show_what_a_person_saw(run_tracker: RunTracker, workdir: Path) -> None:
    """Of a demo with a bar and a crash on a terminal: all but what another process wrote."""
    seen = seen_on_terminal(PROGRAM.replace("CONSOLE", "'auto'"), workdir, returncode=1)
    assert "from a process" in seen
    lines = run_tracker("show", "demo", "--logs").stdout.splitlines()
    assert lines[:3] == ["training True", "epoch 1: 100%|##########| 20/20", "evaluating"]
    assert lines[3:] == [
        "Traceback (most recent call last):",
        f'  File "{workdir}/train.py", line 13, in <module>',
        '    raise ValueError("diverged")',
        "ValueError: diverged",
    ]
    assert all(line in seen for line in lines[3:])
    (file,) = workdir.glob("wandb/run-*/files/output.log")
    assert file.read_text().splitlines() == ["\x1b[1mtraining\x1b[0m True", *lines[1:]]
    said = json.loads(run_tracker("show", "demo", "--logs", "--json").stdout)["lines"]
    assert [line["stream"] for line in said[:3]] == ["stdout", "stderr", "stdout"]


def test_logs_show_all_that_a_person_saw(run_tracker: RunTracker, workdir: Path) -> None:
    """With `redirect` also what the other process wrote."""
    seen = seen_on_terminal(PROGRAM.replace("CONSOLE", "'redirect'"), workdir, returncode=1)
    lines = run_tracker("show", "demo", "--logs").stdout.splitlines()
    assert {
        "training True",
        "epoch 1: 100%|##########| 20/20",
        "from a process",
        "evaluating",
        "ValueError: diverged",
    } <= {*lines}
    assert "from a process" in seen
    assert [line for line in lines if line not in seen] == ["training True"]


def test_logs_of_a_run_that_goes_on_or_was_killed(
    start_python: StartPython, run_tracker: RunTracker, workdir: Path
) -> None:
    """What has been printed by now is there, of a line that is not complete too."""
    program = start_python(
        "import sys\nimport airtape\n"
        "airtape.init(project='p', id='demo', settings={'silent': True})\n"
        "print('ready')\nsys.stdout.write('half')\nsys.stdout.flush()\nsys.stdin.read()\n"
    )
    assert workdir.is_dir()

    def shown() -> list[str]:
        return run_tracker("show", "demo", "--logs").stdout.splitlines()

    assert program.stdout is not None
    assert program.stdout.readline() == "ready\n"
    wait_until(lambda: shown() == ["ready", "half"], "it is recorded")
    program.kill()
    program.wait()
    assert shown() == ["ready", "half"]
