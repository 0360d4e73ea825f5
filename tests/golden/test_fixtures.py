from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from airtape.fold.fold import fold_log
from airtape.records import Record
from airtape.run_search import find_run_dirs
from airtape.rundir import log_files
from airtape.txlog.reader import Damage, LogReader
from airtape.txlog.seqset import SeqSet

ROOT = Path(__file__).parent.parent.parent
FIXTURES = ROOT / "wandb_dirs_fixtures"


class Read(NamedTuple):
    """What a reader makes of a run directory.

    Attributes:
        rows: Number of rows.
        last_step: The highest step.
        code: The exit code; ``"none"`` if there is no end.
        lost: Records that damage cost.
        damage: Number of damages.
        incomplete: Whether a file ends in a torn frame.
        unknown: Records of unknown kinds.
        gaps: What the writer dropped, as first and last record.
    """

    rows: int
    last_step: int | None
    code: int | str | None
    lost: int = 0
    damage: int = 0
    incomplete: bool = False
    unknown: int = 0
    gaps: tuple[tuple[int, int], ...] = ()


EXPECTED = {
    "run-20260102_030405-finished": Read(7, 9, 0),
    "run-20260102_030405-failed00": Read(3, 2, 1),
    "run-20260102_030405-torntail": Read(4, 3, "none", incomplete=True),
    "run-20260102_030405-damaged1": Read(4, 4, 0, lost=1, damage=1),
    "run-20260102_030405-twofiles": Read(6, 5, 0),
    "run-20260102_030405-running1": Read(5, 4, "none"),
    "run-20260102_030405-emptylog": Read(0, None, "none"),
    "run-20260102_030405-nolog000": Read(0, None, "none"),
    "run-20260102_030405-foreign1": Read(0, None, "none", damage=1),
    "run-20260102_030405-newkinds": Read(3, 2, 0, unknown=1),
    "run-20260102_030405-version2": Read(0, None, "none"),
    "run-20260102_030405-clashed1": Read(3, 2, 0),
    "run-20260103_030405-clashed1": Read(2, 1, 0),
    "run-20260102_030405-resumed1": Read(3, 2, 143),
    "run-20260103_030405-resumed1": Read(3, 5, 0),
    "run-20260102_030405-diskfull": Read(4, 6, 0, gaps=((6, 8),)),
}


def files_below(folder: Path) -> dict[str, bytes]:
    """Return all files of all run directories."""
    paths = (path for path in folder.glob("run-*/**/*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def regenerate() -> Any:  # noqa: ANN401 - a module
    """Return the script that writes the directories."""
    path = FIXTURES / "regenerate.py"
    spec = importlib.util.spec_from_file_location("regenerate", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_directories_are_what_the_script_writes(regenerate: Any, tmp_path: Path) -> None:  # noqa: ANN401 - a module
    """Byte for byte, no file more and none less."""
    regenerate.regenerate(tmp_path)
    assert files_below(tmp_path) == files_below(FIXTURES)


def test_writing_them_anew_changes_nothing(regenerate: Any, tmp_path: Path) -> None:  # noqa: ANN401 - a module
    """What was there is replaced, not added to."""
    for _ in range(2):
        regenerate.regenerate(tmp_path)
    assert files_below(tmp_path) == files_below(FIXTURES)


def test_every_directory_is_described() -> None:
    """In the table of the README, and here."""
    table = (FIXTURES / "README.md").read_text(encoding="utf-8")
    directories = {path.name for path in FIXTURES.glob("run-*")}
    assert set(re.findall(r"`(run-\d{8}_\d{6}-\w+)`", table)) == directories == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_what_is_read_of_each_is_what_is_said_of_it(name: str) -> None:
    """Rows, end, damage and gaps."""
    seen, items, incomplete = SeqSet(), list[Record | Damage](), False
    for path in log_files(FIXTURES / name):
        reader = LogReader(path, seen=seen)
        items += reader
        incomplete |= reader.incomplete
    damage = [item for item in items if isinstance(item, Damage)]
    fold = fold_log(item for item in items if isinstance(item, Record))
    assert EXPECTED[name] == Read(
        fold.history.rows,
        fold.history.last_step,
        "none" if fold.exit is None else fold.exit["code"],
        lost=sum(one.missing or 0 for one in damage),
        damage=len(damage),
        incomplete=incomplete,
        unknown=fold.unknown,
        gaps=tuple((first, last) for first, last, _ in fold.gaps),
    )
    assert fold.malformed == 0


def test_run_directories_are_found() -> None:
    """All but the one without a log, which is told."""
    found = find_run_dirs([FIXTURES])
    assert {path.name for path in found.run_dirs} == set(EXPECTED) - {
        "run-20260102_030405-nolog000"
    }
    assert [problem.path.name for problem in found.problems] == ["run-20260102_030405-nolog000"]


def test_no_file_is_ignored_by_git() -> None:
    """A fixture that is not in the repository would be missed only elsewhere."""
    paths = [str(FIXTURES / path) for path in files_below(FIXTURES)]
    done = subprocess.run(
        ["git", "check-ignore", "--no-index", *paths],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""
