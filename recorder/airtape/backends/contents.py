"""The content of files in a target: kept by digest, however many runs and paths it belongs to.

A backend may offer it, with the methods of `KeepsFiles`. A target of any other knows of a file what
its record says: path, size and digest.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final, Protocol, TypeGuard, runtime_checkable

from airtape.file_copy import Digest

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@runtime_checkable
class KeepsFiles(Protocol):
    """A target that keeps the content of files."""

    def missing_files(self, files: Collection[Digest]) -> set[Digest]:
        """Return those of some contents that the target does not hold whole.

        Idempotent; sees every `put_file` that has returned True, in whatever process.

        Raises:
            TargetError: The target does not answer.
        """

    def put_file(self, file: Digest, content: Iterable[bytes]) -> bool:
        """Take in a content, all of it or nothing, and tell whether it was what its digest says.

        Idempotent: what is there already is left as it is. Nothing stays of a content that is
        another than was said, or when handing it over raises an exception, which is passed on.

        Raises:
            TargetError: The target does not answer or cannot be written.
        """

    def read_file(self, file: Digest) -> Iterator[bytes]:
        """Yield a content, piece by piece.

        Raises:
            LookupError: The target does not hold it.
            TargetError: The target does not answer.
        """


@runtime_checkable
class TakesFilesTogether(Protocol):
    """A target that keeps the content of files, and takes in many in little more time than one."""

    def put_files(self, files: Iterable[tuple[Digest, Iterable[bytes]]]) -> set[Digest]:
        """Take in contents, each whole or not at all; return those that it holds then.

        Those are the ones that were what their digest says, and those that were there already.
        Each content is used up before the next one is asked for. An exception that `files` or a
        content raises is passed on; what has come by then may be kept.

        Raises:
            TargetError: The target does not answer or cannot be written.
        """


@runtime_checkable
class ForgetsFiles(Protocol):
    """A target that can drop the content of a file; none that keeps files has to."""

    def forget_file(self, file: Digest) -> None:
        """Drop a content that no record names any more.

        Idempotent: one that is not there is no error.

        Raises:
            TargetError: The target does not answer or cannot be written.
        """


def is_digest(sha256: object) -> TypeGuard[str]:
    """Tell whether something is a SHA-256 in lower-case hexadecimal."""
    return isinstance(sha256, str) and _DIGEST.fullmatch(sha256) is not None
