"""What is recorded without being asked: in the log, and as files."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

import airtape
from airtape import gathering
from airtape.records import Kind
from tests.fake_nvml import FakeNvml
from tests.processes import RunPython
from tests.recording import StartRun, log_of, only_log, read_back, recorded

TOKEN = "ghp_Ab3dEf6hIj9lMn2pQr5tUv8xYz1Bc4eFg7iJ"  # noqa: S105 - of that shape, never given out


@pytest.fixture
def start_run(start_run: StartRun, monkeypatch: pytest.MonkeyPatch) -> StartRun:
    """Start runs that record what there is to know of them, as runs do."""
    monkeypatch.delenv("TRACKER_DISABLE_METADATA")
    return start_run


@pytest.fixture
def repo(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The working directory is a repository with one commit; the command ``git`` in it."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    for name in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{name}_NAME", "ada")
        monkeypatch.setenv(f"{name}_EMAIL", "ada@example.org")

    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], check=True, capture_output=True, timeout=30)

    git("init", "--initial-branch=main")
    (workdir / "train.py").write_text("lr = 0.1\n")
    git("add", "train.py")
    git("commit", "--message=first")
    return git


def finished(run: airtape.Run) -> dict[str, Any]:
    """Finish a run and return its metadata."""
    run.finish()
    return recorded(run).fold.metadata


def text_of(run: airtape.Run, path: str) -> str:
    """Return a file of a run."""
    return Path(run.dir, path).read_text()


def test_the_machine_is_recorded(start_run: StartRun) -> None:
    """Processors and memory stand in the log, though the run ends at once."""
    hardware = finished(start_run())["hardware"]
    assert hardware["cpu_count_logical"] == os.cpu_count()
    assert hardware["memory_bytes"] > 0


def test_the_packages_are_a_file(start_run: StartRun) -> None:
    """A line for each; the log has the size and the digest of the file."""
    run = start_run()
    run.finish()
    text = text_of(run, "requirements.txt")
    assert any(line.startswith("msgpack==") for line in text.splitlines())
    told = recorded(run).fold.files["requirements.txt"]
    digest = sha256(text.encode()).hexdigest()
    assert told == {
        "path": "requirements.txt",
        "size": len(text.encode()),
        "sha256": digest,
        "type": "run",
    }


def test_the_conda_environment_is_a_file(
    start_run: StartRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the tokens that addresses of channels may have in them."""
    token = "ab-01234567-89ab-cdef-0123-456789abcdef"  # noqa: S105 - see TOKEN
    notes = tmp_path / "env" / "conda-meta"
    notes.mkdir(parents=True)
    channel = f"https://conda.example.org/t/{token}/team/linux-64"
    (notes / "own-1.0-0.json").write_text(json.dumps({"channel": channel}))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "env"))
    run = start_run()
    run.finish()
    told = yaml.safe_load(text_of(run, "conda-environment.yaml"))
    assert told["channels"] == ["https://conda.example.org/t/[redacted: conda token]/team"]
    assert "conda-environment.yaml" in recorded(run).fold.files


def test_the_repository_is_recorded(repo: Callable[..., None], start_run: StartRun) -> None:
    """Commit, branch, remote without its login, and whether anything was changed."""
    repo("remote", "add", "origin", f"https://ada:{TOKEN}@example.org/r.git")
    git = finished(start_run())["git"]
    assert len(git.pop("commit")) == 40
    assert git == {"branch": "main", "remote": "https://example.org/r.git", "dirty": False}


@pytest.mark.usefixtures("repo")
def test_changes_are_a_patch(workdir: Path, start_run: StartRun) -> None:
    """Those of tracked files, without the secrets in them."""
    (workdir / "train.py").write_text(f"lr = 0.2\nkey = '{TOKEN}'\n")
    (workdir / "untracked.py").write_text("x = 1\n")
    run = start_run()
    said = finished(run)
    assert said["git"]["dirty"] is True
    patch = text_of(run, "diff.patch")
    assert "-lr = 0.1\n+lr = 0.2\n+key = '[redacted: GitHub token]'\n" in patch
    assert "untracked" not in patch
    assert said["redacted"] == {"diff.patch": {"GitHub token": 1}}


@pytest.mark.usefixtures("repo")
def test_a_long_patch_is_cut(
    workdir: Path, start_run: StartRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept ends with a whole line, and the log says that it is not all."""
    monkeypatch.setattr("airtape.gathering.MAX_PATCH", 1000)
    (workdir / "train.py").write_text("x = 1\n" * 1000)
    run = start_run()
    assert finished(run)["git"]["diff_cut"] is True
    assert len(text_of(run, "diff.patch")) <= 1000


SWITCHES = {
    "disable_git": {"requirements.txt", "code/train.py"},
    "disable_code": {"requirements.txt"},
    "disable_metadata": set[str](),
}
"""Files that are there all the same, beside config, summary and metadata, by switch."""


@pytest.mark.usefixtures("repo")
@pytest.mark.parametrize("switch", SWITCHES)
def test_what_is_switched_off_is_not_recorded(
    switch: str, workdir: Path, start_run: StartRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git alone, all code, or everything."""
    (workdir / "train.py").write_text("changed\n")
    monkeypatch.setattr(sys.modules["__main__"], "__file__", "train.py", raising=False)
    monkeypatch.setenv(f"TRACKER_{switch.upper()}", "true")
    run = start_run(save_code=True)
    said = finished(run)
    assert ("git" in said, "hardware" in said) == (
        switch == "disable_code",
        switch != "disable_metadata",
    )
    places = [path for path in Path(run.dir).rglob("*") if path.is_file()]
    kept = {str(path.relative_to(run.dir)) for path in places}
    own = {"config.yaml", "wandb-metadata.json", "wandb-summary.json"}
    assert kept - own == SWITCHES[switch]
    assert (own <= kept) == (switch != "disable_metadata")


@pytest.mark.usefixtures("repo")
def test_without_code_a_repository_still_tells_whether_it_is_changed(
    workdir: Path, start_run: StartRun
) -> None:
    """The flag is no code."""
    (workdir / "train.py").write_text("changed\n")
    assert finished(start_run(settings={"disable_code": True}))["git"]["dirty"] is True


def test_a_commit_that_is_given_counts(start_run: StartRun) -> None:
    """An image without a repository is told by variables where its code came from."""
    said = finished(
        start_run(settings={"git_commit": "0123abcd", "git_remote_url": "https://a:b@e.org/r"})
    )
    assert said["git"] == {"commit": "0123abcd", "remote": "https://e.org/r"}


def test_metadata_is_a_file_in_wandbs_names(
    start_run: StartRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Host, program, arguments without secrets, processors, the job."""
    monkeypatch.setattr(sys, "argv", ["train.py", "--key", TOKEN, "--max_tokens=512"])
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    run = start_run()
    run.finish()
    said = json.loads(text_of(run, "wandb-metadata.json"))
    assert said["host"] == os.uname().nodename
    assert said["program"] == "train.py"
    assert said["args"] == ["--key", "[redacted: GitHub token]", "--max_tokens=512"]
    assert said["cpu_count_logical"] == os.cpu_count()
    assert said["slurm"] == {"job_id": "77"}
    assert said["startedAt"].endswith("Z")
    assert TOKEN.encode() not in log_of(run).read_bytes()


def test_an_anonymous_run_names_nobody(
    repo: Callable[..., None], start_run: StartRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No arguments, no directory, no remote, no branch and no job: all may hold names."""
    repo("remote", "add", "origin", "https://example.org/lovelace/r.git")
    repo("checkout", "-b", "lovelace/tries")
    monkeypatch.setattr(sys, "argv", ["/home/lovelace/train.py", "--user=lovelace"])
    monkeypatch.setenv("SLURM_SUBMIT_DIR", "/home/lovelace")
    run = start_run(anonymous="must")
    run.finish()
    for path in [log_of(run), *Path(run.dir).iterdir()]:
        assert b"lovelace" not in path.read_bytes(), path.name


def test_the_end_writes_config_and_summary(start_run: StartRun) -> None:
    """As W&B's files of these names are; the row that is still open is in the summary."""
    run = start_run(config={"lr": 1e-05, "layers": [1, 2]})
    run.log({"loss": 0.5})
    run.log({"last": float("nan"), "big": "x" * (2 << 20)}, commit=False)
    run.finish()
    config = yaml.safe_load(text_of(run, "config.yaml"))
    assert config == {"lr": {"value": 1e-05}, "layers": {"value": [1, 2]}}
    summary = json.loads(text_of(run, "wandb-summary.json"))
    assert (summary["loss"], summary["last"], summary["_step"]) == (0.5, "NaN", 1)
    assert summary["big"] == "x" * (2 << 20)
    said = recorded(run)
    assert said.fold.summary.keys() == summary.keys()
    assert {"config.yaml", "wandb-summary.json"} < said.fold.files.keys()


def test_config_is_a_config_again(start_run: StartRun) -> None:
    """The file of one run starts the next."""
    first = start_run(config={"lr": 1e-05, "name": "yes"})
    first.finish()
    again = start_run(config=str(Path(first.dir, "config.yaml")))
    assert again.config.as_dict() == {"lr": 1e-05, "name": "yes"}


def test_files_that_the_program_wrote_itself_stay(start_run: StartRun) -> None:
    """Many programs put a config.yaml of their own there."""
    run = start_run(config={"lr": 0.1})
    mine = Path(run.dir, "config.yaml")
    mine.write_text("mine: 1\n")
    run.finish()
    assert mine.read_text() == "mine: 1\n"
    assert recorded(run).fold.files["config.yaml"]["type"] == "saved"
    assert "wandb-summary.json" in recorded(run).fold.files


@pytest.mark.usefixtures("repo")
def test_one_rank_tells_of_the_code(start_run: StartRun) -> None:
    """The others tell of their machine only: a thousand ranks do not ask git."""
    ranks = [
        start_run(id="all", mode="shared", settings={"label": f"rank-{rank}", "primary": not rank})
        for rank in range(2)
    ]
    told = []
    for run in ranks:
        run.finish()
        [log] = Path(run.sync_dir).glob("*.txlog")
        told.append(read_back(log).fold)
    assert ["hardware" in fold.metadata for fold in told] == [True, True]
    assert ["git" in fold.metadata for fold in told] == [True, False]
    assert [bool(fold.files) for fold in told] == [True, False]


def test_what_goes_wrong_is_counted_and_the_rest_goes_on(
    start_run: StartRun, workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It stands in debug.log, the footer counts it, and other facts are recorded."""
    bin_ = workdir / "bin"
    bin_.mkdir()
    (bin_ / "git").mkdir()
    (bin_ / "git").chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(bin_))
        run = start_run()
        run.finish()
    log = Path(run.sync_dir, "logs/debug.log").read_text()
    assert "metadata, git: GitFailed: git cannot be started" in log
    assert "1 thing(s) about machine or code are missing" in capsys.readouterr().err
    assert "requirements.txt" in recorded(run).fold.files


@pytest.mark.usefixtures("repo")
def test_the_repository_of_another_user_is_told_of_once(
    start_run: StartRun, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Git refuses to read it: debug.log says why, and what was given of the commit is recorded."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    run = start_run(settings={"git_commit": "0123abcd"})
    assert finished(run)["git"] == {"commit": "0123abcd"}
    log = Path(run.sync_dir, "logs/debug.log").read_text()
    assert log.count("metadata, git: GitFailed: fatal: detected dubious ownership") == 1
    said = capsys.readouterr().err
    assert said.count("1 thing(s) about machine or code are missing: see debug.log") == 1
    assert "ownership" not in said


def test_the_end_does_not_wait_for_ever(
    workdir: Path, start_run: StartRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git that hangs is ended with the run, which says that something is missing."""
    command = workdir / "git"
    command.write_text("#!/bin/sh\nexec sleep 60\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{workdir}:{os.environ['PATH']}")
    run = start_run(settings={"metadata_timeout": 0.1})
    run.finish()
    log = Path(run.sync_dir, "logs/debug.log").read_text()
    assert "metadata is not complete 0.1 s after the end of the run" in log
    assert recorded(run).fold.exit is not None


def test_what_is_known_at_the_end_is_a_file(
    start_run: StartRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Comparing files, or a driver, may take longer than the end waits: all else is there."""
    told = threading.Event()
    go_on = threading.Event()

    def wait(_: object) -> None:
        told.set()
        go_on.wait(5)

    monkeypatch.setattr(gathering.Gathering, "_gather_gpus", wait)
    run = start_run(settings={"metadata_timeout": 0.1})
    assert told.wait(5)
    run.finish()
    go_on.set()
    data = Path(run.dir, "wandb-metadata.json").read_bytes()
    assert json.loads(data)["python"] == platform.python_version()
    record = recorded(run).fold.files["wandb-metadata.json"]
    assert record["sha256"] == sha256(data).hexdigest()


def test_a_program_is_kept_when_asked(run_python: RunPython, workdir: Path) -> None:
    """Below ``code``, under its path; not when nobody asks."""
    (workdir / "src").mkdir()
    program = workdir / "src" / "train.py"
    program.write_text(
        "import airtape, sys\n"
        "run = airtape.init(mode='offline', project='p', id=sys.argv[1],\n"
        "                   save_code=sys.argv[1] == 'kept')\n"
        "run.finish()\n"
    )
    for name in ("kept", "not"):
        run_python(program, name, cwd=workdir)
    [kept], [other] = (list(workdir.glob(f"wandb/run-*-{it}")) for it in ("kept", "not"))
    assert (kept / "files/code/src/train.py").read_bytes() == program.read_bytes()
    said = read_back(kept / "run-kept.txlog").fold
    assert said.files["code/src/train.py"]["type"] == "code"
    assert said.metadata["code_path"] == "src/train.py"
    assert not (other / "files/code").exists()


def test_a_forked_child_gathers_nothing(run_python: RunPython, workdir: Path) -> None:
    """What is known of the run stands in its parent's log, once."""
    run_python(
        """
        import os
        import airtape

        run = airtape.init(mode="offline", project="p")
        child = os.fork()
        if child == 0:
            run.log({"child": 1})
            run.finish()
            os._exit(0)
        os.waitpid(child, 0)
        run.finish()
        """,
        cwd=workdir,
    )
    [run_dir] = workdir.glob("wandb/run-*")
    logs = sorted(run_dir.glob("*.txlog"), key=lambda path: len(path.name))
    parent, child = map(read_back, logs)
    assert len(parent.of(Kind.FILES)) >= 3
    assert child.of(Kind.FILES) == child.of(Kind.METADATA) == []


def test_a_program_that_ends_at_once_has_its_metadata(run_python: RunPython, workdir: Path) -> None:
    """Also when nobody finishes the run, and it ends with the program."""
    run_python("import airtape; airtape.init(mode='offline', project='p')", cwd=workdir)
    assert read_back(only_log(workdir)).fold.files.keys() == {
        *("requirements.txt", "wandb-metadata.json"),
        *("config.yaml", "wandb-summary.json"),
    }


def test_a_disabled_run_writes_nothing(start_run: StartRun, workdir: Path) -> None:
    """No file, no thread."""
    run = start_run(mode="disabled", save_code=True)
    run.log({"a": 1})
    run.finish()
    assert list(workdir.iterdir()) == []


def test_arguments_and_variables_may_be_any_bytes(run_python: RunPython, workdir: Path) -> None:
    """What is no text has marks in its place, and a secret among it is found all the same."""
    environ = {**os.environ, "MY_PASSWORD": "p\udcffssword-123", "SLURM_JOB_NAME": "a\udcffb"}
    run_python(
        "import airtape; airtape.init(mode='offline', project='p')",
        *("x\udcffy", "p\udcffssword-123"),
        cwd=workdir,
        env=environ,
    )
    said = read_back(only_log(workdir)).fold.metadata
    assert said["args"] == ["x\ufffdy", "[redacted: value of MY_PASSWORD]"]
    assert said["slurm"] == {"SLURM_JOB_NAME": "a\ufffdb"}
    assert "hardware" in said


def test_the_driver_tells_of_its_gpus(start_run: StartRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their names and memory, and the versions of driver and CUDA, in W&B's file too."""
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(2))
    run = start_run()
    run.finish()
    hardware = recorded(run).fold.metadata["hardware"]
    assert (hardware["gpu_count"], hardware["gpu_driver"]) == (2, "595.58.03")
    told = json.loads(text_of(run, "wandb-metadata.json"))
    assert told["gpu_nvidia"] == [{"name": "NVIDIA H200", "memoryTotal": str(100 << 30)}] * 2
    assert (told["gpu"], told["cudaVersion"]) == ("NVIDIA H200", "13.2")
