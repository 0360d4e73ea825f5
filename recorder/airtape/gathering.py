"""What is gathered of a run's machine, packages and code, one thing after the other.

`airtape.metadata` loads this in its thread, for what it takes is much more than `init` may load.
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
from airtape.collectors.nvml import gpu_facts, load_nvml
from airtape.conda_environment import conda_environment
from airtape.git_state import Git, GitFailed, GitState
from airtape.machine import cluster, hardware
from airtape.program import Program
from airtape.records import Kind, Plain
from airtape.redaction import without_login
from airtape.requirements import requirements
from airtape.run_files import FileType, RunFiles
from airtape.runlog import RunLog
from airtape.settings import Settings
from airtape.values import text_in_utf8
from airtape.wandb_metadata import wandb_metadata

MAX_PATCH: Final = 4 << 20
"""Bytes of ``diff.patch`` at most."""

CONDA_FILE: Final = "conda-environment.yaml"
METADATA_FILE: Final = "wandb-metadata.json"


class Gathering:
    """Gathers what is to be known of a run, and records it.

    Args:
        log: The run's log.
        files: Its files.
        settings: What it is told.
        program: What records it.
        said: What is recorded already.
        ended: Set when nothing more is to be recorded.
    """

    def __init__(  # noqa: PLR0913 - a run's parts meet here
        self,
        log: RunLog,
        files: RunFiles,
        settings: Settings,
        program: Program,
        *,
        said: Mapping[str, Plain],
        ended: threading.Event,
    ) -> None:
        self._log = log
        self._files = files
        self._settings = settings
        self._program = program
        self._git = Git(program.cwd, program.environ)
        self._said: dict[str, Any] = dict(said)
        self._hardware: dict[str, Plain] = {}
        self._ended = ended

    def steps(self, *, with_files: bool) -> list[Callable[[], None]]:
        """Return what is to be done, the quickest first; the name of each tells what it gathers.

        Args:
            with_files: Whether this is the writer that tells of the code.
        """
        steps: list[Callable[[], None]] = [self._gather_machine]
        if with_files:
            steps += [self._gather_packages, self._gather_program, self._gather_git]
        # A driver may take its time.
        steps.append(self._gather_gpus)
        if with_files:
            steps.append(self._write_file)
        return steps

    def stop(self) -> None:
        """End what is being waited for; does not wait itself."""
        self._git.end()

    def _say(self, said: Mapping[str, Any]) -> None:
        if said and not self._ended.is_set():
            told = text_in_utf8(self._log.redaction.data(dict(said), "metadata"))
            self._said |= told
            self._log.record(Kind.METADATA, told)

    def _gather_machine(self) -> None:
        self._hardware = hardware(self._program.cwd)
        said: dict[str, Any] = {"hardware": self._hardware}
        if not self._is_anonymous:
            if self._program.arguments:
                said["args"] = list(self._program.arguments)
            said["root"] = str(self._program.cwd)
            said |= cluster(self._program.environ)
        self._say(said)

    def _gather_gpus(self) -> None:
        nvml = load_nvml()
        facts = {} if nvml is None else gpu_facts(nvml)
        if facts:
            self._hardware |= facts
            self._say({"hardware": self._hardware})

    def _gather_packages(self) -> None:
        lines = requirements(sys.path)
        if lines:
            self._put("requirements.txt", "".join(f"{line}\n" for line in lines))
        environment = conda_environment(Path(sys.prefix), sys.path, self._program.environ)
        if environment is not None:
            self._put(CONDA_FILE, environment)

    def _gather_program(self) -> None:
        file = self._program.file
        wanted = self._settings.save_code and not self._settings.disable_code
        if not wanted or file is None or file.stat().st_size > MAX_FILE:
            return
        text = file.read_bytes().decode("utf-8", "surrogateescape")
        path = self._program.path
        self._put(f"{FOLDER}/{path}", text, "code")
        self._say({"code_path": path})

    def _gather_git(self) -> None:
        settings = self._settings
        try:
            state = None if settings.disable_git else self._git.state()
        except GitFailed:
            given = self._told_of(None)
            self._say({"git": given} if given else {})
            raise
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

    def write_what_is_known(self) -> list[dict[str, Plain]]:
        """Write the file of what was found out by now, if it is not there yet.

        Returns:
            What is to be recorded of it.

        Raises:
            OSError: It cannot be written.
        """
        if os.path.lexists(self._files.folder / METADATA_FILE):
            return []
        return [self._files.write(METADATA_FILE, self._data(METADATA_FILE, self._told()), "run")]

    def _write_file(self) -> None:
        self._put(METADATA_FILE, self._told())

    def _told(self) -> str:
        told = wandb_metadata(self._said, self._log.fold.began_ns)
        return json.dumps(told, indent=2) + "\n"

    def _put(self, path: str, text: str, kind: FileType = "run") -> None:
        data = self._data(path, text)
        if not self._ended.is_set():
            self._files.put(path, data, kind)

    def _data(self, path: str, text: str) -> bytes:
        return self._log.redaction.lines(text, path).encode("utf-8", "surrogateescape")

    @property
    def _is_anonymous(self) -> bool:
        return self._settings.anonymous == "must"
