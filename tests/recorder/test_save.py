"""Files that a program gives to its run: `Run.save`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import pytest

import airtape
from airtape import file_watch
from airtape.errors import UsageError
from airtape.file_list import list_files
from airtape.records import Kind
from airtape.saved_files import PolicyName
from tests.processes import RunPython
from tests.recording import StartRun, recorded


@pytest.fixture
def tree(workdir: Path) -> Path:
    """A folder with files, the working directory."""
    for path, text in {"a.txt": "A", "s/b.txt": "B", "s/t/c.txt": "C", "odd[1].txt": "D"}.items():
        (workdir / path).parent.mkdir(parents=True, exist_ok=True)
        (workdir / path).write_text(text)
    return workdir


def saved(run: airtape.Run, *arguments: Any, **named: Any) -> list[str]:
    """Save files, and return the paths of the copies below the run's files."""
    paths = run.save(*arguments, **named)
    assert isinstance(paths, list)
    assert all(Path(path).is_absolute() and Path(path).is_file() for path in paths)
    return [os.path.relpath(path, run.dir) for path in paths]


def file_of(run: airtape.Run, path: str) -> dict[str, Any]:
    """Return what the log says of a file of the run."""
    return cast("dict[str, Any]", recorded(run).fold.files[path])


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(
    ("arguments", "paths"),
    [
        (("a.txt",), ["a.txt"]),
        (("./a.txt",), ["a.txt"]),
        ((b"a.txt",), ["a.txt"]),
        ((Path("s/t/c.txt"),), ["s/t/c.txt"]),
        (("s/*.txt",), ["s/b.txt"]),
        (("s/*",), ["s/b.txt"]),
        (("s/*/*.txt",), ["s/t/c.txt"]),
        (("s/t/c.txt", "s"), ["t/c.txt"]),
        (("*/t/c.txt", "*"), ["t/c.txt"]),
        (("odd[1].txt",), []),
        (("missing.txt",), []),
        (("s3://bucket/key",), []),
        (("gs://bucket/key",), []),
    ],
    ids=str,
)
def test_a_relative_path_stays_what_it_is(
    arguments: tuple[Any, ...], paths: list[str], run: airtape.Run
) -> None:
    """What it begins with is left out if the call says so; folders are passed over."""
    assert saved(run, *arguments) == paths


def test_of_an_absolute_path_the_last_folder_stays(
    tree: Path, run: airtape.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """One warning says so; a base says otherwise."""
    assert saved(run, tree / "s/t/c.txt") == ["t/c.txt"]
    assert saved(run, tree / "s/b.txt") == ["s/b.txt"]
    assert capsys.readouterr().err.count("say more with base_path") == 1
    assert saved(run, tree / "s/t/*.txt", base_path=tree) == ["s/t/c.txt"]


@pytest.mark.usefixtures("tree")
def test_a_path_need_be_no_glob(run: airtape.Run) -> None:
    """Then brackets and stars are what they are; also those of the working directory."""
    assert saved(run, "odd[1].txt", glob=False) == ["odd[1].txt"]


def test_the_working_directory_is_no_glob(
    tree: Path, start_run: StartRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its name has in it."""
    odd = tree / "[x]*"
    odd.mkdir()
    (odd / "a.txt").write_text("A")
    monkeypatch.chdir(odd)
    assert saved(start_run(), "a*.txt") == ["a.txt"]


def test_more_of_what_the_run_has_is_meant_too(tree: Path, run: airtape.Run) -> None:
    """Files among the run's that fit the glob are named again, at any depth for `**`."""
    saved(run, "s/*.txt")
    (Path(run.dir) / "s/link.txt").symlink_to(tree / "a.txt")
    assert saved(run, "s/**/*.txt") == ["s/b.txt", "s/t/c.txt"]


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("../x.txt",), "may not walk above the base path"),
        (("s/../../x.txt",), "may not walk above the base path"),
        (("a.txt", "/nonexistent"), "may not walk above the base path"),
        (("s/b.txt", "s/t"), "may not walk above the base path"),
        (("*",), r"may not start with '\*' relative to the base path"),
        (("s/*", "s"), r"may not start with '\*' relative to the base path"),
        (("s", "s"), "cannot be the same as the base path"),
        (("",), "cannot be the same as the base path"),
        (("s",), r"(?s)this is a folder .*Save what is in it"),
        (("a.txt", None, "never"), 'Only "live", "end" and "now" policies'),
    ],
    ids=str,
)
def test_a_wrong_argument_is_refused(
    arguments: tuple[Any, ...], says: str, run: airtape.Run
) -> None:
    """The error says what is wrong, and nothing is saved."""
    with pytest.raises(UsageError, match=says):
        run.save(*arguments)
    assert os.listdir(run.dir) == []  # noqa: PTH208 - a mere question


def test_nothing_said_is_a_warning(run: airtape.Run, capsys: pytest.CaptureFixture[str]) -> None:
    """As old scripts call it; it returns True."""
    assert run.save() is True
    assert "save() without a path is retired" in capsys.readouterr().err


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize("policy", ["live", "now", "end"])
def test_a_file_is_copied_at_once(policy: PolicyName, run: airtape.Run, tree: Path) -> None:
    """The log says path, size, digest and policy; the copy is no link, and stays without it."""
    assert saved(run, "s/b.txt", policy=policy) == ["s/b.txt"]
    copy = Path(run.dir, "s/b.txt")
    assert not copy.is_symlink()
    assert copy.stat().st_nlink == 1
    assert file_of(run, "s/b.txt") == {
        "path": "s/b.txt",
        "size": 1,
        "sha256": sha256(b"B").hexdigest(),
        "type": "saved",
        "policy": policy,
    }
    (tree / "s/b.txt").unlink()
    run.finish()
    assert copy.read_text() == "B"


@pytest.mark.parametrize(("policy", "at_end"), [("live", "new"), ("now", "A"), ("end", "new")])
def test_a_policy_says_what_the_end_has(
    policy: PolicyName, at_end: str, tree: Path, run: airtape.Run
) -> None:
    """The file as it is then, or as it was when it was saved."""
    saved(run, "a.txt", policy=policy)
    (tree / "a.txt").write_text("new")
    run.finish()
    assert Path(run.dir, "a.txt").read_text() == at_end
    assert file_of(run, "a.txt")["sha256"] == sha256(at_end.encode()).hexdigest()


def test_an_unchanged_file_is_recorded_once(tree: Path, run: airtape.Run) -> None:
    """The end adds nothing when there is nothing new."""
    assert (tree / "a.txt").is_file()
    saved(run, "a.txt")
    run.finish()
    assert len(recorded(run).of(Kind.FILES)) == 1


def test_the_last_policy_counts(tree: Path, run: airtape.Run) -> None:
    """A file that is saved again is what the last call said."""
    saved(run, "a.txt", policy="live")
    saved(run, "a.txt", policy="now")
    (tree / "a.txt").write_text("new")
    run.finish()
    assert Path(run.dir, "a.txt").read_text() == "A"


@pytest.mark.parametrize("file_system", [None, "nfs4"])
def test_a_live_file_is_copied_again_when_it_changes(
    file_system: str | None, tree: Path, run: airtape.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system tells, or a thread looks; written in place or replaced, it is all the same."""
    monkeypatch.setattr(file_watch, "SETTLE_S", 0.02)
    monkeypatch.setattr(file_watch, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(file_watch, "network_type", lambda _: file_system)
    copy = Path(run.dir, "a.txt")
    saved(run, "a.txt")
    (tree / "a.txt").write_text("in place")
    wait_until(lambda: copy.read_text() == "in place")
    (tree / "aside").write_text("replaced")
    (tree / "aside").replace(tree / "a.txt")
    wait_until(lambda: copy.read_text() == "replaced")
    wait_until(lambda: file_of(run, "a.txt")["sha256"] == sha256(b"replaced").hexdigest())


def test_the_copy_is_of_one_moment(workdir: Path, run: airtape.Run) -> None:
    """A file that is rewritten all the time is never half the one and half the other."""
    size, rounds = 300_000, 40
    source = workdir / "big.bin"
    source.write_bytes(bytes(size))
    for number in range(rounds):
        aside = workdir / "aside"
        aside.write_bytes(bytes([number]) * size)
        aside.replace(source)
        saved(run, "big.bin", policy="now")
        assert len(set(Path(run.dir, "big.bin").read_bytes())) == 1


def test_what_the_program_writes_into_the_runs_directory_is_the_runs(run: airtape.Run) -> None:
    """It is found at the end at the latest; links are left out."""
    Path(run.dir, "sub").mkdir()
    Path(run.dir, "sub/mine.txt").write_text("mine")
    Path(run.dir, "link.txt").symlink_to("/etc/passwd")
    os.mkfifo(Path(run.dir, "pipe"))
    run.finish()
    files = recorded(run).fold.files
    assert list(files) == ["sub/mine.txt"]
    assert files["sub/mine.txt"] == {
        "path": "sub/mine.txt",
        "size": 4,
        "sha256": sha256(b"mine").hexdigest(),
        "type": "saved",
    }


def test_a_file_in_the_runs_directory_is_saved_where_it_is(run: airtape.Run) -> None:
    """By its own path or by that below the directory; it is not copied onto itself."""
    mine = Path(run.dir, "m/model.txt")
    mine.parent.mkdir()
    mine.write_text("1")
    assert saved(run, mine) == ["m/model.txt"]
    assert saved(run, "m/model.txt", policy="end") == ["m/model.txt"]
    assert file_of(run, "m/model.txt")["policy"] == "end"
    mine.write_text("22")
    run.finish()
    assert file_of(run, "m/model.txt")["size"] == 2


def test_the_rest_of_the_runs_own_directory_is_not_saved(run: airtape.Run) -> None:
    """Or a run would hold its own log."""
    assert saved(run, Path(run.sync_dir) / "*.txlog") == []


@pytest.mark.usefixtures("tree")
def test_what_cannot_be_saved_is_said(
    workdir: Path, run: airtape.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rest is saved; nothing is raised, and a pipe does not block."""
    os.mkfifo(workdir / "s/pipe.txt")
    Path(run.dir, "s").symlink_to(workdir / "s")
    assert saved(run, "s/*.txt") == []
    Path(run.dir, "s").unlink()
    assert saved(run, "s/*.txt") == ["s/b.txt"]
    said = capsys.readouterr().err
    assert "s/pipe.txt cannot be saved: it is no regular file" in said
    assert "s/b.txt cannot be saved: " in said
    assert (workdir / "s/b.txt").read_text() == "B"


def test_what_cannot_be_saved_is_said_once(
    tree: Path, run: airtape.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not with each look at the files, which go on for as long as the run does."""
    monkeypatch.setattr(file_watch, "SETTLE_S", 0.01)
    os.mkfifo(tree / "s/pipe.txt")
    saved(run, "s/*.txt")
    for text in ("B2", "B3"):
        (tree / "s/b.txt").write_text(text)
        wait_until(lambda: Path(run.dir, "s/b.txt").read_text() == text)  # noqa: B023 - at once
    notes = Path(run.sync_dir, "logs/debug.log").read_text()
    assert notes.count("pipe.txt cannot be saved") == 1


def test_the_file_behind_a_link_is_copied(tree: Path, run: airtape.Run) -> None:
    """As with `latest.pt -> model-3.pt`."""
    (tree / "latest.txt").symlink_to("a.txt")
    saved(run, "latest.txt")
    assert not Path(run.dir, "latest.txt").is_symlink()
    assert Path(run.dir, "latest.txt").read_text() == "A"


@pytest.mark.usefixtures("tree")
def test_a_copy_has_the_permissions_of_the_setting(start_run: StartRun) -> None:
    """Not those of the file, which may be secret or writable for all."""
    run = start_run(settings={"file_mode": "640"})
    saved(run, "s/b.txt")
    assert Path(run.dir, "s/b.txt").stat().st_mode & 0o777 == 0o640


def test_odd_names_are_saved(workdir: Path, run: airtape.Run) -> None:
    """Whatever a file system allows."""
    for name in ("a\nb.x", "é.x", os.fsdecode(b"\xff.x")):
        (workdir / name).write_text("x")
    assert sorted(saved(run, "?*.x")) == ["a\nb.x", "é.x", "\ufffd.x"]


def test_the_end_counts_saved_files(
    tree: Path, run: airtape.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside those of the run itself."""
    assert tree.is_dir()
    saved(run, "s/b.txt")
    run.finish()
    assert "Recorded 1 file(s), 0 media file(s), 0 artifact file(s) and 1 other file(s)" in (
        capsys.readouterr().err
    )


@pytest.mark.usefixtures("tree")
def test_a_disabled_run_saves_nothing(start_run: StartRun) -> None:
    """It returns False."""
    assert start_run(mode="disabled").save("a.txt") is False


def test_a_finished_run_saves_nothing(run: airtape.Run) -> None:
    """The call is refused."""
    run.finish()
    with pytest.raises(UsageError, match=r"is finished\. The call to `save` will be ignored"):
        run.save("a.txt")


@pytest.mark.usefixtures("tree")
def test_the_module_saves_for_the_current_run(run: airtape.Run) -> None:
    """``airtape.save`` is that of the current run."""
    assert airtape.save("s/t/*") == [str(Path(run.dir, "s/t/c.txt"))]


def test_a_forked_child_saves_for_itself(run_python: RunPython, workdir: Path) -> None:
    """Its log tells of its file; the parent's live file is the parent's to copy."""
    (workdir / "p.txt").write_text("p")
    (workdir / "c.txt").write_text("c")
    run_python(
        """
        import os, airtape
        run = airtape.init(settings={"disable_metadata": True})
        run.save("p.txt")
        pid = os.fork()
        if not pid:
            run.save("c.txt", policy="end")
            open("c.txt", "w").write("changed")
            run.finish()
            os._exit(0)
        os.waitpid(pid, 0)
        run.finish()
        """
    )
    (run_dir,) = workdir.glob("wandb/run-*/files")
    assert (run_dir / "p.txt").read_text() == "p"
    assert (run_dir / "c.txt").read_text() == "changed"


def test_a_change_within_a_tick_of_the_clock_is_seen(workdir: Path, run: airtape.Run) -> None:
    """Size and time are what they were when the file was copied."""
    source = workdir / "a.txt"
    source.write_text("old")
    # However slow this machine is at the moment, no later than a tick after it is copied.
    changed = time.time_ns() + 60_000_000_000
    os.utime(source, ns=(changed, changed))
    saved(run, "a.txt", policy="end")
    source.write_text("new")
    os.utime(source, ns=(changed, changed))
    run.finish()
    assert Path(run.dir, "a.txt").read_text() == "new"


def test_what_is_copied_again_without_need_is_recorded_once(
    workdir: Path, run: airtape.Run
) -> None:
    """A file that was written just before it was saved is looked at once more."""
    (workdir / "a.txt").write_text("new")
    saved(run, "a.txt", policy="end")
    run.finish()
    assert len(recorded(run).of(Kind.FILES)) == 1


def test_the_last_record_is_of_the_last_copy(
    workdir: Path, run: airtape.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever copied first, and records last."""
    monkeypatch.setattr(file_watch, "SETTLE_S", 0.001)
    source = workdir / "a.txt"
    for number in range(100):
        source.write_text(str(number))
        saved(run, "a.txt")
    run.finish()
    assert Path(run.dir, "a.txt").read_text() == "99"
    assert file_of(run, "a.txt")["sha256"] == sha256(b"99").hexdigest()


def test_half_a_file_is_none(run: airtape.Run) -> None:
    """What a recorder was writing when it was killed is neither recorded nor listed."""
    Path(run.dir, ".0123456789abcdef.part").write_text("half")
    run.finish()
    assert recorded(run).fold.files == {}
    assert list_files(Path(run.sync_dir)) == []


def test_a_killed_process_loses_no_copy(run_python: RunPython, workdir: Path) -> None:
    """What save() returned for is there, with its record."""
    (workdir / "a.txt").write_text("A")
    run_python(
        """
        import os, signal, airtape
        run = airtape.init(settings={"disable_metadata": True})
        run.save("a.txt", policy="end")
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        returncode=-9,
    )
    (copy,) = workdir.glob("wandb/run-*/files/a.txt")
    assert copy.read_text() == "A"
