"""Making a receipt: of what a target says it has, or of what logs in a folder say."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import TypeAlias

from airtape.backends.base import Backend
from airtape.backends.contents import KeepsFiles, is_digest
from airtape.backends.cursor import Cursor, RunKey, Said
from airtape.backends.listing import WriterCursor, cursors_of
from airtape.errors import Error
from airtape.file_copy import Digest
from airtape.fold.fold import Fold
from airtape.large_values import BLOBS
from airtape.receipts.document import ReceiptDocument
from airtape.records import Kind
from airtape.rundir import log_files
from airtape.sync.log_file import LogFile, header_of
from airtape.sync.renames import Renames
from airtape.sync.source import WriterReader

Named: TypeAlias = set[tuple[str, Digest]]
"""Path in a run directory, and digest, of files and large values."""

_CHUNK = 1 << 20


def take_receipt(backend: Backend, *, name: str, target: str, now_ns: int) -> ReceiptDocument:
    """Return what a target holds now.

    Args:
        backend: The target.
        name: What it is called where runs are recorded.
        target: Its URL without a password.
        now_ns: The wall clock in nanoseconds since 1970.

    Raises:
        TargetError: The target does not answer.
    """
    writers = list(cursors_of(backend))
    files: dict[RunKey, frozenset[tuple[str, str]]] = {}
    if isinstance(backend, KeepsFiles):
        for run, found in groupby(writers, key=lambda one: one.run):
            held = held_of(backend, contents_named(one.cursor.said() for one in found))
            files[run] = frozenset((path, file.sha256) for path, file in held)
    return ReceiptDocument(name, target, now_ns, writers, files)


def held_of(backend: KeepsFiles, named: Named) -> Named:
    """Return those files and large values of a run that a target has the bytes of.

    Args:
        backend: The target.
        named: What the run's writers have named.

    Raises:
        TargetError: The target does not answer.
    """
    missing = backend.missing_files({digest for _, digest in named})
    return {(path, digest) for path, digest in named if digest not in missing}


def contents_named(said: Iterable[Said]) -> Named:
    """Return the files and large values that writers have named."""
    named: Named = set()
    for one in said:
        named |= files_named(one.fold) | large_named(one.large)
    return named


def large_named(large: Iterable[Digest]) -> Named:
    """Return large values with the paths that they have."""
    return {(f"{BLOBS}/{file.sha256}", file) for file in large}


def files_named(fold: Fold) -> Named:
    """Return the files that a writer has named."""
    return {
        (f"files/{path}", Digest(file["size"], file["sha256"]))
        for path, file in fold.files.items()
        if type(file.get("size")) is int and is_digest(file.get("sha256"))
    }


def receipt_of_directories(
    run_dirs: Iterable[Path],
    *,
    name: str,
    target: str,
    now_ns: int,
    bundles: Sequence[str] = (),
) -> ReceiptDocument:
    """Return what run directories hold now: their logs read anew, and their files.

    What cannot be read is not held.

    Args:
        run_dirs: The directories.
        name: What they are called where the runs were recorded.
        target: What they are called here.
        now_ns: The wall clock in nanoseconds since 1970.
        bundles: The bundles that arrived there last.
    """
    writers: defaultdict[tuple[RunKey, bytes], list[LogFile]] = defaultdict(list)
    files: defaultdict[RunKey, set[tuple[str, str]]] = defaultdict(set)
    for run_dir in run_dirs:
        digests: set[tuple[str, str]] | None = None
        for file in _logs_of(run_dir):
            run = Renames().key_of(file.header)
            writers[run, file.header.writer].append(file)
            digests = set(_digests_in(run_dir)) if digests is None else digests
            files[run] |= digests
    held = []
    for (run, writer), logs in sorted(writers.items(), key=lambda item: item[0]):
        cursor = _read(logs)
        if cursor is not None:
            held.append(WriterCursor(run, writer, cursor))
    kept = {run: frozenset(digests) for run, digests in files.items()}
    return ReceiptDocument(name, target, now_ns, held, kept, tuple(bundles))


def _logs_of(run_dir: Path) -> list[LogFile]:
    found = []
    for path in log_files(run_dir):
        try:
            header, status = header_of(path), path.lstat()
        except (OSError, Error):
            continue
        if header is not None:
            found.append(LogFile(path, header, status.st_size, status.st_mtime_ns))
    return found


def _read(logs: Iterable[LogFile]) -> Cursor | None:
    """Return what a target would have that had been sent these logs of a writer."""
    reader = WriterReader(sorted(logs, key=lambda log: log.header.first_seq), Cursor())
    fold = Fold()
    ended = False
    try:
        for record in reader:
            ended = ended or record.kind == Kind.EXIT
            if record.kind == Kind.GAP:
                fold.apply(record)
        cursor = reader.cursor(fold.gaps)
    except OSError:
        return None
    return Cursor(1, cursor.received, cursor.files, b"", cursor.losses, ended, cursor.tally)


def _digests_in(run_dir: Path) -> Iterable[tuple[str, str]]:
    """Yield path and digest of each file of a run; what the recorder says of itself is none."""
    for path in files_of(run_dir):
        with suppress(OSError):
            yield path, digest_of_file(run_dir / path)


def files_of(run_dir: Path) -> list[str]:
    """Return the paths of a run's files and large values, sorted; links are none of them."""
    found = []
    for top in ("files", BLOBS):
        for parent, _, names in os.walk(run_dir / top):
            paths = [Path(parent, name) for name in names]
            found += [
                path.relative_to(run_dir).as_posix()
                for path in paths
                if path.is_file() and not path.is_symlink()
            ]
    return sorted(found)


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal.

    Raises:
        OSError: It cannot be read.
    """
    found = sha256()
    with path.open("rb") as file:
        while part := file.read(_CHUNK):
            found.update(part)
    return found.hexdigest()
