"""What is whole, torn, damaged or missing in the logs of run directories; a pure read.

What counts is whether a record is lost: each writer numbers its records without a gap, so one that
none of its files holds, and that the writer itself did not say it dropped, is lost. Damaged bytes
whose records stand in another file, or were written twice, cost nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from airtape.named_logs import NamedLogs
from airtape.run_search import NO_LOG
from airtape.txlog.format import Header
from airtape.txlog.seqset import SeqSet
from airtape.verify_large import LargeValueCheck
from airtape.verify_log import LogHealth
from airtape.verify_writer import WriterHealth

SETTLE_S: Final = 0.05
"""How long to wait for a record that another thread of the writer may be about to write."""


@dataclass(slots=True)
class RunHealth:
    """What the logs of one run directory hold.

    Attributes:
        directory: The run directory.
        writers: The writers of its logs.
        strays: Logs that say of no writer: empty ones, foreign ones, unreadable ones.
        large: The values that stand in files of their own.
        problems: What is wrong with the directory itself, in sentences.
    """

    directory: Path
    writers: list[WriterHealth] = field(default_factory=list)
    strays: list[LogHealth] = field(default_factory=list)
    large: LargeValueCheck = field(default_factory=LargeValueCheck)
    problems: list[str] = field(default_factory=list)

    @property
    def run_id(self) -> str | None:
        """The id of the run, None when no log tells."""
        return self.writers[0].header.run_id if self.writers else None

    @property
    def is_whole(self) -> bool:
        """Whether nothing is lost, and nothing wrong; what is being written is neither."""
        return not (
            self.problems
            or self.large.missing
            or self.large.changed
            or any(log.problem for log in self.strays)
            or not all(writer.is_whole for writer in self.writers)
        )

    def read(self) -> None:
        """Read all logs."""
        for writer in self.writers:
            for log in writer.logs:
                for record in log.records():
                    if writer.take(record):
                        self.large.take(record)
            writer.checkpoints.forget()
            _note_clean_copies(writer.logs)


def verify(
    named: Iterable[NamedLogs], *, pause: Callable[[float], None] = time.sleep
) -> Iterator[RunHealth]:
    """Yield what the logs of each run directory hold, one after the other.

    What a directory lacks may be in another one: a run whose disk refused saved its last records
    elsewhere. Such directories come last, when the others have been read.

    Args:
        named: The logs, by run directory.
        pause: Waits so many seconds.
    """
    named = list(named)
    runs = [_look(one) for one in named]
    read_of = _read_of_others(runs)
    held: dict[bytes, SeqSet] = {}
    places: dict[str | None, list[Path]] = {}
    accepted: dict[str | None, set[str]] = {}
    lacking = []
    for one, first_look in zip(named, runs, strict=True):
        run = _settled(one, first_look, read_of, pause)
        run.large.look([run.directory])
        places.setdefault(run.run_id, []).append(run.directory)
        accepted.setdefault(run.run_id, set()).update(run.large.accepted)
        for writer in run.writers:
            there = held.setdefault(writer.header.writer, SeqSet())
            for first, last in (*writer.held.intervals(), *(gap[:2] for gap in writer.dropped)):
                there.add_range(first, last)
        if run.is_whole:
            yield run
        else:
            lacking.append(run)
    for run in lacking:
        for writer in run.writers:
            writer.found_elsewhere(held[writer.header.writer])
        if run.large.missing or run.large.changed:
            run.large.accepted |= accepted[run.run_id]
            run.large.look(places[run.run_id])
        yield run


def read_run(named: NamedLogs, *, pause: Callable[[float], None] = time.sleep) -> RunHealth:
    """Return what the logs of one run directory hold, whatever other directories do.

    Large values are not looked at.

    Args:
        named: The logs.
        pause: Waits so many seconds.
    """
    run = _look(named)
    return _settled(named, run, _read_of_others([run]), pause)


def _look(named: NamedLogs) -> RunHealth:
    """Find out whose the logs are, without reading them."""
    run = RunHealth(named.run_dir)
    try:
        paths = named.paths()
    except OSError as error:
        run.problems.append(f"the directory cannot be read: {error.strerror}")
        return run
    if not paths:
        run.problems.append(NO_LOG)
    writers: dict[bytes, list[tuple[Header, LogHealth]]] = {}
    for path in paths:
        log = LogHealth(path)
        log.look()
        if log.header is None:
            run.strays.append(log)
        else:
            writers.setdefault(log.header.writer, []).append((log.header, log))
    for files in writers.values():
        files.sort(key=lambda file: file[0].first_seq)
        run.writers.append(WriterHealth(files[-1][0], [log for _, log in files]))
    return run


def _read_of_others(runs: Iterable[RunHealth]) -> dict[bytes, int]:
    """Return the highest record of each writer that another one says it has read."""
    highest: dict[bytes, int] = {}
    for run in runs:
        for writer in run.writers:
            for parent, seq in writer.header.parents:
                highest[parent] = max(seq, highest.get(parent, -1))
    return highest


def _settled(
    named: NamedLogs,
    run: RunHealth,
    read_of: Mapping[bytes, int],
    pause: Callable[[float], None],
) -> RunHealth:
    """Read the logs; those that are being written once more if a record seems to be missing.

    Threads write their records in another order than they number them.
    """
    is_part = named.names is not None
    run.read()
    _judge(run.writers, read_of, {}, is_part=is_part)
    if all(not writer.missing or writer.exit_seq is not None for writer in run.writers):
        return run
    sizes = _sizes(run)
    pause(SETTLE_S)
    again = _look(named)
    if _sizes(again) == sizes:
        return run
    again.read()
    limits = {writer.header.writer: writer.last_seq for writer in run.writers}
    _judge(again.writers, read_of, limits, is_part=is_part)
    return again


def _judge(
    writers: Sequence[WriterHealth],
    read_of: Mapping[bytes, int],
    limits: Mapping[bytes, int],
    *,
    is_part: bool,
) -> None:
    for writer in writers:
        uuid = writer.header.writer
        low = 0
        if is_part and all(log.header and log.header.continues for log in writer.logs):
            low = writer.held.intervals()[0][0] if writer.held else 0
        high = limits.get(uuid, writer.last_seq)
        writer.find_missing(low, max(high, read_of.get(uuid, -1)))


def _sizes(run: RunHealth) -> dict[str, int]:
    logs = [*run.strays, *(log for writer in run.writers for log in writer.logs)]
    return {log.path.name: log.size for log in logs}


def _note_clean_copies(logs: Sequence[LogHealth]) -> None:
    for copy in logs:
        for log in logs:
            if copy.is_whole_copy_of(log):
                log.clean_copy = copy.path.name
