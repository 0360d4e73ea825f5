"""Which runs may be cleaned: those that have ended, are old enough, and that all targets have."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

from airtape.cleaning.proof import Proof, WriterHere, digests_of, gone_from, read_here
from airtape.overview import Overview
from airtape.query.joined import Incarnation, JoinedRun, read_runs
from airtape.rundir import CLEANED_SUFFIX, log_files, stub_in
from airtape.silence import file_clock_ns, going_on
from airtape.states import Vantage
from airtape.writers import read_writers

_S = 1_000_000_000
GONE: Final = "somebody else has cleaned it"
_OWN = {"files", "blobs", "logs", "stop"}
"""What stands in a run directory beside logs; see `airtape.rundir.RunDir`."""
_NAME = re.compile(r"run-\d{8}_\d{6}-(?P<run_id>.+?)(?:-\d+)?", re.DOTALL)

Verdict: TypeAlias = Literal["clean", "kept", "refused"]
"""``kept`` is not asked to be cleaned yet; ``refused`` would be the loss of something."""


Looks: TypeAlias = str
"""What the directories of a run look like, as a digest: nobody may have written to them since."""


@dataclass(slots=True)
class Candidate:
    """A run that may be cleaned.

    Attributes:
        incarnation: Which run it is.
        directories: Its directories, the newest one last.
        overview: What it is, without what its writers said.
        verdict: In one word.
        reasons: Why it stays, in sentences.
        size: Bytes of its directories.
        files: Number of files in them.
        looks: What its directories looked like before they were read.
        receipts: What each target has of it, as JSON has it.
    """

    incarnation: Incarnation
    directories: Sequence[Path]
    overview: Overview
    verdict: Verdict = "clean"
    reasons: list[str] = field(default_factory=list)
    size: int = 0
    files: int = 0
    looks: Looks = ""
    receipts: list[dict[str, object]] = field(default_factory=list)

    def stay(self, verdict: Verdict, *reasons: str) -> None:
        """Say why the run stays."""
        self.verdict = verdict
        self.reasons += reasons


class Rules(NamedTuple):
    """Which runs are asked to be cleaned.

    Attributes:
        older_than_s: Seconds for which their logs must have been at rest.
        keep: How many of the newest stay in any case.
    """

    older_than_s: float = 0
    keep: int = 0


def plan_cleaning(
    run_dirs: Iterable[Path], proofs: Sequence[Proof], rules: Rules, vantage: Vantage
) -> list[Candidate]:
    """Return what may become of each run, the newest first.

    Args:
        run_dirs: The run directories.
        proofs: The targets, each of which must have a run before it may be cleaned; at least one.
        rules: Which runs are asked to be cleaned.
        vantage: When and where one looks from.

    Raises:
        TargetError: A target does not answer.
    """
    candidates = [one for group in _by_id(run_dirs) for one in _candidates_in(group, vantage)]
    candidates.sort(key=lambda one: one.overview.began_ns or 0, reverse=True)
    for place, candidate in enumerate(candidates):
        if place < rules.keep:
            candidate.stay("kept", f"it is one of the {rules.keep} newest")
        else:
            _judge(candidate, proofs, rules, vantage)
    return candidates


def _by_id(run_dirs: Iterable[Path]) -> Iterable[list[Path]]:
    """Return directories in groups, of which each holds whole runs, as far as their names tell.

    What the logs of all of them say does not fit into memory.
    """
    groups: dict[str, list[Path]] = {}
    for run_dir in run_dirs:
        name = _NAME.fullmatch(run_dir.name)
        groups.setdefault("" if name is None else name["run_id"], []).append(run_dir)
    return groups.values()


def _candidates_in(run_dirs: Iterable[Path], vantage: Vantage) -> Iterator[Candidate]:
    for run in read_runs(run_dirs)[0]:
        overview = run.overview(vantage)
        overview.writers, overview.traces = [], {}
        yield Candidate(run.incarnation, run.directories, overview)


def receipt_by(proof: Proof, run: JoinedRun) -> dict[str, object]:
    """Return what a target has of a run, as JSON has it."""
    return {"target": proof.target, **proof.receipt(run.writers).to_json()}


def run_of(candidate: Candidate) -> JoinedRun | None:
    """Return the run as its logs say it now, None if they do not any more."""
    runs, _ = read_runs(candidate.directories)
    return next((run for run in runs if run.incarnation == candidate.incarnation), None)


def is_gone(candidate: Candidate) -> bool:
    """Tell whether somebody else has removed something of a run since it was found.

    Raises:
        OSError: It cannot be looked at.
    """
    return any(not path.exists() or stub_in(path) for path in candidate.directories)


def _judge(candidate: Candidate, proofs: Sequence[Proof], rules: Rules, vantage: Vantage) -> None:
    try:
        candidate.looks = looks_of(candidate.directories)
        logs = (log for directory in candidate.directories for log in log_files(directory))
        changed_ns = max((log.lstat().st_mtime_ns for log in logs), default=0)
        if _now_ns(candidate, vantage) - changed_ns < rules.older_than_s * _S:
            candidate.stay("kept", "it is not old enough")
            return
        run = run_of(candidate)
        if run is not None:
            _look_at(candidate, run, proofs, vantage)
        elif is_gone(candidate):
            candidate.stay("kept", GONE)
        else:
            candidate.stay("refused", "its logs cannot be read any more")
    except OSError as error:
        if is_gone(candidate):
            candidate.stay("kept", GONE)
        else:
            candidate.stay("refused", f"{error.filename}: {error.strerror}")


def _now_ns(candidate: Candidate, vantage: Vantage) -> int:
    """Return the time by whichever clock makes its logs the youngest."""
    clocks = (file_clock_ns(directory.parent) for directory in candidate.directories)
    return min([vantage.now_ns, *filter(None, clocks)])


def _look_at(
    candidate: Candidate, run: JoinedRun, proofs: Sequence[Proof], vantage: Vantage
) -> None:
    state = going_on(run.writers, vantage)
    if state is not None:
        candidate.stay("kept", f"it is {state}")
        return
    links = [directory for directory in run.directories if directory.is_symlink()]
    if links:
        candidate.stay("refused", f"{links[0]} is a link: name the directory that it leads to")
        return
    candidate.size, candidate.files = _size_of(run.directories)
    writers = [read_here(writer, writer.fold().gaps) for writer in run.writers]
    candidate.reasons += [*_damage_of(run, writers), *_foreign_in(run.directories)]
    files = digests_of(run.directories)
    gone = gone_from(writers, files)
    for proof in proofs:
        candidate.reasons += proof.lacks(writers, files, gone)
        candidate.receipts.append(receipt_by(proof, run))
    if candidate.reasons:
        candidate.verdict = "refused"


def _damage_of(run: JoinedRun, writers: Iterable[WriterHere]) -> Iterable[str]:
    """Yield what is wrong with the run: what damaged bytes hold may still be saved from them."""
    yield from run.problems
    for here in writers:
        yield from here.lost
    ids = {
        writer.header.run_id
        for directory in run.directories
        for writer in read_writers(directory, [])
    }
    if len(ids) > 1:
        yield f"its directory holds another run, too: {', '.join(sorted(ids))}"


def _foreign_in(run_dirs: Iterable[Path]) -> Iterable[str]:
    """Yield what stands in run directories and is no part of a run: no target has it."""
    for run_dir in run_dirs:
        logs = {log.name for log in log_files(run_dir)}
        for name in sorted(os.listdir(run_dir)):  # noqa: PTH208 - names are all that counts
            if name not in logs | _OWN and not name.endswith(CLEANED_SUFFIX):
                yield f"{run_dir / name} is none of the run's files, so no target has it"


def looks_of(run_dirs: Iterable[Path]) -> Looks:
    """Return what some run directories look like: each file with its size and time.

    Raises:
        OSError: They cannot be looked at.
    """
    found = sha256()
    for number, run_dir in enumerate(run_dirs):
        for parent, folders, names in os.walk(run_dir, onerror=_refuse):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(parent, name)  # noqa: PTH118 - a run may have many files
                status = os.lstat(path)
                where = os.path.relpath(path, run_dir)
                said = (number, where, status.st_mode, status.st_size, status.st_mtime_ns)
                found.update(repr(said).encode("utf-8", "surrogateescape"))
    return found.hexdigest()


def _refuse(error: OSError) -> None:
    raise error


def _size_of(run_dirs: Iterable[Path]) -> tuple[int, int]:
    size = count = 0
    for run_dir in run_dirs:
        for parent, _, names in os.walk(run_dir):
            for name in names:
                size += os.lstat(os.path.join(parent, name)).st_size  # noqa: PTH118 - a run may have many files
                count += 1
    return size, count
