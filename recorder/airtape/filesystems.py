"""What kind of file system a path is on, as far as it matters to databases."""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

MOUNTS: Final = Path("/proc/self/mounts")
NETWORK: Final = frozenset(
    """
    9p afs beegfs ceph cifs coda davfs gfs gfs2 glusterfs gpfs lustre ncpfs nfs nfs3 nfs4 ocfs2
    orangefs panfs pvfs2 smb2 smb3 smbfs virtiofs vboxsf wekafs
    """.split()  # noqa: SIM905 - a list would take a line each
)
"""Types of file systems that several machines may have mounted, or whose locks are not to be
trusted; FUSE file systems, which may be anything, count too."""

_ESCAPE: Final = re.compile(r"\\([0-7]{3})")


def why_locks_fail(folder: Path, mounts: Path = MOUNTS) -> str | None:
    """Return what kind of file system makes locks in a folder useless, None if none does.

    Args:
        folder: An existing folder; where it cannot be written, locks are not tried out.
        mounts: The list of what is mounted.
    """
    network = network_type(folder, mounts)
    if network is not None:
        return f"a network file system ({network})"
    with suppress(OSError), tempfile.TemporaryFile(dir=folder) as trial:
        try:
            fcntl.lockf(trial, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return "a file system without locks"
    return None


def filesystem_type(path: Path, mounts: Path = MOUNTS) -> str:
    """Return the type of the file system that a path is on, empty where nobody tells.

    Args:
        path: An existing path.
        mounts: As for `network_type`.
    """
    return _type_of(os.path.realpath(path), mounts)


def network_type(path: Path, mounts: Path = MOUNTS) -> str | None:
    """Return the type of the network file system that a path is on, None if it is on none.

    Args:
        path: An existing path.
        mounts: The list of what is mounted; where there is none, everything counts as local.
    """
    kind = _type_of(os.path.realpath(path), mounts)
    return kind if kind in NETWORK or kind.startswith("fuse") else None


def _type_of(real: str, mounts: Path) -> str:
    """Return the type of the file system with the longest mount point above a path."""
    best, kind = -1, ""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return kind
    for line in lines:
        words = line.split(" ")
        if len(words) < 3:  # noqa: PLR2004 - device, mount point, type
            continue
        point = _ESCAPE.sub(lambda match: chr(int(match[1], 8)), words[1])
        above = real == point or real.startswith(point.rstrip("/") + "/")
        # What was mounted last on a point is on top.
        if above and len(point) >= best:
            best, kind = len(point), words[2]
    return kind
