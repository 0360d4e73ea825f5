"""What a sync did: a report for each run directory, and one for all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any, Literal, TypeAlias

from airtape.backends.cursor import Loss
from airtape.errors import Error, UsageError
from airtape.sync.brake import Reason
from airtape.sync.file_contents import ContentCounts
from airtape.sync.receipt import Receipt

Status: TypeAlias = Literal[
    "synced", "nothing_new", "pending", "damaged", "failed", "held", "deleted", "cleaned"
]
"""``pending`` is what a dry run would sync; ``damaged`` means damage that was not known before;
``deleted`` is left out, because its run was deleted; ``cleaned`` has nothing left to send."""


class ExitCode(IntEnum):
    """Exit codes of a sync; when several apply, the first of `PRECEDENCE` is returned."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    INCOMPLETE = 3
    UNREACHABLE = 4
    HELD = 5
    DEADLINE = 6


PRECEDENCE = (
    ExitCode.INTERNAL,
    ExitCode.USAGE,
    ExitCode.UNREACHABLE,
    ExitCode.INCOMPLETE,
    ExitCode.DEADLINE,
    ExitCode.HELD,
)


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """Return the exit code of several syncs together."""
    said = set(codes)
    return next((code for code in PRECEDENCE if code in said), ExitCode.OK)


@dataclass(slots=True)
class RunReport:
    """What a sync did for one run directory.

    Attributes:
        path: The run directory.
        status: In one word.
        run_id: The run's id, None when no log tells.
        entity: Whom it belongs to, None when nothing was said.
        project: Its project, None when nothing was said.
        name: Its display name, None when nothing was said.
        records: Number of records that were sent.
        points: Number of values of the history that were sent.
        size: Number of bytes of logs that were read for it; for ``pending`` those to be read.
        held: Number of records that the target holds now.
        receipt: What the target has of the writers whose logs stand there; None when there was no
            need to ask.
        files: What became of the content of its files, where the target keeps it.
        large: Likewise of its values that are too large for a record.
        ended: Whether the run has ended, so that nothing will follow.
        damage: Damage that was not known before.
        known: Damage that was known before.
        notes: What else the user should know, in sentences.
        clashes: Where else the same run id stands for a different run.
        problems: Why it failed.
        internal: Whether it failed by a fault of airtape's own.
        strict: Whether what is accepted as lost counts like what is missing.
        is_over_limit: Whether nothing was done because enough runs had been sent.
    """

    path: Path
    status: Status = "nothing_new"
    run_id: str | None = None
    entity: str | None = None
    project: str | None = None
    name: str | None = None
    records: int = 0
    points: int = 0
    size: int = 0
    held: int = 0
    receipt: Receipt | None = None
    files: ContentCounts = field(default_factory=ContentCounts)
    large: ContentCounts = field(default_factory=lambda: ContentCounts("blobs"))
    ended: bool = False
    damage: list[Loss] = field(default_factory=list)
    known: list[Loss] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    clashes: list[Path] = field(default_factory=list)
    problems: list[Error] = field(default_factory=list)
    internal: bool = False
    strict: bool = False
    is_over_limit: bool = False

    @property
    def lacks_content(self) -> bool:
        """Whether the target cannot get files or large values of a run that changes no more."""
        return self.ended and bool(self.files.missing or self.large.missing)

    @property
    def accepted(self) -> list[str]:
        """Paths of the contents that are accepted as lost."""
        return [
            f"{counts.folder}/{path}"
            for counts in (self.files, self.large)
            for path in counts.accepted
        ]

    @property
    def lacks_accepted(self) -> bool:
        """Whether it counts that contents are lost, although that was accepted."""
        return self.strict and bool(self.accepted)

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON can hold it; the attributes by name."""
        return {
            "path": str(self.path),
            "status": self.status,
            "run_id": self.run_id,
            "entity": self.entity,
            "project": self.project,
            "name": self.name,
            "records": self.records,
            "points": self.points,
            "bytes": self.size,
            "held": self.held,
            "receipt": None if self.receipt is None else self.receipt.to_json(),
            "files": self.files.to_json(),
            "large_values": self.large.to_json(),
            "ended": self.ended,
            "damage": [{**loss._asdict(), "known": False} for loss in self.damage]
            + [{**loss._asdict(), "known": True} for loss in self.known],
            "notes": self.notes,
            "clashes": [str(path) for path in self.clashes],
            "problems": [str(problem) for problem in self.problems],
        }


@dataclass(slots=True)
class SyncReport:
    """What a sync did.

    Attributes:
        runs: One report for each run directory, in the order they were synced.
        not_found: Paths that do not exist and patterns that match nothing.
        notes: What the user should know about the target.
        target_error: Why the target could not be reached or written; what follows was not tried.
        strict: Whether known damage, and what is accepted as lost, counts like new damage.
        waited: Whether it waited for runs that other syncs held; then one that stayed so counts.
        halted: Why it ended with work left, None if it did not: ``deadline`` when time ran out,
            ``stopped`` when somebody asked for it.
    """

    runs: list[RunReport] = field(default_factory=list)
    not_found: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    target_error: Error | None = None
    strict: bool = False
    waited: bool = False
    halted: Reason | None = None

    @property
    def wrong(self) -> list[RunReport]:
        """The runs for which a sync ends with 3: they are not in the target as a whole."""
        return [
            run
            for run in self.runs
            if run.status in {"failed", "damaged"}
            or run.lacks_content
            or (self.strict and run.known)
            or run.lacks_accepted
        ]

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of a command that did this sync."""
        is_usage = isinstance(self.target_error, UsageError)
        held = [run.status == "held" for run in self.runs]
        applies = {
            ExitCode.INTERNAL: any(run.internal for run in self.runs),
            ExitCode.USAGE: bool(self.not_found) or is_usage,
            ExitCode.UNREACHABLE: self.target_error is not None and not is_usage,
            ExitCode.INCOMPLETE: bool(self.wrong),
            ExitCode.DEADLINE: self.halted is not None,
            ExitCode.HELD: any(held) and (self.waited or all(held)),
        }
        return worst(code for code, does in applies.items() if does)

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON can hold it.

        ``exit_code``, ``error`` (of the target, or null), ``halted`` (``deadline``, ``stopped`` or
        null), ``not_found``, ``notes``, ``records``, ``points`` and ``bytes`` over all runs, and
        ``runs``: see `RunReport`. Each entry of ``damage`` has ``file``, ``start``, ``end``,
        ``first_seq``, ``last_seq``, ``reason`` and ``known``.
        """
        return {
            "exit_code": int(self.exit_code),
            "error": None if self.target_error is None else str(self.target_error),
            "halted": self.halted,
            "not_found": self.not_found,
            "notes": self.notes,
            "records": sum(run.records for run in self.runs),
            "points": sum(run.points for run in self.runs),
            "bytes": sum(run.size for run in self.runs),
            "runs": [run.to_json() for run in self.runs],
        }
