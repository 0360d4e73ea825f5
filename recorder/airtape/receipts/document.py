"""What a target holds of all its runs, as a file that any medium can carry.

The first line is ``airtape receipt 1`` and the SHA-256 of what follows, which is one JSON object.
So a receipt that was cut or changed on its way is told from one that was not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from airtape import exactjson
from airtape.backends.cursor import Cursor, FileMark, Loss, RunKey
from airtape.backends.listing import WriterCursor
from airtape.backends.tally import Tally
from airtape.errors import LogFormatError
from airtape.receipts.values import number_of, text_of
from airtape.sync.receipt import receipt_of
from airtape.txlog.format import UUID_SIZE
from airtape.txlog.seqset import SeqSet

SUFFIX: Final = ".receipt"
LARGEST: Final = 1 << 28
"""Bytes of the largest file that is read: about 500,000 runs."""
BEGINNING: Final = b"airtape receipt "
"""How the file of each begins, of whatever version."""

_HEAD: Final = re.compile(rb"airtape receipt (\d{1,9}) ([0-9a-f]{64})\n")
_VERSION: Final = 1
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}", re.ASCII)
_MALFORMED: Final = (LookupError, TypeError, ValueError, AttributeError, OverflowError)


@dataclass(frozen=True, slots=True)
class ReceiptDocument:
    """What a target held at a time.

    Attributes:
        name: What the target is called where runs are recorded.
        target: Its URL where it stands, without a password.
        made_ns: When it held that, by the wall clock there, in nanoseconds since 1970.
        writers: How far each writer had come, sorted by run and writer.
        files: Path and digest (SHA-256) of the files of each run whose bytes it held, such as
            ``("files/config.yaml", "5f…")``; a run of which that is not known has no entry.
        bundles: The bundles that were the last to arrive there, if any did.
    """

    name: str
    target: str
    made_ns: int
    writers: Sequence[WriterCursor] = ()
    files: Mapping[RunKey, frozenset[tuple[str, str]]] = field(default_factory=dict)
    bundles: tuple[str, ...] = ()

    @property
    def runs(self) -> list[RunKey]:
        """The runs, sorted."""
        return sorted({one.run for one in self.writers})

    @property
    def digest(self) -> str:
        """Tells this receipt from any other."""
        return sha256(_body(self)).hexdigest()


def is_receipt_name(name: str) -> bool:
    """Tell whether a target may be called so: it is part of a file's name, and typed."""
    return _NAME.fullmatch(name) is not None


def encode_receipt(document: ReceiptDocument) -> bytes:
    """Return the file of a receipt."""
    body = _body(document)
    return b"airtape receipt %d %s\n" % (_VERSION, sha256(body).hexdigest().encode()) + body


def read_receipt(path: Path) -> ReceiptDocument:
    """Read the file of a receipt.

    Raises:
        LogFormatError: It is none, was cut or changed, or is one of a later version.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise _refused(path, f"it is larger than {LARGEST} bytes")
    return decode_receipt(data, path)


def decode_receipt(data: bytes, path: Path) -> ReceiptDocument:
    """Return the receipt that a file holds.

    Args:
        data: The file's bytes.
        path: The file, for what is said of it.

    Raises:
        LogFormatError: As for `read_receipt`.
    """
    head = _HEAD.match(data)
    if head is None:
        raise _refused(path, "it does not begin like one")
    if int(head[1]) != _VERSION:
        raise LogFormatError(
            f"the receipt is of version {int(head[1])}",
            where=str(path),
            because=f"this airtape reads version {_VERSION}",
            hint="Install a later airtape to read it.",
        )
    body = data[head.end() :]
    if sha256(body).hexdigest().encode() != head[2]:
        raise LogFormatError(
            "the receipt was cut or changed",
            where=str(path),
            because="its checksum is another",
            hint="Bring it over again.",
        )
    try:
        return _document_from(exactjson.loads(body))
    except _MALFORMED as error:
        raise _refused(path, f"what it says cannot be understood ({error})") from error


def _refused(path: Path, because: str) -> LogFormatError:
    return LogFormatError("this is no receipt", where=str(path), because=because)


def _body(document: ReceiptDocument) -> bytes:
    runs: dict[RunKey, list[dict[str, Any]]] = {}
    for run, writer, cursor in document.writers:
        runs.setdefault(run, []).append(_writer_fields(writer, cursor))
    said = {
        "name": document.name,
        "target": document.target,
        "made_ns": document.made_ns,
        "bundles": list(document.bundles),
        "runs": [
            {
                **run._asdict(),
                "root": run.root.hex(),
                "files": sorted(document.files[run]) if run in document.files else None,
                "writers": writers,
            }
            for run, writers in runs.items()
        ],
    }
    return exactjson.dumps(said).encode() + b"\n"


def _writer_fields(writer: bytes, cursor: Cursor) -> dict[str, Any]:
    return {
        "writer": writer.hex(),
        "received": cursor.received.encode(),
        **receipt_of([cursor]).to_json(),
        "gaps": [list(loss) for loss in cursor.losses],
        "ended": cursor.ended,
        "logs": {name: list(mark) for name, mark in cursor.files.items()},
    }


def _document_from(said: dict[str, Any]) -> ReceiptDocument:
    writers: list[WriterCursor] = []
    files: dict[RunKey, frozenset[tuple[str, str]]] = {}
    for run in said["runs"]:
        names = (text_of(run["entity"]), text_of(run["project"]))
        key = RunKey(text_of(run["run_id"]), _uuid(run["root"]), *names)
        if run["files"] is not None:
            files[key] = frozenset(
                (text_of(path), text_of(digest)) for path, digest in run["files"]
            )
        writers += [
            WriterCursor(key, _uuid(one["writer"]), _cursor_from(one)) for one in run["writers"]
        ]
    name = text_of(said["name"])
    if not is_receipt_name(name):
        message = f"{name!r} is no name of a target"
        raise ValueError(message)
    return ReceiptDocument(
        name,
        text_of(said["target"]),
        number_of(said["made_ns"]),
        sorted(writers, key=_place),
        files,
        tuple(map(text_of, said["bundles"])),
    )


def _place(one: WriterCursor) -> tuple[RunKey, bytes]:
    return one.run, one.writer


def _cursor_from(said: dict[str, Any]) -> Cursor:
    digest = said["digest"]
    return Cursor(
        version=1,
        received=SeqSet.decode(text_of(said["received"])),
        files={text_of(name): _mark_from(mark) for name, mark in said["logs"].items()},
        losses=tuple(_loss_from(loss) for loss in said["gaps"]),
        ended=said["ended"] is True,
        tally=None if digest is None else Tally(number_of(said["bytes"]), int(text_of(digest), 16)),
    )


def _mark_from(said: list[Any]) -> FileMark:
    return FileMark(*map(number_of, said))


def _loss_from(said: list[Any]) -> Loss:
    file, start, end, first, last, reason = said
    seqs = [None if seq is None else number_of(seq) for seq in (first, last)]
    return Loss(text_of(file), number_of(start), number_of(end), seqs[0], seqs[1], text_of(reason))


def _uuid(said: object) -> bytes:
    uuid = bytes.fromhex(text_of(said))
    if len(uuid) != UUID_SIZE:
        message = f"{said!r} is no uuid"
        raise ValueError(message)
    return uuid
