"""What every target promises that keeps the content of files; see `airtape.backends.contents`."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from airtape.backends import content_batch
from airtape.backends.base import Backend
from airtape.backends.content_folder import ContentFolder
from airtape.backends.contents import KeepsFiles, is_digest
from airtape.backends.registry import open_backend
from airtape.errors import TargetError
from airtape.file_copy import Digest
from tests.backends.conftest import OpenTarget

DATA = os.urandom(3000)
FILE = Digest(len(DATA), sha256(DATA).hexdigest())
EMPTY = Digest(0, sha256().hexdigest())


@pytest.fixture
def target(open_target: OpenTarget) -> KeepsFiles:
    """The target, if it is of the kind."""
    return keeping(open_target())


def keeping(backend: Backend) -> KeepsFiles:
    """Return a target that keeps content; others promise nothing."""
    if not isinstance(backend, KeepsFiles):
        pytest.skip("keeps no content")
    return backend


def pieces(data: bytes = DATA) -> Iterator[bytes]:
    """Hand over a content, piece by piece."""
    for start in range(0, len(data), 1000):
        yield data[start : start + 1000]


def test_a_content_comes_back_as_it_was(target: KeepsFiles, open_target: OpenTarget) -> None:
    """For other processes too; an empty one as well."""
    assert target.missing_files({FILE, EMPTY}) == {FILE, EMPTY}
    assert target.put_file(FILE, pieces())
    assert target.put_file(EMPTY, [])
    other = keeping(open_target())
    assert other.missing_files({FILE, EMPTY}) == set()
    assert b"".join(other.read_file(FILE)) == DATA
    assert b"".join(other.read_file(EMPTY)) == b""


def test_a_content_may_come_again(target: KeepsFiles) -> None:
    """It is left as it is."""
    assert target.put_file(FILE, pieces())
    assert target.put_file(FILE, pieces())
    assert b"".join(target.read_file(FILE)) == DATA


@pytest.mark.parametrize("data", [DATA[:-1], DATA + b"x", b"\0" + DATA[1:], b""])
def test_nothing_stays_of_another_content(target: KeepsFiles, data: bytes) -> None:
    """Shorter, longer, or other bytes."""
    assert not target.put_file(FILE, pieces(data))
    assert target.missing_files([FILE]) == {FILE}
    with pytest.raises(LookupError):
        b"".join(target.read_file(FILE))


def test_nothing_stays_of_a_content_that_breaks_off(target: KeepsFiles) -> None:
    """The exception is passed on."""

    def broken() -> Iterator[bytes]:
        yield DATA[:1000]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        target.put_file(FILE, broken())
    assert target.missing_files([FILE]) == {FILE}


def test_several_may_bring_the_same(target: KeepsFiles, open_target: OpenTarget) -> None:
    """At the same time; all of them have brought it."""
    ready = threading.Barrier(3)
    results: list[bool] = []

    def bring() -> None:
        mine = keeping(open_target())
        ready.wait()
        results.append(mine.put_file(FILE, pieces()))

    threads = [threading.Thread(target=bring) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 3
    assert b"".join(target.read_file(FILE)) == DATA


def test_a_digest_leads_nowhere_else(tmp_path: Path) -> None:
    """What is none is refused before a file is looked at."""
    folder = ContentFolder(tmp_path / "files")
    for text in ("../../etc/passwd", "AB" * 32, "ab" * 31, "", "ab" * 32 + "\n", 5):
        assert not is_digest(text)
    with pytest.raises(ValueError, match="is no digest"):
        folder.missing([Digest(1, "../" + "a" * 61)])


def test_a_file_that_was_cut_is_missing(tmp_path: Path) -> None:
    """It is brought anew, in place of the rest."""
    folder = ContentFolder(tmp_path / "files")
    folder.put(FILE, pieces())
    (place,) = tmp_path.glob("files/??/*")
    assert place.stat().st_mode & 0o777 == 0o444
    place.chmod(0o644)
    place.write_bytes(DATA[:5])
    assert folder.missing([FILE]) == {FILE}
    assert folder.put(FILE, pieces())
    assert b"".join(folder.read(FILE)) == DATA


def test_a_link_in_a_folder_is_no_content(tmp_path: Path) -> None:
    """Whatever it leads to."""
    folder = ContentFolder(tmp_path / "files")
    folder.put(FILE, pieces())
    (place,) = tmp_path.glob("files/??/*")
    place.replace(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")
    assert folder.missing([FILE]) == {FILE}
    with pytest.raises(OSError, match="link"):
        b"".join(folder.read(FILE))


BRING = """
import os, sys, time
from pathlib import Path
from airtape.backends.content_folder import ContentFolder
from airtape.file_copy import Digest

def content():
    yield b"half"
    print("half", flush=True)
    sys.stdin.read()
    yield b"rest"

ContentFolder(Path(sys.argv[1])).put(Digest(8, sys.argv[2]), content())
"""


def bringing(folder: Path) -> subprocess.Popen[str]:
    """Start a process that brings a content, and return it when half of it has come."""
    whole = sha256(b"halfrest").hexdigest()
    process = subprocess.Popen(
        [sys.executable, "-c", BRING, str(folder), whole],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    return process


def test_what_a_killed_sync_has_left_is_cleared_away(tmp_path: Path) -> None:
    """By the next one; what somebody is still bringing is left alone, and arrives."""
    folder = tmp_path / "files"
    killed, busy = bringing(folder), bringing(folder)
    killed.kill()
    killed.communicate()
    assert len(list(folder.glob(".new/*"))) == 2
    ContentFolder(folder).put(FILE, pieces())
    assert len(list(folder.glob(".new/*"))) == 1
    assert len(list(folder.glob("??/*"))) == 1
    busy.communicate("")
    assert not list(folder.glob(".new/*"))
    assert len(list(folder.glob("??/*"))) == 2


def test_what_others_have_left_is_cleared_away_in_time(tmp_path: Path) -> None:
    """Of a process of another machine nobody knows here whether it runs, so it is a day."""
    aside = tmp_path / "files/.new"
    aside.mkdir(parents=True)
    old, new = aside / f"{FILE.sha256}.{'ab' * 8}-1-1-x", aside / "anything"
    for left in (old, new):
        left.write_bytes(b"half")
    os.utime(old, (0, 0))
    ContentFolder(tmp_path / "files").put(FILE, pieces())
    assert [*aside.iterdir()] == [new]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_what_the_disk_refuses_is_dropped(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One file of three: the others are there, and nothing is left of it."""
    folder = ContentFolder(tmp_path / "files")
    folder.put(EMPTY, [])
    datas = [b"1", b"2", b"3"]
    files = [Digest(1, sha256(data).hexdigest()) for data in datas]
    place, real = (os, os.fsync) if call == "fsync" else (Path, Path.replace)
    turns = iter([True])  # so that exactly one of the threads is refused

    def refuse_one(*arguments: Any) -> Any:  # noqa: ANN401 - whatever it is in the place of
        if next(turns, False):
            raise OSError(errno.EIO, "Input/output error")
        return real(*arguments)

    monkeypatch.setattr(place, call, refuse_one)
    with pytest.raises(OSError, match="Input/output"):
        folder.put_all((file, [data]) for file, data in zip(files, datas, strict=True))
    assert len(folder.missing(files)) == 1
    assert not list(tmp_path.glob("files/.new/*"))


def test_a_name_that_may_not_survive_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next sync finds the content there."""
    folder = ContentFolder(tmp_path / "files")
    folder.put(EMPTY, [])

    def refuse(_: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(content_batch, "sync_folder", refuse)
    with pytest.raises(OSError, match="Input/output"):
        folder.put(FILE, pieces())
    assert folder.missing([FILE]) == set()


def _refuse(*_: object, **__: object) -> None:
    """Refuse to link, as some file systems do."""
    raise OSError


@pytest.mark.parametrize("link", [os.link, _refuse], ids=["links", "copies"])
def test_a_folder_takes_over_from_another(
    link: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has already stays, and what is no content is left."""
    monkeypatch.setattr(os, "link", link)
    old, new = ContentFolder(tmp_path / "old"), ContentFolder(tmp_path / "new")
    for folder in (old, new):
        folder.put(EMPTY, [])
    old.put(FILE, pieces())
    (tmp_path / "old" / FILE.sha256[:2] / "note").write_text("no content")
    new.take_over(old)
    assert b"".join(new.read(FILE)) == DATA
    assert len(list(tmp_path.glob("new/??/*"))) == 2


def test_a_disk_that_refuses_is_the_targets_failure(tmp_path: Path) -> None:
    """Of a store and of a directory alike."""
    (tmp_path / "store.db.files").write_text("in the way")
    backend = keeping(open_backend(f"sqlite:{tmp_path}/store.db"))
    with pytest.raises(TargetError, match="the store cannot be written"):
        backend.put_file(FILE, pieces())
