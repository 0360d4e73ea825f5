"""The directory of JSON lines: what stands where, and what others may do to it."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from airtape.backends.jsonl import JsonlBackend
from airtape.backends.jsonl_files import give_name
from airtape.errors import TargetError
from airtape.records import Kind, Point, Record
from tests.batches import RUN, WRITER, batch_of, with_values


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """The directory of a target, not made yet."""
    return tmp_path / "store"


@pytest.fixture
def backend(top: Path) -> JsonlBackend:
    """The target."""
    return JsonlBackend(str(top))


def files_in(top: Path) -> list[str]:
    """Return the files of a target, by their path below it."""
    return sorted(
        str(Path(parent, name).relative_to(top))
        for parent, _, names in os.walk(top)
        for name in names
    )


def test_reading_makes_no_directory(backend: JsonlBackend, top: Path) -> None:
    """A target that does not exist reads as empty."""
    assert backend.read_cursor(RUN, WRITER) is None
    assert list(backend.dump()) == []
    assert not top.exists()


def test_each_batch_is_a_file(backend: JsonlBackend, top: Path) -> None:
    """Its name says whose it is and which one."""
    first = batch_of(*with_values(1, loss=0.5))
    assert backend.commit(first)
    assert backend.commit(batch_of(*with_values(2, loss=0.5), base=first.cursor))
    folder = f"runs/ab12cd34/{WRITER.hex()}"
    assert files_in(top) == [f"{folder}/{WRITER.hex()}-0000000{number}.jsonl" for number in (1, 2)]


def test_every_line_is_strict_json(backend: JsonlBackend, top: Path) -> None:
    """Any program can read it, whatever is in it."""
    points = [
        Point(1, ("a", "b\u2028\x85\n"), float("nan"), 1),
        Point(1, "text", "line\nbreak\u2028\x1c", 1),
        Point(1, "list", [float("-inf"), 2**70], 1),
    ]
    events = [Record(3, Kind.CONSOLE, 7, ("a\r\nb", b"\xff"))]
    assert backend.commit(batch_of(*points, events=events, erased=[(1, "gone")]))
    (name,) = files_in(top)
    lines = (top / name).read_bytes().split(b"\n")
    said = [json.loads(line, parse_constant=pytest.fail) for line in lines[:-1]]
    assert lines[-1] == b""
    assert [next(iter(line)) for line in said] == [
        *("format", "about", "erased", "key", "key", "key", "row", "record", "cursor"),
    ]
    (held,) = backend.dump()
    assert {point.key for point in held.points} == {("a", "b\u2028\x85\n"), "text", "list"}
    assert held.events == events


@pytest.mark.parametrize(
    "run_id", ["../../escaped", "/etc/passwd", "..", ".", ".hidden", "a\x00b", "a/b", "é" * 200]
)
def test_no_name_leads_out_of_the_directory(backend: JsonlBackend, top: Path, run_id: str) -> None:
    """Whatever a log calls its run, its files stand below the target, three folders deep."""
    before = set(top.parent.iterdir())
    run = RUN._replace(run_id=run_id, project=run_id, entity="..")
    assert backend.commit(batch_of(run=run))
    (name,) = files_in(top)
    assert len(Path(name).parts) == 4
    assert not {"..", "."} & set(Path(name).parts)
    assert set(top.parent.iterdir()) == before | {top}
    assert [held.run for held in backend.dump()] == [run]


def test_what_was_left_behind_is_swept(backend: JsonlBackend, top: Path) -> None:
    """A sync that was killed leaves a file aside, which the next commit removes."""
    first = batch_of(*with_values(1, loss=0.5))
    assert backend.commit(first)
    folder = top / "runs" / "ab12cd34" / WRITER.hex()
    asides = [folder / f".{WRITER.hex()}-0000000{n}.jsonl.{'0' * 16}" for n in (1, 2, 3)]
    for aside in asides:
        aside.write_text("{", encoding="utf-8")
    assert backend.commit(batch_of(base=first.cursor))
    assert [aside.exists() for aside in asides] == [False, False, True]


def test_a_name_is_given_once(tmp_path: Path) -> None:
    """Who finds its name taken by the same file was told of a failure that was none."""
    path, mine, other = tmp_path / "name", tmp_path / "mine", tmp_path / "other"
    mine.touch()
    other.touch()
    assert give_name(mine, path)
    assert give_name(mine, path)
    assert not give_name(other, path)
    assert not give_name(tmp_path / "swept away", path)


class Taken(type(Path())):  # type: ignore[misc]  # the class of paths on this system
    """A name that somebody else takes, who sweeps away what was written aside."""

    def hardlink_to(self, target: Path) -> None:
        """Fail, and lose the other file in the same moment."""
        try:
            super().hardlink_to(target)
        finally:
            Path(target).unlink()


def test_a_batch_that_is_swept_away_when_its_name_is_taken_came_second(tmp_path: Path) -> None:
    """It is no fault of the target."""
    (tmp_path / "taken").touch()
    (tmp_path / "aside").touch()
    assert not give_name(tmp_path / "aside", Taken(tmp_path / "taken"))


def test_a_disk_without_hard_links(backend: JsonlBackend, top: Path) -> None:
    """The error says what failed; nothing is left behind."""
    long = RUN._replace(entity="x" * 100, project="y" * 100)
    assert backend.commit(batch_of(run=long))
    folder = top / "runs" / "ab12cd34" / WRITER.hex()
    folder.parent.mkdir(parents=True)
    folder.write_text("a file where a folder should be", encoding="utf-8")
    with pytest.raises(TargetError) as failed:
        backend.commit(batch_of())
    assert str(folder) in str(failed.value)
    assert os.strerror(errno.EEXIST) in str(failed.value)


def test_a_file_is_no_target(top: Path) -> None:
    """Only a directory can be one."""
    top.touch()
    with pytest.raises(TargetError):
        JsonlBackend(str(top))


def test_the_folder_of_the_target_must_exist(top: Path) -> None:
    """A mistyped path makes no folders."""
    with pytest.raises(TargetError) as failed:
        JsonlBackend(str(top / "deeper"))
    assert "--to jsonl:DIRECTORY" in str(failed.value)


def test_a_batch_of_a_later_version(backend: JsonlBackend, top: Path) -> None:
    """Who does not know its lines says so."""
    assert backend.commit(batch_of())
    (name,) = files_in(top)
    text = (top / name).read_text(encoding="utf-8")
    (top / name).write_text(
        text.replace('"version":[1,1],"run"', '"version":[2,0],"run"'), encoding="utf-8"
    )
    with pytest.raises(TargetError) as failed:
        list(backend.dump())
    assert "Install a later airtape" in str(failed.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"airtape-batch"', '"somebody"'),
        ('"run_id":"ab12cd34"', '"run_id":""'),
        ('"cursor"', '"curse"'),
        ("{", "["),
    ],
)
def test_a_file_that_somebody_changed(backend: JsonlBackend, top: Path, old: str, new: str) -> None:
    """The error tells where the way out is: the logs are whole."""
    assert backend.commit(batch_of())
    (name,) = files_in(top)
    text = (top / name).read_text(encoding="utf-8")
    (top / name).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(TargetError) as failed:
        list(backend.dump())
    assert "sync to a new directory" in str(failed.value)


def test_hints_that_a_power_loss_has_cut(backend: JsonlBackend, top: Path) -> None:
    """They only save work; without them it is done again."""
    assert backend.commit(batch_of())
    (top / "hints.json").write_text('{"/one":', encoding="utf-8")
    assert dict(backend.hints()) == {}
    backend.keep_hints({})
    assert dict(backend.hints()) == {}


def test_a_long_cursor_is_found(backend: JsonlBackend, top: Path) -> None:
    """The last line of a batch may be longer than what is read first."""
    batch = batch_of(events=[Record(3, Kind.CONSOLE, 7, ("x" * 300_000,))])
    batch = replace(batch, cursor=replace(batch.cursor, state=bytes(200_000)))
    assert backend.commit(batch)
    assert backend.read_cursor(RUN, WRITER) == batch.cursor
    assert files_in(top)
