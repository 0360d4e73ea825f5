"""Removing a run: whoever is killed, and whoever else is at work, there is the run or its stub."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from airtape.backends.lease import Lease
from airtape.backends.memory import MemoryBackend
from airtape.cleaning import removal
from airtape.cleaning.claim import Claim
from airtape.cleaning.plan import Candidate, Rules, plan_cleaning
from airtape.cleaning.proof import Proof
from airtape.cleaning.removal import clean, find_settled
from airtape.errors import TargetError
from airtape.process import this_process
from airtape.states import Vantage
from airtape.sync.engine import sync
from tests.bundles.made import tree
from tests.killed import killed_before
from tests.logs import WRITER, config, ended, log_row, write_log
from tests.processes import TRACKER

NOW = Vantage(1 << 62, "", "", lambda _pid, _ticks: True)


@pytest.fixture
def backend() -> MemoryBackend:
    """A target of its own."""
    return MemoryBackend(f"removal {time.time_ns()}")


@pytest.fixture
def resumed(tmp_path: Path, backend: MemoryBackend) -> Candidate:
    """A run in two directories, which the target has."""
    first, second = (tmp_path / f"run-2026112{day}_101112-ab12cd34" for day in (0, 1))
    write_log(first, log_row(0, loss=1.0), ended(1), run_id="ab12cd34")
    write_log(
        second,
        config(lr=0.1),
        ended(),
        run_id="ab12cd34",
        writer=b"2" * 16,
        root=WRITER,
        parents=((WRITER, 2),),
    )
    sync([first, second], backend)
    return _planned(tmp_path, backend)


def _planned(folder: Path, backend: MemoryBackend) -> Candidate:
    run_dirs = find_settled([folder])[0].run_dirs
    (candidate,) = plan_cleaning(run_dirs, [Proof(backend, "memory")], Rules(), NOW)
    assert (candidate.verdict, candidate.reasons) == ("clean", [])
    return candidate


def _cleaned(candidate: Candidate, backend: MemoryBackend, *, stub: bool = True) -> str:
    return clean(candidate, [Proof(backend, "memory")], now_ns=5, stub=stub)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("stub", [True, False])
def test_whoever_is_killed_leaves_the_whole_run_or_its_stub(
    tmp_path: Path, backend: MemoryBackend, resumed: Candidate, *, stub: bool
) -> None:
    """Before each change of the disk; once the next one has looked, nothing stands aside."""
    before = tree(tmp_path)
    kept = tmp_path.with_name(f"{tmp_path.name}-kept")
    shutil.copytree(tmp_path, kept)
    removed = put_back = 0
    for number in count(1):
        if not killed_before(number, lambda: _cleaned(resumed, backend, stub=stub)):
            break
        standing = set(tree(tmp_path))
        found, notes = find_settled([tmp_path])
        assert notes == []
        assert list(tmp_path.glob(".*")) == []
        if found.run_dirs:
            put_back += 1
            assert tree(tmp_path) == before
        else:
            removed += 1
            assert [path.name[-8:] for path in found.cleaned] == ["ab12cd34"] * stub
            assert not standing & set(before) - {one for one in before if "config.yaml" in one}
        for path in tmp_path.iterdir():
            shutil.rmtree(path)
        shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    assert put_back > 5
    assert removed > 5
    assert list(tmp_path.glob("run-*/*.txlog")) == []


@pytest.mark.timeout(60)
def test_whoever_is_killed_while_tidying_up_is_followed_by_the_next(
    tmp_path: Path, backend: MemoryBackend, resumed: Candidate
) -> None:
    """Whether the run was to be put back, or to go."""
    before = tree(tmp_path)
    kept = tmp_path.with_name(f"{tmp_path.name}-kept")
    shutil.copytree(tmp_path, kept)
    for first in range(3, 30, 3):
        for second in range(1, 12):
            killed_before(first, lambda: _cleaned(resumed, backend))
            killed_before(second, lambda: find_settled([tmp_path]))
            found, notes = find_settled([tmp_path])
            assert notes == []
            assert list(tmp_path.glob(".*")) == []
            assert tree(tmp_path) == before or len(found.cleaned) == 1
            for path in tmp_path.iterdir():
                shutil.rmtree(path)
            shutil.copytree(kept, tmp_path, dirs_exist_ok=True)


@pytest.mark.timeout(60)
def test_cleans_at_once_remove_each_run_once(tmp_path: Path) -> None:
    """Four of them, as crons that overlap: none fails, and of each run its stub is left."""
    for number in range(24):
        write_log(
            tmp_path / f"wandb/run-20261120_101112-run{number}",
            log_row(0, loss=1.0),
            ended(),
            run_id=f"run{number}",
            writer=number.to_bytes(16, "big"),
        )
    store = f"sqlite:{tmp_path}/lab.db"
    subprocess.run([TRACKER, "sync", "wandb", "--to", store, "--quiet"], cwd=tmp_path, check=True)
    command: list[str | Path] = [TRACKER, "clean", "wandb", "--to", store, "--yes"]
    cleans = [
        subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    said = [one.communicate() for one in cleans]
    assert [one.returncode for one in cleans] == [0] * 4, said
    assert sum(int(stdout.split("Removed ")[1].split()[0]) for stdout, _ in said) == 24
    assert len(list(tmp_path.glob("wandb/run-*/*.cleaned"))) == 24
    assert list(tmp_path.glob("wandb/.cleaned-*")) == []


def test_a_run_in_the_hands_of_the_living_is_left_to_them(
    tmp_path: Path, backend: MemoryBackend, resumed: Candidate
) -> None:
    """Nothing of theirs is touched, whoever comes."""
    newest = resumed.directories[-1]
    claim = Claim(newest)
    assert claim.take(newest, resumed.directories)
    before = tree(tmp_path)
    assert _cleaned(resumed, backend) == "held"
    assert find_settled([tmp_path])[1] == []
    assert claim.folder.exists()
    assert tree(tmp_path) == before
    assert claim.put_back()
    assert _cleaned(resumed, backend) == "removed"


def _claimed_from(run_dir: Path, host: str, hours: float = 0) -> tuple[Claim, Path]:
    """Put a run aside as another machine did some hours ago; return the claim and its file."""
    claim = Claim(run_dir)
    claim.take(run_dir, [run_dir])
    run_dir.rename(claim.run)
    path = claim.folder / "claim.json"
    said = json.loads(path.read_text())
    said["owner"][0] = host
    said["began_s"] -= hours * 3600
    path.write_text(json.dumps(said))
    return claim, path


@pytest.mark.parametrize(("host", "hours", "stays"), [("other", 1, True), ("other", 25, False)])
def test_somebody_on_another_machine_is_given_a_day(
    tmp_path: Path, resumed: Candidate, host: str, hours: int, *, stays: bool
) -> None:
    """Whether they are alive cannot be seen from here."""
    newest = resumed.directories[-1]
    claim, path = _claimed_from(newest, host, hours)
    # By the clock that wrote it, too.
    at = path.stat().st_mtime - hours * 3600
    os.utime(path, (at, at))
    assert find_settled([tmp_path])[1] == []
    assert claim.folder.exists() is stays
    assert newest.exists() is not stays


def test_a_clock_that_jumps_makes_nobody_dead(
    tmp_path: Path, resumed: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file system knows that somebody on another machine has just begun."""
    claim, _ = _claimed_from(resumed.directories[-1], "other")
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 2 * 86_400)
    assert find_settled([tmp_path])[1] == []
    assert claim.folder.exists()


def test_what_stands_in_its_place_is_not_written_over(tmp_path: Path, resumed: Candidate) -> None:
    """The run stays aside, and is named."""
    newest = resumed.directories[-1]
    if killed_before(99, lambda: _aside(newest)):
        raise AssertionError
    newest.mkdir()
    (newest / "mine").touch()
    notes = find_settled([tmp_path])[1]
    assert notes == [f"{Claim(newest).run} stays: something else stands at {newest}"]
    assert (newest / "mine").exists()
    assert list(Claim(newest).run.glob("*.txlog"))


def _aside(run_dir: Path) -> None:
    claim = Claim(run_dir)
    claim.take(run_dir, [run_dir])
    run_dir.rename(claim.run)


def test_what_nobody_has_claimed_stays(tmp_path: Path, resumed: Candidate) -> None:
    """It is named; only what somebody was about to make for a minute goes."""
    del resumed
    (tmp_path / ".cleaned-run-mine").mkdir()
    (tmp_path / ".cleaned-run-mine/work").touch()
    for name, age_s in (("a", 0), ("b", 100)):
        new = tmp_path / f".cleaned-new-{name}"
        new.mkdir()
        (new / "claim.json").write_text("{")
        os.utime(new, (time.time() - age_s,) * 2)
    (note,) = find_settled([tmp_path])[1]
    assert ".cleaned-run-mine stays: nobody knows" in note
    assert sorted(path.name for path in tmp_path.glob(".*")) == [
        ".cleaned-new-a",
        ".cleaned-run-mine",
    ]


def test_a_run_that_is_being_sent_stays(
    tmp_path: Path, backend: MemoryBackend, resumed: Candidate
) -> None:
    """Whoever sends it again drops it first: then the logs are all that there is."""
    (run,) = backend.runs()
    holder = Lease("sync", *this_process(), time.time_ns(), 60 * 10**9)
    assert backend.take_lease(run, holder) is None
    assert _cleaned(resumed, backend) == "held"
    backend.drop_lease(run, "sync")
    backend.retract(run)
    assert _cleaned(resumed, backend) == "written to"
    assert len(list(tmp_path.glob("run-*/*.txlog"))) == 2
    sync(resumed.directories, backend)
    assert _cleaned(_planned(tmp_path, backend), backend) == "removed"


def test_a_run_is_let_go_of_in_targets(backend: MemoryBackend, resumed: Candidate) -> None:
    """Whether it was removed or not."""
    assert _cleaned(resumed, backend) == "removed"
    (run,) = backend.runs()
    assert backend.take_lease(run, Lease("x", *this_process(), time.time_ns(), 1)) is None


@pytest.mark.parametrize("name", ["files/late.txt", "run-ab12cd34.txlog"])
def test_a_file_that_comes_or_changes_meanwhile_keeps_the_run(
    tmp_path: Path,
    backend: MemoryBackend,
    resumed: Candidate,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    """It is put back with it."""
    path = resumed.directories[0] / name
    real = removal._leave  # noqa: SLF001 - to write in between

    def leave(*arguments: Any) -> None:
        path.parent.mkdir(exist_ok=True)
        with path.open("a") as file:
            file.write("late")
        real(*arguments)

    monkeypatch.setattr(removal, "_leave", leave)
    assert _cleaned(resumed, backend) == "written to"
    assert path.read_bytes().endswith(b"late")
    assert list(tmp_path.glob(".*")) == []


def test_nothing_is_removed_of_which_nothing_could_be_left(
    tmp_path: Path, backend: MemoryBackend, resumed: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Because its logs have vanished since, or cannot be read, or nothing can be written."""
    with monkeypatch.context() as patched:
        patched.setattr(removal, "run_of", lambda _: None)
        assert _cleaned(resumed, backend) == "written to"

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    for name in ("run_of", "encode_cleaned", "looks_of"):
        with monkeypatch.context() as patched:
            patched.setattr(removal, name, refuse)
            with pytest.raises(TargetError, match="Permission denied"):
                _cleaned(resumed, backend)
    assert len(list(tmp_path.rglob("*.txlog"))) == 2
    assert list(tmp_path.glob(".*")) == []


def test_a_run_that_somebody_else_has_cleaned_is_gone(
    backend: MemoryBackend, resumed: Candidate
) -> None:
    """That is no failure."""
    assert _cleaned(resumed, backend) == "removed"
    assert _cleaned(resumed, backend) == "gone"
