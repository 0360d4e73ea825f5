"""Runs that go on on another machine, from what a target has of them; with real processes."""

from __future__ import annotations

import shutil
import signal
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import airtape
from airtape.backends.registry import open_backend
from airtape.fold.merge import merge
from airtape.query.run import RecordedRun
from airtape.sync.engine import sync
from airtape.sync.fetch import find_in_target
from tests.processes import RunPython, RunTracker

JOB = """\
import os, signal, sys, airtape
how, *kill = sys.argv[1:]
say = {"resume": how} if how in {"allow", "must"} else {how.split("=")[0]: how.split("=", 1)[1]}
if "resume" in say:
    say["id"] = "job"
run = airtape.init(project="tests", mode="offline", config={"lr": 0.1, "net": {"depth": 3}}, **say)
if not run.resumed and run.step == 0:
    run.name, run.notes, run.tags = "a name", "some notes", ["first"]
    run.define_metric("loss", summary="min,max,mean")
    run.define_metric("acc", step_metric="epoch")
print(run.resumed, run.step, run.name, run.notes, *run.tags, run.group, run.job_type, run.config)
for number in range(6):
    run.log({"loss": abs(7 - run.step), "deep": {"er": run.step / 7, "big": 2**70}})
run.log({"epoch": run.step, "acc": 0.5})
run.log({"acc": 0.25})
run.summary["best"] = run.step
run.tags += [f"at-{run.step}"]
run.log({"half": run.step}, commit=False)
if kill:
    os.kill(os.getpid(), signal.SIGKILL)
"""

TARGETS = ("sqlite:{}/store.db", "jsonl:{}/store")


@pytest.fixture(params=TARGETS, ids=lambda url: url.partition(":")[0])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new target."""
    url: str = request.param
    return url.format(tmp_path)


@pytest.fixture(autouse=True)
def _in_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_RUN_GROUP", "a-group")
    monkeypatch.setenv("WANDB_JOB_TYPE", "train")


def _sync(path: Path, target: str) -> list[str]:
    with closing(open_backend(target)) as backend:
        report = sync([path], backend)
    assert report.exit_code == 0
    return sorted(run.status for run in report.runs)


def _without_times(said: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in said.items() if key not in {"_timestamp", "_runtime"}}


def _described(run: RecordedRun) -> dict[str, Any]:
    return {
        "rows": [_without_times(row) for row in run.scan_history()],
        "summary": _without_times(dict(run.summary)),
        "config": run.config,
        "about": [run.name, run.notes, list(run.tags), run.group, run.job_type, run.state],
    }


def _held(target: str) -> dict[str, Any]:
    """Return what a target holds of the run, whatever its kind."""
    with closing(open_backend(target)) as backend:
        run = find_in_target(backend, "job", where=target)
        whole = merge(run.parts)
        return {
            "points": sorted(
                (point.step, repr(point.key), repr(point.value))
                for held in run.held
                for point in held.points
            ),
            "rows": whole.rows,
            "summary": _without_times(whole.summary),
            "config": whole.config,
            "about": {key: whole.run[key] for key in ("name", "notes", "tags", "group")},
            "definitions": whole.definitions,
        }


@pytest.mark.timeout(60)
def test_a_run_that_was_moved_is_as_one_that_was_not(
    run_python: RunPython,
    run_tracker: RunTracker,
    workdir: Path,
    target: str,
) -> None:
    """Recorded, synced, removed, fetched, gone on with, three times over: nothing differs."""
    said = []
    for place in ("stays", "moves"):
        folder = workdir / place
        folder.mkdir()
        url = f"{target}-{place}"
        lines = []
        for attempt, how in enumerate(("allow", "must", "allow")):
            if place == "moves" and attempt:
                shutil.rmtree(folder / "wandb")
                run_tracker("fetch", "job", "--from", url, cwd=folder)
                assert _sync(folder / "wandb" / "fetched-job", url) == []
            kill = ["kill"] if attempt == 1 else []
            code = -signal.SIGKILL if kill else 0
            lines.append(run_python(JOB, how, *kill, returncode=code, cwd=folder).stdout)
            assert _sync(folder / "wandb", url)[-1] == "synced"
            assert set(_sync(folder / "wandb", url)) == {"nothing_new"}
        said.append((lines, _held(url)))
    assert said[0] == said[1]
    assert said[1][0][2].split()[:2] == ["True", "18"]
    if target.startswith("sqlite"):
        stays, moves = (
            airtape.Api(f"{target}-{place}").run("tests/job") for place in ("stays", "moves")
        )
        assert _described(stays) == _described(moves)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("how", ["resume_from=job?_step=3", "fork_from=job?_step=3"])
def test_a_fetched_run_is_gone_back_in_and_branched_off(
    run_python: RunPython, run_tracker: RunTracker, workdir: Path, target: str, how: str
) -> None:
    """Step, summary and config are as with the logs of the run at hand."""
    run_python(JOB, "allow")
    _sync(workdir / "wandb", target)
    shutil.copytree(workdir / "wandb", workdir / "copy" / "wandb")
    for run_dir in (workdir / "wandb").glob("run-*"):
        shutil.rmtree(run_dir)
    run_tracker("fetch", "job", "--from", target)
    back = f"""
        import json, airtape
        name, value = {how!r}.split("=", 1)
        run = airtape.init(project="tests", mode="offline", **{{name: value}})
        summary = {{k: v for k, v in run.summary.items() if k[0] != "_"}}
        print(run.step, run.config, run._log.header.parents, json.dumps(summary, sort_keys=True))
    """
    from_target = run_python(back).stdout
    from_logs = run_python(back, cwd=workdir / "copy").stdout
    assert from_target.startswith("4 {")
    assert from_target == from_logs


@pytest.mark.timeout(60)
def test_all_of_a_run_is_there_when_the_old_directory_is_found_again(
    run_python: RunPython, run_tracker: RunTracker, workdir: Path, target: str
) -> None:
    """What a fetched copy and the logs it was made of say together is said once."""
    run_python(JOB, "allow")
    _sync(workdir / "wandb", target)
    (workdir / "wandb").rename(workdir / "old")
    run_tracker("fetch", "job", "--from", target)
    assert run_python(JOB, "must").stdout.split()[:2] == ["True", "9"]
    [old] = (workdir / "old").glob("run-*")
    old.rename(workdir / "wandb" / "run-20200101_000000-job")
    assert run_python(JOB, "must").stdout.split()[:2] == ["True", "18"]
    _sync(workdir / "wandb", target)
    [run] = airtape.Api(workdir / "wandb").runs()
    losses = {row["_step"]: row["loss"] for row in run.scan_history() if "loss" in row}
    assert losses == {step: abs(7 - step) for step in range(27) if step % 9 < 6}
    assert _held(target)["rows"] == 27
