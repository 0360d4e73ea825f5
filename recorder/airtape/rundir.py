"""Run directories: what stands where in one, and finding those that a user named.

    wandb/
      latest-run -> run-20261120_101112-ab12cd34
      run-20261120_101112-ab12cd34/
        run-ab12cd34.txlog                  one writer; each further writer adds a segment
        files/  blobs/  logs/

Nothing in a run directory points out of it, so that it can be moved, copied and mounted read-only.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

LOG_SUFFIX: Final = ".txlog"
CLEANED_SUFFIX: Final = ".cleaned"
"""Of the file that stands for the logs of a run which was cleaned; see `airtape.cleaned`."""
NO_LOG: Final = "no transaction log"

MAKING_S: Final = 60.0
"""For so many seconds after its last change a directory without a log may still get one."""

_RUN_DIR_NAME: Final = re.compile(r"run-\d{8}_\d{6}-(?P<run_id>.+)", re.DOTALL)
_MAX_FILE_NAME: Final = 255


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


class RunDir(NamedTuple):
    """The places of one run directory. Knows names only; the files need not exist."""

    root: Path
    run_id: str

    @property
    def log_path(self) -> Path:
        """The log of the run's first writer."""
        return self.root / f"run-{self.run_id}{LOG_SUFFIX}"

    @property
    def files(self) -> Path:
        """Files that belong to the run, under the names that the user gave them."""
        return self.root / "files"

    @property
    def blobs(self) -> Path:
        """Large values by their digest."""
        return self.root / "blobs"

    @property
    def logs(self) -> Path:
        """What the recorder has to say about itself."""
        return self.root / "logs"

    @property
    def stop_request(self) -> Path:
        """The file that asks the running process to end; what it holds does not matter."""
        return self.root / "stop"

    def segment_path(self, host: str, pid: int, number: int) -> Path:
        """The log of a further writer, `number` counting the segments of that process."""
        return self.root / segment_name(self.run_id, host, pid, number)


def wandb_dir(base: Path) -> Path:
    """Return the folder that holds the run directories below `base`.

    It is `base/wandb`, or `base/.wandb` where that exists already.
    """
    hidden = base / ".wandb"
    # Not `Path.is_dir`, which raises where a folder above may not be entered.
    return hidden if os.path.isdir(hidden) else base / "wandb"  # noqa: PTH112 - a text, and quicker


def segment_name(run_id: str, host: str, pid: int, number: int) -> str:
    """Return the file name of a further writer's log; two running processes never share one."""
    tail = f"-{pid}-{number}{LOG_SUFFIX}"
    head = f"run-{run_id}."
    room = _MAX_FILE_NAME - len(head.encode()) - len(tail)
    return head + re.sub(r"[^A-Za-z0-9_.-]", "_", host)[:room] + tail


def log_files(run_dir: Path) -> list[Path]:
    """Return the logs in `run_dir`: the first writer's, then the segments in order of their names.

    Only regular files count; links are not followed.

    Raises:
        OSError: The directory cannot be read.
    """
    with os.scandir(run_dir) as entries:
        names = [entry.name for entry in entries if _is_log(entry)]
    # A segment's name is the first writer's with more in it, so the shortest is the first's.
    first = min(names, key=lambda name: (len(name), name), default="")
    names.sort(key=lambda name: (name != first, _by_numbers(name)))
    return [run_dir / name for name in names]


def find_run_dirs(paths: Iterable[str | Path]) -> Found:
    """Find the run directories that `paths` name.

    A path may be a run directory, a `wandb` directory, the directory that holds one, a log (its
    directory is meant), or a pattern that no shell has expanded. A run directory that is reached
    twice, by a link for instance, is found once. Nothing but directories is opened, so pipes,
    sockets and devices do no harm.
    """
    search = _Search()
    for path in paths:
        search.look_at(os.fspath(path))
    run_dirs, cleaned = (
        sorted(found.values(), key=str) for found in (search.found, search.cleaned)
    )
    return Found(run_dirs, search.problems, search.not_found, tuple(cleaned))


def stub_in(run_dir: Path) -> Path | None:
    """Return the file that stands for the logs of a run which was cleaned, None if none does.

    Raises:
        OSError: The directory cannot be read.
    """
    with os.scandir(run_dir) as entries:
        names = sorted(entry.name for entry in entries if _is_stub(entry))
    return run_dir / names[0] if names else None


def count_runs(base: Path, *, limit: int = 10_000, seconds: float = 0.05) -> int:
    """Count the run directories below `base`, giving up after `limit` entries or `seconds`.

    For default names, where a wrong number is better than a wait; 0 when nothing can be read.
    """
    deadline = time.monotonic() + seconds
    runs = 0
    with suppress(OSError), os.scandir(wandb_dir(base)) as entries:
        for seen, entry in enumerate(entries, start=1):
            runs += entry.name.startswith("run-")
            if seen >= limit or time.monotonic() >= deadline:
                break
    return runs


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
                self._look_into(path, deeper=deeper)
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

    def _look_into(self, path: str, *, deeper: bool) -> None:
        """Take the directory `path` when it holds a log, else the run directories in it."""
        with os.scandir(path) as entries:
            inside = sorted(entries, key=lambda entry: (entry.name[:4] != "run-", entry.name))
        if any(_is_log(entry) for entry in inside):
            self._take(Path(path))
            return
        if any(_is_stub(entry) for entry in inside):
            self._take_cleaned(path)
            return
        if _RUN_DIR_NAME.fullmatch(os.path.realpath(path).rpartition("/")[2]):
            self.problems.append(Problem(Path(path), NO_LOG))
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
            elif _RUN_DIR_NAME.fullmatch(entry.name):
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


def _is_log(entry: os.DirEntry[str]) -> bool:
    return entry.name.endswith(LOG_SUFFIX) and entry.is_file(follow_symlinks=False)


def _is_stub(entry: os.DirEntry[str]) -> bool:
    return entry.name.endswith(CLEANED_SUFFIX) and entry.is_file(follow_symlinks=False)


def has_usual_log(run_dir: Path) -> bool:
    """Tell, by one call to the system, whether the log that the name promises is there."""
    match = _RUN_DIR_NAME.fullmatch(run_dir.name)
    if match is None:
        return False
    try:
        return stat.S_ISREG((run_dir / f"run-{match['run_id']}{LOG_SUFFIX}").lstat().st_mode)
    except (OSError, ValueError):
        return False


def _by_numbers(name: str) -> list[str | int]:
    """Return a sort key under which `-10` comes after `-2`."""
    parts: list[str | int] = list(re.split(r"(\d+)", name))
    parts[1::2] = [int(part) for part in parts[1::2]]
    return parts
