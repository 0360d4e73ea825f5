"""What is recorded of a run without being asked: machine, repository, packages, the program.

A thread gathers it beside the training. Whatever goes wrong there is counted and noted in
``debug.log``, and the rest goes on. A forked child does not gather again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from airtape.loading import HEAD_START_S, loading
from airtape.process import leave_signals_to_the_program
from airtape.program import this_program
from airtape.records import Plain
from airtape.redaction import Redaction
from airtape.run_files import RunFiles
from airtape.runlog import RunLog
from airtape.settings import Settings

if TYPE_CHECKING:
    from airtape.gathering import Gathering

T = TypeVar("T")


class Metadata(threading.Thread):
    """Gathers what is to be known of a run, and records it.

    Args:
        log: The run's log.
        files: Its files.
        settings: What it is told.
        cwd: The working directory.
        said: What is recorded already.
        note: Writes a line to ``debug.log``.

    Attributes:
        files: The run's files.
        failed: How many things could not be found out or recorded.
    """

    def __init__(  # noqa: PLR0913 - a run's parts meet here
        self,
        log: RunLog,
        files: RunFiles,
        settings: Settings,
        *,
        cwd: Path,
        said: Mapping[str, Plain],
        note: Callable[[str], None],
    ) -> None:
        super().__init__(name="airtape-metadata", daemon=True)
        self.failed = 0
        self._log = log
        self.files = files
        self._settings = settings
        self._note = note
        self._program = this_program(cwd)
        self._said = said
        self._gathering: Gathering | None = None
        self._ended = threading.Event()

    @property
    def redaction(self) -> Redaction:
        """Takes secrets out of what is recorded."""
        return self._log.redaction

    @property
    def is_wanted(self) -> bool:
        """Whether anything is to be gathered."""
        return not self._settings.disable_metadata

    @property
    def writes_files(self) -> bool:
        """Whether this is the writer that tells of the code; of many ranks it is one."""
        return self.is_wanted and self._log.header.role != "shared"

    @property
    def keeps_code(self) -> bool:
        """Whether code is kept of its own accord: the program, the cells of a notebook."""
        settings = self._settings
        return self.writes_files and bool(settings.save_code) and not settings.disable_code

    @property
    def program_path(self) -> str | None:
        """The path of the program from the working directory; its name if it is elsewhere."""
        return self._program.path

    def begin(self) -> None:
        """Start the thread, if there is anything to gather and a thread can be had."""
        if not self.is_wanted:
            return
        try:
            self.start()
        except RuntimeError as error:
            self.failed += 1
            self._note(f"no thread gathers metadata: {error}")

    def finish(self) -> None:
        """Wait until all is recorded, but not for long; what is missing then stays away."""
        if self.ident is None:
            return
        # The handler of a signal may end the run in the middle of a record. The thread may be
        # waiting for just that record.
        seconds = 0.0 if self._log.is_held_here else self._settings.metadata_timeout
        self.join(seconds)
        if self.is_alive():
            self.failed += 1
            self._note(f"metadata is not complete {seconds:g} s after the end of the run")
        self.stop()

    def write_what_is_known(self) -> list[dict[str, Plain]]:
        """Write the file of what was found out, where the end came first.

        Returns:
            What is to be recorded of it.

        Raises:
            OSError: It cannot be written.
        """
        return [] if self._gathering is None else self._gathering.write_what_is_known()

    def stop(self) -> None:
        """Record nothing more; does not wait."""
        self._ended.set()
        if self._gathering is not None:
            self._gathering.stop()

    def run(self) -> None:
        """Gather one thing after the other, the quickest first."""
        leave_signals_to_the_program()
        if self._ended.wait(HEAD_START_S):
            return
        for step in self._attempt(self._load) or ():
            if self._ended.is_set():
                return
            self._attempt(step)

    def _attempt(self, step: Callable[[], T]) -> T | None:
        try:
            return step()
        except Exception as error:  # noqa: BLE001 - the training must not learn of it
            self.failed += 1
            what = step.__name__.rpartition("_")[2]
            self._note(f"metadata, {what}: {type(error).__name__}: {error}")
            return None

    def _load(self) -> list[Callable[[], None]]:
        """Return what is to be done."""
        with loading():
            # In this thread, for it takes longer than all of `init`; the end of the run needs the
            # second one.
            from airtape import final_files  # noqa: PLC0415, F401 - see above
            from airtape.gathering import Gathering  # noqa: PLC0415 - see above
        self._gathering = Gathering(
            self._log,
            self.files,
            self._settings,
            self._program,
            said=self._said,
            ended=self._ended,
        )
        return self._gathering.steps(with_files=self.writes_files)
