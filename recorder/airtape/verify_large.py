"""The files of values too large for the log, compared with the digests that records name."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from airtape.fold.shapes import is_well_formed
from airtape.large_values import references_in
from airtape.records import Kind, Record
from airtape.rundir import RunDir

_CHUNK: Final = 1 << 20
_DIGEST_SIZE: Final = 64
_DERIVED: Final = frozenset({Kind.HEADER, Kind.CHECKPOINT})


@dataclass(slots=True)
class LargeValueCheck:
    """The large values that the records of a run directory refer to, by digest.

    Attributes:
        referred: Those that records refer to.
        missing: Those of which there is no file.
        accepted: Those that somebody has said are lost for good; they are not `missing`.
        changed: Those whose file is not what its digest says, or cannot be read, and why.
    """

    referred: set[str] = field(default_factory=set)
    missing: list[str] = field(default_factory=list)
    accepted: set[str] = field(default_factory=set)
    changed: dict[str, str] = field(default_factory=dict)

    def take(self, record: Record) -> None:
        """Take in what a record refers to."""
        if record.kind == Kind.LOST_CONTENT:
            if is_well_formed(record):
                self.accepted.update(sha256 for _, _, sha256, *_ in record.fields[0])
        elif record.kind not in _DERIVED:
            self.referred.update(str(said["sha256"]) for said in references_in(record.fields))

    def look(self, run_dirs: Iterable[Path]) -> None:
        """Look for the files, in one directory after the other."""
        self.missing, self.changed = [], {}
        folders = [RunDir(run_dir, "").blobs for run_dir in run_dirs]
        for digest in sorted(self.referred):
            problems = [_problem(folder / digest, digest) for folder in folders]
            if "" in problems:
                continue
            found = [problem for problem in problems if problem is not None]
            if found:
                self.changed[digest] = found[0]
            elif digest not in self.accepted:
                self.missing.append(digest)


def _problem(path: Path, digest: str) -> str | None:
    """Return what is wrong with a file, an empty text if nothing is, None if there is no file."""
    if len(digest) != _DIGEST_SIZE or not digest.isalnum():
        return "the record names no digest"
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return "it is no regular file"
        found = sha256()
        while part := os.read(fd, _CHUNK):
            found.update(part)
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    finally:
        os.close(fd)
    return "" if found.hexdigest() == digest else "it was changed"
