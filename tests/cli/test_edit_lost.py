"""`tracker edit --accept-lost`: files that are gone for good, and what all commands make of it."""

from __future__ import annotations

import errno
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from airtape.large_values import store_large
from airtape.records import Kind
from airtape.rundir import log_files
from tests import logs
from tests.cli.conftest import MakeRun, Tracker
from tests.cli.test_clean import rest

TrackerJson = Callable[..., Any]
DATA = b"weights"
DIGEST = sha256(DATA).hexdigest()
STORES = ["sqlite:lab.db", "jsonl:lab"]


@pytest.fixture
def run_dir(make_run: MakeRun) -> Path:
    """A run that has ended, whose files model.pt, a-1 and [x] are gone, and whose note is there."""
    names = ("model.pt", "a-1", "[x]")
    said = [{"path": name, "sha256": DIGEST, "size": len(DATA)} for name in names]
    note = {"path": "note", "sha256": sha256(b"n").hexdigest(), "size": 1}
    run_dir = make_run("ab12cd34", (Kind.FILES, [[*said, note]]), logs.ended())
    (run_dir / "files").mkdir()
    (run_dir / "files/note").write_bytes(b"n")
    return run_dir


def test_what_is_missing_comes_with_the_way_out(
    tracker: Tracker, make_run: MakeRun, workdir: Path
) -> None:
    """The command can be run as it is printed, whatever the file is called."""
    said = {"path": "it's *.pt", "sha256": DIGEST, "size": len(DATA)}
    run_dir = make_run("ab12cd34", (Kind.FILES, [[said]]), logs.ended())
    stdout = tracker("sync", exit_code=3).stdout
    place = run_dir.relative_to(workdir)
    command = f"tracker edit {place} --accept-lost 'files/it'\"'\"'s *.pt'"
    assert f"mend that, or say that it is gone for good: {command}\n" in stdout
    assert command in tracker("sync", "-q", exit_code=3).stderr
    tracker("edit", str(run_dir), "--accept-lost", "files/it's *.pt")
    assert "accepted as lost: files/it's *.pt" in tracker("sync").stdout


@pytest.mark.parametrize("store", STORES)
def test_a_loss_that_is_accepted_is_told_once(store: str, tracker: Tracker, run_dir: Path) -> None:
    """Where something is told anyway; a cron job has nothing to mail, unless it is strict."""
    told = tracker("sync", "--to", store, exit_code=3).stdout
    assert "more names, or patterns such as 'files/*'" in told
    stdout = tracker("edit", str(run_dir), "--accept-lost", "files/*").stdout
    assert stdout == (
        "Changed: likely-lion-9 (me/digits/ab12cd34): lost files/[x] files/a-1 files/model.pt\n"
    )
    assert (
        "  accepted as lost: files/[x], files/a-1, files/model.pt\n"
        in tracker("sync", "--to", store).stdout
    )
    assert tracker("sync", "--to", store).stdout == ""
    strict = ("sync", "--to", store, "--strict")
    assert "  accepted as lost: files/[x]" in tracker(*strict, exit_code=3).stdout
    assert "  accepted as lost: files/[x]" in tracker(*strict, "-q", exit_code=3).stderr
    verbose = tracker("sync", "--to", store, "-v").stdout
    assert "has everything of 1 run, but for 3 content(s) accepted as lost.\n" in verbose
    assert "accepted as lost" in tracker("verify", "--against", store).stdout
    assert "has everything of 1 run" in tracker("status", "--to", store).stdout
    tracker("rebuild", store)
    assert tracker("sync", "--to", store).stdout == ""


@pytest.mark.parametrize("name", ["model.pt", "files/model.pt", "files/m*"])
def test_a_file_is_named_in_several_ways(
    name: str, tracker: Tracker, tracker_json: TrackerJson, run_dir: Path
) -> None:
    """The change says what it was; a second one has nothing to say."""
    tracker("edit", "ab12cd34", "--accept-lost", name)
    (edit,) = tracker_json("show", "ab12cd34")["edits"]
    assert edit["lost"] == [{"name": "files/model.pt", "bytes": len(DATA), "sha256": DIGEST}]
    assert "lost files/model.pt" in tracker("show", "ab12cd34").stdout
    assert "Nothing to change" in tracker("edit", "ab12cd34", "--accept-lost", name).stdout
    assert '"lost_content"' in tracker("log-dump", str(run_dir)).stdout


def test_a_name_counts_before_a_pattern(
    tracker: Tracker, tracker_json: TrackerJson, run_dir: Path
) -> None:
    """As of a file with brackets in its name."""
    assert run_dir.exists()
    tracker("edit", "ab12cd34", "--accept-lost", "files/[x]")
    (edit,) = tracker_json("show", "ab12cd34")["edits"]
    assert [one["name"] for one in edit["lost"]] == ["files/[x]"]


@pytest.mark.parametrize(
    ("name", "because"),
    [
        ("files/note", "it is there, as it was recorded"),
        ("files/n*", "nothing that is lost is called so"),
        ("files/other", "nothing that is lost is called so"),
    ],
)
def test_what_is_there_is_not_lost(
    name: str, because: str, tracker: Tracker, run_dir: Path
) -> None:
    """Nothing is written then, also not of what else was named."""
    names = ("--accept-lost", "files/model.pt", "--accept-lost", name)
    assert because in tracker("edit", "ab12cd34", *names, exit_code=2).stderr
    assert len(log_files(run_dir)) == 1


@pytest.mark.parametrize("at", ["open_below", "digest_of"])
def test_what_cannot_be_read_is_not_lost(
    at: str, tracker: Tracker, run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be had back."""

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    assert run_dir.exists()
    monkeypatch.setattr(f"airtape.query.lost_contents.{at}", refuse)
    said = tracker("edit", "ab12cd34", "--accept-lost", "files/note", exit_code=2).stderr
    assert "cannot be read: Permission denied" in said


def test_whatever_took_its_place_is_not_it(tracker: Tracker, run_dir: Path) -> None:
    """A link, a folder, a pipe or another content: what was recorded is lost."""
    (run_dir / "files/model.pt").symlink_to(run_dir / "files/note")
    (run_dir / "files/a-1").mkdir()
    (run_dir / "files/[x]").write_bytes(DATA[::-1])
    assert tracker("edit", "ab12cd34", "--accept-lost", "*").stdout.endswith(
        "lost files/[x] files/a-1 files/model.pt\n"
    )


def test_a_name_that_leads_elsewhere_is_lost(tracker: Tracker, make_run: MakeRun) -> None:
    """Nothing is looked for outside of the run, so nothing will be found."""
    said = {"path": "../up", "sha256": DIGEST, "size": len(DATA)}
    run_dir = make_run("ab12cd34", (Kind.FILES, [[said]]), logs.ended())
    (run_dir / "up").write_bytes(DATA)
    tracker("sync", exit_code=3)
    tracker("edit", "ab12cd34", "--accept-lost", "files/../up")
    tracker("sync")


def test_of_several_runs_one_must_have_lost_it(
    tracker: Tracker, make_run: MakeRun, run_dir: Path
) -> None:
    """Nothing is changed of the others."""
    other = make_run("other", name="fond-fern-2")
    stdout = tracker("edit", "ab12cd34", "other", "--accept-lost", "files/*").stdout
    assert "Nothing to change: fond-fern-2" in stdout
    assert (len(log_files(run_dir)), len(log_files(other))) == (2, 1)


def test_a_large_value_is_named_by_its_digest(
    tracker: Tracker, make_run: MakeRun, workdir: Path
) -> None:
    """As `sync` names it; one that is there is not lost."""
    reference = store_large(workdir, ["x", *range(1000)])
    name = f"blobs/{reference['sha256']}"
    run_dir = make_run("ab12cd34", logs.log_row(9, text=reference), logs.ended())
    assert f"--accept-lost {name}" in tracker("sync", exit_code=3).stdout
    (run_dir / "blobs").mkdir()
    (workdir / str(reference["sha256"])).rename(run_dir / name)
    assert "is not lost" in tracker("edit", "ab12cd34", "--accept-lost", name, exit_code=2).stderr
    (run_dir / name).unlink()
    tracker("edit", "ab12cd34", "--accept-lost", "blobs/*")
    assert f"accepted as lost: {name}" in tracker("sync").stdout
    tracker("verify")


@pytest.mark.parametrize("store", STORES)
def test_a_run_is_cleaned_when_its_losses_are_accepted(
    store: str, tracker: Tracker, run_dir: Path
) -> None:
    """Before that its logs are all that tells what is gone; a receipt says the same."""
    rest(run_dir)
    tracker("sync", "--to", store, exit_code=3)
    tracker("receipt", "export", "lab.receipt", "--from", store, "--name", "far")
    tracker("receipt", "import", "lab.receipt")
    for target in (store, "far"):
        stdout = tracker("clean", "--to", target, "--yes", exit_code=2).stdout
        assert "files/[x] and 2 more: the content is gone, and " in stdout
    tracker("edit", "ab12cd34", "--accept-lost", "files/*")
    rest(run_dir)
    tracker("sync", "--to", store)
    tracker("receipt", "export", "lab.receipt", "--from", store, "--name", "far")
    tracker("receipt", "import", "lab.receipt")
    (run_dir / "files/model.pt").write_bytes(DATA)
    back = tracker("clean", "--to", store, "--to", "far", "--yes", exit_code=2).stdout
    assert "does not have the bytes of files/model.pt" in back
    (run_dir / "files/model.pt").unlink()
    tracker("clean", "--to", store, "--to", "far", "--yes")
    assert not list(run_dir.glob("*.txlog"))


def test_a_bundle_brings_the_word_over(tracker: Tracker, run_dir: Path) -> None:
    """On the other side nobody waits for the file either."""
    tracker("edit", "ab12cd34", "--accept-lost", "files/*")
    tracker("bundle", "create", str(run_dir), "-o", "runs.bundle")
    tracker("bundle", "apply", "runs.bundle", "far")
    assert "accepted as lost" in tracker("sync", "far", "--to", "sqlite:far.db").stdout


def test_what_is_told_of_lost_files_has_an_end(tracker: Tracker, make_run: MakeRun) -> None:
    """However many there are, and however long their names."""
    said = [
        {"path": f"{'d/' * 5_000}{number}", "sha256": DIGEST, "size": len(DATA)}
        for number in range(40)
    ]
    make_run("ab12cd34", (Kind.FILES, [said]), logs.ended())
    told = tracker("sync", exit_code=3).stdout.splitlines()
    assert max(len(line) for line in told if "--accept-lost" not in line) < 350
    edited = tracker("edit", "ab12cd34", "--accept-lost", "files/*").stdout
    assert len(edited) < 6_000
    assert edited.endswith(" and 20 more\n")
    accepted = tracker("sync").stdout
    assert len(accepted) < 6_500
    assert " and 20 more\n" in accepted
