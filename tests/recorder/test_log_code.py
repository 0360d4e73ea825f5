"""Keeping code with a run: `Run.log_code`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import airtape
from airtape.code_files import LoggedCode, code_name
from airtape.errors import UsageError
from tests.recording import StartRun, recorded

TOKEN = "hf_Ab3dEf6hIj9lMn2pQr5tUv8xYz1Bc4eFg7"  # noqa: S105 - of that shape, never given out


@pytest.fixture
def tree(workdir: Path) -> Path:
    """A folder with code and other things, the working directory."""
    for path, text in {
        "m.py": "print(1)\n",
        "pkg/u.py": "x = 1\n",
        "requirements.txt": "numpy\n",
        "Dockerfile.gpu": "FROM x\n",
        "notes.txt": "no\n",
        "wandb/old/z.py": "z\n",
        "my/wandb/y.py": "y\n",
    }.items():
        (workdir / path).parent.mkdir(parents=True, exist_ok=True)
        (workdir / path).write_text(text)
    return workdir


def logged(run: airtape.Run, **arguments: Any) -> list[str]:
    """Log code, and return the paths of what is kept."""
    code = run.log_code(**arguments)
    assert isinstance(code, LoggedCode)
    return sorted(code.manifest.entries)


@pytest.mark.usefixtures("tree")
def test_code_below_the_working_directory_is_kept(
    start_run: StartRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python, requirements and Dockerfiles; neither other files nor those of runs."""
    # However the tests were started, they are no program with a name.
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)
    run = start_run(settings={"disable_metadata": True})
    paths = ["Dockerfile.gpu", "m.py", "my/wandb/y.py", "pkg/u.py", "requirements.txt"]
    assert logged(run) == paths
    code = Path(run.dir, "code")
    assert sorted(str(it.relative_to(code)) for it in code.rglob("*") if it.is_file()) == paths
    told = recorded(run).fold.files
    assert sorted(told) == [f"code/{path}" for path in paths]
    assert told["code/pkg/u.py"] == {
        "path": "code/pkg/u.py",
        "size": 6,
        "sha256": sha256(b"x = 1\n").hexdigest(),
        "type": "code",
        "of": "source-tests",
    }


@pytest.mark.usefixtures("tree")
def test_what_is_kept_is_told(run: airtape.Run) -> None:
    """Name and type, and for each file where the copy is and what is in it."""
    code = run.log_code("pkg", name="mine")
    assert code is not None
    assert (code.name, code.type) == ("mine", "code")
    [entry] = code.manifest.entries.values()
    assert (entry.path, entry.size) == ("u.py", 6)
    assert Path(entry.local_path).read_bytes() == b"x = 1\n"
    assert entry.sha256 == sha256(b"x = 1\n").hexdigest()


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(
    ("include", "exclude", "kept"),
    [
        (lambda path: path.endswith(".txt"), lambda path: "req" in path, ["notes.txt"]),
        (
            lambda path, root: os.path.relpath(path, root).startswith("pkg"),
            lambda path, root: path == root,
            ["pkg/u.py"],
        ),
        (lambda *paths: paths[0].endswith("m.py"), lambda *_: False, ["m.py"]),
    ],
    ids=["path", "path and root", "any number"],
)
def test_functions_choose_what_is_kept(
    include: Callable[..., bool], exclude: Callable[..., bool], kept: list[str], run: airtape.Run
) -> None:
    """They get an absolute path, or a path and the root."""
    assert logged(run, include_fn=include, exclude_fn=exclude) == kept


def test_the_own_directory_is_never_kept(tree: Path, run: airtape.Run) -> None:
    """Also when somebody's function excludes something else; other runs are not special then."""
    Path(run.dir, "mine.py").write_text("x\n")
    kept = logged(run, exclude_fn=lambda path: "pkg" in path)
    assert [path for path in kept if "wandb/" in path] == ["my/wandb/y.py", "wandb/old/z.py"]
    assert (tree / "wandb").is_dir()


def test_links_do_not_lead_out(
    tree: Path, tmp_path_factory: pytest.TempPathFactory, run: airtape.Run
) -> None:
    """A link to another file of the folder is its content; one out of it is left out, and said."""
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.py").write_text("secret\n")
    (tree / "in.py").symlink_to("pkg/u.py")
    (tree / "out.py").symlink_to(outside / "secret.py")
    (tree / "folder").symlink_to(outside)
    (tree / "nowhere.py").symlink_to("missing.py")
    kept = logged(run)
    assert "in.py" in kept
    assert not {"out.py", "folder/secret.py", "nowhere.py"} & {*kept}
    assert Path(run.dir, "code/in.py").read_text() == "x = 1\n"
    assert not Path(run.dir, "code/in.py").is_symlink()


def test_what_cannot_be_kept_is_said(
    tree: Path, run: airtape.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipe does not block, a link out of the folder is named; the rest is kept."""
    os.mkfifo(tree / "pipe.py")
    (tree / "passwd.py").symlink_to("/etc/passwd")
    assert "m.py" in logged(run)
    said = capsys.readouterr().err
    assert "pipe.py is not kept with the code: it is no regular file" in said
    assert "passwd.py is not kept with the code: it is a link out of the folder" in said


@pytest.mark.parametrize("root", ["missing", "empty"])
def test_without_code_there_is_a_warning(
    root: str, workdir: Path, run: airtape.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """The call returns None, and nothing is recorded."""
    (workdir / "empty").mkdir()
    assert run.log_code(root) is None
    assert "No relevant files were detected in the specified directory" in capsys.readouterr().err
    assert not Path(run.dir, "code").exists()


def test_secrets_are_taken_out(workdir: Path, run: airtape.Run) -> None:
    """Of text; what is none stays as it is. The metadata say how many."""
    (workdir / "a.py").write_text(f"token = '{TOKEN}'\n")
    (workdir / "b.py").write_bytes(b"\0\xff" + TOKEN[:8].encode())
    (workdir / "c.py").write_bytes("café".encode("latin-1"))
    logged(run)
    code = Path(run.dir, "code")
    assert (code / "a.py").read_text() == "token = '[redacted: Hugging Face token]'\n"
    assert (code / "b.py").read_bytes() == (workdir / "b.py").read_bytes()
    assert (code / "c.py").read_bytes() == (workdir / "c.py").read_bytes()
    run.finish()
    assert recorded(run).fold.metadata["redacted"] == {"code/a.py": {"Hugging Face token": 1}}


def test_odd_names_are_kept(workdir: Path, run: airtape.Run) -> None:
    """Whatever a file system allows: line ends, quotes, bytes that are no text."""
    for name in ("a\nb.py", "it's.py", "é.py", os.fsdecode(b"\xff.py")):
        (workdir / name).write_text("x\n")
    assert logged(run) == ["a\nb.py", "it's.py", "é.py", "\ufffd.py"]
    assert len(recorded(run).fold.files) >= 4


def test_many_files_take_several_records(workdir: Path, run: airtape.Run) -> None:
    """No record gets too large for its frame."""
    for number in range(1100):
        (workdir / f"{number}.py").touch()
    assert len(logged(run)) == 1100
    assert sum(name.startswith("code/") for name in recorded(run).fold.files) == 1100


def test_the_name_says_project_and_program() -> None:
    """What an artifact cannot be called has underscores."""
    assert code_name(None, "my digits", "src/train.py") == ("source-my_digits-src_train.py")
    assert code_name("any name", "p", None) == "any name"


@pytest.mark.usefixtures("tree")
def test_code_may_be_switched_off(start_run: StartRun, capsys: pytest.CaptureFixture[str]) -> None:
    """One warning, nothing kept."""
    run = start_run(settings={"disable_code": True})
    assert run.log_code() is None
    assert "disable_code is set" in capsys.readouterr().err
    assert not Path(run.dir, "code").exists()


@pytest.mark.usefixtures("tree")
def test_a_disabled_run_keeps_no_code(start_run: StartRun, tree: Path) -> None:
    """It returns None, and writes nothing."""
    before = sorted(tree.rglob("*"))
    assert start_run(mode="disabled").log_code() is None
    assert sorted(tree.rglob("*")) == before


@pytest.mark.usefixtures("tree")
def test_a_finished_run_keeps_no_code(run: airtape.Run) -> None:
    """The call is refused as any other that records."""
    run.finish()
    with pytest.raises(UsageError, match=r"is finished\. The call to `log_code` will be ignored"):
        run.log_code()


@pytest.mark.usefixtures("tree")
def test_the_module_keeps_code_of_the_current_run(run: airtape.Run) -> None:
    """``airtape.log_code`` is that of the current run."""
    code = airtape.log_code("pkg")
    assert code is not None
    assert Path(run.dir, "code/u.py").is_file()
