"""Finding the run directories that a user named: by path, by folder, by pattern, by a log."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from airtape.rundir import (
    LOG_SUFFIX,
    RUN_DIR_NAME,
    has_usual_log,
    is_log,
    is_stub,
    log_files,
    stub_in,
)

NO_LOG: Final = "no transaction log"
OF_WANDB: Final = "a run that W&B itself has recorded"

WANDB_SUFFIX: Final = ".wandb"
"""How the files end in which W&B records."""

MAKING_S: Final = 60.0
"""For so many seconds after its last change a directory without a log may still get one."""


class Problem(NamedTuple):
    """A path that is there but cannot be taken for a run directory, and why."""

    path: Path
    reason: str

    @property
    def may_pass(self) -> bool:
        """Whether it is a directory that a run may be making at this moment."""
        if self.reason != NO_LOG:
            return False
        try:
            changed = self.path.stat().st_mtime
            if any(path.name.endswith(LOG_SUFFIX) for path in self.path.iterdir()):
                # Its log has come meanwhile, or something else stands where it should be.
                return bool(log_files(self.path))
        except OSError:
            return False
        return abs(time.time() - changed) < MAKING_S


class Found(NamedTuple):
    """What `find_run_dirs` found.

    Attributes:
        run_dirs: Run directories, sorted, each once.
        problems: What is there but is no run directory.
        not_found: Paths that do not exist and patterns that match nothing, as they were given.
        cleaned: Run directories whose logs were removed because targets hold all of them, sorted.
    """

    run_dirs: list[Path]
    problems: list[Problem]
    not_found: list[str]
    cleaned: tuple[Path, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether every place that was found could be looked into; what may pass is none."""
        return all(problem.may_pass for problem in self.problems)


def find_run_dirs(paths: Iterable[str | Path]) -> Found:
    """Find the run directories that `paths` name.

    A path may be a run directory, a `wandb` directory, the directory that holds one, a log (its
    directory is meant), or a pattern that no shell has expanded. A run directory that is reached
    twice, by a link for instance, is found once. Runs that W&B itself has recorded may lie in a
    folder and are passed over. Nothing but directories is opened, so pipes, sockets and devices do
    no harm.
    """
    search = _Search()
    for path in paths:
        search.look_at(os.fspath(path))
    run_dirs, cleaned = (
        sorted(found.values(), key=str) for found in (search.found, search.cleaned)
    )
    return Found(run_dirs, search.problems, search.not_found, tuple(cleaned))


class _Search:
    def __init__(self) -> None:
        self.found: dict[str, Path] = {}  # by real path
        self.cleaned: dict[str, Path] = {}  # by real path
        self.linked: set[str] = set()  # real paths that only a link has led to
        self.parents: dict[str, str] = {}  # real paths of folders
        self.problems: list[Problem] = []
        self.not_found: list[str] = []

    def look_at(self, path: str, *, matched: bool = False, deeper: bool = True) -> None:
        """Take what `path` names.

        Args:
            path: As the user gave it.
            matched: It came out of a pattern, so it may be something foreign.
            deeper: A directory may be the one that holds a `wandb` directory.
        """
        # Thousands are usual: two calls to the system tell that the usual log is there.
        if has_usual_log(Path(path)):
            self._take(Path(path), link=Path(path).is_symlink())
            return
        try:
            mode = os.stat(path).st_mode  # noqa: PTH116 -- Path("") would be the working directory
        except (FileNotFoundError, NotADirectoryError, ValueError):
            self._look_for(path)
            return
        except OSError as error:
            self._object(path, error)
            return
        if stat.S_ISDIR(mode):
            try:
                self._look_into(path, matched=matched, deeper=deeper)
            except OSError as error:
                self._object(path, error)
        elif stat.S_ISREG(mode) and path.endswith(LOG_SUFFIX):
            self._take(Path(path).parent)
        elif not matched:
            self.problems.append(Problem(Path(path), "neither a run directory nor a log"))

    def _look_for(self, path: str) -> None:
        """Take what matches `path`, which does not exist under that very name."""
        import glob  # noqa: PLC0415 - who records looks for no pattern

        # Path.glob() refuses absolute patterns. No `**`: it would follow links in circles.
        matches = sorted(glob.glob(path)) if "\0" not in path else []  # noqa: PTH207 - a pattern may be absolute
        if matches == [path]:
            self.problems.append(Problem(Path(path), "a link that leads nowhere"))
        elif matches:
            for match in matches:
                self.look_at(match, matched=True)
        else:
            self.not_found.append(path)

    def _look_into(self, path: str, *, matched: bool, deeper: bool) -> None:
        """Take the directory `path` when it holds a log, else the run directories in it."""
        with os.scandir(path) as entries:
            inside = sorted(entries, key=lambda entry: (entry.name[:4] != "run-", entry.name))
        if any(is_log(entry) for entry in inside):
            self._take(Path(path))
            return
        if any(is_stub(entry) for entry in inside):
            self._take_cleaned(path)
            return
        if RUN_DIR_NAME.fullmatch(os.path.realpath(path).rpartition("/")[2]):
            is_foreign = any(entry.name.endswith(WANDB_SUFFIX) for entry in inside)
            if not (is_foreign and matched):
                self.problems.append(Problem(Path(path), OF_WANDB if is_foreign else NO_LOG))
            return
        for entry in inside:
            if entry.name.startswith("run-"):
                self._look_at_entry(entry)
            elif deeper and entry.name in {"wandb", ".wandb"}:
                self.look_at(entry.path, matched=True, deeper=False)

    def _look_at_entry(self, entry: os.DirEntry[str]) -> None:
        path = Path(entry.path)
        try:
            if not entry.is_dir():
                return
            if has_usual_log(path) or log_files(path):
                self._take(path, link=entry.is_symlink())
            elif stub_in(path) is not None:
                self._take_cleaned(entry.path)
            elif RUN_DIR_NAME.fullmatch(entry.name) and not _is_of_wandb(path):
                self.problems.append(Problem(path, NO_LOG))
        except OSError as error:
            self._object(entry.path, error)

    def _take(self, path: Path, *, link: bool = True) -> None:
        """Take the run directory `path`, whose last part may be a `link`."""
        if link:
            real = os.path.realpath(path)
        else:
            parent = str(path.parent)
            if parent not in self.parents:
                self.parents[parent] = os.path.realpath(parent)
            real = f"{self.parents[parent]}/{path.name}"
        own = Path(real)
        # Shown under its own name, not under that of a link such as `latest-run`.
        if path.name != own.name:
            if real not in self.found:
                self.found[real] = own
                self.linked.add(real)
        elif real not in self.found or real in self.linked:
            self.found[real] = path
            self.linked.discard(real)

    def _take_cleaned(self, path: str) -> None:
        own = Path(os.path.realpath(path))
        self.cleaned[str(own)] = Path(path) if Path(path).name == own.name else own

    def _object(self, path: str, error: OSError) -> None:
        self.problems.append(Problem(Path(path), error.strerror or type(error).__name__))


def _is_of_wandb(run_dir: Path) -> bool:
    with os.scandir(run_dir) as entries:
        return any(entry.name.endswith(WANDB_SUFFIX) for entry in entries)
