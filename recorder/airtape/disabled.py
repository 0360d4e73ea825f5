"""What stands behind a run of ``mode="disabled"``: it honours the API and touches no disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from time import time_ns
from typing import Any

from airtape.fallback import temporary_folder
from airtape.fold.fold import Fold
from airtape.fold.keys import Tree
from airtape.records import Kind, Plain, Record
from airtape.status import RunStatus
from airtape.txlog.format import Header


class DisabledLog:
    """Takes records like a `RunLog` and keeps only what the run itself shows.

    Attributes:
        fold: Name, tags, config and summary; never a row.
        header: What a log would say of itself.
        step: Always 0.
        is_closed: Never, for nothing is ever refused.
        status: Nothing waits, nothing is lost.
    """

    def __init__(self, run_id: str) -> None:
        self.fold = Fold()
        self.header = Header(run_id, b"")
        self.step = 0
        self.is_closed = False
        self.status = RunStatus()

    @property
    def described(self) -> dict[str, Any]:
        """Name, notes, tags and so on."""
        return self.fold.run

    def redaction(self, text: str, where: str) -> str:  # noqa: ARG002 - nothing is recorded
        """Return a text as it is."""
        return text

    def whole(self, value: Plain) -> Plain:
        """Return a value of the summary as it is."""
        return value

    @property
    def summary(self) -> Tree:
        """The summary."""
        return self.fold.summary

    def history(
        self,
        step: int | None,  # noqa: ARG002 - every step is the same
        flags: int,  # noqa: ARG002 - nothing is committed
        data: Tree,
        *,
        flat: bool,  # noqa: ARG002 - nothing is encoded
    ) -> None:
        """Put the values into the summary."""
        self.fold.summary.update(data)

    history_with_texts = history

    def record(
        self,
        kind: Kind,
        *fields: Any,
        call: str | None = None,  # noqa: ARG002 - nothing is ever refused
    ) -> None:
        """Take in what the run shows of itself."""
        if kind in {Kind.RUN, Kind.CONFIG, Kind.SUMMARY}:
            self.fold.apply(Record(0, kind, time_ns(), fields))

    def sync(self) -> None:
        """Do nothing."""


class NoRunDir:
    """Stands for the directory of a disabled run: a place where scripts may write all the same."""

    @property
    def root(self) -> Path:
        """The directory for temporary files."""
        return temporary_folder(os.environ)

    @property
    def files(self) -> Path:
        """The same."""
        return self.root


class DisabledLifecycle:
    """The end of a disabled run: nothing is recorded or printed.

    Attributes:
        run_id: The run's id.
        run_dir: Where scripts may write.
        before_end: Never called.
        after_good_end: Never called.
        status: Nothing waits, nothing is lost.
    """

    def __init__(self, run_id: str, on_end: Callable[[DisabledLifecycle], None]) -> None:
        self.run_id = run_id
        self.run_dir = NoRunDir()
        self.before_end: list[Callable[[], None]] = []
        self.after_good_end: list[Callable[[], None]] = []
        self.status = RunStatus()
        self._on_end = on_end

    def write_logs(self, text: str) -> None:
        """Do nothing."""

    def finish(self, exit_code: int | None = None) -> None:  # noqa: ARG002 - nothing is recorded
        """Forget the run."""
        self._on_end(self)

    def leave(self, error: BaseException | None, how: str) -> None:  # noqa: ARG002 - see finish
        """Forget the run."""
        self._on_end(self)
