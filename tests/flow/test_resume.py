"""Runs that go on, go back and branch off, with real processes that are killed."""

from __future__ import annotations

import random
import signal
from pathlib import Path
from typing import Any

import pytest

import airtape
from airtape.backends.registry import open_backend
from airtape.query.run import RecordedRun
from airtape.sync.engine import sync
from tests.processes import RunPython
from tests.recording import StartRun, recorded

REQUEUED = """\
import os, signal, sys, airtape
run = airtape.init(
    project="tests", id="job", resume="allow", mode="offline", config={"lr": 0.1}, tags=None
)
print(run.resumed, run.step, run.starting_step, run.name, *run.tags)
run.define_metric("loss", summary="min")
for number in range(10):
    run.log({"loss": 100 - run.step, "attempt": int(sys.argv[1])})
run.log({"half": run.step}, commit=False)
run.tags += [sys.argv[1]]
if len(sys.argv) > 2:
    os.kill(os.getpid(), signal.SIGKILL)
"""


def _history(run: RecordedRun, key: str) -> dict[int, Any]:
    return {row["_step"]: row[key] for row in run.scan_history() if key in row}


@pytest.mark.timeout(60)
def test_a_run_requeued_five_times_is_one_run(run_python: RunPython, workdir: Path) -> None:
    """Each time it is killed; steps, tags, name and summary go on, however it is synced."""
    said = []
    for attempt in range(5):
        done = run_python(REQUEUED, str(attempt), "kill", returncode=-signal.SIGKILL)
        said.append(done.stdout.split())
    said.append(run_python(REQUEUED, "5").stdout.split())
    # The row that was open when the process died counts as a step.
    assert [line[:3] for line in said] == [
        [str(attempt > 0), str(11 * attempt), str(11 * attempt)] for attempt in range(6)
    ]
    assert len({line[3] for line in said}) == 1
    assert said[-1][4:] == ["0", "1", "2", "3", "4"]
    run_dirs = list(workdir.glob("wandb/run-*"))
    assert len(run_dirs) == 6
    [local] = airtape.Api(workdir / "wandb").runs()
    assert (local.id, local.state, list(local.tags)) == ("job", "finished", list("012345"))
    for order in range(4):
        random.Random(order).shuffle(run_dirs)
        store = workdir / f"{order}.db"
        for run_dir in run_dirs:
            report = sync([run_dir], open_backend(f"sqlite:{store}"))
            assert report.runs[0].clashes == []
        [run] = airtape.Api(store).runs()
        steps = [11 * attempt + number for attempt in range(6) for number in range(10)]
        assert _history(run, "loss") == {step: 100 - step for step in steps}
        assert list(_history(run, "half")) == [11 * attempt + 10 for attempt in range(6)]
        assert run.summary["loss"] == {"min": 100 - steps[-1]}
        assert dict(run.summary) == dict(local.summary)
        assert (list(run.tags), run.config, run.state) == (list("012345"), {"lr": 0.1}, "finished")


BACK = """\
import airtape
run = airtape.init(project="tests", mode="offline", resume_from="job?_step=4")
print(run.id, run.resumed, run.step)
for number in range(3):
    run.log({"loss": -run.step})
"""


@pytest.mark.timeout(60)
def test_a_run_goes_back_to_an_earlier_step(run_python: RunPython, workdir: Path) -> None:
    """Its later rows no longer count, in the directories and in a store; the summary is anew."""
    run_python(REQUEUED, "0", "kill", returncode=-signal.SIGKILL)
    assert run_python(BACK).stdout.split() == ["job", "False", "5"]
    expected = {step: 100 - step for step in range(5)} | {step: -step for step in range(5, 8)}
    sync([workdir / "wandb"], open_backend(f"sqlite:{workdir / 'store.db'}"))
    for place in ("wandb", "store.db"):
        [run] = airtape.Api(workdir / place).runs()
        assert _history(run, "loss") == expected, place
        assert _history(run, "half") == {}, place
        assert run.summary["loss"] == {"min": -7}, place


FORK = """\
import airtape
run = airtape.init(project="tests", mode="offline", fork_from="job?_step=4", id="branch")
print(run.id, run.resumed, run.step, run.config.lr, dict(run.summary)["attempt"])
run.config.update({"lr": 0.2}, allow_val_change=True)
run.log({"loss": 1})
"""


@pytest.mark.timeout(60)
def test_a_fork_is_a_run_of_its_own(run_python: RunPython, workdir: Path) -> None:
    """It begins behind the step with config and summary of then; the other run stays as it was."""
    run_python(REQUEUED, "0")
    assert run_python(FORK).stdout.split() == ["branch", "False", "5", "0.1", "0"]
    sync([workdir / "wandb"], open_backend(f"sqlite:{workdir / 'store.db'}"))
    for place in ("wandb", "store.db"):
        runs = {run.id: run for run in airtape.Api(workdir / place).runs()}
        assert _history(runs["job"], "loss") == {step: 100 - step for step in range(10)}, place
        assert _history(runs["branch"], "loss")[5] == 1, place
        assert (runs["job"].config, runs["branch"].config) == ({"lr": 0.1}, {"lr": 0.2}), place
        assert runs["branch"].summary["loss"] == {"min": 1}, place


AUTO = """\
import os, signal, sys, airtape
run = airtape.init(project="tests", mode="offline", resume="auto")
print(run.id, run.resumed, run.step)
run.log({"number": run.step})
if sys.argv[1] == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
sys.exit(int(sys.argv[1]))
"""


@pytest.mark.timeout(60)
def test_auto_goes_on_with_what_did_not_end_well(run_python: RunPython, workdir: Path) -> None:
    """A killed run and a failed one are continued, one that was a success is not."""
    said = [
        run_python(AUTO, "kill", returncode=-signal.SIGKILL).stdout.split(),
        run_python(AUTO, "3", returncode=3).stdout.split(),
        run_python(AUTO, "0").stdout.split(),
        run_python(AUTO, "0").stdout.split(),
    ]
    assert [line[1:] for line in said] == [
        ["False", "0"],
        ["True", "1"],
        ["True", "2"],
        ["False", "0"],
    ]
    assert [line[0] == said[0][0] for line in said] == [True, True, True, False]
    assert len(list(airtape.Api(workdir / "wandb").runs())) == 2


@pytest.mark.timeout(60)
def test_the_same_id_without_resume_is_another_run(run_python: RunPython, workdir: Path) -> None:
    """Two incarnations of an id are never mixed, and the sync names the clash."""
    program = "import airtape\nairtape.init(project='tests', id='x', mode='offline').log({'a': 1})"
    for _ in range(2):
        run_python(program)
    report = sync([workdir / "wandb"], open_backend(f"sqlite:{workdir / 'store.db'}"))
    assert [len(run.clashes) for run in report.runs] == [1, 1]
    assert len(list(airtape.Api(workdir / "wandb").runs())) == 2


def test_two_runs_in_one_process_go_on_side_by_side(start_run: StartRun) -> None:
    """Each has steps, summary and log of its own."""
    first, second = start_run(id="one"), start_run(id="two")
    for number in range(4):
        first.log({"a": number})
        second.log({"b": number}, step=10 * number)
    first.finish()
    second.log({"b": 4})
    assert recorded(first).data == [(number, {"a": number}) for number in range(4)]
    assert [step for step, _ in recorded(second).data] == [0, 10, 20, 30]
    assert (first.summary["a"], second.summary["b"], "b" in first.summary) == (3, 4, False)
