"""`tracker receipt`: what a target holds, carried to where it cannot be asked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airtape.backends.memory import MemoryBackend
from airtape.receipts.document import encode_receipt, read_receipt
from tests import logs
from tests.cli.conftest import MakeRun, Tracker

STORE = "sqlite:far.db"


def _brought(tracker: Tracker, name: str = "lab") -> None:
    tracker("receipt", "export", f"{name}.receipt", "--from", STORE, "--name", name)
    tracker("receipt", "import", f"{name}.receipt")


def test_a_receipt_answers_for_a_target_that_is_far(
    tracker: Tracker, tracker_json: Callable[..., Any], make_run: MakeRun, workdir: Path
) -> None:
    """What it lacks is what the target lacked when the receipt was made."""
    make_run()
    tracker("sync", "--to", STORE)
    assert (
        tracker("receipt", "export", "lab.receipt", "--from", STORE, "--name", "lab").stdout
        == "lab.receipt: sqlite:far.db, called lab, held 6 records of 1 run.\n"
    )
    (workdir / "far.db").unlink()
    assert (
        tracker("receipt", "import", "lab.receipt").stdout
        == "lab.receipt is kept: sqlite:far.db, called lab, held 6 records of 1 run.\n"
    )
    result = tracker("status", "--to", "lab")
    assert result.stdout.startswith("receipt:lab has everything of 1 run.\n")
    assert "what sqlite:far.db held at " in result.stderr
    make_run("other")
    (said,) = tracker_json("status", "--to", "receipt:lab")["targets"]
    assert [one["run_id"] for one in said["waiting"]] == ["other"]
    assert not (workdir / "far.db").exists()


def test_the_newest_receipt_counts(
    tracker: Tracker, tracker_json: Callable[..., Any], make_run: MakeRun, workdir: Path
) -> None:
    """In whatever order they come, and however often."""
    make_run()
    names = []
    for number in range(3):
        tracker("sync", "--to", STORE)
        names.append(f"{number}.receipt")
        tracker("receipt", "export", names[-1], "--from", STORE, "--name", "lab")
        make_run(f"run{number}")
    kept = [
        tracker_json("receipt", "import", names[number])["receipts"][0]["kept"]
        for number in (1, 0, 1, 2, 2, 0)
    ]
    assert kept == ["new", "older", "same", "newer", "same", "older"]
    assert sorted(path.name for path in (workdir / "wandb/receipts").iterdir()) == ["lab.receipt"]
    (said,) = tracker_json("status", "--to", "lab")["targets"]
    assert len(said["waiting"]) == 1


def test_a_clock_that_ran_ahead_holds_up_nothing(
    tracker: Tracker, tracker_json: Callable[..., Any], make_run: MakeRun
) -> None:
    """There; what comes after it was put right counts, and what came before does not."""
    make_run()
    kept = []
    for number, ahead_s in enumerate((0, 2 * 86_400, 0)):
        tracker("sync", "--to", STORE)
        tracker("receipt", "export", f"{number}.receipt", "--from", STORE, "--name", "lab")
        made = read_receipt(Path(f"{number}.receipt"))
        made = replace(made, made_ns=made.made_ns + ahead_s * 10**9)
        Path(f"{number}.receipt").write_bytes(encode_receipt(made))
        make_run(f"run{number}")
    for number in (1, 0, 2, 1):
        said = tracker_json("receipt", "import", f"{number}.receipt")
        kept.append(said["receipts"][0]["kept"])
    (said,) = tracker_json("status", "--to", "lab")["targets"]
    assert (kept, len(said["waiting"])) == (["new", "older", "newer", "older"], 1)


def test_a_receipt_that_was_cut_or_changed_is_refused(
    tracker: Tracker, make_run: MakeRun, workdir: Path
) -> None:
    """What was kept before stays."""
    make_run()
    _brought(tracker)
    kept = (workdir / "wandb/receipts/lab.receipt").read_bytes()
    for broken in (kept[:-1], kept.replace(b"far", b"fur"), b"", b"\0" * 99):
        (workdir / "lab.receipt").write_bytes(broken)
        assert "lab.receipt" in tracker("receipt", "import", "lab.receipt", exit_code=3).stderr
        assert (workdir / "wandb/receipts/lab.receipt").read_bytes() == kept


def test_a_kept_receipt_that_was_changed_is_not_believed(
    tracker: Tracker, make_run: MakeRun, workdir: Path
) -> None:
    """Nor one that somebody gave the name of another target."""
    make_run()
    _brought(tracker)
    kept = workdir / "wandb/receipts"
    shutil.copy(kept / "lab.receipt", kept / "other.receipt")
    assert "another target" in tracker("status", "--to", "other", exit_code=3).stderr
    (kept / "lab.receipt").write_bytes(b"airtape receipt 1")
    assert "this is no receipt" in tracker("status", "--to", "lab", exit_code=3).stderr


def test_a_receipt_of_another_target_is_refused(
    tracker: Tracker, make_run: MakeRun, workdir: Path
) -> None:
    """One that has the name of a receipt of another, or of a target that settings name."""
    make_run()
    _brought(tracker)
    tracker("receipt", "export", "b.receipt", "--from", "sqlite:b.db", "--name", "lab")
    stderr = tracker("receipt", "import", "b.receipt", exit_code=2).stderr
    assert "it is of sqlite:b.db, and what is kept is of sqlite:far.db" in stderr
    tracker("receipt", "import", "b.receipt", "--as", "b")
    (workdir / "wandb/settings").write_text("[targets]\nlab = sqlite:elsewhere.db\n")
    stderr = tracker("receipt", "import", "lab.receipt", exit_code=2).stderr
    assert "gives this name to sqlite:elsewhere.db" in stderr
    (workdir / "wandb/settings").write_text("[targets]\nlab = sqlite:far.db\n")
    assert "was kept before" in tracker("receipt", "import", "lab.receipt").stdout


def test_a_receipt_of_other_runs_is_refused(
    tracker: Tracker, make_run: MakeRun, workdir: Path
) -> None:
    """Of runs with the same ids, too, that began with other writers."""
    make_run(root=b"r" * 16)
    tracker("sync", "--to", STORE)
    tracker("receipt", "export", "far.receipt", "--from", STORE)
    make_run(root=b"s" * 16)
    stderr = tracker("receipt", "import", "far.receipt", exit_code=2).stderr
    assert "none of its 1 runs stands here" in stderr
    assert not (workdir / "wandb/receipts").exists()
    make_run("another")
    (workdir / "wandb/run-20261120_101112-ab12cd34/run-ab12cd34.txlog").write_text("no log")
    tracker("receipt", "import", "far.receipt", exit_code=2)
    make_run(root=b"r" * 16)
    tracker("receipt", "import", "far.receipt")


def test_a_target_is_called_by_its_name_or_its_place(
    tracker: Tracker, tracker_json: Callable[..., Any], make_run: MakeRun, workdir: Path
) -> None:
    """Unless it is said; names that are no file's name are refused."""
    make_run()

    def name(*arguments: str) -> str:
        said: str = tracker_json("receipt", "export", "x.receipt", *arguments)["name"]
        return said

    (workdir / "wandb/settings").write_text("[targets]\nLab = sqlite:far.db\n")
    assert name("--from", "LAB") == "lab"
    assert name("--from", "sqlite:Far store.db") == "far-store"
    assert name("--from", "memory:!") == "target"
    assert name() == "tracker"
    for bad in ("../lab", "Lab", ""):
        arguments = ("receipt", "import", "x.receipt", "--as", bad)
        assert "cannot be called" in tracker(*arguments, exit_code=2).stderr


def test_no_password_stands_in_a_receipt(
    tracker: Tracker, make_run: MakeRun, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in the file nor in what is said."""
    make_run()
    url = "postgresql://me:hunter2@db/runs?password=hunter2"
    monkeypatch.setattr("airtape_cli.commands.receipt.open_backend", lambda _: MemoryBackend("x"))
    result = tracker("receipt", "export", "pg.receipt", "--from", url)
    assert b"hunter2" not in (workdir / "pg.receipt").read_bytes()
    assert "hunter2" not in result.output
    assert "called runs" in result.output


def test_where_receipts_are_kept_can_be_said(
    tracker: Tracker, make_run: MakeRun, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs that are read-only get nothing written beside them."""
    make_run()
    monkeypatch.setenv("TRACKER_RECEIPT_DIR", str(workdir / "kept"))
    _brought(tracker)
    assert (workdir / "kept/lab.receipt").is_file()
    assert not (workdir / "wandb/receipts").exists()
    tracker("status", "--to", "lab")


def test_runs_elsewhere(tracker: Tracker, workdir: Path) -> None:
    """With ``--in`` the receipts stand beside those."""
    log = logs.write_log(logs.run_dir_of(workdir / "there"), logs.ended())
    tracker("sync", str(log.parent), "--to", STORE)
    tracker("receipt", "export", "far.receipt", "--from", STORE)
    tracker("receipt", "import", "far.receipt", exit_code=2)
    tracker("receipt", "import", "far.receipt", "--in", "there")
    assert (workdir / "there/receipts/far.receipt").is_file()


def test_what_cannot_be_read_or_written_is_named(
    tracker: Tracker, make_run: MakeRun, workdir: Path
) -> None:
    """The code tells which it was."""
    make_run()
    assert "No such file" in tracker("receipt", "import", "no.receipt", exit_code=2).stderr
    assert "no receipt of 'lab'" in tracker("status", "--to", "receipt:lab", exit_code=2).stderr
    assert "no receipt of '../x'" in tracker("status", "--to", "receipt:../x", exit_code=2).stderr
    tracker("receipt", "export", "far.receipt", "--from", STORE)
    (workdir / "wandb/receipts").touch()
    assert "cannot be" in tracker("receipt", "import", "far.receipt", exit_code=4).stderr
    (workdir / "wandb/receipts").unlink()
    (workdir / "wandb/receipts/far.receipt").mkdir(parents=True)
    tracker("receipt", "import", "far.receipt", exit_code=4)
    (workdir / "dir").mkdir()
    tracker("receipt", "export", "dir", "--from", STORE, exit_code=4)
    assert list(workdir.glob(".dir*")) == []


def test_a_receipt_takes_the_place_of_an_older_one(
    tracker: Tracker, make_run: MakeRun, workdir: Path
) -> None:
    """As a job writes it that runs each night, also when one was cut, or the file is empty."""
    make_run()
    tracker("sync", "--to", STORE)
    place = workdir / "lab.receipt"
    for before in (b"", b"airtape", b"airtape receipt 99 \0"):
        place.write_bytes(before)
        tracker("receipt", "export", "lab.receipt", "--from", STORE)
        assert len(read_receipt(place).runs) == 1
    tracker("receipt", "export", "lab.receipt", "--from", STORE)
    assert [path.name for path in workdir.glob("*.receipt*")] == ["lab.receipt"]


def test_a_file_that_is_no_receipt_stays(
    tracker: Tracker, make_run: MakeRun, workdir: Path
) -> None:
    """Somebody has named it by mistake; so have those who write one while they unpack a bundle."""
    make_run()
    tracker("sync", "--to", STORE)
    tracker("bundle", "create", "-o", "x.bundle")
    (workdir / "train.py").write_text("import airtape\n")
    os.mkfifo(workdir / "pipe")
    (workdir / "loop").symlink_to("loop")
    export = ("receipt", "export")
    stderr = tracker(*export, "train.py", "--from", STORE, exit_code=2).stderr
    assert "no receipt, and stays\n  Where: train.py\n  Why: it does not begin like" in stderr
    assert "no regular file" in tracker(*export, "pipe", "--from", STORE, exit_code=2).stderr
    assert "too many" in tracker(*export, "loop", "--from", STORE, exit_code=2).stderr.lower()
    tracker("bundle", "apply", "x.bundle", "far", "--receipt", "train.py", exit_code=2)
    assert (workdir / "train.py").read_text() == "import airtape\n"
    assert not (workdir / "far").exists()
