"""Many processes record one run, and nobody asks anybody."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import airtape
from airtape.backends.memory import MemoryBackend
from airtape.backends.registry import open_backend
from airtape.errors import UsageError
from airtape.rundir import log_files
from airtape.sync.engine import sync
from airtape.txlog.reader import read_log
from tests.processes import RunPython, StartPython
from tests.recording import StartRun, recorded

RANKS = 8
KILLED = frozenset({2, 5, 7})
ROWS = 25

RANK = """\
import os, signal, sys, airtape
rank = int(os.environ["RANK"])
run = airtape.init(
    project="tests", id="together", mode="shared", config={"lr": 0.1}, resume=sys.argv[1] or None
)
for number in range(25):
    run.log({f"loss/{rank}": number, "rank": rank})
run.summary[f"best/{rank}"] = rank
if len(sys.argv) > 2:
    os.kill(os.getpid(), signal.SIGKILL)
"""


def _environment(**said: str) -> dict[str, str]:
    return {**os.environ, **said}


def _launch(
    start_python: StartPython, *, resume: str = "", killed: frozenset[int] = KILLED
) -> None:
    """Run all ranks at the same time, and wait for their ends."""
    programs = [
        start_python(
            RANK,
            *[resume, *["kill"] * (rank in killed)],
            env=_environment(RANK=str(rank)),
            stderr=subprocess.DEVNULL,
        )
        for rank in range(RANKS)
    ]
    codes = [program.wait(60) for program in programs]
    assert codes == [-signal.SIGKILL if rank in killed else 0 for rank in range(RANKS)]


def _losses(rows: Iterator[Mapping[str, Any]]) -> dict[str, list[int]]:
    """Return what each rank logged, in order of steps."""
    found: dict[str, list[int]] = {f"loss/{rank}": [] for rank in range(RANKS)}
    for row in rows:
        for key in found.keys() & row.keys():
            found[key].append(row[key])
    return found


@pytest.mark.timeout(120)
def test_eight_ranks_record_one_run(start_python: StartPython, workdir: Path) -> None:
    """Some die; whoever reads the directories, or a store, in whatever order, sees one run."""
    _launch(start_python)
    run_dirs = list(workdir.glob("wandb/run-*"))
    assert len(run_dirs) == RANKS
    everything = {f"loss/{rank}": list(range(ROWS)) for rank in range(RANKS)}
    [local] = airtape.Api(workdir / "wandb").runs()
    assert (local.id, local.state) == ("together", "finished")
    assert _losses(local.scan_history()) == everything
    assert local.config == {"lr": 0.1}
    for attempt in range(3):
        random.Random(attempt).shuffle(run_dirs)
        store = workdir / f"{attempt}.db"
        for run_dir in run_dirs:
            report = sync([run_dir], open_backend(f"sqlite:{store}"))
            assert report.runs[0].clashes == []
        [run] = airtape.Api(store).runs()
        assert (run.id, run.name, run.state) == ("together", "together", "finished")
        assert _losses(run.scan_history()) == everything
        assert dict(run.summary) == dict(local.summary)
        assert [run.summary[f"best/{rank}"] for rank in range(RANKS)] == list(range(RANKS))


@pytest.mark.timeout(120)
def test_the_writers_of_a_run_are_told_apart(start_python: StartPython, workdir: Path) -> None:
    """Each log has the label and the role of its rank; a target holds each of them."""
    _launch(start_python, killed=frozenset())
    headers = [
        read_log(log).header for folder in workdir.glob("wandb/run-*") for log in log_files(folder)
    ]
    said = {(header.label, header.role) for header in headers if header is not None}
    assert said == {
        ("rank-0", "primary"),
        *((f"rank-{rank}", "shared") for rank in range(1, RANKS)),
    }
    memory = MemoryBackend("told apart")
    sync([workdir / "wandb"], memory)
    held = list(memory.dump())
    assert len(held) == RANKS
    assert len({one.run for one in held}) == 1
    MemoryBackend.forget("told apart")


@pytest.mark.timeout(120)
def test_a_requeued_job_goes_on_rank_by_rank(start_python: StartPython, workdir: Path) -> None:
    """Each rank goes on where its own label stood, whatever others have written by then."""
    _launch(start_python)
    _launch(start_python, resume="must", killed=frozenset())
    [run] = airtape.Api(workdir / "wandb").runs()
    twice = {f"loss/{rank}": [*range(ROWS)] * 2 for rank in range(RANKS)}
    assert _losses(run.scan_history()) == twice
    assert run.state == "finished"
    steps = [row["_step"] for row in run.scan_history() if "loss/3" in row]
    assert steps == list(range(2 * ROWS))


@pytest.mark.timeout(60)
def test_a_directory_that_comes_late_is_the_same_run(run_python: RunPython, workdir: Path) -> None:
    """Ranks on hosts without a common disk are joined when their directories are."""
    for rank in range(2):
        host = workdir / f"host{rank}"
        host.mkdir()
        run_python(RANK, "", cwd=host, env=_environment(RANK=str(rank)))
        [run_dir] = (host / "wandb").glob("run-*")
        shutil.copytree(run_dir, workdir / "wandb" / f"{run_dir.name}-{rank}")
        sync([workdir / "wandb"], open_backend(f"sqlite:{workdir / 'store.db'}"))
    [run] = airtape.Api(workdir / "store.db").runs()
    assert _losses(run.scan_history())["loss/1"] == list(range(ROWS))


def test_a_shared_run_needs_an_id(workdir: Path, start_run: StartRun) -> None:
    """Nobody could know which run is meant; nothing is made."""
    with pytest.raises(UsageError, match="needs the id of the run"):
        start_run(mode="shared")
    assert list(workdir.iterdir()) == []


def test_settings_say_the_same(start_run: StartRun) -> None:
    """Mode, label and who is the primary writer may stand in the settings, as W&B has them."""
    settings = {"mode": "shared", "x_label": "evaluation", "x_primary": False}
    run = start_run(id="together", settings=settings)
    said = recorded(run).header
    assert (said.label, said.role, run.mode, run.offline) == (
        "evaluation",
        "shared",
        "shared",
        True,
    )
    other = start_run(id="together", settings={"mode": "shared", "primary": True, "label": "a"})
    assert recorded(other).header.role == "primary"
    assert recorded(other).header.root == said.root


@pytest.mark.parametrize("variable", ["RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK"])
def test_launchers_tell_the_rank(
    variable: str, start_run: StartRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a label the rank is the label."""
    monkeypatch.setenv(variable, "3")
    assert recorded(start_run(id="a", mode="shared")).header.label == "rank-3"


def test_without_a_rank_host_and_process_are_the_label(
    start_run: StartRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two writers then still differ; an anonymous one does not name the host."""
    monkeypatch.delenv("RANK", raising=False)
    said = recorded(start_run(id="a", mode="shared")).header
    assert (said.label, said.role) == (f"{said.host}-{os.getpid()}", "shared")
    nobody = recorded(start_run(id="a", mode="shared", anonymous="must")).header
    assert nobody.label == f"writer-{os.getpid()}"


def test_another_project_is_another_run(start_run: StartRun) -> None:
    """The id is unique in its project only."""
    roots = {
        recorded(start_run(id="a", mode="shared", project=project)).header.root
        for project in ("one", "two")
    }
    assert len(roots) == 2


def test_one_writer_does_not_go_back_for_all(start_run: StartRun) -> None:
    """Others may be writing; a fork is another run, and can be shared."""
    with pytest.raises(UsageError, match="cannot go back"):
        start_run(mode="shared", id="a", resume_from="a?_step=1")
    source = start_run(id="source")
    for number in range(5):
        source.log({"number": number})
    source.finish()
    roots = set()
    for label in ("one", "two"):
        settings = {"label": label}
        run = start_run(id="b", mode="shared", fork_from="source?_step=2", settings=settings)
        assert (run.step, run.starting_step) == (3, 3)
        roots.add(recorded(run).header.root)
    assert len(roots) == 1


def test_resume_must_and_never_look_for_the_right_writers(start_run: StartRun) -> None:
    """``must`` wants the run, ``never`` refuses only what this very label has written."""
    with pytest.raises(UsageError, match="there is no run a"):
        start_run(id="a", mode="shared", resume="must")
    first = {"id": "a", "mode": "shared", "settings": {"label": "one"}}
    other = {"id": "a", "mode": "shared", "settings": {"label": "two"}}
    start_run(**first, resume="never").log({"number": 0})
    assert not start_run(**other, resume="never").resumed
    late = start_run(id="a", mode="shared", settings={"label": "three"}, resume="must")
    assert (late.resumed, late.step) == (False, 0)
    with pytest.raises(UsageError, match="but the run a exists"):
        start_run(**first, resume="never")


CHILD = """\
import os, airtape
run = airtape.init(project="tests", id="together", mode="shared", settings={"label": "rank-1"})
run.log({"parent": 1})
child = os.fork()
if not child:
    run.log({"child": 1})
    os._exit(0)
os.waitpid(child, 0)
"""


def test_a_child_of_a_rank_has_its_label(run_python: RunPython, workdir: Path) -> None:
    """What it records belongs to the same run, and to the same writer's name."""
    run_python(CHILD)
    [run_dir] = workdir.glob("wandb/run-*")
    headers = [header for log in log_files(run_dir) if (header := read_log(log).header)]
    assert [(header.role, header.label) for header in headers] == [
        ("shared", "rank-1"),
        ("child", "rank-1"),
    ]
    assert len({header.root for header in headers}) == 1
