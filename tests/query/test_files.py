from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from airtape.errors import UsageError
from airtape.query.api import Api
from airtape.records import Kind
from tests import logs
from tests.query.conftest import MakeRun


def _with_files(run_dir: Path, **files: str) -> None:
    for name, text in files.items():
        path = run_dir / "files" / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_files_of_a_run_are_listed(make_run: MakeRun) -> None:
    """All of them by name, or those that are named or match a pattern."""
    _with_files(make_run(), **{"output.log": "hello", "media__a.png": "", "config.yaml": "lr: 1"})
    run = Api().run("ab12cd34")
    assert [file.name for file in run.files()] == ["config.yaml", "media/a.png", "output.log"]
    assert [file.name for file in run.files(["output.log"])] == ["output.log"]
    assert [file.name for file in run.files(pattern="media/%")] == ["media/a.png"]
    assert [file.name for file in run.files(pattern="*.yaml", per_page=1)] == ["config.yaml"]
    file = run.file("output.log")
    assert (file.size, file.url) == (5, None)
    assert repr(run.file("media/a.png")) == "<File media/a.png (image/png) 0 B>"


def test_a_file_that_is_not_there_is_refused(make_run: MakeRun) -> None:
    """The error names the run and what is like it."""
    _with_files(make_run(), **{"output.log": "hello"})
    with pytest.raises(UsageError, match=r"me/digits/ab12cd34 has no file 'output\.lo'") as refused:
        Api().run("ab12cd34").file("output.lo")
    assert refused.value.hint == "Did you mean output.log?"
    with pytest.raises(UsageError, match="has no file"):
        Api().run("ab12cd34").file("zzz")


def test_a_file_is_copied_to_the_same_place_elsewhere(make_run: MakeRun, workdir: Path) -> None:
    """Downloading copies; what is there is kept, unless it is said otherwise."""
    run_dir = make_run()
    _with_files(run_dir, media__note="hello")
    file = Api().run("ab12cd34").file("media/note")
    with file.download(workdir / "copy") as copy:
        assert copy.read() == "hello"
    there = workdir / "copy" / "media" / "note"
    there.write_text("mine")
    with pytest.raises(ValueError, match="the file is there already"):
        file.download(workdir / "copy")
    with file.download(workdir / "copy", exist_ok=True) as copy:
        assert copy.read() == "mine"
    with file.download(workdir / "copy", replace=True) as copy:
        assert copy.read() == "hello"
    assert list(there.parent.iterdir()) == [there]
    assert file.path == (run_dir / "files" / "media" / "note")


def test_a_store_has_names_and_sizes_of_files(
    make_run: MakeRun, synced: Callable[[], Api], workdir: Path
) -> None:
    """Without the content of those that were not there; the error says where to take it from."""
    said = (Kind.FILES, [[{"path": "b.txt", "size": 5}, {"path": "a.txt"}]])
    make_run("ab12cd34", said, logs.ended())
    files = synced().run("ab12cd34").files()
    assert [(file.name, file.size) for file in files] == [("a.txt", 0), ("b.txt", 5)]
    with pytest.raises(UsageError, match="not in the store"):
        files[0].download(workdir)


def test_a_store_has_the_content_of_files(
    make_run: MakeRun, synced: Callable[[], Api], workdir: Path
) -> None:
    """A name that leads out of the folder is refused, whatever is kept of it."""
    digest = sha256(b"hello").hexdigest()
    said = [{"path": path, "size": 5, "sha256": digest} for path in ("a/note", "../out")]
    run_dir = make_run("ab12cd34", (Kind.FILES, [said]))
    _with_files(run_dir, a__note="hello")
    out, note = synced().run("ab12cd34").files()
    with note.download(workdir / "copy") as copy:
        assert copy.read() == "hello"
    assert (workdir / "copy/a/note").is_file()
    with pytest.raises(UsageError, match="no path below"):
        out.download(workdir / "copy")
    assert not (workdir / "out").exists()
