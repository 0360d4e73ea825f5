"""Files below runs that nobody names: large values of no record, and what was left half written."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from airtape.cleaning.claim import going
from airtape.errors import TargetError
from airtape.records import Record
from airtape.rundir import RunDir
from airtape.silence import state_by_all_clocks
from airtape.states import Vantage
from airtape.txlog.reader import Damage
from airtape.writers import WriterFiles, read_writers

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_RAW: Final = re.compile(rb"(?=([0-9a-f]{64}))")
_CHUNK: Final = 1 << 20
_DIGEST_SIZE: Final = 64
_HALF_WRITTEN: Final = re.compile(
    r"\.[0-9a-f]{16}\.part|\.[0-9a-f]{64}\.[0-9a-f]{8}|\..+\.scrub-[0-9a-f]{8}", re.DOTALL
)
_DELETED: Final = ".deleted-run-*"


class Garbage(NamedTuple):
    """Something that nobody names.

    Attributes:
        path: A file, or a directory that was put aside.
        size: Its bytes.
    """

    path: Path
    size: int


class Sweep:
    """Looks for what nobody names in some run directories.

    Args:
        vantage: When and where one looks from.

    Attributes:
        notes: Which directories were passed over, and why, in sentences.
    """

    def __init__(self, vantage: Vantage) -> None:
        self.notes: list[str] = []
        self._vantage = vantage

    def in_runs(self, run_dirs: Iterable[Path]) -> Iterator[Garbage]:
        """Yield what nobody names in run directories, and what was put aside beside them."""
        folders: dict[Path, None] = {}
        for run_dir in run_dirs:
            folders[run_dir.parent] = None
            try:
                yield from self._in_run(run_dir)
            except OSError as error:
                self.notes.append(f"{run_dir} is passed over: {error.strerror}")
        for folder in folders:
            for aside in (*sorted(folder.glob(_DELETED)), *going(folder)):
                yield Garbage(aside, _size_of(aside))

    def _in_run(self, run_dir: Path) -> Iterator[Garbage]:
        files = list(_files_below(run_dir))
        suspects = [path for path in files if _HALF_WRITTEN.fullmatch(path.name)]
        blobs = RunDir(run_dir, "").blobs
        unnamed = [path for path in files if path.parent == blobs and _DIGEST.fullmatch(path.name)]
        if not suspects and not unnamed:
            return
        problems: list[str] = []
        writers = read_writers(run_dir, problems)
        problems += self._going_on(writers)
        named: set[str] = set()
        for writer in writers:
            for _, item in writer.records():
                if isinstance(item, Damage):
                    problems.append("a record is lost that may name one")
                    break
                named.update(_digests(item))
        if problems:
            self.notes.append(f"{run_dir} is passed over: {problems[0]}")
            return
        _add_named_in_files([path for path in files if path.parent != blobs], blobs, named)
        for path in (*suspects, *(path for path in unnamed if path.name not in named)):
            yield Garbage(path, path.lstat().st_size)

    def _going_on(self, writers: Iterable[WriterFiles]) -> Iterator[str]:
        for writer in writers:
            state = state_by_all_clocks(writer, writer.fold(), self._vantage)
            if state.name == "running" and writer.header.role != "amend":
                yield f"it is {state}"


def remove_garbage(found: Garbage) -> None:
    """Remove something that nobody names; gone already is as good.

    Raises:
        TargetError: It cannot be removed.
    """
    try:
        if found.path.is_dir() and not found.path.is_symlink():
            shutil.rmtree(found.path)
        else:
            found.path.unlink(missing_ok=True)
    except OSError as error:
        raise TargetError(
            "a file cannot be removed", where=str(found.path), because=error.strerror
        ) from error


def _add_named_in_files(files: Iterable[Path], blobs: Path, named: set[str]) -> None:
    """Add what files name, and large values that are named themselves: lists of further ones."""
    waiting = [*files, *(blobs / digest for digest in named)]
    while waiting:
        path = waiting.pop()
        if not path.is_file() or path.is_symlink():
            continue
        found = {digest.decode() for part in _overlapping(path) for digest in _RAW.findall(part)}
        waiting += (blobs / digest for digest in found - named)
        named |= found


def _files_below(run_dir: Path) -> Iterator[Path]:
    for top in ("files", "blobs"):
        for parent, _, names in os.walk(run_dir / top):
            yield from (Path(parent, name) for name in sorted(names))


def _digests(record: Record) -> Iterator[str]:
    """Yield every text of a record that may be a digest, whatever it stands for."""
    waiting: list[Any] = list(record.fields)
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield from _DIGEST.findall(value)
        elif isinstance(value, dict):
            waiting += value.values()
            waiting += value.keys()
        elif isinstance(value, list):
            waiting += value


def _size_of(top: Path) -> int:
    return sum(path.lstat().st_size for path in top.rglob("*") if not path.is_dir())


def _overlapping(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file, each piece with the end of the one before."""
    before = b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield before + chunk
            before = chunk[-_DIGEST_SIZE:]
