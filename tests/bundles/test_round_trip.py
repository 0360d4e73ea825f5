"""Bundles that cross a gap: what arrives is what was recorded, however they come."""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path
from typing import IO

import pytest

from airtape.bundles import writing
from airtape.bundles.applying import applied_bundles, apply_bundle
from airtape.bundles.limits import Limits
from airtape.bundles.reading import Bundle
from airtape.bundles.writing import write_bundle
from airtape.errors import Error, LogFormatError, TargetError, UsageError
from airtape.run_search import find_run_dirs
from airtape.txlog.reader import read_log
from tests.bundles.made import make, receipt_of, tree
from tests.logs import ended, frames_of, log_row, run_dir_of, write_log

ROWS = [log_row(step, loss=1 / (step + 1)) for step in range(30)]
FRAMES = frames_of(*ROWS, ended())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the bundle is."""
    return tmp_path / "x.bundle"


@pytest.fixture
def log(run_dir: Path) -> Path:
    """A log that has ended, with files beside it."""
    log = write_log(run_dir, *ROWS, ended())
    for name in ("files/config.yaml", "files/media/é.txt", "blobs/" + "0" * 64, "logs/debug.log"):
        (run_dir / name).parent.mkdir(parents=True, exist_ok=True)
        (run_dir / name).write_text(name)
    return log


def test_everything_of_a_run_arrives(log: Path, wandb: Path, far: Path, path: Path) -> None:
    """Logs, files and large values, byte for byte, with their times; the latter are read-only."""
    written = make(path, wandb)
    assert (written.notes, written.size) == ([], path.stat().st_size)
    done = apply_bundle(path, far)
    assert tree(far) == tree(wandb)
    assert [run.changes for run in done.runs] == [5]
    copy = far / log.parent.name
    assert (copy / log.name).stat().st_mtime_ns == log.stat().st_mtime_ns
    assert (copy / "blobs" / ("0" * 64)).stat().st_mode & 0o777 == 0o444
    assert applied_bundles(far) == [written.manifest.bundle_id]


def test_what_is_not_the_runs_stays_here(log: Path, wandb: Path, path: Path) -> None:
    """Links, what a follower keeps, and requests to stop are not packed."""
    (log.parent / "files/link").symlink_to("/etc/hostname")
    (log.parent / "logs/follower.json").touch()
    (log.parent / "stop").touch()
    (log.parent / "elsewhere").mkdir()
    (log.parent / "elsewhere/x").touch()
    names = [piece.path for _, piece in make(path, wandb).manifest.entries()]
    assert names == [
        "blobs/" + "0" * 64,
        "files/config.yaml",
        "files/media/é.txt",
        "logs/debug.log",
        log.name,
    ]
    (log.parent / "files" / os.fsdecode(b"\xff")).touch()
    assert "is left out: its name is no file's" in make(path, wandb).notes[0]


def test_the_same_runs_make_the_same_bundle(log: Path, wandb: Path, path: Path) -> None:
    """So that one can be told from a changed one by its digest alone."""
    assert log.exists()
    make(path, wandb)
    first = path.read_bytes()
    make(path, wandb)
    assert path.read_bytes() == first


def test_a_growing_log_comes_up_to_its_last_whole_record(
    run_dir: Path, wandb: Path, far: Path, path: Path
) -> None:
    """Wherever it is cut; a copy of it is a log that is not damaged."""
    log = write_log(run_dir)
    whole = b"".join(FRAMES)
    for end in (len(whole) - 1, len(b"".join(FRAMES[:5])), len(b"".join(FRAMES[:5])) + 10):
        log.write_bytes(whole[:end])
        make(path, wandb)
        shutil.rmtree(far, ignore_errors=True)
        apply_bundle(path, far)
        copy = read_log(far / run_dir.name / log.name)
        assert not copy.incomplete
        assert copy.damage == []
        assert copy.records == read_log(log).records


def test_only_what_is_new_comes_since_a_receipt(
    log: Path, wandb: Path, far: Path, path: Path
) -> None:
    """Bytes behind those that the receipt has of a log, and files that it lacks."""
    log.write_bytes(b"".join(FRAMES[:9]))
    make(path, wandb)
    apply_bundle(path, far)
    receipt = receipt_of(far)
    assert make(path, wandb, receipt).manifest.runs == []
    log.write_bytes(b"".join(FRAMES))
    (log.parent / "files/config.yaml").write_text("new")
    (log.parent / "files/wandb-summary.json").write_text("{}")
    written = make(path, wandb, receipt)
    pieces = {piece.path: (piece.start, piece.size) for _, piece in written.manifest.entries()}
    assert pieces == {
        "files/config.yaml": (0, 3),
        "files/wandb-summary.json": (0, 2),
        "logs/debug.log": (0, 14),
        log.name: (sum(map(len, FRAMES[:9])), sum(map(len, FRAMES[9:]))),
    }
    assert not apply_bundle(path, far).problems
    assert tree(far) == tree(wandb)


def test_without_knowing_of_files_those_of_runs_that_are_done_stay(
    log: Path, wandb: Path, path: Path
) -> None:
    """A target that does not tell which files it has has those that its records name."""
    receipt = receipt_of(wandb)
    told = type(receipt)(receipt.name, receipt.target, receipt.made_ns, receipt.writers)
    assert make(path, wandb, told).manifest.runs == []
    log.write_bytes(b"".join(FRAMES[:-1]))
    receipt = receipt_of(wandb)
    told = type(receipt)(receipt.name, receipt.target, receipt.made_ns, receipt.writers)
    assert sum(1 for _ in make(path, wandb, told).manifest.entries()) == 3


def test_bundles_may_come_twice_late_or_not_at_all(
    log: Path, wandb: Path, far: Path, tmp_path: Path
) -> None:
    """In any order, as long as what one goes on from is there."""
    receipt = None
    bundles = []
    for number in range(1, 6):
        log.write_bytes(b"".join(FRAMES[: 6 * number]))
        (log.parent / "files/config.yaml").write_text(f"as of {number}")
        os.utime(log.parent / "files/config.yaml", ns=(number, number))
        bundles.append(tmp_path / f"{number}.bundle")
        make(bundles[-1], wandb, receipt, now_ns=number)
        if number % 2:
            apply_bundle(bundles[-1], far)
            receipt = receipt_of(far, number)
    for bundle in [bundles[1], *reversed(bundles), *bundles]:
        before = tree(far)
        assert not apply_bundle(bundle, far).problems
        assert tree(far) == before
    assert tree(far) == tree(wandb)


def test_what_a_bundle_goes_on_from_is_named_when_it_is_missing(
    log: Path, wandb: Path, far: Path, path: Path, tmp_path: Path
) -> None:
    """The bundle that brought it, or the receipt; other runs are taken."""
    log.write_bytes(b"".join(FRAMES[:9]))
    make(path, wandb)
    apply_bundle(path, far)
    first = applied_bundles(far)
    receipt = receipt_of(far, bundles=first)
    log.write_bytes(b"".join(FRAMES))
    write_log(run_dir_of(wandb, "other"), ended(), run_id="other", writer=b"o" * 16)
    make(path, wandb, receipt)
    elsewhere = tmp_path / "elsewhere"
    done = apply_bundle(path, elsewhere)
    (problem,) = done.problems
    assert f"Apply bundle {first[0]} first" in str(problem)
    assert "since the receipt of far of 2026-11-20 10:11:12 UTC" in str(problem)
    assert [run_dir.name[-5:] for run_dir in find_run_dirs([elsewhere]).run_dirs] == ["other"]
    assert applied_bundles(elsewhere) == []
    (far / log.parent.name / log.name).write_bytes(b"".join(FRAMES[:5]))
    (problem,) = apply_bundle(path, far).problems
    assert "Apply the bundles before it first" in str(problem)
    assert f"and {sum(map(len, FRAMES[:5]))} bytes are here" in str(problem)


def test_a_log_of_another_writer_stays(log: Path, wandb: Path, far: Path, path: Path) -> None:
    """What was there keeps its bytes, whichever is the longer one."""
    make(path, wandb)
    other = far / log.parent.name / log.name
    for rows in (ROWS, ROWS * 2, ROWS[:1]):
        write_log(other.parent, *rows, writer=b"o" * 16)
        before = tree(far)
        (problem,) = apply_bundle(path, far).problems
        assert "another log" in str(problem)
        assert tree(far) == before
    other.write_text("no log")
    assert "another log" in str(apply_bundle(path, far).problems[0])
    log.write_bytes(b"".join(FRAMES[:9]))
    receipt = receipt_of(wandb)
    log.write_bytes(b"".join(FRAMES))
    make(path, wandb, receipt)
    write_log(other.parent, *ROWS, writer=b"o" * 16)
    assert "another log" in str(apply_bundle(path, far).problems[0])


def test_what_a_bad_copy_has_is_compared(log: Path, wandb: Path, far: Path, path: Path) -> None:
    """Bytes that are in the folder and in the bundle must be the same when a log goes on."""
    log.write_bytes(b"".join(FRAMES[:9]))
    receipt = receipt_of(wandb)
    log.write_bytes(b"".join(FRAMES))
    make(path, wandb, receipt)
    copy = far / log.parent.name / log.name
    copy.parent.mkdir(parents=True)
    copy.write_bytes(b"".join(FRAMES[:12])[:-1] + b"\0")
    assert "its last bytes are not" in str(apply_bundle(path, far).problems[0])
    copy.write_bytes(b"".join(FRAMES[:12])[:-1])
    assert not apply_bundle(path, far).problems
    assert copy.read_bytes() == log.read_bytes()


def test_a_damaged_copy_is_healed(log: Path, wandb: Path, far: Path, path: Path) -> None:
    """The receipt says that records are lost there, so the next bundle has the whole log."""
    make(path, wandb)
    apply_bundle(path, far)
    copy = far / log.parent.name / log.name
    content = bytearray(copy.read_bytes())
    content[content.index(b"loss")] ^= 1
    copy.write_bytes(content)
    written = make(path, wandb, receipt_of(far))
    starts = {piece.path: piece.start for _, piece in written.manifest.entries()}
    assert starts == {"logs/debug.log": 0, log.name: 0}
    assert not apply_bundle(path, far).problems
    assert copy.read_bytes() == log.read_bytes()


def test_part_of_a_copy_that_came_otherwise_is_gone_on_from(
    log: Path, wandb: Path, far: Path, path: Path
) -> None:
    """As `rsync` leaves one that was cut off."""
    make(path, wandb)
    copy = far / log.parent.name / log.name
    copy.parent.mkdir(parents=True)
    copy.write_bytes(log.read_bytes()[:1000])
    assert not apply_bundle(path, far).problems
    assert tree(far) == tree(wandb)


@pytest.mark.parametrize("place", [".", "files", "files/media"])
def test_no_link_is_followed(log: Path, wandb: Path, far: Path, path: Path, place: str) -> None:
    """What a folder of the run leads to elsewhere stays as it is."""
    make(path, wandb)
    outside = path.with_name("outside")
    outside.mkdir()
    link = far / log.parent.name / place
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    (problem,) = apply_bundle(path, far).problems
    assert "something else than a folder is in the way" in str(problem)
    assert list(outside.iterdir()) == []
    link.unlink()
    (far / log.parent.name).mkdir(exist_ok=True)
    (far / log.parent.name / log.name).symlink_to(outside / "x")
    (problem,) = apply_bundle(path, far).problems
    assert "something else than a file is in the way" in str(problem)


def test_two_directories_of_one_name_do_not_fit(
    log: Path, wandb: Path, path: Path, tmp_path: Path
) -> None:
    """One would hide the other; nothing is left of the bundle."""
    shutil.copytree(log.parent, tmp_path / "more" / log.parent.name)
    run_dirs = find_run_dirs([wandb, tmp_path / "more"]).run_dirs
    with pytest.raises(UsageError, match="two run directories are called"):
        write_bundle(path, run_dirs, since=None, now_ns=1)
    assert list(tmp_path.glob("*.bundle*")) == list(tmp_path.glob(".*")) == []


def test_what_cannot_be_packed_is_noted(wandb: Path, path: Path, log: Path) -> None:
    """The rest is packed all the same."""
    empty = run_dir_of(wandb, "empty")
    empty.mkdir()
    (empty / "run-empty.txlog").touch()
    bad = run_dir_of(wandb, "bad")
    bad.mkdir()
    (bad / "run-bad.txlog").write_text("no log")
    run_dirs = [empty, bad, log.parent, wandb / "run-gone"]
    written = write_bundle(path, run_dirs, since=None, now_ns=1)
    assert [note.partition(": ")[2] for note in written.notes][:1] == ["nothing is recorded in it"]
    assert len(written.notes) == 4
    assert "run-gone is left out: No such file" in written.notes[3]
    assert [run.directory for run in written.manifest.runs] == [log.parent.name]


def test_a_folder_that_cannot_be_written_is_named(
    log: Path, wandb: Path, far: Path, path: Path
) -> None:
    """Neither that of a bundle nor that of runs."""
    assert log.exists()
    with pytest.raises(TargetError, match="bundle cannot be written"):
        make(path / "no/x.bundle", wandb)
    make(path, wandb)
    far.parent.mkdir()
    far.touch()
    with pytest.raises(TargetError, match="bundle cannot be applied"):
        apply_bundle(path, far)


def test_a_file_that_is_cut_while_it_is_read(
    log: Path, wandb: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small one is read in one go; of a bundle with half a large one nothing is left."""
    real = tarfile.TarFile.addfile

    def cut_first(archive: tarfile.TarFile, info: tarfile.TarInfo, file: IO[bytes]) -> None:
        if info.name.endswith("config.yaml"):
            (log.parent / "files/config.yaml").write_text("cut")
        real(archive, info, file)

    monkeypatch.setattr(tarfile.TarFile, "addfile", cut_first)
    make(path, wandb)
    (log.parent / "files/config.yaml").write_text("longer")
    path.unlink()
    monkeypatch.setattr(writing, "AT_ONCE", 0)
    with pytest.raises(Error, match="was cut while it was read"):
        make(path, wandb)
    assert not path.exists()


def test_create_refuses_what_apply_would_refuse(log: Path, path: Path) -> None:
    """It is said where it can be changed."""
    with pytest.raises(LogFormatError, match="more than 3 entries"):
        write_bundle(path, [log.parent], since=None, now_ns=1, limits=Limits(entries=3))
    assert not path.exists()
    make(path, log.parent)
    Bundle(path).close()
