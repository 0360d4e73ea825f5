"""`tracker clean`: remove the logs of runs that targets hold, and only those."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from airtape.cleaning import removal
from airtape.large_values import store_large
from airtape.records import Kind
from tests import logs
from tests.cli.conftest import MakeRun, Tracker
from tests.processes import TRACKER
from tests.terminals import answered

STORE = "sqlite:lab.db"


@pytest.fixture
def old_run(make_run: MakeRun) -> MakeRun:
    """Write a run whose log has been at rest for 40 days."""

    def make(*arguments: Any, **header: Any) -> Path:
        run_dir = make_run(*arguments, **header)
        rest(run_dir)
        return run_dir

    return make


def rest(run_dir: Path) -> None:
    """Let a run look as if nobody had written to it for 40 days."""
    then = time.time() - 40 * 86_400
    for path in run_dir.glob("*.txlog"):
        os.utime(path, (then, then))


def _brought(tracker: Tracker, store: str = STORE, name: str = "lab") -> None:
    tracker("sync", "--to", store)
    tracker("receipt", "export", f"{name}.receipt", "--from", store, "--name", name)
    tracker("receipt", "import", f"{name}.receipt")


def test_what_a_target_holds_is_removed_and_a_stub_stays(
    tracker: Tracker, tracker_json: Callable[..., Any], old_run: MakeRun
) -> None:
    """With config, summary and receipt; `ls`, `show`, `status`, `sync` say that it is cleaned."""
    run_dir = old_run("ab12cd34", logs.config(lr=0.1), logs.ended(0))
    tracker("sync", "--to", STORE)
    before = tracker_json("show", "ab12cd34")
    result = tracker("clean", "--to", STORE, "--older-than", "30d", "--yes")
    assert result.stdout.splitlines()[-1].startswith("Removed 1 run, 1 file, ")
    assert [path.name for path in run_dir.iterdir() if path.is_file()] == ["run-ab12cd34.cleaned"]
    head, _, body = (run_dir / "run-ab12cd34.cleaned").read_bytes().partition(b"\n")
    said = json.loads(body)
    assert head.startswith(b"airtape cleaned 1 ")
    assert (said["run"], said["config"]) == ("me/digits/ab12cd34", {"lr": 0.1})
    assert said["summary"]["loss"] == pytest.approx(1 / 3)
    (receipt,) = said["receipts"]
    assert (receipt["target"], receipt["records"], receipt["gaps"]) == (STORE, 7, 0)
    (run,) = tracker_json("ls")["runs"]
    assert (run["state"], run["synced"], run["last_step"]) == ("finished", "cleaned", 2)
    assert " cleaned" in tracker("ls").stdout
    after = tracker_json("show", "ab12cd34")
    assert after.pop("cleaned") is not None
    assert before.pop("cleaned") is None
    assert after.pop("bytes") == 0
    assert before.pop("bytes") > 0
    assert after == before
    assert "Cleaned" in tracker("show", str(run_dir)).stdout
    assert "  1 run cleaned\n" in tracker("status").stdout
    (report,) = tracker_json("sync")["runs"]
    assert (report["status"], report["problems"]) == ("cleaned", [])
    assert "has everything of 0 runs; 1 cleaned." in tracker("sync", "-v").stdout
    assert "Cleaned: " in tracker("sync", "--verbose").stdout


def test_a_dry_run_changes_nothing(tracker: Tracker, old_run: MakeRun) -> None:
    """It says what would go."""
    run_dir = old_run()
    tracker("sync", "--to", STORE)
    before = sorted(run_dir.rglob("*"))
    stdout = tracker("clean", "--to", STORE, "--dry-run").stdout
    assert f"Held: wandb/{run_dir.name} (likely-lion-9), " in stdout
    assert "Would remove 1 run, 1 file, " in stdout
    assert sorted(run_dir.rglob("*")) == before


def test_a_target_must_be_named(tracker: Tracker, old_run: MakeRun) -> None:
    """What no target has is the only copy."""
    run_dir = old_run()
    tracker("sync")
    assert "no target is named" in tracker("clean", "--yes", exit_code=2).stderr
    assert "no target has the name" in tracker("clean", "--to", "lab", exit_code=2).output
    stderr = tracker("clean", "--to", "receipt:lab", "--yes", exit_code=2).stderr
    assert "no receipt of 'lab' was brought here" in stderr
    assert (run_dir / "run-ab12cd34.txlog").exists()


def test_the_only_copy_is_never_removed(tracker: Tracker, old_run: MakeRun, workdir: Path) -> None:
    """Exit code 2 where a target lacks a run, a record, or has another one; the others go."""
    whole, none, part, other = (old_run(run_id) for run_id in ("whole", "none", "part", "other"))
    for run_dir in (whole, part, other):
        tracker("sync", str(run_dir), "--to", STORE)
    old_run("part", logs.log_row(9, loss=0.5), logs.ended())
    old_run("other", logs.ended(7))
    result = tracker("clean", "--to", STORE, "--yes", exit_code=2)
    stays = [line for line in result.stdout.splitlines() if line.startswith("Stays: ")]

    def said_of(run_dir: Path) -> str:
        return next(line for line in stays if run_dir.name in line)

    assert "has nothing of it" in said_of(none)
    assert "lacks 1 of its records" in said_of(part)
    assert "are not these" in said_of(other)
    assert not list(whole.glob("*.txlog"))
    for run_dir in (none, part, other):
        assert list(run_dir.glob("*.txlog"))
    assert sorted(path.name for path in (workdir / "wandb").glob(".*")) == []


def test_every_target_must_have_it(tracker: Tracker, old_run: MakeRun) -> None:
    """Those that answer by a receipt, too."""
    run_dir = old_run()
    _brought(tracker)
    both = ("clean", "--yes", "--to", "lab", "--to", "sqlite:b.db")
    assert "sqlite:b.db has nothing of it" in tracker(*both, exit_code=2).stdout
    assert list(run_dir.glob("*.txlog"))
    tracker("sync", "--to", "sqlite:b.db")
    tracker(*both)
    assert not list(run_dir.glob("*.txlog"))


def test_a_receipt_must_cover_the_last_record(
    tracker: Tracker, old_run: MakeRun, workdir: Path
) -> None:
    """One that was made before does not; nor does one of another run with this id."""
    old_run("ab12cd34", logs.log_row(3, loss=1.0))
    _brought(tracker)
    (workdir / "lab.db").unlink()
    run_dir = old_run("ab12cd34", logs.log_row(3, loss=1.0), logs.ended())
    assert "lacks 1 of its records" in tracker("clean", "--to", "lab", "-y", exit_code=2).stdout
    old_run("ab12cd34", logs.log_row(3, loss=1.0), logs.ended(), root=b"r" * 16)
    assert "has nothing of it" in tracker("clean", "--to", "lab", "-y", exit_code=2).stdout
    assert list(run_dir.glob("*.txlog"))


def test_files_must_be_held_with_their_bytes(
    tracker: Tracker, old_run: MakeRun, workdir: Path
) -> None:
    """A folder that bundles were applied to tells so by its receipt."""
    run_dir = old_run()
    (run_dir / "files").mkdir()
    (run_dir / "files/config.yaml").write_text("lr: 0.1\n")
    (run_dir / "files/model.bin").write_bytes(b"weights")
    tracker("bundle", "create", "-o", "a.bundle")
    tracker("bundle", "apply", "a.bundle", "far", "--receipt", "far.receipt")
    tracker("receipt", "import", "far.receipt")
    (run_dir / "files/model.bin").write_bytes(b"changed")
    stdout = tracker("clean", "--to", "far", "--yes", exit_code=2).stdout
    assert "receipt:far does not have the bytes of files/model.bin" in stdout
    (run_dir / "files/model.bin").write_bytes(b"weights")
    tracker("clean", "--to", "far", "--yes")
    assert sorted(path.name for path in run_dir.rglob("*")) == [
        "config.yaml",
        "files",
        "run-ab12cd34.cleaned",
    ]
    assert (workdir / "far" / run_dir.name / "files/model.bin").read_bytes() == b"weights"


def test_a_store_must_hold_the_bytes_of_files(
    tracker: Tracker, old_run: MakeRun, workdir: Path
) -> None:
    """It is asked for each, and what it has is read; a receipt of it says which it had."""
    data = b"weights"
    digest = sha256(data).hexdigest()
    named = {"path": "model.bin", "sha256": digest, "size": len(data)}
    run_dir = old_run("ab12cd34", (Kind.FILES, [[named]]), logs.ended())
    (run_dir / "files").mkdir()
    tracker("sync", "--to", STORE, exit_code=3)
    (run_dir / "files/model.bin").write_bytes(data)
    held = "does not have the bytes of files/model.bin"
    assert held in tracker("clean", "--to", STORE, "--dry-run", exit_code=2).stdout
    tracker("sync", "--to", STORE, "--check")
    _brought(tracker)
    (content,) = workdir.glob(f"*/*/{digest}")
    content.chmod(0o600)
    content.write_bytes(b"changed")
    assert held in tracker("clean", "--to", STORE, "--dry-run", exit_code=2).stdout
    content.write_bytes(data)
    tracker("clean", "--to", STORE, "--to", "lab", "--yes")
    assert not list(run_dir.glob("*.txlog"))


@pytest.mark.parametrize("store", [STORE, "jsonl:lab"])
def test_a_store_must_hold_large_values(
    store: str, tracker: Tracker, old_run: MakeRun, workdir: Path
) -> None:
    """Then the run goes, and they stay in the store; a receipt of it says that it has them."""
    reference = store_large(workdir, ["x", *range(1000)])
    digest = str(reference["sha256"])
    run_dir = old_run("ab12cd34", logs.log_row(9, text=reference), logs.ended())
    tracker("sync", "--to", store, exit_code=3)
    (run_dir / "blobs").mkdir()
    (workdir / digest).rename(run_dir / "blobs" / digest)
    held = f"does not have the bytes of blobs/{digest}"
    assert held in tracker("clean", "--to", store, "--dry-run", exit_code=2).stdout
    _brought(tracker, store)
    (content,) = workdir.glob(f"lab*/**/{digest}")
    data = content.read_bytes()
    content.chmod(0o600)
    content.write_bytes(data[::-1])
    assert held in tracker("clean", "--to", store, "--dry-run", exit_code=2).stdout
    content.write_bytes(data)
    tracker("clean", "--to", store, "--to", "lab", "--yes")
    assert not list(run_dir.rglob("*.txlog"))
    assert not list(run_dir.rglob(digest))
    assert content.exists()


def test_a_store_that_tells_of_no_files_does_not_hold_them(
    tracker: Tracker, old_run: MakeRun
) -> None:
    """So a run that has some stays."""
    run_dir = old_run()
    (run_dir / "files").mkdir()
    for name in "ab":
        (run_dir / "files" / name).write_text("x")
    tracker("sync", "--to", "jsonl:lab")
    stdout = tracker("clean", "--to", "jsonl:lab", "--yes", exit_code=2).stdout
    assert "does not have the bytes of files/a and 1 more" in stdout


def test_a_run_that_is_not_proved_to_have_ended_stays(tracker: Tracker, make_run: MakeRun) -> None:
    """It is not refused: it is not asked for yet."""
    run_dir = make_run("ab12cd34", logs.heartbeat(), began_ns=time.time_ns(), host="elsewhere")
    ended = make_run("ended")
    logs.write_log(
        ended,
        logs.heartbeat(),
        run_id="ended",
        name="run-ended.h-1-1.txlog",
        began_ns=time.time_ns(),
        host="x",
        writer=b"c" * 16,
        role="child",
    )
    tracker("sync", "--to", STORE)
    stdout = tracker("clean", "--to", STORE, "--yes").stdout
    assert "2 runs stay: it is running." in stdout
    stdout = tracker("clean", str(run_dir), "--to", STORE, "--yes").stdout
    assert "1 run stays: it is running." in stdout
    assert list(run_dir.glob("*.txlog"))
    assert len(list(ended.glob("*.txlog"))) == 2


def test_young_ones_and_the_newest_stay(tracker: Tracker, old_run: MakeRun) -> None:
    """By when their logs were written to last, and when they began."""
    dirs = [old_run(f"run{one}", began_ns=logs.BEGAN_NS + one) for one in range(3)]
    os.utime(dirs[0] / "run-run0.txlog")
    tracker("sync", "--to", STORE)
    arguments = ("clean", "--to", STORE, "--older-than", "30d", "--keep", "1", "--yes")
    stdout = tracker(*arguments).stdout
    assert "2 runs stay: it is one of the 1 newest; it is not old enough." in stdout
    assert [bool(list(run_dir.glob("*.txlog"))) for run_dir in dirs] == [True, False, True]


def test_what_is_damaged_stays(tracker: Tracker, old_run: MakeRun) -> None:
    """What is lost may still be saved from it."""
    run_dir = old_run()
    log = run_dir / "run-ab12cd34.txlog"
    content = bytearray(log.read_bytes())
    content[content.index(b"loss")] ^= 1
    log.write_bytes(content)
    tracker("sync", "--to", STORE, exit_code=3)
    assert "1 record lost" in tracker("clean", "--to", STORE, "--yes", exit_code=2).stdout
    assert log.exists()


def test_a_directory_of_two_runs_stays(tracker: Tracker, old_run: MakeRun) -> None:
    """The other run would be lost with it."""
    run_dir = old_run()
    logs.write_log(run_dir, logs.ended(), run_id="other", writer=b"o" * 16)
    tracker("sync", "--to", STORE)
    stdout = tracker("clean", "--to", STORE, "--yes", exit_code=2).stdout
    assert "ab12cd34, other" in stdout
    assert len(list(run_dir.glob("*.txlog"))) == 2


def test_a_link_is_not_removed(tracker: Tracker, old_run: MakeRun, workdir: Path) -> None:
    """What it leads to would stay where it is."""
    run_dir = old_run()
    elsewhere = run_dir.rename(workdir / run_dir.name)
    run_dir.symlink_to(elsewhere)
    tracker("sync", "--to", STORE)
    assert "is a link" in tracker("clean", "--to", STORE, "--yes", exit_code=2).stdout
    assert list(elsewhere.glob("*.txlog"))


def test_a_receipt_of_runs_that_are_cleaned_is_taken(
    tracker: Tracker, old_run: MakeRun, workdir: Path
) -> None:
    """They are what it is about; one of others is not."""
    run_dir = old_run()
    _brought(tracker)
    tracker("clean", "--to", "lab", "--yes")
    tracker("receipt", "export", "again.receipt", "--from", STORE, "--name", "again")
    tracker("receipt", "import", "again.receipt")
    (run_dir / "run-ab12cd34.cleaned").write_text("changed")
    tracker("receipt", "import", "again.receipt", exit_code=2)
    assert (workdir / "wandb/receipts/again.receipt").exists()


def test_all_directories_of_a_run_go_and_one_stub_stays(
    tracker: Tracker, tracker_json: Callable[..., Any], old_run: MakeRun, wandb: Path
) -> None:
    """In the newest one."""
    first = old_run("ab12cd34", logs.ended(1), root=b"r" * 16)
    second = logs.run_dir_of(wandb, "ab12cd34", "20261121_000000")
    parents = [(b"ab12cd34".ljust(16), 3)]
    logs.write_log(second, logs.ended(), writer=b"2" * 16, root=b"r" * 16, parents=parents)
    tracker("sync", "--to", STORE)
    tracker("clean", "--to", STORE, "--yes")
    assert not first.exists()
    assert [path.name for path in second.iterdir()] == ["run-ab12cd34.cleaned"]
    (run,) = tracker_json("ls")["runs"]
    assert run["directories"] == [str(second.relative_to(wandb.parent))]


def test_nothing_stays_if_that_is_said(tracker: Tracker, old_run: MakeRun, wandb: Path) -> None:
    """With ``--no-stub``."""
    old_run()
    tracker("sync", "--to", STORE)
    tracker("clean", "--to", STORE, "--yes", "--no-stub")
    assert list(wandb.iterdir()) == []


def test_a_run_that_grows_meanwhile_stays(
    tracker: Tracker, old_run: MakeRun, wandb: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is put back as it was, with what was written to it."""
    run_dir = old_run()
    tracker("sync", "--to", STORE)
    real = removal._leave  # noqa: SLF001 - to write in between

    def leave(*arguments: Any) -> None:
        with (run_dir / "run-ab12cd34.txlog").open("ab") as file:
            file.write(b"\xc9")
        real(*arguments)

    monkeypatch.setattr(removal, "_leave", leave)
    result = tracker("clean", "--to", STORE, "--yes", exit_code=2)
    assert "somebody has written to it, or to what a target has, meanwhile" in result.stderr
    assert (run_dir / "run-ab12cd34.txlog").read_bytes().endswith(b"\xc9")
    assert [path.name for path in wandb.iterdir()] == [run_dir.name]


def test_a_script_has_to_say_yes(tracker: Tracker, old_run: MakeRun) -> None:
    """Without a terminal nobody can be asked, so nothing is removed."""
    run_dir = old_run()
    tracker("sync", "--to", STORE)
    assert "Say --yes" in tracker("clean", "--to", STORE, exit_code=2).stderr
    assert list(run_dir.glob("*.txlog"))


@pytest.mark.timeout(40)
@pytest.mark.parametrize(("answer", "exit_code"), [("y", 0), ("n", 1)])
def test_a_terminal_is_asked(
    tracker: Tracker, old_run: MakeRun, workdir: Path, answer: str, exit_code: int
) -> None:
    """What will go is listed before the question."""
    run_dir = old_run()
    tracker("sync", "--to", STORE)
    command = [str(TRACKER), "clean", "--to", STORE]
    done = answered(command, answer, workdir)
    assert done.returncode == exit_code
    assert done.stdout.startswith(f"Held: wandb/{run_dir.name}")
    assert "for good? [y/N]: " in done.stderr
    assert bool(list(run_dir.glob("*.txlog"))) == (answer == "n")


def test_logs_that_come_back_count(
    tracker: Tracker, tracker_json: Callable[..., Any], old_run: MakeRun
) -> None:
    """The run is there again; cleaning it once more leaves one stub."""
    run_dir = old_run()
    tracker("sync", "--to", STORE)
    tracker("clean", "--to", STORE, "--yes")
    old_run()
    (run,) = tracker_json("ls")["runs"]
    assert (run["cleaned"], run["rows"]) == (None, 3)
    tracker("clean", "--to", STORE, "--yes")
    assert [path.name for path in run_dir.glob("run-*")] == ["run-ab12cd34.cleaned"]


def test_a_stub_that_was_changed_is_named(
    tracker: Tracker, tracker_json: Callable[..., Any], old_run: MakeRun
) -> None:
    """By `ls` and `show`; it is never taken for a run."""
    run_dir = old_run()
    tracker("sync", "--to", STORE)
    tracker("clean", "--to", STORE, "--yes")
    stub = run_dir / "run-ab12cd34.cleaned"
    whole = stub.read_bytes()
    for data in (whole[:-1], b"", b"text", whole.replace(b"cleaned 1", b"cleaned 2")):
        stub.write_bytes(data)
        (run,) = tracker_json("ls")["runs"]
        assert (run["state"], len(run["problems"])) == ("unknown", 1)
        tracker("show", str(run_dir), exit_code=3)
    stub.unlink()
    (problem,) = tracker_json("ls")["problems"]
    assert problem["reason"] == "no transaction log"


def test_a_cleaned_run_can_be_deleted(tracker: Tracker, old_run: MakeRun) -> None:
    """Its stub goes, and a tombstone stays."""
    run_dir = old_run()
    tracker("sync", "--to", STORE)
    tracker("clean", "--to", STORE, "--yes")
    tracker("delete", "ab12cd34", "--yes", "--from", STORE)
    assert not run_dir.exists()
    assert "has everything of 0 runs" in tracker("status", "--to", STORE).stdout


def test_what_cannot_be_removed_is_named(tracker: Tracker, old_run: MakeRun, wandb: Path) -> None:
    """The run is there as before."""
    run_dir = old_run()
    tracker("sync", "--to", STORE)
    (wandb / f".cleaned-{run_dir.name}").touch()
    stderr = tracker("clean", "--to", STORE, "--yes", exit_code=4).stderr
    assert "the run cannot be cleaned" in stderr
    assert list(run_dir.glob("*.txlog"))
    assert "nobody knows who cleaned this run" in stderr
    tracker("clean", "nowhere", "--to", STORE, "--yes", exit_code=2)
    tracker("clean", "--to", "sqlite:no/such.db", "--yes", exit_code=4)


def test_files_that_stay_are_named(
    tracker: Tracker, old_run: MakeRun, wandb: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is what is left of it by then; `gc` removes them later."""
    old_run()
    tracker("sync", "--to", STORE)
    with monkeypatch.context() as patched:
        patched.setattr("airtape.cleaning.claim.shutil.rmtree", lambda *_, **__: None)
        stderr = tracker("clean", "--to", STORE, "--yes", exit_code=4).stderr
    assert "some files cannot be removed; `tracker gc` tries again" in stderr
    assert len(list(wandb.glob("run-*/*.cleaned"))) == 1
    assert len(list(wandb.glob(".cleaned-*"))) == 1


def test_what_is_none_of_the_runs_files_keeps_it_here(
    tracker: Tracker, old_run: MakeRun, wandb: Path
) -> None:
    """Somebody has put it there, and no target has it."""
    run_dir = old_run()
    tracker("sync", "--to", STORE)
    (run_dir / "model.ckpt").write_bytes(b"weeks of work")
    stdout = tracker("clean", "--to", STORE, "--yes", exit_code=2).stdout
    assert "model.ckpt is none of the run's files, so no target has it" in stdout
    (run_dir / "model.ckpt").rename(wandb / "model.ckpt")
    tracker("clean", "--to", STORE, "--yes")


def test_a_run_that_goes_on_after_its_receipt_stays(
    tracker: Tracker, old_run: MakeRun, wandb: Path, workdir: Path
) -> None:
    """Whoever was resumed has records of which the receipt says nothing."""
    first = old_run("ab12cd34", logs.ended(1))
    _brought(tracker)
    second = logs.run_dir_of(wandb, "ab12cd34", "20261121_000000")
    parents = [(b"ab12cd34".ljust(16), 4)]
    logs.write_log(
        second, logs.ended(), writer=b"2" * 16, root=b"ab12cd34".ljust(16), parents=parents
    )
    (workdir / "lab.db").unlink()
    stdout = tracker("clean", "--to", "receipt:lab", "--yes", exit_code=2).stdout
    assert "receipt:lab has nothing of it" in stdout
    assert list(first.glob("*.txlog"))
    assert list(second.glob("*.txlog"))


def test_what_cannot_be_read_stays(
    tracker: Tracker, old_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused, with the reason."""
    run_dir = old_run()
    (run_dir / "files").mkdir()
    (run_dir / "files/a").touch()
    tracker("sync", "--to", STORE)

    def refuse(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("airtape.cleaning.proof.digest_of_file", refuse)
    stdout = tracker("clean", "--to", STORE, "--yes", exit_code=2).stdout
    assert "files/a: Permission denied" in stdout


def test_a_target_that_has_more_or_no_digest_proves_nothing(
    tracker: Tracker, old_run: MakeRun, workdir: Path
) -> None:
    """Then it cannot be told whether what it has is what is here."""
    old_run("ab12cd34", logs.log_row(3, loss=1.0), logs.ended())
    tracker("sync", "--to", STORE)
    old_run("ab12cd34", logs.ended())
    stdout = tracker("clean", "--to", STORE, "--yes", exit_code=2).stdout
    assert "has records of it that are not here" in stdout
    old_run("ab12cd34", logs.log_row(3, loss=1.0), logs.ended())
    with closing(sqlite3.connect(workdir / "lab.db")) as connection, connection:
        connection.execute("UPDATE cursors SET bytes = NULL, digest = NULL")
    stdout = tracker("clean", "--to", STORE, "--yes", exit_code=2).stdout
    assert "does not say what its records amount to" in stdout


def test_json(tracker_json: Callable[..., Any], tracker: Tracker, old_run: MakeRun) -> None:
    """What is told in words is told to programs, too."""
    old_run()
    old_run("other")
    tracker("sync", "wandb/run-20261120_101112-ab12cd34", "--to", STORE)
    said = tracker_json("clean", "--to", STORE, "--yes", exit_code=2)
    assert {run["run_id"]: run["verdict"] for run in said["runs"]} == {
        "ab12cd34": "clean",
        "other": "refused",
    }
