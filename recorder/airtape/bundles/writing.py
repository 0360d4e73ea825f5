"""Writing a bundle: the parts of run directories, then the entry that says what they are."""

from __future__ import annotations

import gzip
import os
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import IO, Final, Protocol

from airtape.bundles.contents import Contents, Part
from airtape.bundles.limits import Limits
from airtape.bundles.manifest import Manifest, Piece, RunPart, encode_manifest, since_of
from airtape.bundles.names import MANIFEST
from airtape.bundles.reading import Bundle
from airtape.errors import Error, TargetError, UsageError
from airtape.receipts.document import ReceiptDocument
from airtape.whole_file import whole_file

AT_ONCE: Final = 16 << 20
"""Bytes of a file that are read in one go."""
_LEVEL: Final = 6


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None:
        """Take in more bytes."""

    def hexdigest(self) -> str:
        """Return the digest."""


@dataclass(slots=True)
class Written:
    """A bundle that was written.

    Attributes:
        manifest: What it holds.
        size: Its size in bytes.
        notes: What was left out, and why, in sentences.
    """

    manifest: Manifest
    size: int
    notes: list[str] = field(default_factory=list)


def write_bundle(
    path: Path,
    run_dirs: Iterable[Path],
    *,
    since: ReceiptDocument | None,
    now_ns: int,
    limits: Limits | None = None,
) -> Written:
    """Write a bundle of run directories, which may be growing; it is read again at the end.

    Args:
        path: The bundle; it is replaced, if it is there, when the new one is whole.
        run_dirs: The directories.
        since: A receipt; what it has is left out. None for everything.
        now_ns: The wall clock in nanoseconds since 1970.
        limits: How large it may be; the usual if none are given.

    Raises:
        UsageError: Two of the directories have the same name.
        TargetError: The bundle cannot be written.
        LogFormatError: It would be larger than whoever reads it allows.
    """
    contents = Contents(since)
    try:
        with whole_file(path, lambda aside: Bundle(aside, limits).close()) as file:
            manifest = _write(file, run_dirs, contents, since, now_ns)
        size = path.stat().st_size
    except OSError as error:
        raise TargetError(
            "the bundle cannot be written", where=str(path), because=error.strerror or str(error)
        ) from error
    return Written(manifest, size, contents.notes)


def _write(
    file: IO[bytes],
    run_dirs: Iterable[Path],
    contents: Contents,
    since: ReceiptDocument | None,
    now_ns: int,
) -> Manifest:
    runs: dict[str, RunPart] = {}
    # No name and no time in the gzip header: the same runs make the same bytes.
    with (
        gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as archive,
    ):
        for run_dir in run_dirs:
            run = _write_run(archive, run_dir, contents)
            if run is None:
                continue
            if run.directory in runs:
                raise UsageError(
                    f"two run directories are called {run.directory}",
                    where=str(run_dir),
                    hint="Make a bundle of each of the folders that they stand in.",
                )
            runs[run.directory] = run
        manifest = Manifest(now_ns, None if since is None else since_of(since), list(runs.values()))
        said = encode_manifest(manifest)
        archive.addfile(_info(MANIFEST, len(said), 0), BytesIO(said))
    return manifest


def _write_run(archive: tarfile.TarFile, run_dir: Path, contents: Contents) -> RunPart | None:
    try:
        run_id, parts = contents.parts_of(run_dir)
    except OSError as error:
        contents.notes.append(f"{run_dir} is left out: {error.strerror}")
        return None
    pieces = []
    for part in parts:
        try:
            file = part.file.open("rb")
        except OSError as error:
            contents.notes.append(f"{part.file} is left out: {error.strerror}")
            continue
        with file:
            pieces.append(_write_part(archive, run_dir.name, part, file))
    return RunPart(run_dir.name, run_id, pieces) if pieces else None


def _write_part(archive: tarfile.TarFile, directory: str, part: Part, file: IO[bytes]) -> Piece:
    status = os.fstat(file.fileno())
    end = status.st_size if part.end is None else part.end
    size = end - part.start
    file.seek(part.start)
    if size <= AT_ONCE:
        # So that it may be cut meanwhile, as an output is that is written anew.
        data = file.read(size)
        file, size = BytesIO(data), len(data)
    hashed = _Hashed(file, sha256(), size)
    info = _info(f"{directory}/{part.path}", size, status.st_mtime_ns)
    try:
        archive.addfile(info, hashed)  # type: ignore[arg-type]  # reads, which is all that it needs
    except (OSError, EOFError) as error:
        if not hashed.ended_early:
            raise
        raise Error(
            "a file was cut while it was read", where=str(part.file), hint="Make the bundle again."
        ) from error
    return Piece(
        part.path, part.start, size, status.st_mtime_ns, hashed.digest.hexdigest(), part.frame
    )


class _Hashed:
    """A part of a file that is hashed while it is read."""

    def __init__(self, file: IO[bytes], digest: _Hash, size: int) -> None:
        self.digest = digest
        self.ended_early = False
        self._file = file
        self._left = size

    def read(self, size: int) -> bytes:
        data = self._file.read(min(size, self._left))
        self.ended_early = len(data) < min(size, self._left)
        self._left -= len(data)
        self.digest.update(data)
        return data


def _info(name: str, size: int, mtime_ns: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    info.mtime = mtime_ns // 10**9
    info.mode = 0o644
    return info
