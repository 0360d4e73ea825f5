"""Rows with the values that were too large for the log, from the files that hold them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from airtape.fold.history import Row
from airtape.fold.keys import Tree, leaves, nested
from airtape.large_values import LARGE, is_large, load_large
from airtape.records import Plain

BLOBS = "blobs"


def with_large_values(
    rows: Iterable[Row], run_dir: Path, report: Callable[[str], object]
) -> Iterator[Row]:
    """Yield rows in which each reference to a large value is the value itself.

    Args:
        rows: The rows.
        run_dir: The run directory.
        report: Told in a sentence of each value whose file cannot be read; its reference stays.
    """
    for row in rows:
        if LARGE in row.data.values():
            whole = _resolved(nested(row.data), run_dir / BLOBS, report)
            yield row._replace(data=dict(leaves(whole)))
        else:
            yield row


def _resolved(tree: Tree, blobs: Path, report: Callable[[str], object]) -> Tree:
    return {name: _value(value, blobs, report) for name, value in tree.items()}


def _value(value: Plain, blobs: Path, report: Callable[[str], object]) -> Plain:
    if not isinstance(value, dict):
        return value
    if not is_large(value):
        return _resolved(value, blobs, report)
    try:
        return load_large(blobs, value)
    except (OSError, ValueError) as error:
        because = error.strerror if isinstance(error, OSError) else error
        report(f"a large value cannot be read ({BLOBS}/{value['sha256']}): {because}")
        return value
