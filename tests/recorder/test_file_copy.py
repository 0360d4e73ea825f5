"""Copying a file, and telling what is in it."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.file_copy import CHUNK, Digest, chunks_of, copy_file, digest_of

DATA = os.urandom(CHUNK + 17)


@pytest.fixture
def source(tmp_path: Path) -> int:
    """An open file that takes more than one piece."""
    (tmp_path / "source").write_bytes(DATA)
    return os.open(tmp_path / "source", os.O_RDONLY)


def test_a_copy_holds_what_the_file_holds(source: int, tmp_path: Path) -> None:
    """The digest says what is in it, and whoever wants to know sees it go by."""
    target = os.open(tmp_path / "target", os.O_RDWR | os.O_CREAT)
    seen: list[bytes] = []
    assert copy_file(source, target, len(DATA), moved=seen.append) == Digest(
        len(DATA), sha256(DATA).hexdigest()
    )
    assert (tmp_path / "target").read_bytes() == b"".join(seen) == DATA
    for fd in (source, target):
        os.close(fd)


def test_a_copy_ends_where_the_file_ended(source: int, tmp_path: Path) -> None:
    """What is appended meanwhile is not copied; of a shorter one there is less."""
    target = os.open(tmp_path / "target", os.O_RDWR | os.O_CREAT)
    assert copy_file(source, target, 5).size == 5
    assert (tmp_path / "target").read_bytes() == DATA[:5]
    os.lseek(source, 0, os.SEEK_SET)
    assert copy_file(source, target, len(DATA) + 100).size == len(DATA)
    for fd in (source, target):
        os.close(fd)


def test_blocks_are_shared_where_the_file_system_can(
    source: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy is read once more, for its digest."""
    target = os.open(tmp_path / "target", os.O_RDWR | os.O_CREAT)

    def share(to: int, code: int, from_: int) -> None:
        assert (to, code, from_) == (target, 0x40049409, source)
        os.pwrite(to, DATA, 0)

    monkeypatch.setattr("airtape.file_copy.fcntl.ioctl", share)
    assert copy_file(source, target, len(DATA)) == Digest(len(DATA), sha256(DATA).hexdigest())
    assert os.lseek(source, 0, os.SEEK_CUR) == 0
    for fd in (source, target):
        os.close(fd)


@given(st.binary(max_size=100), st.integers(0, 120))
def test_pieces_are_the_whole(data: bytes, size: int) -> None:
    """Up to the size that is asked for."""
    fd = os.memfd_create("data")
    os.write(fd, data)
    os.lseek(fd, 0, os.SEEK_SET)
    assert b"".join(chunks_of(fd, size)) == data[:size]
    os.lseek(fd, 0, os.SEEK_SET)
    assert digest_of(fd) == Digest(len(data), sha256(data).hexdigest())
    os.close(fd)
