"""Removing a run's logs and files: there is the run, or what is left of it, or both beside.

How it goes on when somebody is killed meanwhile, see `airtape.cleaning.claim`.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, TypeAlias

from airtape.cleaned import Cleaned, encode_cleaned, stub_path
from airtape.cleaning.claim import PREFIX, Claim, settle
from airtape.cleaning.holding import held_in
from airtape.cleaning.plan import Candidate, is_gone, looks_of, receipt_by, run_of
from airtape.cleaning.proof import Proof
from airtape.errors import TargetError
from airtape.fold.merge import Part
from airtape.query.joined import JoinedRun
from airtape.receipts.kept import write_whole
from airtape.run_search import Found, find_run_dirs
from airtape.rundir import wandb_dir

_KEPT: Final = ("config.yaml", "wandb-summary.json")

Outcome: TypeAlias = Literal["removed", "removed in part", "written to", "held", "gone"]
"""What became of a run. ``removed in part``: what is left takes its place, and some of its files
cannot be removed; in the last three cases it stays, or somebody else has removed it."""


def find_settled(paths: Sequence[str | Path]) -> tuple[Found, list[str]]:
    """Find run directories once all is finished, or undone, that the dead had begun beside them.

    Returns:
        What was found, and sentences on what stays as it is.

    Raises:
        TargetError: Something cannot be moved.
    """
    found = find_run_dirs(paths)
    notes: list[str] = []
    folders = [folder for folder in _folders(found, paths) if any(folder.glob(f"{PREFIX}*"))]
    for folder in folders:
        notes += settle(folder)
    return (find_run_dirs(paths) if folders else found), notes


def _folders(found: Found, paths: Sequence[str | Path]) -> list[Path]:
    """Return the folders that runs stand in, or would if they stood in their places."""
    folders = {run_dir.parent for run_dir in (*found.run_dirs, *found.cleaned)}
    for path in map(Path, paths):
        folders.update((path, path.parent, wandb_dir(path)))
    # Not `Path.is_dir`, which raises where a folder above may not be entered.
    return sorted(filter(os.path.isdir, folders))


def clean(candidate: Candidate, proofs: Sequence[Proof], *, now_ns: int, stub: bool) -> Outcome:
    """Remove a run that may be cleaned, unless somebody writes to it, or sends it, meanwhile.

    Args:
        candidate: The run.
        proofs: The targets that have it; each is asked once more.
        now_ns: The wall clock in nanoseconds since 1970.
        stub: Whether something is to be left of it.

    Raises:
        TargetError: It cannot be removed, or nothing be left of it, or a target does not answer;
            the run is there.
    """
    newest = candidate.directories[-1]
    try:
        run = run_of(candidate)
        if run is None:
            return _changed(candidate)
        with held_in(proofs, run.writers) as holder:
            if holder is not None:
                return "held"
            if [receipt_by(proof, run) for proof in proofs] != candidate.receipts:
                return _changed(candidate)
            outcome = _remove(candidate, run, now_ns if stub else None)
            return _changed(candidate) if outcome == "written to" else outcome
    except OSError as error:
        raise TargetError(
            "the run cannot be cleaned",
            where=os.fspath(error.filename or newest),
            because=error.strerror or str(error),
        ) from error


def _changed(candidate: Candidate) -> Outcome:
    return "gone" if is_gone(candidate) else "written to"


def _remove(candidate: Candidate, run: JoinedRun, now_ns: int | None) -> Outcome:
    *older, newest = candidate.directories
    leader, members = Claim(newest), [Claim(run_dir) for run_dir in older]
    taken: list[Claim] = []
    try:
        for claim in (leader, *members):
            if not claim.take(newest, candidate.directories):
                return "held"
            taken.append(claim)
        if now_ns is not None:
            _leave(leader.stub, candidate, run, now_ns)
        # The newest one last: it says what the run is until then.
        for claim in (*members, leader):
            claim.place.rename(claim.run)
        if looks_of(claim.run for claim in (*members, leader)) != candidate.looks:
            return "written to"
        leader.check()
    finally:
        if not leader.is_checked:
            _put_back(reversed(taken))
    return "removed" if leader.finish(members) else "removed in part"


def _put_back(claims: Iterable[Claim]) -> None:
    """Put back what can be; what cannot waits for whoever comes next."""
    for claim in claims:
        with suppress(OSError):
            claim.put_back()


def _leave(left: Path, candidate: Candidate, run: JoinedRun, now_ns: int) -> None:
    """Make what is left of a run."""
    newest = candidate.directories[-1]
    run_id = candidate.incarnation.run_id
    cleaned = Cleaned(
        run_id,
        candidate.overview.state,
        [Part(one.header, one.fold()) for one in run.writers],
        now_ns,
        candidate.receipts,
        candidate.size,
    )
    left.mkdir()
    for name in _KEPT:
        if (newest / "files" / name).is_file():
            (left / "files").mkdir(exist_ok=True)
            shutil.copy2(newest / "files" / name, left / "files" / name, follow_symlinks=False)
    write_whole(stub_path(left, run_id), encode_cleaned(cleaned))
    shutil.copystat(newest, left)
    # A folder that cannot be written cannot be moved to another one.
    left.chmod(left.stat().st_mode | stat.S_IRWXU)
