from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests import logs
from tests.damaged import write_damaged
from tests.processes import TRACKER

PAGE = Path(__file__).parents[2] / "docs/DAMAGE.md"
EXAMPLE = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.mark.timeout(60)
def test_the_examples_about_damage_are_true(workdir: Path) -> None:
    """Every command on the page, run in its order, prints what the page says."""
    rows = [logs.log_row(step, loss=1 / (step + 1)) for step in range(5)]
    path = logs.run_dir_of(workdir / "wandb") / "run-ab12cd34.txlog"
    write_damaged(path, logs.CHECKPOINT, *rows, logs.ended(), flipped=[4])
    examples = EXAMPLE.findall(PAGE.read_text(encoding="utf-8"))
    assert len(examples) >= 3
    for example in examples:
        commands = re.findall(r"^\$ (.*)$", example, re.MULTILINE)
        printed = subprocess.run(
            ["sh", "-c", "\n".join(map(_shown, commands))],
            env={**os.environ, "PATH": f"{TRACKER.parent}{os.pathsep}{os.environ['PATH']}"},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        ).stdout
        assert printed == example


def _shown(command: str) -> str:
    """Return lines for a shell that print a command and run it; `$?` stays what it was."""
    return f"status=$?; echo '$ {command}'; (exit $status)\n{command}"
