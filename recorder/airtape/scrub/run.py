"""Taking a text out of all that the directories of a run hold.

The order is such that whoever is killed can begin again: what is to be taken out is written down
first, then come large values anew under new names, then logs, files, and the large values under
their old names. At the end ``logs/scrub.jsonl`` says what was done, also by those who were killed
before, and without the text.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgpack

from airtape.errors import TargetError
from airtape.file_copy import Digest
from airtape.receipts.kept import write_whole
from airtape.records import Kind, pack_big_ints, unpack_ext
from airtape.rundir import RunDir, log_files
from airtape.scrub.log import LogScrub, overlapping
from airtape.scrub.scrubber import NewFile, Scrubber

NOTES: Final = "scrub.jsonl"
"""The file among the logs of a run directory that says what was taken out where."""

_BEGUN: Final = "scrub.begun"
_BY: Final = "scrub-"
_LEFT: Final = re.compile(r"\..+\.scrub-[0-9a-f]{8}", re.DOTALL)
"""What a file is called that somebody was about to put into the place of another."""
_READ_ONLY: Final = 0o444


@dataclass(slots=True)
class RunScrub:
    """What was taken out of the directories of a run.

    Attributes:
        logs: Its logs.
        files: The files in which a text stood.
        contents: What stood in them.
    """

    logs: list[LogScrub] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    contents: list[Digest] = field(default_factory=list)

    @property
    def records(self) -> int:
        """Number of records in which a text stood."""
        return sum(len(log.hits) for log in self.logs)


def look_through(run_dirs: Iterable[Path], texts: Sequence[str]) -> RunScrub:
    """Find out where texts stand in the directories of a run; nothing is written.

    Raises:
        LogFormatError: Something is no log, or cannot do without a text.
        OSError: Something cannot be read.
    """
    found = RunScrub()
    for run_dir in run_dirs:
        contents = _Contents(run_dir, texts)
        found.files += contents.hits
        found.logs += contents.logs
        found.contents += contents.old
    for log in found.logs:
        log.look()
    return found


def scrub_run(run_dirs: Iterable[Path], texts: Sequence[str], *, now: str, by: str) -> RunScrub:
    """Take texts out of all directories of a run.

    Args:
        run_dirs: The directories.
        texts: The texts, none of them empty.
        now: The time of day, for the note.
        by: Who does it, likewise.

    Raises:
        LogFormatError: Something is no log, or cannot do without a text.
        TargetError: Something cannot be written; doing it again goes on.
        OSError: Something cannot be read.
    """
    done = RunScrub()
    for run_dir in run_dirs:
        _drop_left(run_dir)
        contents = _Contents(run_dir, texts)
        for log in contents.logs:
            log.look()
        done_here = _begun(run_dir, contents)
        contents.write_new_blobs()
        for log in contents.logs:
            log.write()
        contents.write_files()
        _note(run_dir, {"when": now, "by": by, **done_here})
        done.logs += contents.logs
        done.files += contents.hits
    return done


class _Contents:
    """What one directory holds, and what it is to hold."""

    def __init__(self, run_dir: Path, texts: Sequence[str]) -> None:
        scrubber = Scrubber(texts)
        self._scrubber = scrubber
        self._blobs: dict[Path, bytes] = {}
        self._files: dict[Path, bytes] = {}
        self.old: list[Digest] = []
        new: dict[str, NewFile] = {}
        for path in _files_of(run_dir):
            if not any(map(scrubber.is_in, overlapping(path))):
                continue
            data = path.read_bytes()
            is_blob = path.parent == RunDir(run_dir, "").blobs
            clean = _without(data, scrubber) if is_blob else scrubber.file(data)
            if clean != data:
                (self._blobs if is_blob else self._files)[path] = clean
                digest = sha256(clean).hexdigest()
                self.old.append(Digest(len(data), sha256(data).hexdigest()))
                new[self.old[-1].sha256] = NewFile(digest, len(clean))
        scrubber.files = new
        self.logs = [LogScrub(path, scrubber) for path in log_files(run_dir)]

    @property
    def hits(self) -> list[Path]:
        return [*self._blobs, *self._files]

    def write_new_blobs(self) -> None:
        for path, data in self._blobs.items():
            new = path.with_name(sha256(data).hexdigest())
            write_whole(new, data, by=_BY)
            new.chmod(_READ_ONLY)

    def write_files(self) -> None:
        for path, data in self._files.items():
            mode = path.stat().st_mode & 0o777
            write_whole(path, data, by=_BY)
            path.chmod(mode)
        for path in self._blobs:
            path.unlink()


def _files_of(run_dir: Path) -> Iterator[Path]:
    for top in ("files", "blobs", "logs"):
        for parent, _, names in os.walk(run_dir / top):
            for name in sorted(names):
                path = Path(parent, name)
                if path.is_file() and not path.is_symlink() and name != NOTES:
                    yield path


def _drop_left(run_dir: Path) -> None:
    """Remove what those left who were killed: what it was to replace is still there."""
    left = [path for path in _files_of(run_dir) if _LEFT.fullmatch(path.name)]
    try:
        for path in left:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise TargetError(
            "what a killed scrub left cannot be removed",
            where=str(error.filename),
            because=error.strerror,
        ) from error


def _without(data: bytes, scrubber: Scrubber) -> bytes:
    """Return a large value without texts; one that is no msgpack keeps its size."""
    try:
        value = msgpack.unpackb(data, ext_hook=unpack_ext, timestamp=2)
    except (ValueError, msgpack.UnpackException):
        return scrubber.raw(data)
    packed: bytes = msgpack.packb(scrubber.plain(value), default=pack_big_ints)
    return packed


def _begun(run_dir: Path, contents: _Contents) -> dict[str, Any]:
    """Write down what is to be taken out, if anything is; return it.

    What somebody wrote down who was killed is part of it: it was taken out, or is now.
    """
    path = RunDir(run_dir, "").logs / _BEGUN
    before = _read(path)
    hits = [hit for log in contents.logs for hit in log.hits]
    records = [
        *before.get("records", ()),
        *(
            {"log": hit.log, "writer": hit.writer.hex(), "seq": hit.seq, "kind": _kind(hit.kind)}
            for hit in hits
        ),
    ]
    files = [path.relative_to(run_dir).as_posix() for path in contents.hits]
    said = {
        "records": list({(one["log"], one["seq"]): one for one in records}.values()),
        "damaged_bytes": {
            **before.get("damaged_bytes", {}),
            **{log.path.name: log.masked for log in contents.logs if log.masked},
        },
        "files": list(dict.fromkeys([*before.get("files", ()), *files])),
    }
    if any(said.values()):
        write_whole(path, json.dumps(said).encode(), by=_BY)
    return said


def _note(run_dir: Path, said: dict[str, Any]) -> None:
    if not (said["records"] or said["damaged_bytes"] or said["files"]):
        return
    path = RunDir(run_dir, "").logs / NOTES
    try:
        before = path.read_bytes() if path.exists() else b""
        write_whole(path, before + json.dumps(said).encode() + b"\n", by=_BY)
        path.with_name(_BEGUN).unlink()
    except (OSError, TargetError) as error:
        raise TargetError(
            "what was taken out cannot be noted", where=str(path), because=str(error)
        ) from error


def _read(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        said = json.loads(path.read_bytes())
        return said if isinstance(said, dict) else {}
    return {}


def _kind(kind: int) -> str | int:
    return Kind(kind).name.lower() if kind in set(Kind) else kind
