"""What a bundle says of itself: which files of which runs, and what it goes on from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from hashlib import sha256
from typing import Any, Final

from airtape import exactjson
from airtape.receipts.document import ReceiptDocument
from airtape.receipts.values import number_of, text_of

_HEAD: Final = re.compile(rb"airtape bundle (\d{1,9}) ([0-9a-f]{64})\n")
_VERSION: Final = 1
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_ID_SIZE: Final = 16
_TEXT: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')
_STRUCTURE: Final = (b"{", b"[", b",")
"""What begins a value; in texts it is written otherwise, so that values can be counted."""
_ESCAPES: Final = {ord(one): f"\\u{ord(one):04x}" for one in _STRUCTURE}
_PER_ENTRY: Final = 16
_BESIDE: Final = 256
_MALFORMED: Final = (LookupError, TypeError, ValueError, AttributeError, OverflowError)


@dataclass(frozen=True, slots=True)
class Piece:
    """A file of a run, or what a log has grown by.

    Attributes:
        path: Its path in the run directory, with slashes.
        start: Where in the file it begins; above 0 for what a log has grown by.
        size: Its size in bytes.
        mtime_ns: When the file was changed last.
        sha256: Digest of its bytes.
        frame: Start and checksum of the frame that ends where it begins; None at 0.
    """

    path: str
    start: int
    size: int
    mtime_ns: int
    sha256: str
    frame: tuple[int, int] | None = None

    @property
    def end(self) -> int:
        """Where in the file it ends."""
        return self.start + self.size


@dataclass(frozen=True, slots=True)
class RunPart:
    """What a bundle has of one run directory.

    Attributes:
        directory: The directory's name.
        run_id: The run's id.
        pieces: Its files in the order of the archive.
    """

    directory: str
    run_id: str
    pieces: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class Since:
    """The receipt that a bundle goes on from.

    Attributes:
        name: What its target is called.
        target: The target's URL.
        made_ns: When it was made.
        bundles: The bundles that had arrived last by then.
    """

    name: str
    target: str
    made_ns: int
    bundles: tuple[str, ...] = ()

    def __str__(self) -> str:
        made = datetime.fromtimestamp(self.made_ns // 10**9, timezone.utc)
        return f"the receipt of {self.name} of {made:%Y-%m-%d %H:%M:%S} UTC"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle says of itself.

    Attributes:
        made_ns: When it was made, in nanoseconds since 1970.
        since: What it goes on from, None if from nothing.
        runs: What it has, in the order of the archive.
    """

    made_ns: int
    since: Since | None
    runs: Sequence[RunPart]

    @property
    def bundle_id(self) -> str:
        """Tells this bundle from any other."""
        return sha256(_body(self)).hexdigest()[:_ID_SIZE]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(piece.size for _, piece in self.entries())

    def entries(self) -> Iterator[tuple[str, Piece]]:
        """Yield the name in the archive of each file, in order."""
        for run in self.runs:
            for piece in run.pieces:
                yield f"{run.directory}/{piece.path}", piece


def since_of(receipt: ReceiptDocument) -> Since:
    """Return what a bundle says of the receipt that it goes on from."""
    return Since(receipt.name, receipt.target, receipt.made_ns, receipt.bundles)


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the entry of the archive."""
    body = _body(manifest)
    return b"airtape bundle %d %s\n" % (_VERSION, sha256(body).hexdigest().encode()) + body


def decode_manifest(data: bytes, entries: int) -> Manifest:
    """Return what an entry of an archive says.

    Args:
        data: The entry.
        entries: Number of the others, about which it can say so much and no more.

    Raises:
        ValueError: It is none, was changed, or is one of a later version; the text says which.
    """
    head = _HEAD.match(data)
    if head is None:
        message = "it does not say what the bundle holds"
        raise ValueError(message)
    if int(head[1]) != _VERSION:
        message = f"it is of version {int(head[1])}, and this airtape reads version {_VERSION}"
        raise ValueError(message)
    body = data[head.end() :]
    if sha256(body).hexdigest().encode() != head[2]:
        message = "it was changed"
        raise ValueError(message)
    if sum(map(body.count, _STRUCTURE)) > _PER_ENTRY * entries + _BESIDE:
        # A value of two bytes may take a hundred when it is read.
        message = f"it says more than {entries} entries can have"
        raise ValueError(message)
    try:
        return _manifest_from(exactjson.loads(body))
    except _MALFORMED as error:
        message = f"it cannot be understood ({error})"
        raise ValueError(message) from error


def _body(manifest: Manifest) -> bytes:
    since = manifest.since
    said = {
        "made_ns": manifest.made_ns,
        "since": None
        if since is None
        else [since.name, since.target, since.made_ns, list(since.bundles)],
        "runs": [
            {
                "directory": run.directory,
                "run_id": run.run_id,
                "files": [
                    {
                        "path": piece.path,
                        "start": piece.start,
                        "size": piece.size,
                        "mtime_ns": piece.mtime_ns,
                        "sha256": piece.sha256,
                        "frame": piece.frame,
                    }
                    for piece in run.pieces
                ],
            }
            for run in manifest.runs
        ],
    }
    return _TEXT.sub(_without_structure, exactjson.dumps(said)).encode() + b"\n"


def _without_structure(text: re.Match[str]) -> str:
    """Return a text as JSON has it, in which nothing looks like the beginning of a value."""
    return text[0].translate(_ESCAPES)


def _manifest_from(said: dict[str, Any]) -> Manifest:
    since = said["since"]
    directories = [text_of(run["directory"]) for run in said["runs"]]
    if len(set(directories)) < len(directories) or any("/" in name for name in directories):
        message = "a run has no directory of its own"
        raise ValueError(message)
    return Manifest(
        number_of(said["made_ns"]),
        None
        if since is None
        else Since(
            text_of(since[0]), text_of(since[1]), number_of(since[2]), tuple(map(text_of, since[3]))
        ),
        [
            RunPart(directory, text_of(run["run_id"]), [*map(_piece, run["files"])])
            for directory, run in zip(directories, said["runs"], strict=True)
        ],
    )


def _piece(said: dict[str, Any]) -> Piece:
    frame = said["frame"]
    piece = Piece(
        text_of(said["path"]),
        number_of(said["start"]),
        number_of(said["size"]),
        number_of(said["mtime_ns"]),
        text_of(said["sha256"]),
        None if frame is None else (number_of(frame[0]), number_of(frame[1])),
    )
    is_whole = piece.start == 0
    # Only logs are sent in parts.
    is_possible = is_whole or "/" not in piece.path
    if (piece.frame is None) != is_whole or not (is_possible and _DIGEST.fullmatch(piece.sha256)):
        message = f"what it says of {piece.path!r}"
        raise ValueError(message)
    return piece
