from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from airtape.backends.cursor import Loss
from airtape.records import Kind
from airtape.sync.rebuild import Rebuilt
from airtape.sync.report import RunReport, SyncReport
from tests import logs
from tests.cli.conftest import MakeRun, Tracker

PAGE = Path(__file__).parents[2] / "docs/JSON.md"
FREE = {"config", "summary", "system_hardware", "metrics"}
"""What holds names of the user's own."""


def _names(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _names(item)
    elif isinstance(value, dict):
        for name, below in value.items():
            yield name
            if name not in FREE:
                yield from _names(below)


def _documented(*titles: str) -> set[str]:
    """Return the names in the code spans of the sections with these titles."""
    text = PAGE.read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE))
    return set(re.findall(r"`(\w+)`", "".join(sections[title] for title in titles)))


def test_everything_that_ls_prints_is_documented(
    tracker_json: Callable[..., Any], make_run: MakeRun, wandb: Path
) -> None:
    """Every name in the output of ``ls --json`` has its line in the documentation."""
    path = make_run() / "run-ab12cd34.txlog"
    content = bytearray(path.read_bytes())
    content[content.index(b"loss")] ^= 1
    path.write_bytes(content)
    (wandb / "run-20261120_101113-nolog").mkdir()
    names = set(_names(tracker_json("ls")))
    assert "records_lost" in names
    assert names - _documented("`tracker ls --json`", "A run") == set()


def test_everything_that_show_prints_is_documented(
    tracker: Tracker, tracker_json: Callable[..., Any], make_run: MakeRun
) -> None:
    """Every name in the output of ``show --json`` has its line in the documentation."""
    run_dir = make_run("ab12cd34", logs.machine(hardware={"cpus": 8}))
    (run_dir / "files").mkdir()
    (run_dir / "files/a.txt").touch()
    tracker("edit", "ab12cd34", "--name", "baseline")
    names = set(_names(tracker_json("show", "ab12cd34")))
    assert {"last_heard", "removed"} <= names
    assert names - _documented("`tracker show --json`", "A run") == set()


def test_everything_that_the_tabs_of_show_print_is_documented(
    tracker_json: Callable[..., Any], make_run: MakeRun
) -> None:
    """Every name in the output of ``show --json --tab`` has its line, but for those of metrics."""
    output = (Kind.CONSOLE, ["stdout", "hello\n"])
    run_dir = make_run("ab12cd34", logs.system(cpu=1), output)
    (run_dir / "files").mkdir()
    (run_dir / "files/a.txt").touch()
    for tab in ("history", "system", "files", "artifacts", "logs"):
        names = set(_names(tracker_json("show", "ab12cd34", "--tab", tab)))
        names -= {"loss", "eval/acc", "cpu"}
        assert names - _documented("`tracker show --json`") == set()
    names = set(_names(tracker_json("show", "ab12cd34", "--logs", "--raw")))
    assert names - _documented("`tracker show --json`") == set()


def test_everything_that_sync_prints_is_documented(tmp_path: Path) -> None:
    """Every name of a sync's report has its line in the documentation."""
    loss = Loss("a.txlog", 1, 2, 3, 4, "not a frame")
    report = SyncReport(runs=[RunReport(tmp_path, damage=[loss], known=[loss])])
    assert set(_names(report.to_json())) - _documented("`tracker sync --json`") == set()


def test_everything_that_rebuild_prints_is_documented() -> None:
    """Every name beyond those of a sync has its line."""
    names = set(_names(Rebuilt().to_json()))
    assert names - _documented("`tracker rebuild --json`", "`tracker sync --json`") == set()


def test_everything_that_verify_and_repair_print_is_documented(
    tracker_json: Callable[..., Any], make_run: MakeRun
) -> None:
    """Every name in the output of ``verify --json`` and ``repair --json`` has its line."""
    reference = {"_type": "airtape/large", "sha256": "../..", "size": 1}
    path = make_run("ab12cd34", logs.log_row(3, x=reference), logs.gap(7, 9, "full"))
    path /= "run-ab12cd34.txlog"
    content = bytearray(path.read_bytes())
    content[content.index(b"loss")] ^= 1
    path.write_bytes(content)
    names = set(_names(tracker_json("verify", exit_code=3)))
    assert {"records_lost", "first_seq", "reason", "sha256"} <= names
    assert names - _documented("`tracker verify --json`") == set()
    names = set(_names(tracker_json("repair", "wandb")))
    assert {"copy", "first_seq"} <= names
    assert names - _documented("`tracker verify --json`", "`tracker repair --json`") == set()


def test_everything_that_log_dump_prints_is_documented(tracker: Tracker, make_run: MakeRun) -> None:
    """Every name of a line has its line in the documentation, but for the fields of records."""
    path = make_run("ab12cd34", logs.log_row(3)) / "run-ab12cd34.txlog"
    content = bytearray(path.read_bytes())
    content[content.index(b"loss")] ^= 1
    path.write_bytes(content + b"\xc9")
    (path.parent / "run-no.txlog").write_bytes(b"foreign")
    lines = tracker("log-dump", "wandb", exit_code=3).stdout.splitlines()
    said = [json.loads(line) for line in lines]
    names = {name for line in said for name in _names({**line, "fields": None})}
    assert {"damage", "incomplete", "problem", "fields", "seq_before"} <= names
    assert names - _documented("`tracker log-dump`") == set()


def test_everything_that_diff_prints_is_documented(
    tracker_json: Callable[..., Any], make_run: MakeRun
) -> None:
    """Every name in the output of ``diff --json`` has its line in the documentation."""
    first = make_run("ab12cd34", logs.machine(os="Linux"))
    make_run("other")
    (first / "files/code").mkdir(parents=True)
    (first / "files/code/train.py").touch()
    names = set(_names(tracker_json("diff", "ab12cd34", "other")))
    assert {"values", "diff", "requirements"} <= names
    assert names - _documented("`tracker diff --json`") == set()


def test_everything_that_config_prints_is_documented(tracker_json: Callable[..., Any]) -> None:
    """Every name in the output of ``config --json`` has its line, but for the settings' own."""
    said = tracker_json("config")
    names = {*said, *_names(said["settings"]["mode"])}
    assert {"settings", "source"} <= names
    assert names - _documented("`tracker config --json`") == set()


def test_everything_that_status_prints_is_documented(
    tracker_json: Callable[..., Any], make_run: MakeRun, wandb: Path
) -> None:
    """Every name in the output of ``status --json`` has its line in the documentation."""
    make_run()
    (wandb / "run-20261120_101113-nolog").mkdir()
    names = set(_names(tracker_json("status")))
    assert {"since", "ended", "last_error", "reason"} <= names
    assert names - _documented("`tracker status --json`") == set()


def test_everything_that_a_comparison_prints_is_documented(
    tracker_json: Callable[..., Any], make_run: MakeRun
) -> None:
    """Every name in the output of ``verify --against`` has its line in the documentation."""
    make_run()
    said = tracker_json("verify", "--against", "memory:nothing", exit_code=3)
    names = set(_names(said))
    assert {"verdict", "receipt", "digest"} <= names
    assert names - _documented("`tracker verify --json`", "`tracker sync --json`") == set()


def test_everything_that_receipt_prints_is_documented(
    tracker_json: Callable[..., Any], make_run: MakeRun
) -> None:
    """Every name in the output of ``receipt … --json`` has its line in the documentation."""
    make_run()
    names = set(_names(tracker_json("receipt", "export", "a.receipt", "--from", "memory:a")))
    names |= set(_names(tracker_json("receipt", "import", "a.receipt")))
    assert {"kept", "made"} <= names
    assert names - _documented("`tracker receipt --json`") == set()


def test_everything_that_bundle_prints_is_documented(
    tracker_json: Callable[..., Any], make_run: MakeRun
) -> None:
    """Every name in the output of ``bundle … --json`` has its line in the documentation."""
    make_run()
    tracker_json("receipt", "export", "a.receipt", "--from", "memory:a")
    names = set(_names(tracker_json("bundle", "create", "-o", "a.bundle", "--since", "a.receipt")))
    names |= set(_names(tracker_json("bundle", "verify", "a.bundle")))
    names |= set(_names(tracker_json("bundle", "apply", "a.bundle", "far")))
    assert {"written", "problem", "notes", "target"} <= names
    assert names - _documented("`tracker bundle --json`") == set()


def test_everything_that_clean_and_gc_print_is_documented(
    tracker: Tracker, tracker_json: Callable[..., Any], make_run: MakeRun
) -> None:
    """Every name in the output of ``clean --json`` and ``gc --json`` has its line."""
    run_dir = make_run()
    (run_dir / "blobs").mkdir()
    (run_dir / "blobs" / ("0" * 64)).touch()
    names = set(_names(tracker_json("gc", "--yes")))
    assert {"removed", "bytes"} <= names
    assert names - _documented("`tracker gc --json`") == set()
    tracker("sync")
    names = set(_names(tracker_json("clean", "--to", "sqlite:wandb/tracker.db", "--yes")))
    assert {"receipts", "digest"} <= names
    assert names - _documented("`tracker clean --json`") == set()


def test_everything_that_doctor_prints_is_documented(
    tracker_json: Callable[..., Any], wandb: Path
) -> None:
    """Every name in the output of ``doctor --json`` has its line in the documentation."""
    (wandb / "settings").write_text("[default]\nmode = offline\n[targets]\nlab = sqlite:x\n")
    names = set(_names(tracker_json("doctor")))
    assert {"state", "url", "value"} <= names
    assert names - _documented("`tracker doctor --json`") == set()


def test_everything_that_scrub_prints_is_documented(
    tracker_json: Callable[..., Any], make_run: MakeRun, workdir: Path
) -> None:
    """Every name in the output of ``scrub --json`` has its line in the documentation."""
    make_run("ab12cd34", logs.config(key="hunter2"), logs.ended())
    (workdir / "secret").write_text("hunter2")
    said = tracker_json("scrub", "ab12cd34", "--value-file", "secret", "--dry-run")
    names = set(_names(said))
    assert {"seq", "damaged"} <= names
    assert names - _documented("`tracker scrub --json`") == set()
