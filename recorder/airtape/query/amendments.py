"""Changing a run after the fact: one more log beside the others, whose word counts over theirs.

Where the run directory cannot be written, the log stands in a directory of its own in another
``wandb`` folder. That is one more directory of the run, as a requeued job makes them, too.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from time import monotonic_ns, time_ns
from typing import Any, Final
from uuid import uuid4

import msgpack

from airtape.errors import TargetError
from airtape.filesystems import network_type
from airtape.large_values import split_values, store_large
from airtape.login_name import login_name
from airtape.new_rundir import make_top
from airtape.process import this_process
from airtape.query.kept import Amendment
from airtape.receipts.kept import write_whole
from airtape.records import Kind, pack_big_ints
from airtape.redacted_fields import name_of_list, redacted_fields
from airtape.redaction import Redaction, of_this_process
from airtape.rundir import RunDir
from airtape.txlog.format import MAX_BODY, Header
from airtape.txlog.writer import LogWriter
from airtape.version import __version__
from airtape.writers import WriterFiles, read_writers

_ROOM: Final = 512
"""Bytes of a frame left for what stands beside the values."""
_READ_ONLY: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


def write_amendment(run_dir: Path, writers: Sequence[WriterFiles], amendment: Amendment) -> None:
    """Write a change of a run into one of its directories.

    Args:
        run_dir: The directory.
        writers: All writers of the run, in the order in which they count, at least one.
        amendment: The change.

    Raises:
        TargetError: It cannot be written.
    """
    try:
        _write(run_dir, writers, amendment)
    except OSError as error:
        raise _refusal(run_dir, error.strerror or str(error)) from error


def write_amendment_or_aside(
    run_dir: Path, writers: Sequence[WriterFiles], amendment: Amendment, folders: Sequence[Path]
) -> Path:
    """Write a change of a run into one of its directories, or beside it where that is read-only.

    Args:
        run_dir: The directory.
        writers: All writers of the run, in the order in which they count, at least one.
        amendment: The change.
        folders: The ``wandb`` folders for a directory aside, in the order in which to try them.

    Returns:
        The directory that it is in.

    Raises:
        TargetError: It cannot be written.
    """
    try:
        _write(run_dir, writers, amendment)
    except OSError as error:
        refused = error
    else:
        return run_dir
    for folder in folders if refused.errno in _READ_ONLY else ():
        with suppress(TargetError):
            return write_amendment_aside(run_dir, writers, amendment, folder)
    raise _refusal(run_dir, refused.strerror or str(refused)) from refused


def write_amendment_aside(
    run_dir: Path, writers: Sequence[WriterFiles], amendment: Amendment, folder: Path
) -> Path:
    """Write a change of a run into a directory of its own.

    Args:
        run_dir: A directory of the run; that of the change has its name, with a number behind it
            if need be.
        writers: All writers of the run, in the order in which they count, at least one.
        amendment: The change.
        folder: The ``wandb`` folder for the directory; made if need be.

    Returns:
        The directory.

    Raises:
        TargetError: It cannot be written.
    """
    fresh = folder / f".edit-{uuid4().hex}"
    try:
        make_top(folder)
        names = (f"{run_dir.name}-{number}" if number else run_dir.name for number in count())
        for aside in map(folder.joinpath, names):
            if _has_changes_of(aside, writers):
                _write(aside, writers, amendment)
                return aside
            if not aside.exists():
                fresh.mkdir()
                _write(fresh, writers, amendment)
                # At once, so that nobody takes it for a run that lost its log.
                fresh.rename(aside)
                return aside
    except OSError as error:
        raise _refusal(folder, error.strerror or str(error)) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    raise AssertionError  # pragma: no cover - numbers do not end


def seems_copied(run_dir: Path, writers: Iterable[WriterFiles]) -> bool:
    """Tell whether a directory seems to be a copy, which may be copied over again.

    It is on a disk of this machine, and what recorded the run says that it ran on others.
    """
    hosts = {one.header.host for one in writers if one.header.role != "amend"}
    return not hosts & {"", this_process().host} and network_type(run_dir) is None


def keep_changes(run_dir: Path, folder: Path) -> Path:
    """Keep the changes that stand in a run directory in a directory of their own, too.

    The same record in two files is one record.

    Args:
        run_dir: The run directory.
        folder: Where the directory stands, under the same name; made if need be.

    Returns:
        The directory.

    Raises:
        TargetError: It cannot be written.
    """
    aside = folder / run_dir.name
    kept = {writer.header.writer for writer in read_writers(aside, [])}
    for writer in read_writers(run_dir, []):
        header = writer.header
        if header.role == "amend" and header.writer not in kept:
            directory = RunDir(aside, header.run_id)
            places = (directory.segment_path(header.host, header.pid, n) for n in count(1))
            path = next(place for place in places if not place.exists())
            write_whole(path, writer.paths[0].read_bytes())
    return aside


def holds_changes_only(run_dir: Path) -> bool:
    """Tell whether all that a directory has of runs are changes."""
    writers = read_writers(run_dir, [])
    return bool(writers) and all(writer.header.role == "amend" for writer in writers)


def _has_changes_of(run_dir: Path, writers: Sequence[WriterFiles]) -> bool:
    run_id = writers[-1].header.run_id
    found = read_writers(run_dir, [])
    return bool(found) and all(
        (one.header.role, one.header.run_id) == ("amend", run_id) for one in found
    )


def _write(run_dir: Path, writers: Sequence[WriterFiles], amendment: Amendment) -> None:
    header = _header(writers)
    directory = RunDir(run_dir, header.run_id)
    redaction = of_this_process()
    records = [*_records(_without_secrets(amendment, redaction), directory.blobs)]
    if not redaction.is_listed:
        name = name_of_list(header.writer, began=False)
        records.insert(0, (Kind.METADATA, {name: redaction.listed()}))
    log = _create(directory, header)
    for kind, *fields in records:
        body = [int(kind), time_ns(), *fields]
        log.append(msgpack.packb(body, default=pack_big_ints))
    status = log.close()
    if status.dropped:
        # Half a change is none: whoever asked for it is told that it failed.
        log.path.unlink(missing_ok=True)
        raise _refusal(run_dir, f"{status.dropped} of its records could not be written")


def _without_secrets(amendment: Amendment, redaction: Redaction) -> Amendment:
    [run] = redacted_fields(Kind.RUN, (dict(amendment.run),), redaction)
    return replace(
        amendment,
        run=run,
        config=redaction.data(dict(amendment.config), "config"),
        summary=redaction.data(dict(amendment.summary), "summary"),
    )


def _header(writers: Sequence[WriterFiles]) -> Header:
    process = this_process()
    newest = writers[-1].header
    return Header(
        run_id=newest.run_id,
        writer=uuid4().bytes,
        parents=tuple((writer.header.writer, writer.last_seq) for writer in writers),
        root=newest.root or newest.writer,
        role="amend",
        host=process.host,
        boot_id=process.boot_id,
        pid=process.pid,
        start_ticks=process.start_ticks,
        library=__version__,
        monotonic_ns=monotonic_ns(),
    )


def _create(directory: RunDir, header: Header) -> LogWriter:
    for number in count(1):
        path = directory.segment_path(header.host, header.pid, number)
        try:
            return LogWriter(path, header, wall_ns=time_ns())
        except FileExistsError:
            continue
    raise AssertionError  # pragma: no cover - numbers do not end


def _records(amendment: Amendment, blobs: Path) -> Iterator[tuple[Any, ...]]:
    limit = MAX_BODY - _ROOM
    if amendment.run:
        yield Kind.RUN, dict(amendment.run)
    for part in _parts([[key, value] for key, value in amendment.config.items()], limit, blobs):
        yield Kind.CONFIG, dict(part), []
    for part in _parts([[[key], value] for key, value in amendment.summary.items()], limit, blobs):
        yield Kind.SUMMARY, part, []
    for part in _parts([*amendment.removed_config], limit, blobs):
        yield Kind.CONFIG, {}, part
    for part in _parts([[key] for key in amendment.removed_summary], limit, blobs):
        yield Kind.SUMMARY, [], part
    for part in _parts([list(content) for content in amendment.lost], limit, blobs):
        yield Kind.LOST_CONTENT, part
    yield Kind.EXIT, 0, {"how": "finish", "by": login_name(os.environ)}


def _parts(values: list[Any], limit: int, blobs: Path) -> list[list[Any]]:
    return split_values(values, limit, partial(store_large, blobs)) if values else []


def _refusal(run_dir: Path, because: str) -> TargetError:
    return TargetError("the run cannot be changed", where=str(run_dir), because=because)
