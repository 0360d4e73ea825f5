"""`tracker scrub`: a text goes out of a run and of named targets, and nothing else changes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import msgpack
import pytest

from airtape import exactjson
from airtape.large_values import store_large
from airtape.records import Kind, Record
from airtape.scrub.scrubber import MARK, Scrubber
from airtape.txlog.reader import read_log
from tests import logs
from tests.cli.conftest import MakeRun, Tracker
from tests.killed import killed_before
from tests.processes import TRACKER
from tests.sync.runs import A_RUN
from tests.terminals import answered

SECRET = 'hunter2 "é"\\'  # noqa: S105 - one for nothing
"""One that JSON writes in another way."""
STORE = "sqlite:lab.db"


@pytest.fixture(autouse=True)
def secret_file(workdir: Path) -> Path:
    """The text, in a file as an editor leaves it."""
    path = workdir / "secret.txt"
    path.write_text(SECRET + "\n")
    return path


def _scrub(tracker: Tracker, *arguments: str, exit_code: int = 0) -> Any:  # noqa: ANN401 - a result
    how = ("scrub", "ab12cd34", "--value-file", "secret.txt", *arguments)
    return tracker(*how, exit_code=exit_code)


def _leaky(make_run: MakeRun, *more: logs.Said) -> Path:
    """Write a run in which the text stands in many places, and in files."""
    run_dir = make_run(
        "ab12cd34",
        *A_RUN,
        logs.config(password=SECRET, nested={"deep": [f"x{SECRET}y", 5]}),
        logs.log_row(20, loss=0.25, text=SECRET),
        logs.CHECKPOINT,
        (Kind.CONSOLE, ["stdout", f"my password is {SECRET}\n"]),
        logs.summary(note=SECRET),
        (250, [{SECRET: 1, MARK: 2}]),
        *more,
        logs.CHECKPOINT,
        logs.ended(),
    )
    (run_dir / "files").mkdir()
    (run_dir / "logs").mkdir()
    (run_dir / "files/config.yaml").write_text(f"password: '{SECRET}'\n")
    (run_dir / "files/wandb-summary.json").write_text(json.dumps({"note": SECRET}))
    (run_dir / "files/model.bin").write_bytes(b"\xff\0" + SECRET.encode() + b"\xfe")
    (run_dir / "files/clean.txt").write_text("nothing")
    (run_dir / "logs/debug.log").write_text(f"{SECRET}\n")
    return run_dir


def _is_anywhere(top: Path) -> bool:
    scrubber = Scrubber([SECRET])
    files = [path for path in top.rglob("*") if path.is_file() and path.name != "secret.txt"]
    return any(scrubber.is_in(path.read_bytes()) for path in files)


def _records(run_dir: Path) -> list[Record]:
    log = read_log(run_dir / "run-ab12cd34.txlog")
    assert (log.damage, log.duplicates, log.incomplete) == ([], 0, False)
    return log.records


def test_it_is_nowhere_any_more_and_nothing_else_changes(
    tracker: Tracker, make_run: MakeRun, workdir: Path
) -> None:
    """Each record keeps number, kind, time and whatever else it says; `verify` finds no fault."""
    run_dir = _leaky(make_run)
    before = _records(run_dir)
    clean = _looks(run_dir / "files/clean.txt")
    stdout = _scrub(tracker, "--yes").stdout
    assert stdout.endswith("Took it out of 7 records and 4 files of me/vision/ab12cd34.\n")
    assert not _is_anywhere(workdir)
    after = _records(run_dir)
    scrubber = Scrubber([SECRET])
    changed = 0
    for old, new in zip(before, after, strict=True):
        assert new[:3] == old[:3]
        # Behind these three a checkpoint says where the one before it stands.
        said, expected = list(new.fields)[:3], scrubber.plain(list(old.fields))[:3]
        assert exactjson.dumps(said) == exactjson.dumps(expected)
        changed += exactjson.dumps(said) != exactjson.dumps(list(old.fields)[:3])
    assert changed == 7
    assert after[-2].fields[1]["config"]["password"] == MARK
    assert tracker("verify", str(run_dir)).exit_code == 0
    assert (run_dir / "files/config.yaml").read_text() == f"password: '{MARK}'\n"
    assert json.loads((run_dir / "files/wandb-summary.json").read_text()) == {"note": MARK}
    assert len((run_dir / "files/model.bin").read_bytes()) == 3 + len(SECRET.encode())
    assert _looks(run_dir / "files/clean.txt") == clean
    assert json.loads(tracker("show", "ab12cd34", "--json").stdout)["config"]["password"] == MARK


def _looks(path: Path) -> tuple[int, ...]:
    """Return what changes when a file is written to or replaced, and not when it is read."""
    said = path.stat()
    return said.st_ino, said.st_mode, said.st_size, said.st_mtime_ns, said.st_ctime_ns


def test_a_note_says_what_was_done(tracker: Tracker, make_run: MakeRun) -> None:
    """When, by whom, in which records and files; not the text. A second time adds nothing."""
    run_dir = _leaky(make_run)
    _scrub(tracker, "--yes")
    (line,) = (run_dir / "logs/scrub.jsonl").read_text().splitlines()
    said = json.loads(line)
    assert {"config", "history", "console", "summary", "checkpoint", 250} == {
        one["kind"] for one in said["records"]
    }
    assert said["files"] == [
        "files/config.yaml",
        "files/model.bin",
        "files/wandb-summary.json",
        "logs/debug.log",
    ]
    assert said["when"].startswith("20")
    assert "hunter2" not in line
    looks = (run_dir / "run-ab12cd34.txlog").stat()
    assert "0 records and 0 files" in _scrub(tracker, "--yes").stdout
    assert (run_dir / "run-ab12cd34.txlog").stat() == looks
    assert (run_dir / "logs/scrub.jsonl").read_text() == f"{line}\n"


@pytest.mark.parametrize("renamed", [[], ["--project", "vision"], ["--id", "new"]])
def test_named_targets_are_scrubbed_too(
    tracker: Tracker, make_run: MakeRun, workdir: Path, renamed: list[str]
) -> None:
    """Under whatever name they know the run; not a byte of it is left in a store."""
    run_dir = _leaky(make_run)
    make_run("other")
    tracker("sync", str(run_dir), "--to", STORE, *renamed)
    tracker("sync", "wandb/run-20261120_101112-other", "--to", STORE)
    assert _is_anywhere(workdir)
    stdout = _scrub(tracker, "--yes", "--from", STORE).stdout
    assert ", and out of 1 target.\n" in stdout
    assert not _is_anywhere(workdir)
    assert "has everything of 2 runs" in tracker("status", "--to", STORE).stdout
    tracker("verify", "wandb", "--against", STORE)


def test_a_target_that_does_not_know_the_run_does_not_get_it(
    tracker: Tracker, make_run: MakeRun
) -> None:
    """It is only taken out."""
    _leaky(make_run)
    make_run("other")
    tracker("sync", "wandb/run-20261120_101112-other", "--to", STORE)
    _scrub(tracker, "--yes", "--from", STORE, "--from", "sqlite:none.db")
    assert "lacks something of 1 of 2 runs" in tracker("status", "--to", STORE).stdout


def test_files_that_records_name_are_named_anew(tracker: Tracker, make_run: MakeRun) -> None:
    """By their new digests and sizes; so are large values, which are kept by their digest."""
    value = msgpack.packb({"text": SECRET, "n": 1})
    reference = {"_type": "airtape/large", "sha256": sha256(value).hexdigest(), "size": len(value)}
    data = f"password: '{SECRET}'\n".encode()
    file = {"path": "config.yaml", "sha256": sha256(data).hexdigest(), "size": len(data)}
    odd = b"\xc1" + SECRET.encode()
    run_dir = _leaky(
        make_run, (Kind.FILES, [[file]]), logs.log_row(21, big=reference, only={"sha256": "x"})
    )
    (run_dir / "blobs").mkdir()
    for one in (value, odd):
        (run_dir / "blobs" / sha256(one).hexdigest()).write_bytes(one)
    _scrub(tracker, "--yes")
    records = _records(run_dir)
    (said,) = [record.fields[0][0] for record in records if record.kind == Kind.FILES]
    now = (run_dir / "files/config.yaml").read_bytes()
    assert said == {"path": "config.yaml", "sha256": sha256(now).hexdigest(), "size": len(now)}
    (big,) = [
        r.fields[2]["big"] for r in records if r.kind == Kind.HISTORY and "big" in r.fields[2]
    ]
    blob = run_dir / "blobs" / big["sha256"]
    assert msgpack.unpackb(blob.read_bytes()) == {"text": MARK, "n": 1}
    assert blob.stat().st_mode & 0o777 == 0o444
    assert len(list((run_dir / "blobs").iterdir())) == 2
    assert not _is_anywhere(run_dir)
    tracker("verify", str(run_dir))


def test_the_content_of_files_is_dropped_from_a_target(
    tracker: Tracker, make_run: MakeRun, workdir: Path
) -> None:
    """And comes again as it is now; what another run has, too, stays, which is said."""
    data = f"password: '{SECRET}'\n".encode()
    file = {"path": "config.yaml", "sha256": sha256(data).hexdigest(), "size": len(data)}
    run_dir = _leaky(make_run, (Kind.FILES, [[file]]))
    tracker("sync", "--to", STORE)
    assert any(workdir.glob(f"*/*/{file['sha256']}"))
    result = _scrub(tracker, "--yes", "--from", STORE)
    assert result.stderr == ""
    assert not _is_anywhere(workdir)
    now = (run_dir / "files/config.yaml").read_bytes()
    assert any(workdir.glob(f"*/*/{sha256(now).hexdigest()}"))
    shutil.rmtree(run_dir)
    _leaky(make_run, (Kind.FILES, [[file]]))
    other = make_run("other", (Kind.FILES, [[file]]), logs.ended())
    (other / "files").mkdir()
    (other / "files/config.yaml").write_bytes(data)
    tracker("sync", "--to", STORE, "--again")
    result = _scrub(tracker, "--yes", "--from", STORE)
    assert "1 file with the text stay in the target: other runs have them" in result.stderr


def test_a_large_value_is_dropped_from_a_target_unless_another_run_has_it(
    tracker: Tracker, make_run: MakeRun, workdir: Path
) -> None:
    """It comes again as it is now; what another run refers to stays, which is said."""
    for run_id in ("ab12cd34", "other"):
        reference = store_large(workdir, [SECRET, *range(1000)])
        digest = str(reference["sha256"])
        run_dir = make_run(run_id, logs.log_row(9, text=reference), logs.ended())
        (run_dir / "blobs").mkdir()
        (workdir / digest).rename(run_dir / "blobs" / digest)
        if run_id == "other":
            tracker("sync", "--to", STORE)
            result = _scrub(tracker, "--yes", "--from", STORE)
            assert "1 file with the text stay in the target: other runs have" in result.stderr
            assert any(workdir.glob(f"*.files/*/{digest}"))
        else:
            tracker("sync", "--to", STORE)
            _scrub(tracker, "--yes", "--from", STORE)
            assert not _is_anywhere(workdir)
            (blob,) = (run_dir / "blobs").iterdir()
            assert any(workdir.glob(f"*.files/*/{blob.name}"))
            shutil.rmtree(run_dir)
            run_dir = make_run("ab12cd34", logs.log_row(9, text=reference), logs.ended())
            (run_dir / "blobs").mkdir()
            store_large(run_dir / "blobs", [SECRET, *range(1000)])
            tracker("sync", "--to", STORE, "--again")


def test_damaged_bytes_keep_their_number(
    tracker: Tracker, tracker_json: Callable[..., Any], make_run: MakeRun
) -> None:
    """What they cost stays what it was; a torn end stays one."""
    run_dir = _leaky(make_run)
    log = run_dir / "run-ab12cd34.txlog"
    content = bytearray(log.read_bytes())
    content[content.index(b"my password") - 2] ^= 1
    log.write_bytes(bytes(content) + b"\xc9" + SECRET.encode())
    before = tracker_json("verify", str(run_dir), exit_code=3)["runs"][0]["writers"]
    stdout = _scrub(tracker, "--yes").stdout
    assert "damaged bytes" in stdout
    assert not _is_anywhere(run_dir)
    after = tracker_json("verify", str(run_dir), exit_code=3)["runs"][0]["writers"]
    assert [one["missing"] for one in after] == [one["missing"] for one in before]
    assert json.loads((run_dir / "logs/scrub.jsonl").read_text())["damaged_bytes"]


def test_all_directories_and_writers_of_a_run(
    tracker: Tracker, make_run: MakeRun, wandb: Path
) -> None:
    """A run that was resumed, whatever directory is named; labels in headers, too."""
    first = _leaky(make_run)
    second = logs.run_dir_of(wandb, "ab12cd34", "20261121_000000")
    logs.write_log(
        second,
        logs.config(again=SECRET),
        logs.ended(),
        writer=b"2" * 16,
        root=b"ab12cd34".ljust(16),
        label=SECRET,
    )
    tracker("scrub", str(first), "--value-file", "secret.txt", "--yes")
    assert not _is_anywhere(wandb)
    log = read_log(second / "run-ab12cd34.txlog")
    assert log.header is not None
    assert log.header.label == MARK


@pytest.mark.timeout(120)
def test_whoever_is_killed_can_begin_again(
    tracker: Tracker, make_run: MakeRun, workdir: Path
) -> None:
    """Before each change of the disk: the text is gone then, here and there, and all is noted."""
    data = f"password: '{SECRET}'\n".encode()
    file = {"path": "config.yaml", "sha256": sha256(data).hexdigest(), "size": len(data)}
    run_dir = _leaky(make_run, (Kind.FILES, [[file]]))
    tracker("sync", "--to", STORE)
    assert any(workdir.glob(f"*/*/{file['sha256']}"))
    before = _records(run_dir)
    hits = {record.seq for record in before if _holds(record)}
    kept = workdir.with_name("kept")
    shutil.copytree(workdir, kept)
    for number in count(1):
        if not killed_before(number, lambda: _scrub(tracker, "--yes", "--from", STORE)):
            break
        assert [record[:3] for record in _records(run_dir)] == [record[:3] for record in before]
        _scrub(tracker, "--yes", "--from", STORE)
        assert not _is_anywhere(workdir), number
        assert not any(workdir.glob(f"*/*/{file['sha256']}"))
        assert _noted(run_dir) == hits
        assert sorted(path.name for path in run_dir.rglob(".*")) == []
        assert [path.name for path in run_dir.glob("logs/scrub*")] == ["scrub.jsonl"]
        tracker("verify", str(run_dir), "--against", STORE)
        shutil.rmtree(workdir)
        shutil.copytree(kept, workdir)
        os.chdir(workdir)
    assert number > 20
    assert not _is_anywhere(workdir)


def _holds(record: Record) -> bool:
    fields = list(record.fields)
    if record.kind == Kind.FILES:
        # It names the file by the digest of what stood in it.
        return True
    return Scrubber([SECRET]).plain(fields) is not fields


def _noted(run_dir: Path) -> set[int]:
    lines = (run_dir / "logs/scrub.jsonl").read_text().splitlines()
    return {one["seq"] for line in lines for one in json.loads(line)["records"]}


def test_a_target_that_is_named_later_drops_what_it_had(
    tracker: Tracker, make_run: MakeRun, workdir: Path
) -> None:
    """Nothing here tells any more what stood there, but the target does."""
    data = f"password: '{SECRET}'\n".encode()
    file = {"path": "config.yaml", "sha256": sha256(data).hexdigest(), "size": len(data)}
    _leaky(make_run, (Kind.FILES, [[file]]))
    tracker("sync", "--to", STORE)
    _scrub(tracker, "--yes")
    assert _is_anywhere(workdir)
    result = _scrub(tracker, "--yes", "--from", STORE)
    assert result.stderr == ""
    assert not _is_anywhere(workdir)


def test_what_is_refused(tracker: Tracker, make_run: MakeRun, workdir: Path) -> None:
    """Before anything changes."""
    run_dir = _leaky(make_run)
    before = (run_dir / "run-ab12cd34.txlog").read_bytes()
    assert "Say --yes" in _scrub(tracker, exit_code=2).stderr
    arguments = ("--yes", "--from", f"jsonl:{workdir}/export")
    assert "cannot take back anything" in _scrub(tracker, *arguments, exit_code=2).stderr
    assert "Took" not in _scrub(tracker, "--dry-run").stdout
    for text in ("abc", "", "scrubbed"):
        (workdir / "short").write_text(text)
        tracker("scrub", "ab12cd34", "--value-file", "short", "--yes", exit_code=2)
    (workdir / "short").write_bytes(b"\xff\xfe\xfd\xfc")
    tracker("scrub", "ab12cd34", "--value-file", "short", "--yes", exit_code=2)
    (workdir / "short").write_text("12cd3")
    stderr = tracker("scrub", "ab12cd34", "--value-file", "short", "--yes", exit_code=3).stderr
    assert "part of the run's id" in stderr
    assert (run_dir / "run-ab12cd34.txlog").read_bytes() == before
    tracker("scrub", "nobody", "--value-file", "secret.txt", exit_code=2)
    # By the clock of its machine, or where that is behind by that of the file system.
    for behind_s in (0, 2 * 86_400):
        began_ns = time.time_ns() - behind_s * 10**9
        run_id = f"running{behind_s}"
        running = make_run(run_id, logs.heartbeat(), began_ns=began_ns, host="elsewhere")
        how = ("scrub", str(running), "--value-file", "secret.txt", "--yes")
        assert "is running" in tracker(*how, exit_code=2).stderr
    (run_dir / "run-more.txlog").touch()
    assert "nothing is recorded in this log" in _scrub(tracker, "--yes", exit_code=3).stderr


def test_a_cleaned_run_is_refused(tracker: Tracker, make_run: MakeRun) -> None:
    """There are no logs to send again."""
    make_run()
    tracker("sync", "--to", STORE)
    tracker("clean", "--to", STORE, "--yes")
    assert "removed by `tracker clean`" in _scrub(tracker, "--yes", exit_code=2).stderr


def test_a_record_that_would_be_too_long_is_refused(tracker: Tracker, make_run: MakeRun) -> None:
    """The log stays as it is."""
    text = "abcd" * 250_000
    run_dir = make_run("ab12cd34", logs.log_row(5, text=text), logs.ended())
    before = (run_dir / "run-ab12cd34.txlog").read_bytes()
    Path("secret.txt").write_text("abcd")
    assert "would be too long" in _scrub(tracker, "--yes", exit_code=3).stderr
    assert (run_dir / "run-ab12cd34.txlog").read_bytes() == before
    assert [path.name for path in run_dir.iterdir()] == ["run-ab12cd34.txlog"]


def test_what_cannot_be_written_is_named(
    tracker: Tracker, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log, or the note; or a log that does not come out as it should."""
    run_dir = _leaky(make_run)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    def refuse_named(path: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fchmod", refuse)
        assert "cannot be written anew" in _scrub(tracker, "--yes", exit_code=4).stderr
    with monkeypatch.context() as patched:
        patched.setattr(Scrubber, "plain", lambda _, value: value)
        whole = (run_dir / "run-ab12cd34.txlog").read_bytes()
        patched.setattr("airtape.scrub.log._differs", lambda *_: True)
        stderr = _scrub(tracker, "--yes", exit_code=4).stderr
        assert "does not hold what it should" in stderr
        assert (run_dir / "run-ab12cd34.txlog").read_bytes() == whole
    (run_dir / "logs/.x.scrub-0123abcd").touch()
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse_named)
        assert "what a killed scrub left" in _scrub(tracker, "--yes", exit_code=4).stderr
    (run_dir / "logs/scrub.jsonl").mkdir()
    assert "cannot be noted" in _scrub(tracker, "--yes", exit_code=4).stderr


@pytest.mark.timeout(40)
def test_a_terminal_is_asked(make_run: MakeRun, workdir: Path) -> None:
    """With what will change."""
    _leaky(make_run)
    command = [str(TRACKER), "scrub", "ab12cd34", "--value-file", "secret.txt", "--from", STORE]
    done = answered(command, "y", workdir)
    assert "and out of sqlite:lab.db, for good? [y/N]: " in done.stderr
    assert done.returncode == 0
    assert not _is_anywhere(workdir / "wandb")


def test_a_text_may_come_from_stdin(make_run: MakeRun, workdir: Path) -> None:
    """So that it stands in no file either."""
    _leaky(make_run)
    subprocess.run(
        [TRACKER, "scrub", "ab12cd34", "--value-file", "-", "--yes"],
        input=SECRET,
        check=True,
        text=True,
        cwd=workdir,
        capture_output=True,
    )
    assert not _is_anywhere(workdir / "wandb")
