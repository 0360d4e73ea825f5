"""Values that were too large for the log, from the files that hold them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from airtape.fold.keys import Tree, leaves, nested
from airtape.fold.row import Row
from airtape.large_values import LARGE, is_large, load_large
from airtape.records import Plain

BLOBS: Final = "blobs"


def with_large_values(
    rows: Iterable[Row], run_dirs: Sequence[Path], report: Callable[[str], object]
) -> Iterator[Row]:
    """Yield rows in which each reference to a large value is the value itself.

    Args:
        rows: The rows.
        run_dirs: The run directories; a value may be in any of them.
        report: Told in a sentence of each value whose file cannot be read; its reference stays.
    """
    for row in rows:
        if LARGE in row.data.values():
            whole = whole_tree(nested(row.data), run_dirs, report)
            yield row._replace(data=dict(leaves(whole)))
        else:
            yield row


def whole_tree(tree: Tree, run_dirs: Sequence[Path], report: Callable[[str], object]) -> Tree:
    """Return nested dictionaries in which each reference to a large value is the value itself."""
    return {name: _whole(value, run_dirs, report) for name, value in tree.items()}


def _whole(value: Plain, run_dirs: Sequence[Path], report: Callable[[str], object]) -> Plain:
    if not isinstance(value, dict):
        return value
    if not is_large(value):
        return whole_tree(value, run_dirs, report)
    blobs = [run_dir / BLOBS for run_dir in run_dirs]
    holding = next((folder for folder in blobs if _has(folder, value)), blobs[-1])
    try:
        return load_large(holding, value)
    except (OSError, ValueError) as error:
        because = error.strerror if isinstance(error, OSError) else error
        report(f"a large value cannot be read ({BLOBS}/{value['sha256']}): {because}")
        return value


def _has(blobs: Path, reference: Tree) -> bool:
    return (blobs / str(reference["sha256"])).exists()
