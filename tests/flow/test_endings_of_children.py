from __future__ import annotations

from pathlib import Path

import pytest

from tests.ended import START, ended_in
from tests.processes import RunPython


@pytest.mark.parametrize("leave", ["os._exit(3)", "sys.exit(3)", "raise ValueError", "pass"])
def test_the_end_of_a_forked_child_is_not_the_runs(
    leave: str, run_python: RunPython, workdir: Path
) -> None:
    """However a child ends, the run goes on, and ends as its own process does."""
    run_python(
        START
        + f"child = os.fork()\nif not child:\n    {leave}\n"
        + "else:\n    os.waitpid(child, 0)\n    run.log({'number': 3})\n    sys.exit(4)\n",
        returncode=4,
    )
    run = ended_in(workdir)
    assert run.numbers == [0, 1, 2, 3]
    assert (run.code, run.exits) == (4, 1)


WORKER = """
import multiprocessing, sys, airtape
def work():
    airtape.init(project="tests", mode="offline", reinit="create_new").log({"number": 0})
    LEAVE
if __name__ == "__main__":
    if OPEN_BEFORE:
        run = airtape.init(project="parent", mode="offline", dir="parent")
    process = multiprocessing.get_context("METHOD").Process(target=work)
    process.start()
    process.join()
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("open_before", [True, False])
@pytest.mark.parametrize(
    ("leave", "state", "code"),
    [("return", "finished", 0), ("sys.exit(3)", "failed", 3), ("raise ValueError", "failed", 1)],
)
def test_a_run_of_a_worker_ends_with_the_worker(  # noqa: PLR0913, PLR0917 - each is one circumstance
    method: str,
    open_before: bool,  # noqa: FBT001 - a circumstance
    leave: str,
    state: str,
    code: int,
    run_python: RunPython,
    workdir: Path,
) -> None:
    """A worker of multiprocessing, which goes by no usual exit hook, ends its run all the same."""
    (workdir / "parent").mkdir()
    said = {"LEAVE": leave, "METHOD": method, "OPEN_BEFORE": str(open_before)}
    program = WORKER
    for name, value in said.items():
        program = program.replace(name, value)
    run_python(program)
    run = ended_in(workdir)
    assert (run.state.name, run.code) == (state, code)
    if open_before:
        assert ended_in(workdir / "parent").cause == {"how": "exit"}
