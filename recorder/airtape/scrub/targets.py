"""Taking a text out of a target: the run is sent again in place of what the target has of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

from airtape.backends.base import Backend
from airtape.backends.contents import ForgetsFiles
from airtape.backends.cursor import RunKey
from airtape.backends.listing import cursors_of
from airtape.errors import TargetError
from airtape.file_copy import Digest
from airtape.receipts.taking import contents_named
from airtape.run_search import Found
from airtape.sync.engine import sync_to
from airtape.sync.options import SyncOptions
from airtape.sync.report import SyncReport

_SQLITE = "sqlite:"


def send_again(
    run_dirs: Sequence[Path], open_target: Callable[[], Backend], roots: frozenset[bytes]
) -> list[SyncReport]:
    """Send a run again, under each name that a target knows it by; nothing if it knows it not.

    What a writer said before goes in the same transaction in which the first of it comes again.

    Args:
        run_dirs: All directories of the run.
        open_target: Opens the target.
        roots: Who began the run.

    Raises:
        TargetError: The target does not answer.
    """
    with closing(open_target()) as backend:
        known = [run for run in backend.runs() if run.root in roots]
    by_root: dict[bytes, list[RunKey]] = {}
    for run in known:
        by_root.setdefault(run.root, []).append(run)
    reports = []
    for row in zip_longest(*by_root.values()):
        names = {run.root: run for run in row if run is not None}
        options = SyncOptions(again=True)
        options = replace(options, renames=replace(options.renames, known=names))
        reports.append(sync_to(Found(list(run_dirs), [], []), open_target, options))
    return reports


def contents_of(open_target: Callable[[], Backend], roots: frozenset[bytes]) -> set[Digest]:
    """Return the contents of files that a target's records of a run name, before it is sent again.

    Raises:
        TargetError: The target does not answer.
    """
    with closing(open_target()) as backend:
        if not isinstance(backend, ForgetsFiles):
            return set()
        said = [one.cursor.said() for one in cursors_of(backend) if one.run.root in roots]
        return {file for _, file in contents_named(said)}


def forget_contents(
    open_target: Callable[[], Backend], old: Iterable[Digest], roots: frozenset[bytes]
) -> int:
    """Have a target drop contents that a run named before it was sent again, and names no more.

    Args:
        open_target: Opens the target.
        old: The contents.
        roots: Who began the run.

    Returns:
        How many stay, because another run has them.

    Raises:
        TargetError: The target does not answer or cannot be written.
    """
    with closing(open_target()) as backend:
        if not isinstance(backend, ForgetsFiles):
            return 0
        mine: set[Digest] = set()
        others: set[Digest] = set()
        for one in cursors_of(backend):
            named = {file for _, file in contents_named([one.cursor.said()])}
            (mine if one.run.root in roots else others).update(named)
        gone = {*old} - mine
        for file in gone - others:
            backend.forget_file(file)
        return len(gone & others)


def forget_free_pages(url: str) -> bool:
    """Have a SQLite store drop what it no longer shows; tell whether the target is one.

    Raises:
        TargetError: It cannot do so now.
    """
    if not url.startswith(_SQLITE):
        return False
    import sqlite3  # noqa: PLC0415 - other commands do without it

    from airtape.backends.sqlite_open import path_of  # noqa: PLC0415 - loads it, too

    path = path_of(url.removeprefix(_SQLITE))
    if not path.exists():
        return True
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=15)) as db:
            db.execute("VACUUM")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise TargetError(
            "the store shows the text no more, but may still hold it in free pages",
            where=url,
            because=str(error),
            hint="Scrub again when nobody else uses the store.",
        ) from error
    return True
