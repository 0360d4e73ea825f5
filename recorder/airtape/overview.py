"""A run directory read into one overview, from both ends of its logs.

The cost is the same however long they are. A bad directory is an overview with problems, never an
error.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from airtape.fold.alerts import Alert
from airtape.fold.keys import Key, Tree
from airtape.fold.merge import Part, merge
from airtape.fold.metrics import MetricDefinition
from airtape.names import NO_ENTITY, NO_PROJECT
from airtape.states import RunState, Vantage, state_of
from airtape.txlog.format import Header
from airtape.txlog.reader import Damage
from airtape.writers import WriterFiles, malformed_text, read_writers


class LogFile(NamedTuple):
    """A log of a run: its file name, the uuid of its writer, and its size in bytes."""

    name: str
    writer: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Machine:
    """Where and by what a run was recorded; None where nothing was said.

    Attributes:
        host: Host name.
        os: Operating system.
        python: Python version.
        executable: Path of the Python that ran it.
        hardware: CPUs, memory, GPUs and so on, by name.
        author: Who ran it.
        command: The command line.
        git_repository: Address of the repository's remote.
        git_commit: The commit that was checked out.
    """

    host: str | None = None
    os: str | None = None
    python: str | None = None
    executable: str | None = None
    hardware: Mapping[str, Any] = field(default_factory=dict)
    author: str | None = None
    command: str | None = None
    git_repository: str | None = None
    git_commit: str | None = None


@dataclass(slots=True)
class Overview:
    """What a run directory says of its run.

    Attributes:
        directory: The run directory; the newest one of a run that has several.
        state: The run's state; ``unknown`` when no log can be read.
        run_id: The run's id, None when no log can be read. Texts that were not said are None.
        entity: Who the run belongs to.
        project: Its project.
        name: Its display name.
        notes: Its description.
        group: What it is grouped by.
        job_type: Its part in the group.
        tags: Its tags.
        machine: Where and by what it was recorded.
        library: Version of airtape that recorded it.
        began_ns: Wall clock of the first record, in nanoseconds since 1970.
        heard_ns: Wall clock of the last record.
        duration_s: Seconds during which somebody recorded; pauses between two writers are left out.
        config: The config.
        summary: The summary, nested as it was logged.
        metrics: The definitions of metrics.
        traces: A few numbers of each metric, in order, to draw it with.
        last_step: The highest step, None before the first row.
        rows: Number of rows.
        dropped: Calls of ``log()`` that the step rule refused.
        alerts: Number of alerts.
        last_alerts: The last of them, in order.
        unknown: Number of records of kinds that only a later version knows.
        logs: The logs.
        incomplete: Whether a log ends in the beginning of a record.
        damage: What is damaged behind the last checkpoints, each with the name of the log.
        problems: What else is wrong, in sentences.
        writers: The writers in the order in which they count, the last most.
        directories: The run directories that it was read from, the newest one last.
        cleaned_ns: When its logs were removed, because targets hold all of them, in nanoseconds
            since 1970; None if they are there.
    """

    directory: Path
    state: RunState
    run_id: str | None = None
    entity: str | None = None
    project: str | None = None
    name: str | None = None
    notes: str | None = None
    group: str | None = None
    job_type: str | None = None
    tags: tuple[str, ...] = ()
    machine: Machine = field(default_factory=Machine)
    library: str | None = None
    began_ns: int | None = None
    heard_ns: int | None = None
    duration_s: float = 0.0
    config: Tree = field(default_factory=dict)
    summary: Tree = field(default_factory=dict)
    metrics: list[MetricDefinition] = field(default_factory=list)
    traces: dict[Key, list[float]] = field(default_factory=dict)
    last_step: int | None = None
    rows: int = 0
    dropped: int = 0
    alerts: int = 0
    last_alerts: list[Alert] = field(default_factory=list)
    unknown: int = 0
    logs: list[LogFile] = field(default_factory=list)
    incomplete: bool = False
    damage: list[tuple[str, Damage]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    writers: list[Part] = field(default_factory=list)
    directories: list[Path] = field(default_factory=list)
    cleaned_ns: int | None = None

    @property
    def path(self) -> str:
        """The run's path, ``entity/project/run_id``."""
        return "/".join(
            (self.entity or NO_ENTITY, self.project or NO_PROJECT, self.run_id or "unknown")
        )

    @property
    def runtime_s(self) -> float | None:
        """Seconds from the first record to the last one, pauses included; None without a log."""
        if self.began_ns is None or self.heard_ns is None:
            return None
        return max(0.0, (self.heard_ns - self.began_ns) / 1e9)


def read_overview(run_dir: Path, vantage: Vantage) -> Overview:
    """Read the overview of a run directory.

    Args:
        run_dir: The directory.
        vantage: When and where one looks from.
    """
    problems: list[str] = []
    overview = overview_of(run_dir, read_writers(run_dir, problems), vantage, problems)
    overview.directories = [run_dir]
    return overview


def overview_of(
    place: Path, found: Sequence[WriterFiles], vantage: Vantage, problems: list[str]
) -> Overview:
    """Return the overview of a run from the logs of its writers, in whatever directories.

    Args:
        place: What the overview calls its directory.
        found: The writers in the order in which they count.
        vantage: When and where one looks from.
        problems: What was wrong already; becomes the overview's.
    """
    try:
        parts = [Part(writer.header, writer.fold()) for writer in found]
    except OSError as error:
        problems.append(f"a log cannot be read: {error.strerror}")
        found, parts = [], []
    if not parts:
        return Overview(place, RunState("unknown"), problems=problems)
    overview = overview_of_parts(place, parts, vantage)
    overview.problems = problems
    _add_health(overview, found)
    return overview


def overview_of_parts(place: Path, parts: list[Part], vantage: Vantage) -> Overview:
    """Return the overview of a run from what its writers amount to, wherever that is kept.

    Args:
        place: What the overview calls its directory.
        parts: The writers in the order in which they count, at least one.
        vantage: When and where one looks from.
    """
    whole = merge(parts)
    header, fold = whole.newest
    overview = Overview(
        place,
        state_of(header, fold.exit, fold.heard_ns, vantage),
        run_id=header.run_id,
        library=header.library or None,
        config=whole.config,
        summary=whole.summary,
        metrics=list(whole.definitions.values()),
        traces=whole.traces,
        last_step=whole.last_step,
        rows=whole.rows,
        dropped=whole.dropped,
        alerts=whole.alerts,
        last_alerts=whole.last_alerts,
        writers=parts,
    )
    _describe(overview, {**whole.metadata, **whole.run}, header)
    _add_times(overview)
    return overview


def _describe(overview: Overview, said: Mapping[str, Any], newest: Header) -> None:
    for name in ("entity", "project", "name", "notes", "group", "job_type"):
        setattr(overview, name, _text(said.get(name)))
    tags = said.get("tags")
    overview.tags = tuple(map(str, tags)) if isinstance(tags, list) else ()
    git, hardware = said.get("git"), said.get("hardware")
    git = git if isinstance(git, Mapping) else {}
    overview.machine = Machine(
        host=_text(said.get("host")) or newest.host or None,
        os=_text(said.get("os")),
        python=_text(said.get("python")),
        executable=_text(said.get("executable")),
        hardware=hardware if isinstance(hardware, Mapping) else {},
        author=_text(said.get("author")) or _text(said.get("user")),
        command=_command(said),
        git_repository=_text(git.get("remote")),
        git_commit=_text(git.get("commit")),
    )


def _command(said: Mapping[str, Any]) -> str | None:
    program, arguments = _text(said.get("program")), said.get("args")
    if program is None:
        return None
    return shlex.join([program, *map(str, arguments if isinstance(arguments, list) else [])])


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _add_times(overview: Overview) -> None:
    # Who amends a run, perhaps years later, does not go on with it.
    spans = sorted(
        (fold.began_ns, fold.heard_ns)
        for header, fold in overview.writers
        if fold.began_ns is not None and fold.heard_ns is not None and header.role != "amend"
    )
    if not spans:
        return
    overview.began_ns = spans[0][0]
    overview.heard_ns = max(heard for _, heard in spans)
    counted_to = spans[0][0]
    for began, heard in spans:
        overview.duration_s += max(0, heard - max(began, counted_to)) / 1e9
        counted_to = max(counted_to, heard)


def _add_health(overview: Overview, found: Iterable[WriterFiles]) -> None:
    for writer in found:
        overview.damage += writer.damage
        uuid = writer.header.writer
        overview.logs += [LogFile(path.name, uuid, ends.size) for path, ends in writer.files]
        overview.incomplete |= any(ends.incomplete for _, ends in writer.files)
    ids = {writer.header.run_id for writer in overview.writers}
    if len(ids) > 1:
        overview.problems.append(f"its logs belong to different runs: {', '.join(sorted(ids))}")
    folds = [fold for _, fold in overview.writers]
    overview.unknown = sum(fold.unknown for fold in folds)
    overview.problems += [malformed_text(fold) for fold in folds if fold.malformed]
    overview.problems += [
        f"{last - first + 1} records were lost while recording: {reason}"
        for fold in folds
        for first, last, reason in fold.gaps
    ]
