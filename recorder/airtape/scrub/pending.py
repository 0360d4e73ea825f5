"""Contents that targets are to drop: written down before anything is, so that a kill loses none.

Once logs and files are rewritten nothing tells any more what stood there: a target would keep it.
Only digests are written, and the file goes when the targets are done.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from airtape.backends.contents import is_digest
from airtape.file_copy import Digest
from airtape.receipts.kept import write_whole

_NAME: Final = "scrub.pending"
_PRIVATE: Final = 0o600


def read_pending(run_dir: Path) -> set[Digest]:
    """Return the contents that targets were to drop when somebody was killed."""
    with suppress(OSError, ValueError, TypeError):
        said = json.loads(_path(run_dir).read_text(encoding="utf-8"))
        return {
            Digest(size, sha256) for size, sha256 in said if type(size) is int and is_digest(sha256)
        }
    return set()


def write_pending(run_dir: Path, contents: Iterable[Digest]) -> None:
    """Write down which contents targets are to drop.

    Raises:
        TargetError: It cannot be written.
    """
    path = _path(run_dir)
    data = json.dumps(sorted([one.size, one.sha256] for one in contents)).encode()
    write_whole(path, data, by="scrub-")
    path.chmod(_PRIVATE)


def drop_pending(run_dir: Path) -> None:
    """Forget them: they are dropped.

    Raises:
        OSError: The file cannot be removed.
    """
    _path(run_dir).unlink(missing_ok=True)


def _path(run_dir: Path) -> Path:
    return run_dir / "logs" / _NAME
