"""A run directory in somebody's hands who cleans it, and what becomes of it when they are killed.

Beside ``run-…`` stands ``.cleaned-run-…`` then, made with all that it says or not at all:

    claim.json    who cleans, and which directories of the run belong together
    run/          the run directory, once it was moved here
    stub/         what is to be left in its place
    checked       from here on the run goes; before, it would come back

One of a run's directories leads: it alone has ``checked`` and ``stub``, what stands beside it is
made first and removed last. Whoever comes next finishes what the dead have begun, or undoes it, and
touches nothing of the living.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from airtape.errors import TargetError
from airtape.process import ProcessIdentity, process_runs, this_process
from airtape.silence import file_clock_ns

PREFIX: Final = ".cleaned-"
_NEW: Final = ".cleaned-new-"
_SAYS: Final = "claim.json"
_CHECKED: Final = "checked"
_GIVEN_UP_S: Final = 86_400
"""After how many seconds somebody on another machine is taken to be dead."""
_MAKING_S: Final = 60


@dataclass(frozen=True, slots=True)
class Claim:
    """A run directory in somebody's hands.

    Attributes:
        place: Where the run directory stands, or stood.
    """

    place: Path

    @property
    def folder(self) -> Path:
        """What stands beside it."""
        return self.place.with_name(PREFIX + self.place.name)

    @property
    def run(self) -> Path:
        """The run directory, once it was moved."""
        return self.folder / "run"

    @property
    def stub(self) -> Path:
        """What is to be left of it."""
        return self.folder / "stub"

    def take(self, leader: Path, members: Sequence[Path]) -> bool:
        """Take the directory into one's hands; tell whether nobody else has it.

        Args:
            leader: The first of the run's directories.
            members: All of them.

        Raises:
            OSError: Nothing can be made here.
        """
        said = {
            "owner": this_process(),
            "began_s": time.time(),
            "leader": os.path.relpath(leader, self.place.parent),
            "members": [os.path.relpath(member, self.place.parent) for member in members],
        }
        new = self.place.with_name(_NEW + os.urandom(8).hex())
        new.mkdir()
        try:
            _write(new / _SAYS, json.dumps(said))
            # A folder takes the place of none but an empty one.
            new.rename(self.folder)
        except OSError:
            shutil.rmtree(new, ignore_errors=True)
            if self.folder.is_dir():
                return False
            raise
        return True

    @property
    def is_checked(self) -> bool:
        """Whether the run goes."""
        return (self.folder / _CHECKED).exists()

    def check(self) -> None:
        """Say that the run goes, whoever comes next.

        Raises:
            OSError: It cannot be written.
        """
        _write(self.folder / _CHECKED, "")

    def put_back(self) -> bool:
        """Put the run directory back and let go of it; tell whether nothing stands in its place.

        Raises:
            OSError: It cannot be put back.
        """
        if self.run.exists():
            if os.path.lexists(self.place):
                return False
            self.run.rename(self.place)
        _drop(self.folder)
        return True

    def finish(self, members: Collection[Claim]) -> bool:
        """Put what is left of a run into its place, and remove the rest; tell whether it is gone.

        Args:
            members: The run's other directories.

        Raises:
            OSError: It cannot be put there.
        """
        if self.stub.exists() and not os.path.lexists(self.place):
            self.stub.rename(self.place)
        for one in members:
            shutil.rmtree(one.run, ignore_errors=True)
            if not one.run.exists():
                _drop(one.folder)
        shutil.rmtree(self.run, ignore_errors=True)
        if self.run.exists() or any(one.folder.exists() for one in members):
            return False
        _drop(self.folder)
        return not self.folder.exists()


def settle(folder: Path) -> Iterator[str]:
    """Finish or undo what the dead have begun in a folder; yield what stays, in sentences.

    Args:
        folder: A folder of run directories.

    Raises:
        TargetError: Something cannot be moved.
    """
    for path in sorted(folder.glob(f"{PREFIX}*")):
        said = _read(path)
        try:
            if said is None:
                yield from _settle_unknown(path)
            elif not _is_alive(path, said):
                yield from _settle_one(Claim(_place_of(path)), said)
        except OSError as error:
            raise TargetError(
                "a run that was being cleaned can neither be put back nor removed",
                where=str(error.filename or path),
                because=error.strerror,
            ) from error


def going(folder: Path) -> Iterator[Path]:
    """Yield what is left of runs that the dead have decided to remove."""
    for path in sorted(folder.glob(f"{PREFIX}*")):
        said = _read(path)
        if said is not None and not _is_alive(path, said) and (path / _CHECKED).exists():
            yield path


def _settle_unknown(path: Path) -> Iterator[str]:
    with suppress(OSError):
        if path.name.startswith(_NEW) and abs(time.time() - path.stat().st_mtime) > _MAKING_S:
            shutil.rmtree(path)
        path.rmdir()
    if os.path.lexists(path) and not path.name.startswith(_NEW):
        yield f"{path} stays: nobody knows who cleaned this run; move it back, or remove it"


def _settle_one(claim: Claim, said: dict[str, Any]) -> Iterator[str]:
    if claim.folder.name.startswith(_NEW):
        shutil.rmtree(claim.folder, ignore_errors=True)
        return
    beside = claim.place.parent
    members = [Claim(beside / name) for name in said["members"] if name != said["leader"]]
    if said["leader"] != claim.place.name:
        if Claim(beside / said["leader"]).folder.exists():
            return
        members = []
    if claim.is_checked:
        claim.finish(members)
        return
    for one in (*members, claim):
        if not one.put_back():
            yield f"{one.run} stays: something else stands at {one.place}"


def _place_of(folder: Path) -> Path:
    return folder.with_name(folder.name.removeprefix(PREFIX))


def _is_alive(path: Path, said: dict[str, Any]) -> bool:
    """Tell whether somebody may still be at work."""
    owner, me = ProcessIdentity(*said["owner"]), this_process()
    if owner.host == me.host and owner.boot_id and owner.boot_id == me.boot_id:
        return process_runs(owner.pid, owner.start_ticks)
    ages: list[float] = [abs(time.time() - said["began_s"])]
    # Either clock may be wrong by days; that of the file system is one for both.
    there_ns = file_clock_ns(path.parent)
    with suppress(OSError):
        if there_ns is not None:
            ages.append((there_ns - (path / _SAYS).stat().st_mtime_ns) / 1e9)
    return min(ages) < _GIVEN_UP_S


def _read(path: Path) -> dict[str, Any] | None:
    """Return what somebody has said of themselves, None if it cannot be understood."""
    with suppress(OSError, ValueError, LookupError, TypeError):
        said: dict[str, Any] = json.loads((path / _SAYS).read_text(encoding="utf-8"))
        ProcessIdentity(*said["owner"])
        if isinstance(said["leader"], str) and all(isinstance(one, str) for one in said["members"]):
            return {**said, "began_s": float(said["began_s"])}
    return None


def _drop(folder: Path) -> None:
    """Remove what stands beside a run directory; what says whose it is goes last."""
    with suppress(OSError):
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != _SAYS:
                path.unlink()
        if [path.name for path in folder.iterdir()] == [_SAYS]:
            (folder / _SAYS).unlink()
        folder.rmdir()


def _write(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
