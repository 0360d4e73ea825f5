from __future__ import annotations

import json
from pathlib import Path

import pytest

from airtape.session_history import session_notebook
from tests.processes import RunPython
from tests.recording import only_log, read_back

TOKEN = "hf_Ab3dEf6hIj9lMn2pQr5tUv8xYz1Bc4eFg7"  # noqa: S105 - of that shape, never given out
EXECUTED = ["", "import airtape", f'token = "{TOKEN}"\n1 + 1']
IPYTHON = f"""
class Shell:
    __module__ = "ipykernel.zmqshell"
    user_ns = {{"In": {EXECUTED!r}}}

def get_ipython():
    return Shell()
"""
CELLS = """
import sys
import IPython
import airtape

airtape.init(mode="offline", project="tests", save_code=len(sys.argv) > 1).finish()
"""


@pytest.fixture
def notebook(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs take themselves for cells of this notebook."""
    folder = tmp_path_factory.mktemp("notebook")
    (folder / "IPython.py").write_text(IPYTHON)
    (folder / "digits.ipynb").write_text("{}")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("JPY_SESSION_NAME", str(folder / "digits.ipynb"))
    return folder / "digits.ipynb"


def test_the_cells_of_a_notebook_are_kept_when_asked(
    notebook: Path, run_python: RunPython, workdir: Path
) -> None:
    """As a notebook, without the secrets in them; the list of files has it."""
    run_python(CELLS, "save", cwd=workdir)
    said = read_back(only_log(workdir)).fold
    assert said.files["code/_session_history.ipynb"]["type"] == "code"
    [path] = workdir.glob("wandb/run-*/files/code/_session_history.ipynb")
    cells = json.loads(path.read_text())["cells"]
    assert [cell["execution_count"] for cell in cells] == [1, 2]
    assert cells[0]["source"] == ["import airtape"]
    assert cells[1]["source"] == ['token = "[redacted: Hugging Face token]"\n', "1 + 1"]
    assert said.metadata["program"] == str(notebook)
    assert "args" not in said.metadata
    where = "code/_session_history.ipynb"
    assert said.metadata["redacted"] == {where: {"Hugging Face token": 1}}


@pytest.mark.usefixtures("notebook")
def test_nothing_is_kept_of_a_notebook_unasked(run_python: RunPython, workdir: Path) -> None:
    """Code is kept on demand only."""
    run_python(CELLS, cwd=workdir)
    assert not [*workdir.glob("wandb/run-*/files/code")]


def test_a_notebook_has_one_line_for_each_line_of_code() -> None:
    """So that a secret of several lines, or a difference, is found."""
    text = session_notebook(["a = 1\nb = 'ü'\n", ""])
    assert [line.strip(" ,") for line in text.split("\n")].count('"a = 1\\n"') == 1
    assert json.loads(text)["cells"][1]["source"] == []
    assert "ü" in text
