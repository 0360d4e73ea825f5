"""Values that were too large for the log, from the files that hold them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from airtape.backends.content_folder import ContentFolder
from airtape.backends.contents import is_digest
from airtape.file_copy import Digest
from airtape.fold.keys import Tree, leaves, nested
from airtape.fold.row import Row
from airtape.large_values import BLOBS, LARGE, is_large, load_large, unpack_large
from airtape.records import Plain

Load: TypeAlias = Callable[[dict[str, Any]], Plain]
"""Returns what a reference stands for; raises OSError or ValueError when it cannot be read."""


def from_directories(run_dirs: Sequence[Path]) -> Load:
    """Return how to load large values from run directories; one may be in any of them."""
    folders = [run_dir / BLOBS for run_dir in run_dirs]

    def load(reference: dict[str, Any]) -> Plain:
        sha256 = str(reference["sha256"])
        holding = next((folder for folder in folders if (folder / sha256).exists()), folders[-1])
        return load_large(holding, reference)

    return load


def from_contents(contents: ContentFolder) -> Load:
    """Return how to load large values from the contents that a target keeps in a folder."""

    def load(reference: dict[str, Any]) -> Plain:
        file = Digest(reference["size"], reference["sha256"])
        if not is_digest(file.sha256):
            message = f"{file.sha256!r} is no digest"
            raise ValueError(message)
        try:
            data = b"".join(contents.read(file))
        except LookupError:
            message = "the store does not have it"
            raise ValueError(message) from None
        return unpack_large(data, file.sha256, where="what the store has")

    return load


def with_large_values(
    rows: Iterable[Row], load: Load, report: Callable[[str], object]
) -> Iterator[Row]:
    """Yield rows in which each reference to a large value is the value itself.

    Args:
        rows: The rows.
        load: Where the values come from.
        report: Told in a sentence of each value that cannot be read; its reference stays.
    """
    for row in rows:
        if LARGE in row.data.values():
            whole = whole_tree(nested(row.data), load, report)
            yield row._replace(data=dict(leaves(whole)))
        else:
            yield row


def whole_tree(tree: Tree, load: Load, report: Callable[[str], object]) -> Tree:
    """Return nested dictionaries in which each reference to a large value is the value itself."""
    return {name: _whole(value, load, report) for name, value in tree.items()}


def _whole(value: Plain, load: Load, report: Callable[[str], object]) -> Plain:
    if not isinstance(value, dict):
        return value
    if not is_large(value):
        return whole_tree(value, load, report)
    try:
        return load(value)
    except (OSError, ValueError) as error:
        because = error.strerror if isinstance(error, OSError) else error
        report(f"a large value cannot be read ({BLOBS}/{value['sha256']}): {because}")
        return value
