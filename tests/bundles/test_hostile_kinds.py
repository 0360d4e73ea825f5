"""More than 200 kinds of hostile bundles: each is refused, and nothing is written anywhere."""

from __future__ import annotations

import gzip
import os
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from airtape.bundles.applying import apply_bundle
from airtape.bundles.names import Names
from airtape.errors import LogFormatError
from tests.bundles.hostile import kinds
from tests.bundles.made import archived, make, member, packed, tree
from tests.bundles.test_names import hostile_name
from tests.logs import ended, run_dir_of, write_log

KINDS = dict(kinds())
MOST_MEMORY = 256 << 20
"""Bytes; names may take 128 MB, and what a bundle says of itself 64 MB."""


def test_there_are_two_hundred_kinds() -> None:
    """Each with a name of its own."""
    assert len(KINDS) >= 200
    assert len(KINDS) == len(list(kinds()))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_bundle_is_refused_before_anything_is_written(tmp_path: Path, kind: str) -> None:
    """In bounded memory, beside a run that is there, and which stays as it is."""
    far = tmp_path / "far"
    write_log(run_dir_of(far, "a"), ended(), run_id="a")
    path = tmp_path / "x.bundle"
    path.write_bytes(KINDS[kind]())
    before = {one: one.lstat().st_mtime_ns for one in tmp_path.rglob("*")}
    tracemalloc.start()
    try:
        with pytest.raises(LogFormatError):
            apply_bundle(path, far)
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()
    assert {one: one.lstat().st_mtime_ns for one in tmp_path.rglob("*")} == before


@pytest.mark.timeout(60)
def test_hostile_names_that_are_taken_stand_below_the_folder(tmp_path: Path) -> None:
    """Of 10,000 in one bundle; all others would have it refused."""
    random, known = Random(11), Names()
    names = sorted(hostile_name(random) for _ in range(10_000))
    taken = [name for name in names if known.why_not(name) is None]
    assert len(taken) > 15
    path, far = tmp_path / "x.bundle", tmp_path / "far"
    path.write_bytes(packed(archived([member(name, name.encode()) for name in taken])))
    assert apply_bundle(path, far).problems == []
    assert tree(far) == {name: name.encode() for name in taken}
    assert sorted(os.listdir(tmp_path)) == ["far", "x.bundle"]  # noqa: PTH208 - names are all that counts


@pytest.mark.parametrize("name", ["a\n", "\n", "é\n", "a" * 200 + "\n", "{[,]}", 'a"\\,{', "a\tb "])
def test_names_that_only_look_hostile_are_carried(
    tmp_path: Path, wandb: Path, far: Path, name: str
) -> None:
    """Whatever a file system takes as the name of a file."""
    run_dir = run_dir_of(wandb, "a,{[")
    write_log(run_dir, ended(), run_id="a,{[")
    (run_dir / "files").mkdir()
    (run_dir / "files" / name).write_text("x")
    make(tmp_path / "x.bundle", wandb)
    assert apply_bundle(tmp_path / "x.bundle", far).problems == []
    assert tree(far) == tree(wandb)


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "make_one", [lambda one: f"run-a/files/{one}", lambda one: f"run-{one}/x.txlog"]
)
def test_a_million_entries_are_refused(tmp_path: Path, make_one: Callable[[int], str]) -> None:
    """At the first that is one too many."""
    path = tmp_path / "x.bundle"
    with gzip.open(path, "wb", 1) as file:
        for number in range(1_000_000):
            file.write(tarfile.TarInfo(make_one(number)).tobuf(tarfile.USTAR_FORMAT))
    tracemalloc.start()
    try:
        with pytest.raises(LogFormatError, match="more than 250000 entries"):
            apply_bundle(path, tmp_path / "far")
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()
    assert not (tmp_path / "far").exists()
