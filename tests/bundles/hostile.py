"""Bundles as somebody hostile would make them, each of another kind."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zlib
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import TypeAlias

from airtape.bundles.archive import BLOCK
from airtape.bundles.manifest import encode_manifest
from tests.bundles.made import Member, archived, manifest_of, member, packed
from tests.bundles.test_names import BAD

LOG = "run-a/run-a.txlog"
FILE = "run-a/files/a.txt"
END = bytes(2 * BLOCK)
Kind: TypeAlias = tuple[str, Callable[[], bytes]]


def header(  # noqa: PLR0913 - the fields of a header
    name: bytes = FILE.encode(),
    *,
    size: bytes = b"00000000000\0",
    kind: bytes = b"0",
    link: bytes = b"",
    magic: bytes = b"ustar\x0000",
    prefix: bytes = b"",
    mode: bytes = b"0000644\0",
    checksum: bytes | None = None,
    behind: bytes = b"",
) -> bytes:
    """Return the header of an entry, with whatever stands in its fields."""
    numbers = b"0000000\0" * 2 + size.ljust(12, b"\0")[:12] + b"00000000000\0"
    before = name.ljust(100, b"\0")[:100] + mode + numbers
    after = kind + link.ljust(100, b"\0") + magic + bytes(64) + b"0000000\0" * 2
    after += prefix.ljust(155, b"\0") + behind.ljust(12, b"\0")
    total = sum(before) + 8 * 32 + sum(after)
    return before + (b"%06o\0 " % total if checksum is None else checksum) + after


def body(data: bytes) -> bytes:
    """Return what stands behind a header, up to whole blocks."""
    return data + bytes(-len(data) % BLOCK)


def pax(*records: bytes, kind: bytes = b"x", size: int | None = None) -> bytes:
    """Return a pax header of records as they stand."""
    said = b"".join(records)
    length = b"%011o\0" % (len(said) if size is None else size)
    return header(b"PaxHeader", size=length, kind=kind) + body(said)


def record(key: bytes, value: bytes) -> bytes:
    """Return a record of a pax header."""
    size = len(key) + len(value) + 3
    length = size + len(str(size))
    length = size + len(str(length))
    return b"%d %b=%b\n" % (length, key, value)


def with_manifest(*members: bytes, names: list[tuple[str, bytes]] | None = None) -> bytes:
    """Return a bundle of parts of an archive, and a manifest that names what was meant."""
    said = encode_manifest(manifest_of([(LOG, b"")] if names is None else names))
    size = b"%011o\0" % len(said)
    return packed(b"".join(members) + header(b"bundle.json", size=size) + body(said) + END)


def said_as(text: bytes) -> bytes:
    """Return a manifest of whatever JSON, with a checksum that is right."""
    return b"airtape bundle 1 " + sha256(text).hexdigest().encode() + b"\n" + text


def manifest(text: bytes, *members: Member) -> bytes:
    """Return a bundle whose manifest says something."""
    return packed(archived(members or [member(LOG)], said=said_as(text)))


def kinds() -> Iterator[Kind]:
    """Yield each kind with its name, and what makes it."""
    for some in (_types, _names, _numbers, _pax_headers, _packings, _orders, _manifests, _bombs):
        yield from some()


def _types() -> Iterator[Kind]:
    letters = [b"\0", b" ", b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"9"]
    letters += [bytes([letter]) for letter in b"ADIKLMNSVXZgax\xff"]
    for kind in letters:
        for link in (b"", b"/etc/passwd", b"../../x"):
            if kind == b"x" and link:
                continue
            yield (
                f"type {kind!r} that leads to {link!r}",
                lambda kind=kind, link=link: with_manifest(header(kind=kind, link=link)),  # type: ignore[misc]  # bound now
            )
    yield "a file with a link's name", lambda: with_manifest(header(link=b"/etc/passwd"))
    for magic in (bytes(8), b"ustar  \0", b"ustar\x0001", b"USTAR\x0000", b"\xff" * 8):
        yield (
            f"magic {magic!r}",
            lambda magic=magic: with_manifest(header(magic=magic)),  # type: ignore[misc]  # bound now
        )


def _names() -> Iterator[Kind]:
    more = [
        "run-a/files/../../../../../../tmp/x",
        "run-a/files/..",
        "run-a/files/.",
        "run-a/..",
        "/run-a/files/x",
        "./run-a/files/x",
        "run-a\0/files/x",
        "run-a/files\0/../x",
        "run-/../files/x",
        "\\\\server\\share\\x",
        "~/x",
        "~root/.ssh/authorized_keys",
        ".ssh/authorized_keys",
        "run-a/.git/hooks/pre-commit",
        "run-a/stop",
        "run-a/run-a.cleaned",
        "run-a/x.txlog/y",
        ".tombstones/x",
        ".cleaned-run-a/claim.json",
        "receipts/files/far.receipt",
        "run-a.txlog/x",
        "bundle.json/files/x",
        "\u202erun-a/files/x",
        "RUN-A/files/x",
        "run-a/FILES/x",
        "run-a/files\u2215x",
        "run-a/files/" + "é" * 200,
    ]
    for name in (*BAD, *more):
        raw = name.encode("utf-8", "surrogateescape")
        if len(raw) <= 100 and b"\0" not in raw[-1:] and raw.strip(b"\0"):
            yield f"name {name!r}", lambda raw=raw: with_manifest(header(raw))  # type: ignore[misc]  # bound now
        yield (
            f"long name {name[:60]!r} of {len(name)}",
            lambda raw=raw: with_manifest(pax(record(b"path", raw)), header(b"x")),  # type: ignore[misc]  # bound now
        )
    for prefix in (b"/etc", b"..", b"run-a/..", b"run-a/files/..", b"."):
        yield (
            f"prefix {prefix!r}",
            lambda prefix=prefix: with_manifest(header(b"x/files/y", prefix=prefix)),  # type: ignore[misc]  # bound now
        )
    for raw in (b"run-a/files/\xff\xfe", b"run-a/files/\xed\xa0\x80", b"\xc0\xae\xc0\xae/files/x"):
        yield f"name {raw!r} that is no text", lambda raw=raw: with_manifest(header(raw))  # type: ignore[misc]  # bound now


def _numbers() -> Iterator[Kind]:
    sizes = [
        b"",
        b"-0000000001\0",
        b"0x000000001\0",
        b"99999999999\0",
        b"77777777777\0",
        b"0000000000 1",
        b"\x80" + b"\0" * 10 + b"\1",
        b"\xff" * 12,
        b"\x80" + b"\xff" * 11,
        b"1e9\0",
        b"+0000000001\0",
        b"00000000001\0",
        b"00000001000\0",
    ]
    for size in sizes:
        yield f"size {size!r}", lambda size=size: with_manifest(header(size=size))  # type: ignore[misc]  # bound now
    for checksum in (b"000000\0 ", b"        ", b"\0" * 8, b"-00001\0 ", b"\xff" * 8, b"777777\0 "):
        yield (
            f"checksum {checksum!r}",
            lambda checksum=checksum: with_manifest(header(checksum=checksum)),  # type: ignore[misc]  # bound now
        )
    yield (
        "bytes between entries",
        lambda: with_manifest(header(size=b"00000000003\0"), b"abc".ljust(BLOCK, b"x")),
    )


def _pax_headers() -> Iterator[Kind]:
    sparse = [b"GNU.sparse.major", b"GNU.sparse.map", b"GNU.sparse.name", b"GNU.sparse.realsize"]
    keys = [b"linkpath", b"mtime", b"uid", b"uname", b"hdrcharset", b"comment", b"SCHILY.dev"]
    keys += [b"SCHILY.xattr.user.x", b"LIBARCHIVE.creationtime", b"charset", b"", b"PATH", *sparse]
    for key in keys:
        yield (
            f"pax header that says {key!r}",
            lambda key=key: with_manifest(pax(record(key, b"/etc/passwd")), header()),  # type: ignore[misc]  # bound now
        )
    path = record(b"path", FILE.encode())
    odd: dict[str, list[bytes]] = {
        "says its path twice": [pax(path, path)],
        "says its size twice": [pax(record(b"size", b"0"), record(b"size", b"0"))],
        "comes twice": [pax(path), pax(path)],
        "is for all": [pax(path, kind=b"g")],
        "says a longer length": [pax(b"99 path=a\n")],
        "says a shorter length": [pax(b"5 path=a\n")],
        "says no length": [pax(b"path=a\n")],
        "says a length of many digits": [pax(b"9" * 5000 + b" path=a\n")],
        "says a negative length": [pax(b"-9 path=a\n")],
        "has no end of a line": [pax(b"9 path=ab")],
        "has bytes behind": [pax(path, b"\0" * 40)],
        "is huge": [pax(record(b"path", b"a" * (1 << 20)))],
        "says that it is huge": [pax(size=1 << 40)],
        "says a size that is none": [pax(record(b"size", b"0x10"))],
        "says a negative size": [pax(record(b"size", b"-1"))],
        "says a size of many digits": [pax(record(b"size", b"9" * 4000))],
        "says another size": [pax(record(b"size", b"512"))],
        "says an empty path": [pax(record(b"path", b""))],
        "says a path with a NUL": [pax(record(b"path", b"run-a/files/a\0b"))],
        "says a path with bytes": [pax(record(b"path", b"run-a/files/\xff"))],
        "says a path that escapes": [pax(record(b"path", b"../../x"))],
    }
    for what, parts in odd.items():
        yield f"pax header that {what}", lambda parts=parts: with_manifest(*parts, header())  # type: ignore[misc]  # bound now
    yield "pax header at the end", lambda: packed(archived([member(LOG)])[: -2 * BLOCK] + pax(path))
    for kind in (b"L", b"K"):
        long = header(b"././@LongLink", size=b"00000000010\0", kind=kind) + body(b"/etc/xx\0")
        yield f"long name of kind {kind!r}", lambda long=long: with_manifest(long, header())  # type: ignore[misc]  # bound now


def _packings() -> Iterator[Kind]:
    whole = archived([member(LOG, b"a" * 3000), member(FILE, b"b")])
    good = packed(whole)
    for share in (0, 1, 5, 10, 18, 30, 50, 75, 99):
        yield f"cut at {share} %", lambda share=share: good[: len(good) * share // 100]  # type: ignore[misc]  # bound now
    for left in (1, 4, 7, 8):
        yield f"cut {left} bytes before its end", lambda left=left: good[:-left]  # type: ignore[misc]  # bound now
    deflate = zlib.compressobj(wbits=-15)
    raw = deflate.compress(whole) + deflate.flush()
    odd = {
        "two in a row": good + good,
        "with an empty one behind": good + gzip.compress(b""),
        "with an empty one before": gzip.compress(b"") + good,
        "in two parts": packed(whole[:BLOCK]) + packed(whole[BLOCK:]),
        "with bytes behind": good + b"\0" * 10,
        "of another checksum": good[:-8] + struct.pack("<I", 1) + good[-4:],
        "of another length": good[:-4] + struct.pack("<I", 1),
        "of another method": good[:2] + b"\7" + good[3:],
        "with flags that nobody knows": good[:3] + b"\xe0" + good[4:],
        "packed twice": packed(good),
        "not packed": whole,
        "packed by zlib": zlib.compress(whole),
        "packed without a header": raw,
        "packed by bzip2": bz2.compress(whole),
        "packed by xz": lzma.compress(whole),
        "packed by zstd": b"\x28\xb5\x2f\xfd" + whole,
        "of nothing": packed(b""),
        "of one block of nothing": packed(bytes(BLOCK)),
        "of nothing but its end": packed(END),
        "without an end": packed(whole.rstrip(b"\0")),
        "with half an end": packed(whole.rstrip(b"\0") + bytes(BLOCK)),
        "with an archive behind its end": packed(whole + whole),
        "with a byte behind its end": packed(whole + b"\1"),
        "with an end in between": packed(header() + END + whole),
        "that is text": b"airtape bundle 1\n",
        "that is a zip": b"PK\3\4" + whole,
    }
    for what, data in odd.items():
        yield f"bundle {what}", lambda data=data: data  # type: ignore[misc]  # bound now


def _orders() -> Iterator[Kind]:
    def of(*names: str, said: list[tuple[str, bytes]] | None = None) -> Callable[[], bytes]:
        members = [member(name) for name in names]
        named = [(name, b"") for name in names] if said is None else said
        return lambda: packed(archived(members, said=encode_manifest(manifest_of(named))))

    yield "a name twice", of(FILE, FILE, said=[(FILE, b"")])
    yield "a name that is a folder", of("run-a/files/a", "run-a/files/a/b")
    yield "a folder that is a name", of("run-a/files/a/b", "run-a/files/a")
    yield "a log that is a folder", of("run-a/files/x.txlog/y", "run-a/files/x.txlog")
    yield "a run in two parts", of(LOG, "run-b/b.txlog", FILE)
    yield "one entry more than it says", of(LOG, FILE, said=[(LOG, b"")])
    yield "one entry less than it says", of(LOG, said=[(LOG, b""), (FILE, b"")])
    yield "another order than it says", of(LOG, FILE, said=[(FILE, b""), (LOG, b"")])
    yield "another name than it says", of(LOG, said=[(FILE, b"")])
    yield "other bytes than it says", of(LOG, said=[(LOG, b"a")])
    yield "no manifest", lambda: packed(archived([member(LOG)])[:BLOCK] + END)
    first = encode_manifest(manifest_of([(LOG, b"")]))
    size = b"%011o\0" % len(first)
    leading = header(b"bundle.json", size=size) + body(first)
    yield "a manifest that comes first", lambda: packed(leading + header(LOG.encode()) + END)
    yield (
        "a manifest that comes twice",
        lambda: packed(header(LOG.encode()) + leading + leading + END),
    )


def _manifests() -> Iterator[Kind]:
    piece = {
        "path": b'"run-a.txlog"',
        "start": b"0",
        "size": b"0",
        "mtime_ns": b"1",
        "sha256": b'"' + sha256(b"").hexdigest().encode() + b'"',
        "frame": b"null",
    }

    def saying(top: bytes = b'"made_ns":1,"since":null', **changes: bytes) -> bytes:
        said = b",".join(b'"%b":%b' % (k.encode(), v) for k, v in {**piece, **changes}.items() if v)
        return b'{%b,"runs":[{"directory":"run-a","run_id":"a","files":[{%b}]}]}\n' % (top, said)

    assert manifest(saying()) == packed(archived([member(LOG)], said=said_as(saying())))
    values = [b"", b"null", b"true", b"-1", b"1.5", b"1e400", b'"x"', b"[]", b"{}", b"9" * 30]
    values += [b"NaN", b'{"$int":"0xfffffffffffffffffff"}', b'{"$bytes":"aGk="}']
    for field in ("start", "size", "mtime_ns", "frame", "path", "sha256"):
        for value in values:
            if (field, value) == ("frame", b"null"):
                continue
            yield (
                f"manifest whose {field} is {value[:12]!r}",
                lambda field=field, value=value: manifest(saying(**{field: value})),  # type: ignore[misc]  # bound now
            )
    texts = {
        "that is nothing": b"",
        "that is a list": b"[]",
        "that is null": b"null",
        "that is nested": b"[" * 100_000,
        "that has no runs": b'{"made_ns":1,"since":null}',
        "that has other runs": b'{"made_ns":1,"since":null,"runs":5}',
        "that is of no time": saying(b'"since":null'),
        "that goes on from nothing": saying(b'"made_ns":1,"since":[]'),
        "that goes on from numbers": saying(b'"made_ns":1,"since":[1,2,3,[4]]'),
        "that is no text": b"\xff\xfe" + saying(),
        "that is cut": saying()[:-5],
        "with a number without end": b'{"made_ns":' + b"9" * 100_000 + b"}",
    }
    for what, text in texts.items():
        yield f"manifest {what}", lambda text=text: manifest(text)  # type: ignore[misc]  # bound now
    good = encode_manifest(manifest_of([(LOG, b"")]))
    heads = {
        "of another version": good.replace(b"bundle 1 ", b"bundle 2 "),
        "of a version without end": good.replace(b"bundle 1 ", b"bundle 9999999999 "),
        "with another checksum": good.replace(b"1 ", b"1 0", 1),
        "that was changed": good[:-3] + b" }\n",
        "without a first line": good.partition(b"\n")[2],
    }
    for what, said in heads.items():
        yield (
            f"manifest {what}",
            lambda said=said: packed(archived([member(LOG)], said=said)),  # type: ignore[misc]  # bound now
        )


def _bombs() -> Iterator[Kind]:
    yield "bomb of objects", lambda: manifest(b'{"runs":[' + b"{}," * (4 << 20) + b"{}]}")
    yield "bomb of lists", lambda: manifest(b"[" + b"[]," * (4 << 20) + b"[]]")
    yield "bomb of texts", lambda: manifest(b"[" + b'"ab",' * (4 << 20) + b'""]')
    yield "bomb of a manifest", lambda: manifest(b" " * (65 << 20))
    yield "bomb of one file", _bomb_of_one_file
    yield "bomb of names", _bomb_of_names


def _bomb_of_one_file() -> bytes:
    file = io.BytesIO()
    with gzip.GzipFile("", "wb", 6, file) as bomb:
        bomb.write(header(size=b"77777777777\0"))
        for _ in range(80):
            bomb.write(bytes(1 << 20))
    return file.getvalue()


def _bomb_of_names() -> bytes:
    """Return a bundle of long names, none of which has a folder with another one in common."""
    file = io.BytesIO()
    with gzip.GzipFile("", "wb", 6, file) as bomb:
        for number in range(2500):
            folders = "/".join(f"{number}-{depth}".ljust(125, "a") for depth in range(30))
            info = tarfile.TarInfo(f"run-a/files/{folders}")
            bomb.write(info.tobuf(tarfile.PAX_FORMAT))
    return file.getvalue()
