"""What is recorded of a run without being asked: machine, repository, packages, the program.

A thread gathers it beside the training. Whatever goes wrong there is counted and noted in
``debug.log``, and the rest goes on. A forked child does not gather again.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from airtape.code_files import FOLDER, MAX_FILE
from airtape.conda_environment import conda_environment
from airtape.git_state import Git, GitState
from airtape.machine import cluster, hardware
from airtape.process import leave_signals_to_the_program
from airtape.records import Kind, Plain
from airtape.redaction import Redaction, without_login
from airtape.requirements import requirements
from airtape.run_files import FileType, RunFiles
from airtape.runlog import RunLog
from airtape.settings import Settings
from airtape.wandb_metadata import wandb_metadata

MAX_PATCH: Final = 4 << 20
"""Bytes of ``diff.patch`` at most."""

CONDA_FILE: Final = "conda-environment.yaml"
METADATA_FILE: Final = "wandb-metadata.json"


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
        self._cwd = cwd
        self._note = note
        self._environ = dict(os.environ)
        self._arguments = sys.argv[1:]
        self._program = program_file()
        self._git = Git(cwd, self._environ)
        self._said: dict[str, Any] = dict(said)
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
    def program_path(self) -> str | None:
        """The path of the program from the working directory; its name if it is elsewhere."""
        return None if self._program is None else _below(self._program, self._cwd.resolve())

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

    def stop(self) -> None:
        """Record nothing more; does not wait."""
        self._ended.set()
        self._git.end()

    def run(self) -> None:
        """Gather one thing after the other, the quickest first."""
        leave_signals_to_the_program()
        steps: list[Callable[[], None]] = [self._gather_machine]
        if self.writes_files:
            steps += [self._gather_packages, self._gather_program, self._gather_git]
            steps.append(self._write_file)
        for step in steps:
            if self._ended.is_set():
                return
            try:
                step()
            except Exception as error:  # noqa: BLE001 - the training must not learn of it
                self.failed += 1
                what = step.__name__.rpartition("_")[2]
                self._note(f"metadata, {what}: {type(error).__name__}: {error}")

    def _say(self, said: Mapping[str, Any]) -> None:
        if said and not self._ended.is_set():
            told = self.redaction.data(dict(said), "metadata")
            self._said |= told
            self._log.record(Kind.METADATA, told)

    def _gather_machine(self) -> None:
        said: dict[str, Any] = {"hardware": hardware(self._cwd)}
        if not self._is_anonymous:
            if self._arguments:
                said["args"] = list(self._arguments)
            said["root"] = str(self._cwd)
            said |= cluster(self._environ)
        self._say(said)

    def _gather_packages(self) -> None:
        lines = requirements(sys.path)
        if lines:
            self._put("requirements.txt", "".join(f"{line}\n" for line in lines))
        environment = conda_environment(Path(sys.prefix), sys.path, self._environ)
        if environment is not None:
            self._put(CONDA_FILE, environment)

    def _gather_program(self) -> None:
        wanted = self._settings.save_code and not self._settings.disable_code
        if not wanted or self._program is None or self._program.stat().st_size > MAX_FILE:
            return
        text = self._program.read_bytes().decode("utf-8", "surrogateescape")
        path = self.program_path
        self._put(f"{FOLDER}/{path}", text, "code")
        self._say({"code_path": path})

    def _gather_git(self) -> None:
        settings = self._settings
        state = None if settings.disable_git else self._git.state()
        said = self._told_of(state)
        if state is None or state.commit is None:
            self._say({"git": said} if said else {})
            return
        # At once, for comparing the files may take long.
        self._say({"git": said})
        if settings.disable_code:
            said["dirty"] = self._git.is_dirty(state.root)
        else:
            patch, is_whole = self._git.diff(state.root, MAX_PATCH)
            said["dirty"] = bool(patch)
            if not is_whole:
                said["diff_cut"] = True
            if patch:
                self._put("diff.patch", patch.decode("utf-8", "surrogateescape"))
        self._say({"git": said})

    def _told_of(self, state: GitState | None) -> dict[str, Any]:
        settings = self._settings
        told: dict[str, Any] = {"commit": settings.git_commit or (state and state.commit)}
        remote = settings.git_remote_url or (state and state.remote)
        if not self._is_anonymous:
            told["remote"] = without_login(remote) if remote else None
            told["branch"] = state and state.branch
        return {name: value for name, value in told.items() if value}

    def _write_file(self) -> None:
        told = wandb_metadata(self._said, self._log.fold.began_ns)
        self._put(METADATA_FILE, json.dumps(told, indent=2) + "\n")

    def _put(self, path: str, text: str, kind: FileType = "run") -> None:
        data = self.redaction.lines(text, path).encode("utf-8", "surrogateescape")
        if not self._ended.is_set():
            self.files.put(path, data, kind)

    @property
    def _is_anonymous(self) -> bool:
        return self._settings.anonymous == "must"


def program_file() -> Path | None:
    """Return the file of the program or the notebook that runs; None when there is none."""
    main = sys.modules.get("__main__")
    for name in ("__vsc_ipynb_file__", "__file__"):
        place = getattr(main, name, None)
        if isinstance(place, str) and Path(place).is_file():
            return Path(place).resolve()
    return None


def _below(path: Path, folder: Path) -> str:
    """Return a path from a folder that it is in, else its name."""
    return path.relative_to(folder).as_posix() if folder in path.parents else path.name
