"""Applying a bundle to a folder of run directories: each run as a whole, or not at all.

What a run gets is written aside first, in ``.bundles/part-…``. When all of it is on the disk, it is
renamed to ``.bundles/ready-…``: from then on the run has it, for whoever comes next moves it to
where it belongs, should this process end before. Readers meet logs that are whole at any time.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final

from airtape.bundles.limits import Limits
from airtape.bundles.manifest import Manifest, Piece
from airtape.bundles.plan import Listings, RunPlan, bytes_of, plan_run, same_name
from airtape.bundles.reading import Bundle
from airtape.errors import Error, TargetError
from airtape.new_rundir import make_top
from airtape.receipts.kept import write_whole
from airtape.rundir import LOG_SUFFIX
from airtape.sync.log_file import header_of
from airtape.whole_file import sync_folder

OWN: Final = ".bundles"
_PART: Final = "part-"
_READY: Final = "ready-"
_APPLIED: Final = "applied"
_REMEMBERED: Final = 64
"""How many of the last bundles are remembered."""
_READ_ONLY: Final = 0o444


@dataclass(slots=True)
class Applied:
    """What became of a bundle.

    Attributes:
        manifest: The bundle.
        runs: What it changed, run by run; with a problem, where it could not be taken.
    """

    manifest: Manifest
    runs: list[RunPlan] = field(default_factory=list)

    @property
    def problems(self) -> list[Error]:
        """Why runs could not be taken."""
        return [run.problem for run in self.runs if run.problem is not None]


def apply_bundle(path: Path, folder: Path, limits: Limits | None = None) -> Applied:
    """Bring what a bundle holds to a folder of run directories.

    Applying one again changes nothing, and those that come late bring nothing old back.

    Args:
        path: The bundle.
        folder: The folder; made if it is missing.
        limits: How large the bundle may be; the usual if none are given.

    Raises:
        UsageError: The bundle cannot be read.
        LogFormatError: It is refused; nothing was written.
        TargetError: The folder cannot be written.
    """
    with closing(Bundle(path, limits)) as bundle:
        try:
            return _apply(bundle, folder)
        except OSError as error:
            raise TargetError(
                "the bundle cannot be applied",
                where=str(error.filename or folder),
                because=error.strerror,
                hint="Make room or get access, then apply it again.",
            ) from error


def applied_bundles(folder: Path) -> list[str]:
    """Return the bundles that were applied to a folder last, the last one at the end."""
    try:
        return (folder / OWN / _APPLIED).read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return []


def _apply(bundle: Bundle, folder: Path) -> Applied:
    manifest = bundle.manifest
    make_top(folder)
    own = folder / OWN
    own.mkdir(exist_ok=True)
    done = Applied(manifest)
    with _alone(own):
        _settle(folder)
        before = applied_bundles(folder)
        plans = {}
        for run in manifest.runs:
            plans[run.directory] = plan_run(run, manifest, folder, before)
            done.runs.append(plans[run.directory])
        _take(bundle, folder, plans)
        if not done.problems and manifest.bundle_id not in before:
            last = [*before, manifest.bundle_id][-_REMEMBERED:]
            write_whole(own / _APPLIED, "\n".join(last).encode())
    return done


@contextmanager
def _alone(own: Path) -> Iterator[None]:
    """Wait until nobody else applies a bundle to the folder."""
    with (own / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _settle(folder: Path) -> None:
    """Finish what somebody began who was killed: a run that was ready gets what it was to get."""
    for left in sorted((folder / OWN).glob(f"{_READY}*")):
        _publish(left, folder)
    for left in (folder / OWN).glob(f"{_PART}*"):
        shutil.rmtree(left)


def _take(bundle: Bundle, folder: Path, plans: Mapping[str, RunPlan]) -> None:
    current: RunPlan | None = None
    stage = folder / OWN / f"{_PART}{bundle.manifest.bundle_id}"
    for run, piece, chunks in bundle.pieces():
        plan = plans[run.directory]
        if plan is not current:
            _finish(current, stage, folder)
            current = plan
        if plan.problem is None and plan.actions[piece.path] != "keep":
            plan.problem = _write_piece(stage, folder, plan, piece, chunks)
    _finish(current, stage, folder)


def _finish(plan: RunPlan | None, stage: Path, folder: Path) -> None:
    """Let a run have what was written for it; if something was wrong, nothing of it."""
    if not stage.exists():
        return
    if plan is not None and plan.problem is None:
        plan.problem = _other_name(folder / plan.run.directory)
    if plan is None or plan.problem is not None:
        shutil.rmtree(stage)
        return
    _sync_folders(stage)
    ready = stage.with_name(stage.name.replace(_PART, _READY, 1))
    stage.rename(ready)
    sync_folder(ready.parent)
    _publish(ready, folder)


def _other_name(run_dir: Path) -> Error | None:
    """Return that another run of the bundle has taken the directory of a run, if one has."""
    try:
        if os.path.lexists(run_dir):
            Listings().check(run_dir)
    except Error as error:
        return error
    return None


def _write_piece(
    stage: Path, folder: Path, plan: RunPlan, piece: Piece, chunks: Iterator[bytes]
) -> Error | None:
    """Write a file aside as it will be; return why it cannot be that."""
    there = folder / plan.run.directory / piece.path
    path = stage / plan.run.directory / piece.path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(exist_ok=False)
    except FileExistsError:
        # No name comes twice in a bundle.
        return same_name(there)
    overlap = plan.overlaps.get(piece.path, 0)
    known = bytes_of(there, piece.start, overlap)
    with path.open("wb") as file:
        file.writelines(bytes_of(there, 0, piece.start))
        is_same = _write_over(file, chunks, known)
        file.flush()
        os.fsync(file.fileno())
    if not is_same and (piece.start or not _heals(path, there)):
        return Error(
            "another log stands there under this name",
            where=str(there),
            because="its last bytes are not those of the bundle",
            hint="If it was damaged, move it away and apply a bundle that was made without "
            "--since.",
        )
    os.utime(path, ns=(piece.mtime_ns, piece.mtime_ns))
    if piece.path.startswith("blobs/"):
        path.chmod(_READ_ONLY)
    return None


def _write_over(file: BinaryIO, chunks: Iterable[bytes], known: Iterable[bytes]) -> bool:
    """Write bytes, and tell whether they begin with those that are known."""
    expected, found = sha256(), sha256()
    left = 0
    for part in known:
        left += len(part)
        expected.update(part)
    for part in chunks:
        file.write(part)
        found.update(part[:left])
        left -= min(left, len(part))
    return not left and found.digest() == expected.digest()


def _heals(fresh: Path, there: Path) -> bool:
    """Tell whether a log is another copy of one, so that it may take its place."""
    try:
        mine, other = header_of(fresh), header_of(there)
    except Error:
        return False
    return mine is not None and mine == other


def _publish(ready: Path, folder: Path) -> None:
    """Move what is ready to where it belongs, logs last; also what is left of it."""
    for run_dir in ready.iterdir():
        there = folder / run_dir.name
        if not there.exists():
            run_dir.rename(there)
            continue
        files = [path for path in run_dir.rglob("*") if path.is_file()]
        for path in sorted(files, key=lambda path: (path.suffix == LOG_SUFFIX, path)):
            place = there / path.relative_to(run_dir)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.replace(place)
        _sync_folders(there)
    sync_folder(folder)
    shutil.rmtree(ready)


def _sync_folders(top: Path) -> None:
    for parent, _, _ in os.walk(top):
        sync_folder(Path(parent))
