"""What logs name and run directories do not hold any more: files, and values too large for logs."""

from __future__ import annotations

import errno
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, NamedTuple

from airtape.below import open_below
from airtape.errors import UsageError
from airtape.file_copy import Digest, digest_of
from airtape.fold.merge import Part
from airtape.large_values import BLOBS
from airtape.records import Record
from airtape.sync.batches import large_in
from airtape.sync.file_contents import named_files
from airtape.writers import WriterFiles

_LARGE: Final = f"{BLOBS}/"
_GONE: Final = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL}
)
"""What is said where there is nothing, or a link or a pipe in the place of what was recorded."""


class LostContent(NamedTuple):
    """A content that was recorded and is gone.

    Attributes:
        name: Its path in the run directory, such as ``files/model.pt``.
        file: What it was.
    """

    name: str
    file: Digest


def files_by_directory(writers: Iterable[WriterFiles]) -> Mapping[Path, Mapping[str, Digest]]:
    """Return the files that the logs of each directory have recorded last, by path in it.

    Args:
        writers: Writers of one run.

    Raises:
        OSError: A log cannot be read.
    """
    parts: defaultdict[Path, list[Part]] = defaultdict(list)
    for writer in writers:
        part = Part(writer.header, writer.fold())
        for directory in {path.parent for path in writer.paths}:
            parts[directory].append(part)
    return {
        directory: {f"files/{path}": file for path, file in named_files(found).items()}
        for directory, found in parts.items()
    }


def lost_contents(
    writers: Sequence[WriterFiles], said: Sequence[str]
) -> dict[str, set[LostContent]]:
    """Return what is lost of a run, by the name or pattern that somebody has used for it.

    Args:
        writers: The writers of the run.
        said: Paths in the run directory, or below ``files/``; or patterns of them with ``*``.

    Raises:
        UsageError: What a path names, and no pattern, is there or cannot be read.
        OSError: A log cannot be read.
    """
    found: dict[str, set[LostContent]] = {name: set() for name in said}
    for directory, name, file in _named(
        writers, with_large=any(one.startswith(_LARGE) for one in said)
    ):
        for one in said:
            is_exact = name in {one, f"files/{one}"}
            if not is_exact and not fnmatchcase(name, one):
                continue
            there = _why_not_lost(directory, name, file)
            if there is None:
                found[one].add(LostContent(name, file))
            elif is_exact:
                raise UsageError(
                    f"{name} is not lost",
                    where=str(directory / name),
                    because=there,
                    hint="Sync it, readable; or remove it first, if no target shall have it.",
                )
    return found


def _named(
    writers: Sequence[WriterFiles], *, with_large: bool
) -> Iterator[tuple[Path, str, Digest]]:
    for directory, files in files_by_directory(writers).items():
        for name, file in files.items():
            yield directory, name, file
    for writer in writers if with_large else ():
        large = {
            file
            for _, item in writer.records()
            if isinstance(item, Record)
            for file in large_in(item)
        }
        for directory in {path.parent for path in writer.paths}:
            for file in large:
                yield directory, f"{_LARGE}{file.sha256}", file


def _why_not_lost(directory: Path, name: str, file: Digest) -> str | None:
    """Return why a content is not lost, None if it is."""
    try:
        fd = open_below(directory, name)
    except ValueError:
        return None
    except OSError as error:
        return None if error.errno in _GONE else f"it cannot be read: {error.strerror}"
    try:
        if os.fstat(fd).st_size != file.size or digest_of(fd, file.size) != file:
            return None
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    finally:
        os.close(fd)
    return "it is there, as it was recorded"
