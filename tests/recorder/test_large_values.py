from __future__ import annotations

import resource
import stat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.errors import InvalidDataError
from airtape.fold.keys import Key, leaves
from airtape.large_values import (
    LARGE,
    LargeValues,
    in_parts,
    is_large,
    load_large,
    packed_size,
    parts_of,
    split_values,
    store_large,
)
from airtape.records import Plain
from tests.plain_values import PLAIN, SCALARS, encoded

LIMIT = 400
"""Bytes that a part may have in these tests: a reference fits, not much more."""

VALUES = SCALARS | st.lists(SCALARS)
TREES = st.recursive(
    st.dictionaries(st.text(max_size=8), VALUES, max_size=6),
    lambda inner: st.dictionaries(st.text(max_size=8), inner | VALUES, max_size=6),
    max_leaves=4,
)


@pytest.fixture
def blobs(tmp_path: Path) -> Path:
    """The folder for large values, which is not there yet."""
    return tmp_path / "blobs"


@pytest.fixture
def said() -> list[str]:
    """What was reported."""
    return []


@pytest.fixture
def large(blobs: Path, said: list[str]) -> LargeValues:
    """Large values of a run."""
    return LargeValues(blobs, file_mode=None, report=said.append)


@given(value=PLAIN)
def test_a_value_comes_back_exactly(value: Plain) -> None:
    """Whatever a log can hold, a file can."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        assert encoded(load_large(folder, store_large(folder, value))) == encoded(value)


def test_a_reference_says_what_it_stands_for(blobs: Path, large: LargeValues) -> None:
    """Its digest is the name of the file, which nobody may write to."""
    reference = large.keep("x" * 1000)
    assert reference == {"_type": LARGE, "sha256": reference["sha256"], "size": 1003}
    assert is_large(reference)
    [file] = blobs.iterdir()
    assert file.name == reference["sha256"]
    assert file.stat().st_size == 1003
    assert stat.S_IMODE(file.stat().st_mode) & 0o222 == 0


def test_the_same_value_is_kept_once(blobs: Path, large: LargeValues) -> None:
    """Two references to one file are the same, whoever wrote it."""
    assert large.keep([1, 2]) == large.keep([1, 2]) == store_large(blobs, [1, 2])
    assert len(list(blobs.iterdir())) == 1


@pytest.mark.parametrize(
    "value",
    [None, "x", [1], {}, {"_type": LARGE}, {"_type": LARGE, "sha256": "a", "size": 1, "more": 2}],
    ids=str,
)
def test_other_values_are_no_references(value: object) -> None:
    """A user's own dictionary is not taken for one."""
    assert not is_large(value)


def test_a_changed_file_is_not_taken(blobs: Path, large: LargeValues) -> None:
    """The digest tells."""
    reference = large.keep("x")
    [file] = blobs.iterdir()
    file.chmod(0o600)
    file.write_bytes(b"\xa1y")
    with pytest.raises(ValueError, match="was changed"):
        load_large(blobs, reference)


@pytest.mark.parametrize("digest", ["../../etc/passwd", "x" * 63, "/" * 64], ids=len)
def test_a_reference_cannot_lead_elsewhere(digest: str, blobs: Path) -> None:
    """Only a digest is the name of a file."""
    with pytest.raises(ValueError, match="is no digest"):
        load_large(blobs, {"_type": LARGE, "sha256": digest, "size": 1})


def test_a_link_is_not_followed(blobs: Path, large: LargeValues, tmp_path: Path) -> None:
    """A file below the run directory is the value itself or nothing."""
    reference = large.keep("x")
    [file] = blobs.iterdir()
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        load_large(blobs, reference)


def test_a_value_that_cannot_be_kept_is_counted(
    blobs: Path, large: LargeValues, said: list[str]
) -> None:
    """Nothing is raised; the reference tells what is missing, and so does the report."""
    blobs.write_text("in the way")
    reference = large.keep("x")
    assert is_large(reference)
    assert large.lost == 1
    assert said == ["a value of 2 bytes could not be kept (File exists) and is lost"]


def test_a_file_that_cannot_be_finished_is_removed(blobs: Path, large: LargeValues) -> None:
    """Half a value is none: nothing of it stays in the folder."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, usual[1]))
    try:
        large.keep("x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert large.lost == 1
    assert list(blobs.iterdir()) == []


def test_values_are_synced_when_asked_or_at_once(blobs: Path, large: LargeValues) -> None:
    """No caller waits for the disk, unless every record is to survive a power loss."""
    large.keep("x")
    assert [path.parent for path in large.unsynced] == [blobs]
    large.sync()
    assert large.unsynced == []
    at_once = LargeValues(blobs, file_mode=None, report=print, at_once=True)
    at_once.keep("y")
    assert at_once.unsynced == []


def test_syncing_a_file_that_is_gone_is_no_error(blobs: Path, large: LargeValues) -> None:
    """A folder that somebody removed is noticed elsewhere."""
    large.keep("x")
    [file] = blobs.iterdir()
    file.unlink()
    blobs.rmdir()
    large.sync()
    assert large.unsynced == []


class Kept:
    """Keeps large values in memory."""

    def __init__(self) -> None:
        self._values: list[Plain] = []

    def keep(self, value: Plain) -> dict[str, Plain]:
        """Keep a value and return a reference, which is as long as any."""
        self._values.append(value)
        return {"_type": LARGE, "sha256": "0" * 64, "size": len(self._values) - 1}

    def whole(self, value: Any) -> Any:  # noqa: ANN401 - any plain value
        """Return a value with what its references stand for."""
        if is_large(value):
            return self._values[value["size"]]
        if isinstance(value, dict):
            return {name: self.whole(below) for name, below in value.items()}
        return value


@given(data=TREES)
def test_parts_of_a_row_have_all_of_it(data: dict[str, Plain]) -> None:
    """Each part is small enough, and together they have the same values under the same keys."""
    kept = Kept()
    parts = parts_of(data, LIMIT, kept.keep)
    assert all(packed_size(part) <= LIMIT for part in parts)
    found: dict[Key, Plain] = {}
    for part in parts:
        found.update(leaves(kept.whole(part)))
    assert {key: encoded(value) for key, value in found.items()} == {
        key: encoded(value) for key, value in leaves(data)
    }


@given(values=TREES.filter(bool))
def test_parts_of_a_config_never_split_a_value(values: dict[str, Plain]) -> None:
    """Each value stands whole in one part, or in a file."""
    kept = Kept()
    parts = in_parts((values, ["removed"]), LIMIT, kept.keep)
    assert all(packed_size(part[0]) <= LIMIT for part in parts)
    assert [part[1] for part in parts] == [["removed"], *[[] for _ in parts[1:]]]
    found = {name: kept.whole(value) for part in parts for name, value in part[0].items()}
    assert encoded(found) == encoded(values)


def test_pairs_are_split_like_maps(blobs: Path, large: LargeValues) -> None:
    """The values of a summary come with paths."""
    pairs = [[["a", "b"], "x" * 1000], [["c"], 1]]
    parts = split_values(pairs, LIMIT, large.keep)
    assert [[path for path, _ in part] for part in parts] == [[["a", "b"]], [["c"]]]
    assert load_large(blobs, parts[0][0][1]) == "x" * 1000


@pytest.mark.parametrize("data", [{"x" * 500: 1}, {"x" * 200: {"y" * 200: 1}}, {"x" * 500: {}}])
def test_names_that_fill_a_part_are_refused(
    data: dict[str, Plain], blobs: Path, large: LargeValues
) -> None:
    """There is no place for them, and nothing was written."""
    with pytest.raises(InvalidDataError, match="is too long"):
        parts_of(data, LIMIT, large.keep)
    assert not blobs.exists()
