"""A recorded run, as `airtape.Api` hands it out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, Final, NoReturn

from airtape.errors import NotAvailableYetError, UsageError
from airtape.fold.row import STEP
from airtape.names import NO_ENTITY, NO_PROJECT
from airtape.query.changes import changes_of
from airtape.query.files import RecordedFile
from airtape.query.history import (
    between,
    checked_keys,
    chosen,
    flat_row,
    framed,
    has,
    has_pandas,
    sampled,
    whole_row,
)
from airtape.query.kept import KeptRun
from airtape.query.moments import iso_time
from airtape.query.summary import RecordedSummary
from airtape.query.user import User

_SYSTEM_STREAMS: Final = ("system", "events")
"""The names under which W&B's API knows what was measured of the machine."""


class RecordedRun:
    """A recorded run. What is assigned to it is written by `update`.

    Attributes:
        id: Its id.
        entity: Who it belongs to, "unknown" if nobody said.
        project: Its project.
        name: Its display name.
        notes: Its description.
        tags: Its tags.
        group: What it is grouped by.
        job_type: Its part in the group.
        state: running, finished, failed, crashed, killed or preempted.
        created_at: When it began, in UTC as ISO 8601.
        heartbeat_at: When something was last recorded, likewise.
        cleaned_at: When `tracker clean` removed its logs, likewise; None if they are there.
        user: Who recorded it, None if nobody said.
        url: None: no server has it.
    """

    def __init__(self, kept: KeptRun) -> None:
        self._kept = kept
        self.url = None
        self.tags: list[str] = []
        self._config: dict[str, Any] | None = None
        self._summary: RecordedSummary | None = None
        self._take_over()

    def _take_over(self) -> None:
        overview = self._kept.overview
        self.id = overview.run_id or ""
        self.entity = overview.entity or NO_ENTITY
        self.project = overview.project or NO_PROJECT
        self.name = overview.name
        self.notes = overview.notes
        # In place, like config and summary: somebody may hold on to them.
        self.tags[:] = overview.tags
        self.group = overview.group
        self.job_type = overview.job_type
        self.state: str = overview.state.name
        if self._config is not None:
            self._config.clear()
            self._config.update(deepcopy(self._kept.whole(overview.config)))
        if self._summary is not None:
            self._summary.replace(deepcopy(self._kept.whole(overview.summary)))
        self.created_at = None if overview.began_ns is None else iso_time(overview.began_ns)
        self.heartbeat_at = None if overview.heard_ns is None else iso_time(overview.heard_ns)
        self.cleaned_at = None if overview.cleaned_ns is None else iso_time(overview.cleaned_ns)
        author = overview.machine.author
        self.user = None if author is None else User(author)

    @property
    def path(self) -> list[str]:
        """Entity, project and id."""
        return [self.entity, self.project, self.id]

    @property
    def config(self) -> dict[str, Any]:
        """The config."""
        if self._config is None:
            self._config = deepcopy(self._kept.whole(self._kept.overview.config))
        return self._config

    @property
    def summary(self) -> RecordedSummary:
        """The summary."""
        if self._summary is None:
            values = deepcopy(self._kept.whole(self._kept.overview.summary))
            self._summary = RecordedSummary(values, self.update)
        return self._summary

    @property
    def lastHistoryStep(self) -> int:  # noqa: N802 - W&B's name
        """The last step of the history, -1 before the first row."""
        last = self._kept.overview.last_step
        return -1 if last is None else last

    @property
    def metadata(self) -> dict[str, Any]:
        """What was recorded of the machine and the program."""
        return dict(self._kept.metadata())

    @property
    def summary_metrics(self) -> dict[str, Any]:
        """The summary as a plain dictionary."""
        return dict(self.summary)

    @property
    def rawconfig(self) -> dict[str, Any]:
        """The config; there is nothing internal in it."""
        return self.config

    @property
    def json_config(self) -> str:
        """The config as W&B writes it in JSON: each key with ``{"value": …}``."""
        return json.dumps({key: {"value": value} for key, value in self.config.items()})

    @property
    def _attrs(self) -> dict[str, Any]:
        """What scripts look for behind W&B's objects, under its names."""
        return {
            "name": self.id,
            "displayName": self.name,
            "description": self.notes,
            "notes": self.notes,
            "tags": self.tags,
            "group": self.group,
            "jobType": self.job_type,
            "state": self.state,
            "createdAt": self.created_at,
            "heartbeatAt": self.heartbeat_at,
            "config": self.config,
            "rawconfig": self.config,
            "summaryMetrics": self.summary_metrics,
            "user": None if self.user is None else self.user._asdict(),
        }

    def history(
        self,
        samples: int = 500,
        keys: Sequence[str] | None = None,
        x_axis: str = STEP,
        pandas: bool = True,  # noqa: FBT001, FBT002 - W&B's
        stream: str = "default",
    ) -> Any:  # noqa: ANN401 - pandas may not be there to be named
        """Return evenly chosen rows of the history, the first and the last among them.

        Args:
            samples: How many rows at most.
            keys: Only these values, of rows that have all of them; `x_axis` is added.
            x_axis: Only rows that have this value.
            pandas: Return a DataFrame if pandas is installed, with dotted names for nested values.
            stream: ``default``, or ``system`` for what was measured of the machine as the run went
                on; those rows have times and no step, so `x_axis` has no effect.

        Returns:
            A list of dictionaries, or a DataFrame.

        Raises:
            UsageError: An argument is wrong.
            OSError: A log cannot be read.
        """
        wanted = checked_keys(keys)
        if type(samples) is not int or samples < 1:
            raise UsageError(f"samples must be a number of rows, not {samples!r}")
        if stream in _SYSTEM_STREAMS:
            return self._system(samples, wanted, pandas=pandas)
        if stream != "default":
            raise UsageError(f"there is no stream {stream!r}", hint="Known: default, system")
        rows = self._kept.rows()
        if wanted is not None:
            found = sampled(chosen(rows, list(dict.fromkeys([x_axis, *wanted]))), samples)
            return framed(found) if pandas and has_pandas() else found
        some = sampled((row for row in rows if has(row, x_axis)), samples)
        as_table = pandas and has_pandas()
        return framed(map(flat_row, some)) if as_table else list(map(whole_row, some))

    def _system(self, count: int, keys: list[str] | None, *, pandas: bool) -> Any:  # noqa: ANN401 - see `history`
        rows = (sample.as_row() for sample in self._kept.system())
        if keys is not None:
            rows = ({k: row[k] for k in keys} for row in rows if row.keys() >= set(keys))
        found = sampled(rows, count)
        return framed(found) if pandas and has_pandas() else found

    def scan_history(
        self,
        keys: Sequence[str] | None = None,
        page_size: int = 1000,  # noqa: ARG002 - there are no pages
        min_step: int | None = None,
        max_step: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Return an iterator over all rows of the history, exactly as they were logged.

        Args:
            keys: Only these values, of rows that have all of them.
            page_size: Has no effect.
            min_step: The first step.
            max_step: The step behind the last one.

        Raises:
            UsageError: An argument is wrong.
            OSError: A log cannot be read.
        """
        wanted = checked_keys(keys)
        rows = between(self._kept.rows(), min_step, max_step)
        return map(whole_row, rows) if wanted is None else chosen(rows, wanted)

    def files(
        self,
        names: Sequence[str] | None = None,
        per_page: int = 50,  # noqa: ARG002 - there are no pages
        pattern: str | None = None,
    ) -> list[RecordedFile]:
        """Return the files of the run, sorted by name.

        Args:
            names: Only those with these names.
            per_page: Has no effect.
            pattern: Only those whose names match; ``*`` is any text, ``%`` too.
        """
        glob = None if pattern is None else pattern.replace("%", "*")
        return [
            RecordedFile(file)
            for file in self._kept.files()
            if (not names or file.name in names) and (glob is None or fnmatchcase(file.name, glob))
        ]

    def file(self, name: str) -> RecordedFile:
        """Return a file of the run.

        Raises:
            UsageError: The run has no such file.
        """
        files = {file.name: file for file in self.files()}
        if name not in files:
            near = get_close_matches(name, files, n=3)
            raise UsageError(
                f"the run {'/'.join(self.path)} has no file {name!r}",
                hint=f"Did you mean {' or '.join(near)}?" if near else None,
            )
        return files[name]

    def update(self) -> None:
        """Write what was assigned to the run, its config and its summary.

        Raises:
            UsageError: A value is not allowed, or the run is in a store.
            TargetError: The run directory cannot be written.
        """
        amendment = changes_of(self, self._kept)
        if amendment:
            self._kept.amend(amendment)
            self.load()

    save = update

    def load(self, force: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002 - W&B's
        """Read the run again; what was assigned and not written is lost."""
        self._kept.read_again()
        self._take_over()

    def logged_artifacts(self, per_page: int = 100) -> NoReturn:  # noqa: ARG002 - W&B's
        """Refuse, until there are artifacts.

        Raises:
            NotAvailableYetError: Always.
        """
        raise NotAvailableYetError("Run.logged_artifacts() is not available in this version")

    def used_artifacts(self, per_page: int = 100) -> NoReturn:  # noqa: ARG002 - W&B's
        """Refuse, until there are artifacts.

        Raises:
            NotAvailableYetError: Always.
        """
        raise NotAvailableYetError("Run.used_artifacts() is not available in this version")

    def delete(self, delete_artifacts: bool = False) -> NoReturn:  # noqa: ARG002, FBT001, FBT002 - W&B's
        """Refuse.

        Raises:
            NotAvailableYetError: Always.
        """
        raise NotAvailableYetError(
            "Run.delete() is not available in this version",
            hint="Remove the run directory; a target keeps what was synced.",
        )

    def __repr__(self) -> str:
        return f"<Run {'/'.join(self.path)} ({self.state})>"
