"""Contents of a run that somebody has said are lost for good, so that nobody waits for them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from airtape.writers import WriterFiles, read_writers


def accepted_by(writers: Iterable[WriterFiles]) -> frozenset[str]:
    """Return the SHA-256 of each content that changes of a run say is lost.

    Args:
        writers: The writers of the run; only those that change it can say so.

    Raises:
        OSError: A log cannot be read.
    """
    changes = (writer for writer in writers if writer.header.role == "amend")
    return frozenset(sha256 for change in changes for sha256 in change.fold().lost)


def accepted_in(run_dirs: Iterable[Path], root: bytes) -> frozenset[str]:
    """Return the same of what stands in some directories; what cannot be read says nothing.

    Args:
        run_dirs: The directories.
        root: Uuid of the writer that began the run.
    """
    found: set[str] = set()
    for run_dir in run_dirs:
        writers = read_writers(run_dir, [])
        with suppress(OSError):
            found |= accepted_by(one for one in writers if one.header.root == root)
    return frozenset(found)
