"""Clean copies of damaged logs, written beside them; a damaged log itself is never touched.

A copy holds every whole record of the damaged file under the same writer and number, so whoever
reads both takes each record once. What is lost stays lost: no record is made up in its place, for
the true one may come back, from another copy of the file for instance.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final, Literal, TypeAlias

from airtape.errors import Error, LogFormatError, TargetError
from airtape.named_logs import NamedLogs
from airtape.repair_frames import clean_frames
from airtape.rundir import LOG_SUFFIX, log_files
from airtape.txlog.seqset import SeqSet
from airtape.verify import RunHealth, read_run
from airtape.verify_log import LogHealth
from airtape.verify_writer import WriterHealth, without
from airtape.whole_file import sync_folder

Status: TypeAlias = Literal["repaired", "damaged", "copied", "whole", "failed"]
"""``damaged`` is what a dry run would repair; ``copied`` has a clean copy from before."""

_MAX_FILE_NAME: Final = 255


@dataclass(slots=True)
class LogRepair:
    """What became of one log.

    Attributes:
        log: The log as it is.
        status: In one word.
        copy: The clean copy, None when there is none.
        records: Number of records that the copy has.
        restored: Whether the copy has a header again, from a checkpoint, that the log has lost.
        error: Why there is no copy.
    """

    log: LogHealth
    status: Status = "whole"
    copy: Path | None = None
    records: int = 0
    restored: bool = False
    error: Error | None = None


@dataclass(slots=True)
class RunRepair:
    """What became of the logs of one run directory.

    Attributes:
        health: The directory as it was.
        logs: Those of its logs that were to be repaired.
    """

    health: RunHealth
    logs: list[LogRepair] = field(default_factory=list)

    @property
    def errors(self) -> list[Error]:
        """Why logs could not be repaired."""
        where = str(self.health.directory)
        wrong = [LogFormatError(problem, where=where) for problem in self.health.problems]
        return wrong + [log.error for log in self.logs if log.error is not None]

    def lost(self, writer: WriterHealth) -> list[tuple[int, int]]:
        """Return the records of a writer that stay lost."""
        restored = [
            log.log.header.first_seq
            for log in self.logs
            if log.restored and log.log.header is not None and log.log in writer.logs
        ]
        return without(writer.missing, SeqSet((seq, seq) for seq in restored))


def repair(named: NamedLogs, *, output: Path | None = None, dry_run: bool = False) -> RunRepair:
    """Write a clean copy of each damaged log of a run directory that has none yet.

    Args:
        named: The logs to repair.
        output: Where to make a directory for the copies, of the same name as the run directory;
            beside the damaged logs if unsaid.
        dry_run: Write nothing.
    """
    # All logs are looked at: what one lacks may stand in another.
    health = read_run(NamedLogs(named.run_dir))
    folder = named.run_dir if output is None else output / named.run_dir.resolve().name
    done = RunRepair(health)
    logs = [*health.strays, *(log for writer in health.writers for log in writer.logs)]
    for log in logs:
        if named.names is None or log.path.name in named.names:
            done.logs.append(_repair(log, folder, dry_run=dry_run))
    return done


def _repair(log: LogHealth, folder: Path, *, dry_run: bool) -> LogRepair:
    done = LogRepair(log)
    if log.problem is not None:
        done.status, done.error = "failed", LogFormatError(log.problem, where=str(log.path))
        return done
    if log.header is None or not log.is_damaged:
        return done
    done.copy = _copy_in({log.path.parent, folder}, log)
    if done.copy is not None:
        done.status = "copied"
        return done
    done.restored = log.header.first_seq not in log.held
    if dry_run:
        done.status = "damaged"
        done.copy = next(path for path in _copy_paths(log, folder) if not os.path.lexists(path))
        done.records = len(log.held) + done.restored
        return done
    try:
        done.copy = _write_copy(log, folder)
    except Error as error:
        done.status, done.error, done.restored = "failed", error, False
        return done
    done.status, done.records = "repaired", len(_read(done.copy).held)
    return done


def _copy_in(folders: Collection[Path], log: LogHealth) -> Path | None:
    """Return the file that repairs a log already and has all of its records."""
    for folder in sorted(folders):
        with suppress(OSError):
            for path in log_files(folder):
                if path != log.path and _read(path, repairs=log).is_whole_copy_of(log):
                    return path
    return None


def _read(path: Path, *, repairs: LogHealth | None = None) -> LogHealth:
    """Read a log; one that does not repair the log that it should is only looked at."""
    found = LogHealth(path)
    found.look()
    if found.header is not None and (repairs is None or found.repairs(repairs)):
        for _ in found.records():
            pass
    return found


def _copy_paths(log: LogHealth, folder: Path) -> map[Path]:
    """Return the names that a copy may have, in order."""
    stem = log.path.name.removesuffix(LOG_SUFFIX).encode()

    def numbered(number: int) -> Path:
        tail = f".repaired-{number}{LOG_SUFFIX}"
        head = stem[: _MAX_FILE_NAME - len(tail)].decode(errors="ignore")
        return folder / (head + tail)

    return map(numbered, count(1))


def _write_copy(log: LogHealth, folder: Path) -> Path:
    """Write a clean copy of a log into a folder, whose disk then holds it.

    Raises:
        Error: The log cannot be read.
        TargetError: The copy cannot be written; nothing of it stays.
    """
    frames = clean_frames(log)
    try:
        mode = log.path.stat().st_mode & 0o666
        folder.mkdir(parents=True, exist_ok=True)
        path, fd = _created(log, folder, mode)
        try:
            with os.fdopen(fd, "wb") as file:
                file.writelines(frames)
                file.flush()
                os.fsync(fd)
            sync_folder(folder)
        except BaseException:
            with suppress(OSError):
                path.unlink()
            raise
    except OSError as error:
        raise TargetError(
            "the clean copy cannot be written",
            where=str(folder),
            because=error.strerror or str(error),
            hint="Name another place for it with --output.",
        ) from error
    return path


def _created(log: LogHealth, folder: Path, mode: int) -> tuple[Path, int]:
    paths = _copy_paths(log, folder)
    while True:
        path = next(paths)
        with suppress(FileExistsError):
            return path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
