"""Bundles of somebody hostile, or that a medium has damaged: refused, and nothing is written."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from airtape.bundles.applying import apply_bundle
from airtape.bundles.archive import BLOCK
from airtape.bundles.limits import Limits
from airtape.bundles.manifest import encode_manifest
from airtape.bundles.reading import Bundle
from airtape.errors import LogFormatError, UsageError
from tests.bundles.made import archived, make, manifest_of, member, packed, tree
from tests.logs import ended, log_row, run_dir_of, write_log

LOG = "run-a/run-a.txlog"
FILE = "run-a/files/a.txt"


def refused(tmp_path: Path, data: bytes, limits: Limits | None = None) -> str:
    """Return what is said of a bundle that is refused; nothing is written for it."""
    path, far = tmp_path / "x.bundle", tmp_path / "far/wandb"
    path.write_bytes(data)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(LogFormatError) as caught:
        apply_bundle(path, far, limits)
    assert sorted(tmp_path.rglob("*")) == before
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (tarfile.SYMTYPE, "a link"),
        (tarfile.LNKTYPE, "a hard link"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.BLKTYPE, "a device"),
        (tarfile.FIFOTYPE, "a pipe"),
        (tarfile.DIRTYPE, "a folder"),
        (tarfile.CONTTYPE, "no regular file"),
        (tarfile.GNUTYPE_SPARSE, "a sparse file"),
    ],
)
def test_only_regular_files_are_taken(tmp_path: Path, kind: bytes, said: str) -> None:
    """The entry is named."""
    info, _ = member(FILE, kind=kind)
    info.linkname = "/etc/passwd" if kind in {tarfile.SYMTYPE, tarfile.LNKTYPE} else ""
    message = refused(tmp_path, packed(archived([member(LOG), (info, b"")])))
    assert f"'{FILE}" in message
    assert said in message


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../x.txlog", "run-a/files/../../../x", "run-a/x", "a/files/\n/" * 9]
)
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    """The entry is named, with nothing in it that a terminal obeys."""
    message = refused(tmp_path, packed(archived([member(LOG), member(name, b"x")])))
    assert repr(name)[:40] in message


def test_a_name_that_comes_twice_is_refused(tmp_path: Path) -> None:
    """Whichever of both would count."""
    message = refused(tmp_path, packed(archived([member(FILE, b"a"), member(FILE, b"b")])))
    assert f"entry '{FILE}': its name comes twice" in message


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_archives_of_another_form_are_refused(tmp_path: Path, form: int) -> None:
    """Long names come in one way only, which costs no memory."""
    name = "run-a/files/" + "a" * 200
    if form == tarfile.USTAR_FORMAT:
        name = "run-a/files/a"
        archive = bytearray(archived([member(name)], form=form))
        archive[257:265] = b"ustar  \0"
        message = refused(tmp_path, packed(_with_checksum(archive)))
    else:
        message = refused(tmp_path, packed(archived([member(name)], form=form)))
    assert "is refused" in message


def _with_checksum(archive: bytearray, at: int = 0) -> bytes:
    header = archive[at : at + BLOCK]
    total = sum(header[:148]) + 8 * 32 + sum(header[156:])
    archive[at + 148 : at + 156] = b"%06o\0 " % total
    return bytes(archive)


def _pax(*records: bytes, size: int | None = None) -> bytes:
    """Return an archive that begins with a pax header of these records."""
    body = b"".join(records)
    info = tarfile.TarInfo("PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, len(body) if size is None else size
    head = info.tobuf(tarfile.USTAR_FORMAT)
    return head + body + bytes(-len(body) % BLOCK) + archived([member(LOG)])


@pytest.mark.parametrize(
    "archive",
    [
        _pax(b"24 linkpath=/etc/passwd\n"),
        _pax(b"13 path=x/y\n\n"),
        _pax(b"99999 path=a\n"),
        _pax(b"999999999999 path=a\n"),
        _pax(b"path=a\n"),
        _pax(b"0 \n"),
        _pax(b"10 path=a\n", b"10 path=b\n"),
        _pax(b"11 path=\xff\xfe\n"),
        _pax(b"10 size=x\n"),
        _pax(b"11 size=-5\n"),
        _pax(b"10 size=5\n"),
        _pax(b"30 size=9999999999999999999999\n"),
        _pax(b"x" * 600),
        _pax(b"", size=1 << 20),
        _pax(b"", size=0)[: 2 * BLOCK] + bytes(4 * BLOCK),
        _pax(b"10 path=a\n")[: 2 * BLOCK] + bytes(4 * BLOCK),
    ],
)
def test_pax_headers_say_name_and_size_only(tmp_path: Path, archive: bytes) -> None:
    """Anything else in them, or a great deal, is refused."""
    refused(tmp_path, packed(archive))


@pytest.mark.parametrize(
    ("offset", "byte"), [(124, b"\x80"), (124, b"9"), (0, b"\xff"), (148, b"7"), (157, b"x")]
)
def test_headers_that_no_bundle_has(tmp_path: Path, offset: int, byte: bytes) -> None:
    """Sizes that are none, names that are no text, checksums that are wrong."""
    archive = bytearray(archived([member(LOG)]))
    archive[offset : offset + 1] = byte
    data = bytes(archive) if offset == 148 else _with_checksum(archive)
    refused(tmp_path, packed(data))


def test_what_the_manifest_says_must_be_there(tmp_path: Path) -> None:
    """Each entry, in its place, with its bytes, and no other one."""
    members = [member(LOG, b"a"), member(FILE, b"b")]

    def message(*entries: tuple[str, bytes]) -> str:
        said = encode_manifest(manifest_of(entries))
        return refused(tmp_path, packed(archived(members, said=said)))

    assert f"'{FILE}' was changed" in message((LOG, b"a"), (FILE, b"c"))
    assert "stands where" in message((FILE, b"b"), (LOG, b"a"))
    assert "names 1 entries, and there are 2" in message((LOG, b"a"))
    assert "names 3 entries" in message((LOG, b"a"), (FILE, b"b"), ("run-b/b.txlog", b""))


GOOD = encode_manifest(manifest_of([(LOG, b"")]))


def _said(old: bytes, new: bytes) -> bytes:
    """Return a manifest that says something else, with a checksum that is right."""
    from hashlib import sha256  # noqa: PLC0415 - next to its only use

    body = GOOD.partition(b"\n")[2].replace(old, new)
    assert body != GOOD.partition(b"\n")[2]
    return b"airtape bundle 1 " + sha256(body).hexdigest().encode() + b"\n" + body


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"", "does not say"),
        (b"\0" * 99, "does not say"),
        (GOOD.replace(b"bundle 1 ", b"bundle 9 "), "of version 9"),
        (GOOD[:-2], "was changed"),
        (_said(b'"since":null', b'"since":[1]'), "understood"),
        (_said(b'"since":null', b'"since":null,"since":5'), "understood"),
        (_said(b'"directory":"run-a"', b'"directory":"run-a/b"'), "directory of its own"),
        (_said(b'"directory":"run-a"', b'"directory":5'), "understood"),
        (_said(b'"start":0', b'"start":7'), "understood"),
        (_said(b'"start":0', b'"start":-1'), "understood"),
        (_said(b'"start":0', b'"start":true'), "understood"),
        (_said(b'"frame":null', b'"frame":[1]'), "understood"),
        (_said(b'"frame":null', b'"frame":[1,2]'), "understood"),
        (_said(b'"sha256":"e', b'"sha256":"E'), "understood"),
        (_said(b'"made_ns":1', b'"made_ns":1e9,"x":1'), "understood"),
    ],
)
def test_manifests_that_cannot_be(tmp_path: Path, said: bytes, reason: str) -> None:
    """Also with a checksum that is right."""
    assert reason in refused(tmp_path, packed(archived([member(LOG)], said=said)))


def test_a_run_comes_once(tmp_path: Path) -> None:
    """Two parts of one run would have two plans."""
    run = GOOD.partition(b'"runs":[')[2].rpartition(b"]}")[0]
    said = _said(run, run + b"," + run)
    assert "directory of its own" in refused(tmp_path, packed(archived([member(LOG)], said=said)))


def test_nothing_stands_behind_the_manifest(tmp_path: Path) -> None:
    """Neither entries, nor bytes, in the archive or behind it."""
    whole = archived([member(LOG)])
    twice = io.BytesIO()
    with tarfile.open(fileobj=twice, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, data in (member(LOG), member("bundle.json", GOOD), member(FILE, b"x")):
            archive.addfile(info, io.BytesIO(data))
    assert "stands behind" in refused(tmp_path, packed(twice.getvalue()))
    for data in (
        packed(whole) + b"x",
        packed(whole) + packed(whole),
        packed(whole + b"x"),
        packed(whole + bytes(1 << 20) + b"x"),
        packed(whole[:-BLOCK] + b"x" * BLOCK),
    ):
        assert "bytes behind its end" in refused(tmp_path, data)
    filled = bytearray(archived([member(FILE, b"abc")]))
    filled[BLOCK + 100] = 1
    assert "bytes between its entries" in refused(tmp_path, packed(bytes(filled)))


def test_an_archive_without_a_manifest_is_no_bundle(tmp_path: Path) -> None:
    """Nor is anything else that somebody names."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w"):
        pass
    assert "it has no bundle.json" in refused(tmp_path, packed(file.getvalue()))
    for data in (b"", b"text", b"\x1f\x8b", file.getvalue(), zlib.compress(file.getvalue())):
        refused(tmp_path, data)


def test_what_is_too_large_is_refused(tmp_path: Path) -> None:
    """All together, by the number of entries, or by what it says of itself."""
    data = packed(archived([member(LOG, bytes(100_000)), member(FILE)]))
    assert "more than 2 entries" in refused(tmp_path, data, Limits(entries=2))
    assert "more than 1000 bytes" in refused(tmp_path, data, Limits(size=1000, entries=3))
    assert "bytes" in refused(tmp_path, data, Limits(manifest=100))
    with closing(Bundle(tmp_path / "x.bundle", Limits(entries=3))) as bundle:
        assert bundle.manifest.size == 100_000


@pytest.mark.timeout(60)
def test_a_bomb_is_refused_in_little_memory(tmp_path: Path) -> None:
    """An entry of a gigabyte of nothing, and entries without end, in less than 64 MB."""
    head = member(FILE)[0]
    head.size = 1 << 30
    bomb = io.BytesIO()
    with gzip.GzipFile("", "wb", 9, bomb) as file:
        file.write(head.tobuf(tarfile.USTAR_FORMAT))
        for _ in range(96):
            file.write(bytes(1 << 20))
    many = io.BytesIO()
    with gzip.GzipFile("", "wb", 1, many) as file:
        for number in range(5000):
            file.write(member(f"run-a/files/{number}")[0].tobuf(tarfile.USTAR_FORMAT))
    tracemalloc.start()
    try:
        assert "300 bytes for each of its own" in refused(tmp_path, bomb.getvalue())
        assert "more than 2000 entries" in refused(tmp_path, many.getvalue(), Limits(entries=2000))
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


Spoil = Callable[[Random, bytes], bytes]


def _flip(random: Random, data: bytes) -> bytes:
    spoiled = bytearray(data)
    for _ in range(random.choice([1, 1, 2, 50])):
        spoiled[random.randrange(len(spoiled))] ^= random.randint(1, 255)
    return bytes(spoiled)


def _cut(random: Random, data: bytes) -> bytes:
    return data[: random.randrange(len(data))]


def _flip_inside(random: Random, data: bytes) -> bytes:
    return packed(_flip(random, gzip.decompress(data)))


def _cut_inside(random: Random, data: bytes) -> bytes:
    return packed(_cut(random, gzip.decompress(data)))


def _swap_inside(random: Random, data: bytes) -> bytes:
    """Put blocks of the archive into another order."""
    archive = gzip.decompress(data)
    blocks = [archive[at : at + BLOCK] for at in range(0, len(archive), BLOCK)]
    one, other = random.sample(range(len(blocks)), 2)
    blocks[one], blocks[other] = blocks[other], blocks[one]
    return packed(b"".join(blocks))


@pytest.mark.timeout(60)
def test_bundles_that_were_spoiled_are_refused_or_whole(
    tmp_path: Path, wandb: Path, far: Path
) -> None:
    """200 of them: each writes nothing, or exactly what the bundle held, and nothing outside."""
    rows = [log_row(step, loss=step / 7) for step in range(20)]
    for number in range(3):
        run_dir = run_dir_of(wandb, f"run{number}")
        write_log(run_dir, *rows, ended(), run_id=f"run{number}", writer=bytes([number]) * 16)
        (run_dir / "files").mkdir()
        (run_dir / "files/config.yaml").write_text(f"a: {number}\n" * 100)
    path = tmp_path / "x.bundle"
    make(path, wandb)
    whole, good = path.read_bytes(), tree(wandb)
    spoils: list[Spoil] = [_flip, _cut, _flip_inside, _cut_inside, _swap_inside]
    taken = 0
    for seed in range(200):
        random = Random(seed)
        path.write_bytes(random.choice(spoils)(random, whole))
        outside = sorted(os.listdir(tmp_path))  # noqa: PTH208 - names are all that counts
        try:
            done = apply_bundle(path, far)
        except LogFormatError:
            assert not far.exists()
        else:
            # What was spoiled meant nothing, such as the time in the header.
            taken += 1
            assert not done.problems
            assert tree(far) == good
            far.rename(tmp_path / f"taken{seed}")
            outside.append(f"taken{seed}")
            outside.append("far")
        assert set(os.listdir(tmp_path)) <= set(outside)  # noqa: PTH208 - see above
    assert taken < 50


def test_a_bundle_that_cannot_be_read(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(UsageError, match="No such file"):
        Bundle(tmp_path / "x.bundle")
    with pytest.raises(UsageError, match="directory"):
        Bundle(tmp_path)


def test_a_bundle_that_changes_after_it_was_checked(tmp_path: Path) -> None:
    """What was written aside for its run is dropped."""
    path = tmp_path / "x.bundle"
    path.write_bytes(packed(archived([member(LOG, b"a" * 3000), member(FILE, b"b")])))
    with closing(Bundle(path)) as bundle:
        path.write_bytes(packed(archived([member(LOG, b"c" * 3000), member(FILE, b"b")])))
        with pytest.raises(LogFormatError, match="was changed while it was read"):
            [list(chunks) for _, _, chunks in bundle.pieces()]
