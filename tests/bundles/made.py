"""Bundles for tests: of runs, and made by hand in ways that `create` never makes them."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

from airtape.bundles.manifest import Manifest, Piece, RunPart, encode_manifest
from airtape.bundles.names import MANIFEST
from airtape.bundles.writing import Written, write_bundle
from airtape.receipts.document import ReceiptDocument
from airtape.receipts.taking import receipt_of_directories
from airtape.run_search import find_run_dirs

NOW_NS = 1_795_169_472_000_000_000
Member: TypeAlias = tuple[tarfile.TarInfo, bytes]


def make(
    path: Path, folder: Path, since: ReceiptDocument | None = None, now_ns: int = NOW_NS
) -> Written:
    """Write a bundle of the runs in a folder."""
    return write_bundle(path, find_run_dirs([folder]).run_dirs, since=since, now_ns=now_ns)


def receipt_of(folder: Path, now_ns: int = NOW_NS, bundles: Sequence[str] = ()) -> ReceiptDocument:
    """Return what a folder of runs holds."""
    return receipt_of_directories(
        find_run_dirs([folder]).run_dirs,
        name="far",
        target="directory:/far",
        now_ns=now_ns,
        bundles=bundles,
    )


def member(name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE) -> Member:
    """Return an entry of an archive."""
    info = tarfile.TarInfo(name)
    info.size, info.type = len(data), kind
    return info, data


def manifest_of(entries: Iterable[tuple[str, bytes]]) -> Manifest:
    """Return what a bundle says of itself that holds these."""
    runs: dict[str, list[Piece]] = {}
    for name, data in entries:
        directory, _, path = name.partition("/")
        piece = Piece(path, 0, len(data), NOW_NS, sha256(data).hexdigest())
        runs.setdefault(directory, []).append(piece)
    return Manifest(NOW_NS, None, [RunPart(name, "x", pieces) for name, pieces in runs.items()])


def archived(
    members: Iterable[Member], *, said: bytes | None = None, form: int = tarfile.PAX_FORMAT
) -> bytes:
    """Return a tar of these entries, and of the manifest that goes with them, or another one."""
    members = list(members)
    if said is None:
        said = encode_manifest(manifest_of((info.name, data) for info, data in members))
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as archive:
        for info, data in [*members, member(MANIFEST, said)]:
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def packed(archive: bytes) -> bytes:
    """Return a bundle of an archive."""
    return gzip.compress(archive, mtime=0)


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its bytes, but for what applying keeps for itself."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0].startswith("run-")
    }
