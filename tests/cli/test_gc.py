"""`tracker gc`: remove files that nobody names."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import logs
from tests.cli.conftest import MakeRun, Tracker

NAMED, UNNAMED, OTHER = ("a" * 64, "b" * 64, "c" * 64)


def _blobs(run_dir: Path) -> Path:
    """Put a few files below a run that a record may name, or not."""
    for name in (NAMED, UNNAMED, f".{OTHER}.0123abcd", "README"):
        (run_dir / "blobs").mkdir(exist_ok=True)
        (run_dir / "blobs" / name).write_text("x")
    (run_dir / "files/media").mkdir(parents=True)
    for name in (f".{'0' * 16}.part", "kept.part", OTHER):
        (run_dir / "files/media" / name).write_text("x")
    return run_dir / "blobs"


def _reference(digest: str) -> logs.Said:
    return logs.log_row(3, x={"_type": "airtape/large", "sha256": digest, "size": 1})


def test_what_no_record_names_is_removed(tracker: Tracker, make_run: MakeRun, wandb: Path) -> None:
    """Large values, and files left half written; all else stays."""
    run_dir = make_run("ab12cd34", _reference(NAMED), logs.ended())
    blobs = _blobs(run_dir)
    (wandb / ".deleted-run-x/files").mkdir(parents=True)
    (wandb / ".deleted-run-x/files/a").write_text("abc")
    stdout = tracker("gc", "--dry-run").stdout
    assert "Would remove 4 files, 6 B." in stdout
    assert (blobs / UNNAMED).exists()
    assert tracker("gc", "--yes").stdout.endswith("Removed 4 files, 6 B.\n")
    assert sorted(path.name for path in blobs.iterdir()) == ["README", NAMED]
    left = sorted(path.name for path in (run_dir / "files/media").iterdir())
    assert left == [OTHER, "kept.part"]
    assert sorted(path.name for path in wandb.iterdir()) == [run_dir.name]
    assert tracker("gc", "--yes").stdout == "Removed 0 files, 0 B.\n"


def test_what_a_killed_scrub_left_is_removed(tracker: Tracker, make_run: MakeRun) -> None:
    """It has the name of what it was to replace, which stays; `clean` would take it for a file."""
    files = make_run() / "files"
    files.mkdir()
    for name in ("config.yaml", ".config.yaml.scrub-0123abcd", ".config.yaml.scrub-mine"):
        (files / name).write_text("x")
    assert tracker("gc", "--yes").stdout.endswith("Removed 1 file, 1 B.\n")
    assert sorted(path.name for path in files.iterdir()) == [
        ".config.yaml.scrub-mine",
        "config.yaml",
    ]


def test_a_digest_is_named_however_it_stands_there(tracker: Tracker, make_run: MakeRun) -> None:
    """As part of a text, as a name, in a kind that only a later version knows."""
    run_dir = make_run("ab12cd34", (250, [{UNNAMED: [f"sha256:{NAMED}"]}]), logs.ended())
    blobs = _blobs(run_dir)
    tracker("gc", "--yes")
    assert {NAMED, UNNAMED} <= {path.name for path in blobs.iterdir()}


def test_what_files_and_large_values_name_stays(tracker: Tracker, make_run: MakeRun) -> None:
    """As lists of further ones do; also where a digest lies across two pieces that are read."""
    run_dir = make_run("ab12cd34", _reference(NAMED), logs.ended())
    blobs = _blobs(run_dir)
    (blobs / NAMED).write_bytes(b"z" * ((1 << 20) - 10) + UNNAMED.encode())
    (blobs / UNNAMED).write_text(f"[{OTHER}]")
    for digest in (OTHER, "d" * 64, "e" * 64):
        (blobs / digest).write_text("x")
    (run_dir / "files/manifest.json").write_text(f'{{"sha256": "{"d" * 64}"}}')
    tracker("gc", "--yes")
    left = {path.name for path in blobs.iterdir()}
    assert left == {"README", NAMED, UNNAMED, OTHER, "d" * 64}


def test_runs_that_go_on_or_lost_records_are_passed_over(
    tracker: Tracker, tracker_json: Callable[..., Any], make_run: MakeRun
) -> None:
    """A record may come, or have been, that names one."""
    running = make_run("aaaa1111", logs.heartbeat(), began_ns=time.time_ns(), host="elsewhere")
    damaged = make_run("bbbb2222")
    bad = make_run("cccc3333")
    for run_dir in (running, damaged, bad):
        _blobs(run_dir)
    log = damaged / "run-bbbb2222.txlog"
    content = bytearray(log.read_bytes())
    content[content.index(b"loss")] ^= 1
    log.write_bytes(content)
    (bad / "run-more.txlog").write_text("no log")
    said = tracker_json("gc", "--yes")
    assert said["removed"] == []
    assert len(said["notes"]) == 3
    assert "it is running" in said["notes"][0]
    result = tracker("gc", "--yes")
    assert "a record is lost that may name one" in result.stderr
    assert (running / "blobs" / UNNAMED).exists()


def test_a_script_has_to_say_yes(tracker: Tracker, make_run: MakeRun) -> None:
    """Without a terminal nobody can be asked."""
    blobs = _blobs(make_run())
    assert "Say --yes" in tracker("gc", exit_code=2).stderr
    assert (blobs / UNNAMED).exists()
    tracker("gc", "nowhere", exit_code=2)


def test_what_cannot_be_removed_is_named(
    tracker: Tracker, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or looked at: then the run is passed over."""
    run_dir = make_run()
    blobs = _blobs(run_dir)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", _refuse)
        stderr = tracker("gc", "--yes", exit_code=4).stderr
    assert "a file cannot be removed" in stderr
    assert (blobs / UNNAMED).exists()
    monkeypatch.setattr("airtape.cleaning.garbage.read_writers", _refuse)
    assert "is passed over: no" in tracker("gc", "--yes").stderr


def _refuse(path: Path, *_: object, **__: object) -> None:
    raise PermissionError(1, "no", str(path))


def test_json(tracker_json: Callable[..., Any], make_run: MakeRun) -> None:
    """Each with its size."""
    run_dir = make_run("ab12cd34", _reference(NAMED), logs.ended())
    blobs = _blobs(run_dir)
    said = tracker_json("gc", "--dry-run")
    path = str(blobs.relative_to(run_dir.parent.parent) / UNNAMED)
    assert {"path": path, "bytes": 1} in said["removed"]
