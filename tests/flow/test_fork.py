from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from airtape.records import Kind
from tests.processes import RunPython
from tests.recording import Recorded, only_log, read_back

BEGIN = """\
import os
import airtape

run = airtape.init(project="tests", name="likely-lion-9", tags=["a"], settings={"silent": True})
run.log({"parent": 0})
run.log({"open": 1}, commit=False)

def wait(child):
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""
"""The beginning of a program that will fork."""


def children_of(run_dir: Path) -> list[Recorded]:
    """Read back the logs of a run's forked children."""
    return [read_back(path) for path in sorted(run_dir.glob("run-*.*-*-*.txlog"))]


WAYS = {
    "_exit": "os._exit(0)",
    "exit": "sys.exit(0)",
    "nothing": "raise SystemExit",
    "finish": "run.finish(); os._exit(0)",
    "summary": "assert run.summary['parent'] == 0; assert run.step == 1; os._exit(0)",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_child_that_logs_nothing_leaves_nothing(
    way: str, run_python: RunPython, workdir: Path
) -> None:
    """However it ends, the log is its parent's alone, with one end, the parent's."""
    run_python(
        f"import sys\n{BEGIN}\nchild = os.fork()\nif not child:\n    {WAYS[way]}\nwait(child)\n"
        'run.log({"parent": 1})\nrun.finish()\n'
    )
    said = read_back(only_log(workdir))
    assert said.data == [(0, {"parent": 0}), (1, {"open": 1, "parent": 1})]
    assert [record.fields for record in said.of(Kind.EXIT)] == [(0, {"how": "finish"})]


def test_a_child_has_a_log_of_its_own(run_python: RunPython, workdir: Path) -> None:
    """Nothing of parent or child is lost, doubled or mixed, and steps go on from the fork's."""
    run_python(
        BEGIN + "child = os.fork()\n"
        "for number in range(100):\n"
        '    run.log({"parent" if child else "child": number})\n'
        "if not child:\n"
        "    os._exit(0)\n"
        "wait(child)\n"
        "run.finish()\n"
    )
    [run_dir] = workdir.glob("wandb/run-*")
    parent = read_back(next(path for path in run_dir.glob("*.txlog") if "." not in path.stem))
    [child] = children_of(run_dir)
    assert parent.logged("parent") == [0, *range(100)]
    assert child.data == [(1 + number, {"child": number}) for number in range(100)]
    assert child.header.role == "child"
    assert child.header.parents[0][0] == parent.header.writer
    assert child.header.pid != parent.header.pid


def test_a_child_still_knows_its_run(run_python: RunPython, workdir: Path) -> None:
    """Name, tags, config and summary are its parent's, until it says something itself."""
    run_python(
        BEGIN + "run.config.lr = 0.1\n"
        "child = os.fork()\n"
        "if not child:\n"
        '    run.log({"child": 1})\n'
        "    assert (run.name, run.tags, run.project) == ('likely-lion-9', ('a',), 'tests')\n"
        "    assert (run.summary['parent'], run.summary['child']) == (0, 1)\n"
        "    assert run.config.lr == 0.1\n"
        "    run.tags += ('b',)\n"
        "    assert run.tags == ('a', 'b')\n"
        "    run.summary['parent'] = 5\n"
        "    assert run.summary['parent'] == 5\n"
        "    os._exit(0)\n"
        "wait(child)\n"
        "assert run.summary['parent'] == 0\n"
    )
    [run_dir] = workdir.glob("wandb/run-*")
    [child] = children_of(run_dir)
    assert child.fold.run == {"tags": ["a", "b"]}


def test_grandchildren_log_too(run_python: RunPython, workdir: Path) -> None:
    """Each process that records has a file, whether its parent has recorded anything or not."""
    run_python(
        BEGIN + "child = os.fork()\n"
        "if not child:\n"
        "    for does_log in (False, True):\n"
        "        if does_log:\n"
        '            run.log({"child": 1})\n'
        "        grandchild = os.fork()\n"
        "        if not grandchild:\n"
        '            run.log({"grandchild": does_log})\n'
        "            os._exit(0)\n"
        "        wait(grandchild)\n"
        "    os._exit(0)\n"
        "wait(child)\n"
    )
    [run_dir] = workdir.glob("wandb/run-*")
    logged = [row.data for child in children_of(run_dir) for row in child.rows]
    assert sorted(map(str, logged)) == [
        "{'child': 1}",
        "{'grandchild': False}",
        "{'grandchild': True}",
    ]


@pytest.mark.parametrize("end", ["os._exit(0)", "sys.exit(0)"])
def test_a_childs_open_row_is_kept(end: str, run_python: RunPython, workdir: Path) -> None:
    """What it logged with ``commit=False`` is in its log when the call returns."""
    run_python(
        f"import sys\n{BEGIN}child = os.fork()\n"
        "if not child:\n"
        '    run.log({"child": 1}, commit=False)\n'
        f"    {end}\n"
        "wait(child)\n"
    )
    [run_dir] = workdir.glob("wandb/run-*")
    assert [child.data for child in children_of(run_dir)] == [[(1, {"child": 1})]]


def test_a_child_is_looked_after(run_python: RunPython, workdir: Path) -> None:
    """Its log is synced and has heartbeats, though no thread of its parent goes on there."""
    run_python(
        "import os, threading, airtape\n"
        "often = {'heartbeat_interval': 0.001, 'fsync_interval': 0.001, 'silent': True}\n"
        "run = airtape.init(project='tests', settings=often)\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    run.log({'child': 1})\n"
        "    [log] = [name for name in os.listdir(run.sync_dir) if name.count('-') > 1]\n"
        "    path = os.path.join(run.sync_dir, log)\n"
        "    size = os.path.getsize(path)\n"
        "    while os.path.getsize(path) < size + 200:\n"
        "        threading.Event().wait(0.001)\n"
        "    os._exit(0)\n"
        "os.waitpid(child, 0)\n"
    )
    [run_dir] = workdir.glob("wandb/run-*")
    [child] = children_of(run_dir)
    assert len(child.of(Kind.HEARTBEAT)) > 1


def test_threads_log_while_the_process_forks(run_python: RunPython, workdir: Path) -> None:
    """A fork in the middle of another thread's call neither stops nor doubles anything."""
    run_python(
        "import os, threading, airtape\n"
        "run = airtape.init(project='tests', settings={'silent': True})\n"
        "def work(thread):\n"
        "    for number in range(500):\n"
        "        run.log({'thread': thread, 'number': number})\n"
        "threads = [threading.Thread(target=work, args=(thread,)) for thread in range(3)]\n"
        "for thread in threads: thread.start()\n"
        "for number in range(20):\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        run.log({'child': number})\n"
        "        run.finish()\n"
        "        os._exit(0)\n"
        "    assert os.waitpid(child, 0)[1] == 0\n"
        "for thread in threads: thread.join()\n"
        "run.finish()\n",
    )
    [run_dir] = workdir.glob("wandb/run-*")
    parent = read_back(next(path for path in run_dir.glob("*.txlog") if "." not in path.stem))
    assert sorted((row.data["thread"], row.data["number"]) for row in parent.rows) == [
        (thread, number) for thread in range(3) for number in range(500)
    ]
    children = children_of(run_dir)
    assert sorted(child.logged("child")[0] for child in children) == list(range(20))
    assert all(len(child.of(Kind.EXIT)) == 1 for child in children)


def test_a_pool_of_workers_logs(run_python: RunPython, workdir: Path) -> None:
    """Workers of multiprocessing, forked from a process with a run, record beside it."""
    assert "fork" in multiprocessing.get_all_start_methods()
    run_python(
        "import multiprocessing, airtape\n"
        "run = airtape.init(project='tests', settings={'silent': True})\n"
        "def work(number):\n"
        "    airtape.log({'worker': number})\n"
        "    return number\n"
        "with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "    assert pool.map(work, range(40)) == list(range(40))\n"
        "    pool.close()\n"
        "    pool.join()\n"
        "run.finish()\n"
    )
    [run_dir] = workdir.glob("wandb/run-*")
    logged = [number for child in children_of(run_dir) for number in child.logged("worker")]
    assert sorted(logged) == list(range(40))
