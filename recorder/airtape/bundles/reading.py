"""Reading a bundle: all of it is checked before anybody does anything with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from airtape.bundles.archive import Archive, Entry
from airtape.bundles.limits import Limits
from airtape.bundles.manifest import Manifest, Piece, RunPart, decode_manifest
from airtape.bundles.names import MANIFEST, Names
from airtape.errors import LogFormatError, UsageError


class _Found(NamedTuple):
    name: str
    size: int
    sha256: str


class Bundle:
    """A bundle that is whole, open to be read.

    Args:
        path: The file.
        limits: How large it may be; the usual if none are given.

    Attributes:
        path: The file.
        manifest: What it holds.

    Raises:
        UsageError: The file cannot be read.
        LogFormatError: It is no bundle, was cut or changed, or holds what no bundle may; the entry
            is named.
    """

    def __init__(self, path: Path, limits: Limits | None = None) -> None:
        self.path = path
        self._limits = limits or Limits()
        with ExitStack() as stack:
            try:
                # The same file is read again, whatever is put in its place meanwhile.
                self._file = stack.enter_context(path.open("rb"))
                self.manifest = self._checked()
            except OSError as error:
                raise UsageError(
                    "the bundle cannot be read", where=str(path), because=error.strerror
                ) from error
            self._stack = stack.pop_all()

    def close(self) -> None:
        """Close the file."""
        self._stack.close()

    def pieces(self) -> Iterator[tuple[RunPart, Piece, Iterator[bytes]]]:
        """Yield each file with its run and its bytes, in order.

        Raises:
            LogFormatError: The bundle was changed since it was checked.
        """
        archive = self._archive()
        expected = iter([(run, piece) for run in self.manifest.runs for piece in run.pieces])
        for entry in archive.entries():
            run, piece = next(expected, (None, None))
            if run is not None and piece is not None:
                yield run, piece, self._same(entry, piece, archive)

    def _same(self, entry: Entry, piece: Piece, archive: Archive) -> Iterator[bytes]:
        found = sha256()
        for part in entry.chunks():
            found.update(part)
            yield part
        if (entry.size, found.hexdigest()) != (piece.size, piece.sha256):
            archive.refuse("the bundle was changed while it was read")

    def _archive(self) -> Archive:
        self._file.seek(0)
        return Archive(self._file, self.path, self._limits)

    def _checked(self) -> Manifest:
        archive = self._archive()
        names = Names()
        found: list[_Found] = []
        manifest: Manifest | None = None
        for entry in archive.entries():
            if manifest is not None:
                archive.refuse(f"it stands behind {MANIFEST}")
            if entry.name == MANIFEST:
                manifest = self._manifest_in(entry, archive, len(found))
                _compare(manifest, found, archive)
                continue
            wrong = names.why_not(entry.name)
            if wrong is not None:
                archive.refuse(wrong)
            if names.size > self._limits.names:
                archive.refuse(
                    f"the names of its entries take more than {self._limits.names} bytes"
                )
            digest = sha256()
            for part in entry.chunks():
                digest.update(part)
            found.append(_Found(entry.name, entry.size, digest.hexdigest()))
        if manifest is None:
            raise LogFormatError(
                "this is no bundle", where=str(self.path), because=f"it has no {MANIFEST}"
            )
        return manifest

    def _manifest_in(self, entry: Entry, archive: Archive, entries: int) -> Manifest:
        if entry.size > self._limits.manifest:
            archive.refuse(f"it has {entry.size} bytes")
        try:
            return decode_manifest(b"".join(entry.chunks()), entries)
        except ValueError as error:
            archive.refuse(str(error))


def _compare(manifest: Manifest, found: list[_Found], archive: Archive) -> None:
    """Make sure that an archive holds what its manifest says, in this order."""
    said = [_Found(name, piece.size, piece.sha256) for name, piece in manifest.entries()]
    if said == found:
        return
    for mine, other in zip(said, found, strict=False):
        if mine.name != other.name:
            archive.refuse(f"it says that {mine.name!r} stands where {other.name!r} does")
        if mine != other:
            archive.refuse(f"{mine.name!r} was changed")
    archive.refuse(f"it names {len(said)} entries, and there are {len(found)}")
