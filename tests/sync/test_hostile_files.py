"""Files of a run as an unlucky or hostile world leaves them: each costs only itself, everywhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airtape.backends.base import Backend
from airtape.file_copy import chunks_of
from airtape.sync.engine import sync
from airtape.sync.report import ExitCode
from tests.logs import ended, write_log
from tests.sync.runs import files_said
from tests.sync.test_file_contents import MODEL, held, put

OpenTarget = Callable[[], Backend]
NAMES = [
    *("new\nline", "ünï/😀.txt", "x" * 255, " space ", "-rf", "a;b$(id)`x`", "\x1b[31mred"),
    *("*", "a'b\"c", "%41", "con"),
]
NO_NAMES = [
    *("y" * 256, "nul\0x", "..", "a/../b", "", ".", "/etc/hostname"),
    "/".join(["d" * 200] * 25),
]


def test_a_file_may_have_any_name(run_dir: Path, open_target: OpenTarget) -> None:
    """What can be no name is missing, and nothing is looked for elsewhere."""
    good = {name: MODEL + name.encode() for name in NAMES}
    bad = {name: b"bad" + name.encode() for name in NO_NAMES}
    write_log(run_dir, files_said(**good, **bad), ended())
    put(run_dir, **good)
    report = sync([run_dir], open_target())
    files = report.runs[0].files
    assert (report.exit_code, files.sent) == (ExitCode.INCOMPLETE, len(NAMES))
    assert files.missing.keys() == {*NO_NAMES}
    assert all(held(open_target(), data) for data in good.values())


def test_what_lies_in_the_place_of_files_costs_only_itself(
    run_dir: Path, tmp_path: Path, open_target: OpenTarget
) -> None:
    """A pipe, a folder, a link, a hole; an empty file is one."""
    names = ("pipe", "folder", "link", "gone", "hole", "good")
    contents = {name: MODEL + name.encode() for name in names}
    write_log(run_dir, files_said(**contents, empty=b""), ended())
    put(run_dir, good=contents["good"], empty=b"", hole=b"")
    (tmp_path / "outside").write_bytes(contents["link"])
    (run_dir / "files/link").symlink_to(tmp_path / "outside")
    os.mkfifo(run_dir / "files/pipe")
    (run_dir / "files/folder").mkdir()
    os.truncate(run_dir / "files/hole", len(contents["hole"]))
    files = sync([run_dir], open_target()).runs[0].files
    assert files.missing == {
        "folder": "it is no regular file",
        "gone": "No such file or directory",
        "hole": "it is not what was recorded",
        "link": "it is a link",
        "pipe": "it is no regular file",
    }
    assert (files.held, held(open_target(), contents["good"])) == (2, True)


@pytest.mark.parametrize("change", ["cut", "written over", "removed"])
def test_a_file_that_changes_while_others_come_costs_only_itself(
    change: str, run_dir: Path, open_target: OpenTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing stays of half of it; one that is removed is still open, and arrives."""
    contents = {name: name.encode() * 1000 for name in "abcde"}
    write_log(run_dir, files_said(**contents), ended())
    put(run_dir, **contents)
    victim = run_dir / "files/c"

    def changing(fd: int, size: int) -> Iterator[bytes]:
        if os.path.samestat(os.fstat(fd), looks):
            if change == "removed":
                victim.unlink()
            else:
                victim.write_bytes(b"x" * (1000 if change == "written over" else 10))
        return chunks_of(fd, size)

    looks = victim.stat()
    monkeypatch.setattr("airtape.sync.file_contents.chunks_of", changing)
    files = sync([run_dir], open_target()).runs[0].files
    is_there = change == "removed"
    assert [*files.missing] == ([] if is_there else ["c"])
    assert [name for name, data in contents.items() if not held(open_target(), data)] == [
        *files.missing
    ]
