"""`tracker doctor`: one screen for whoever helps, without a secret in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import MakeRun, Tracker
from tests.processes import TRACKER
from tests.terminals import on_terminal

TOKEN = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"
PASSWORD = "hunter2hunter2"  # noqa: S105 - one for nothing


def test_one_screen_says_it_all(tracker: Tracker, make_run: MakeRun, wandb: Path) -> None:
    """The machine, the file system, the settings that somebody gave, and the targets."""
    make_run()
    (wandb / "run-20261120_101113-nolog").mkdir()
    (wandb / "settings").write_text("[default]\nproject = digits\n[targets]\nlab = sqlite:lab.db\n")
    before = sorted(wandb.rglob("*"))
    lines = tracker("doctor").stdout.splitlines()
    assert len(lines) <= 40
    text = "\n".join(lines)
    for words in ("airtape", "O_APPEND", "fsync", "inotify", "locks", "free space", "free files"):
        assert words in text
    assert "1 run directory, 1 directory without a log" in text
    assert any(line.split()[:2] == ["project", "digits"] for line in lines)
    assert any(line.split()[:2] == ["lab", "sqlite:lab.db"] for line in lines)
    assert sorted(wandb.rglob("*")) == before
    (wandb / "none").mkdir()
    assert "0 run directories" in tracker("doctor", "--in", str(wandb / "none")).stdout


def test_a_narrow_terminal_hides_nothing(workdir: Path) -> None:
    """What somebody copies from it for a helper is whole."""
    assert "psycopg" in on_terminal([str(TRACKER), "doctor"], workdir, columns=60)


def test_no_secret_is_said(tracker: Tracker, wandb: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of settings and targets, nor in names, however it is printed."""
    monkeypatch.setenv("TRACKER_TARGET", f"postgresql://me:{PASSWORD}@db/runs")
    monkeypatch.setenv("TRACKER_NOTES", f"with {TOKEN}")
    monkeypatch.setenv("SOME_API_KEY", PASSWORD)
    monkeypatch.setenv("TRACKER_NAME", f"x {PASSWORD}")
    (wandb / "settings").write_text(
        f"[targets]\nlab = postgresql://me:{PASSWORD}@db/runs\nweb = sqlite:{TOKEN}.db\n"
    )
    for arguments in ((), ("--json",)):
        output = tracker("doctor", *arguments).output
        assert PASSWORD not in output
        assert TOKEN not in output
        assert "***" in output
        assert "redacted" in output


def test_no_secret_is_said_however_it_is_written(
    tracker: Tracker, wandb: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In each way to say one in an address, in files of passwords, and in what has no effect."""
    secrets = [f"Secret{number:02d}Secret" for number in range(13)]
    addresses = [
        "postgresql://me:{}@db/runs",
        "postgresql://me:p@s/{}@db/runs",
        "postgresql://db/runs?user=me&password={}",
        "postgresql://db/runs?sslpassword={}&passfile=/x",
        "postgresql:host=db password={} dbname=runs",
        "postgresql:host=db password='a {}' dbname=runs",
        "https://me:{}@host/x",
        "https://host/x?token={}",
        "https://host/x#access_token={}",
        "s3://AKIA2E0A8F3B244C9986:{}@bucket",
    ]
    lines = [f"t{at} = {one.format(secrets[at])}" for at, one in enumerate(addresses)]
    (wandb / "settings").write_text("\n".join(["[targets]", *lines]))
    home = Path(os.environ["HOME"])
    (home / ".pgpass").write_text(f"db:5432:*:me:{secrets[10]}\n")
    (home / ".netrc").write_text(f"machine host login me password {secrets[11]}\n")
    monkeypatch.setenv("PGPASSWORD", secrets[12])
    monkeypatch.setenv("TRACKER_NOTES", " ".join(secrets[10:]))
    monkeypatch.setenv("TRACKER_TAGS", f"ok,{secrets[12]}")
    for arguments in ((), ("--json",)):
        output = tracker("doctor", *arguments).output
        assert "t9" in output
        assert [secret for secret in secrets if secret in output] == []


def test_something_bad_has_an_exit_code(
    tracker: Tracker, tracker_json: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For scripts that look before they start a job."""

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("airtape.doctor.folder.tempfile.mkdtemp", refuse)
    assert "cannot be written: Permission denied" in tracker("doctor", exit_code=3).stdout
    said = tracker_json("doctor", exit_code=3)
    assert [one["name"] for one in said["findings"] if one["state"] == "bad"] == ["writing"]


def test_nothing_is_set(tracker: Tracker, workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then that is said; another folder can be tried, without a home, too."""
    for name in [name for name in os.environ if name == "HOME" or name.startswith("TRACKER_")]:
        monkeypatch.delenv(name)
    stdout = tracker("doctor", "--in", str(workdir)).stdout
    assert "All settings have their defaults." in stdout
    assert "No target has a name here." in stdout
    assert str(workdir) in stdout


def test_a_setting_that_is_wrong(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is said as by any other command; what has no effect is a note."""
    monkeypatch.setenv("TRACKER_MODE", "loud")
    assert "TRACKER_MODE" in tracker("doctor", exit_code=2).stderr
