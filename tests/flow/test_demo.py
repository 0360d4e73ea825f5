from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.processes import TRACKER, RunTracker

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


@pytest.mark.timeout(60)
def test_the_demo_shows_what_it_promises(workdir: Path, run_tracker: RunTracker) -> None:
    """Three models are trained for real, synced, listed, compared in SQL, and the best is shown."""
    shutil.copytree(EXAMPLES, workdir / "examples")
    done = subprocess.run(
        ["sh", "examples/demo.sh"],
        env=os.environ | {"PATH": f"{TRACKER.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    [place] = workdir.glob("build/demo/*")
    listed = json.loads(run_tracker("ls", "--json", cwd=place).stdout)["runs"]
    assert [(run["state"], run["synced"]) for run in listed] == [("finished", "yes")] * 3
    shown = [
        json.loads(run_tracker("show", run["id"], "--json", cwd=place).stdout) for run in listed
    ]
    accuracies = {run["id"]: run["summary"]["eval/accuracy"] for run in shown}
    assert len({run["config"]["learning_rate"] for run in shown}) == 3
    assert all(accuracy > 0.7 for accuracy in accuracies.values())
    *_, last = done.stdout.partition("$ tracker show ")
    assert last.startswith(max(accuracies, key=accuracies.__getitem__))
    for commands in ("$ tracker sync ./wandb/run-*\n", "$ tracker ls\n", "$ sqlite-utils query "):
        assert commands in done.stdout
