"""Which runs may be cleaned: those that have ended, are old enough, and that all targets have."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from airtape.cleaning.proof import Proof, WriterHere, digests_of, read_here
from airtape.overview import Overview
from airtape.query.joined import JoinedRun, read_runs
from airtape.rundir import log_files
from airtape.states import Vantage, state_of
from airtape.writers import read_writers

_S = 1_000_000_000

Verdict: TypeAlias = Literal["clean", "kept", "refused"]
"""``kept`` is not asked to be cleaned yet; ``refused`` would be the loss of something."""


class Looks(NamedTuple):
    """What the logs of a run looked like: nobody may have written to them since."""

    logs: tuple[tuple[str, int, int], ...]


@dataclass(slots=True)
class Candidate:
    """A run that may be cleaned.

    Attributes:
        run: The run.
        overview: What it is.
        verdict: In one word.
        reasons: Why it stays, in sentences.
        size: Bytes of its directories.
        files: Number of files in them.
        looks: What its logs looked like before they were read.
        receipts: What each target has of it, as JSON has it.
    """

    run: JoinedRun
    overview: Overview
    verdict: Verdict = "clean"
    reasons: list[str] = field(default_factory=list)
    size: int = 0
    files: int = 0
    looks: Looks = Looks(())  # noqa: RUF009 - a tuple, which nobody changes
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
    runs, _ = read_runs(run_dirs)
    candidates = [Candidate(run, run.overview(vantage)) for run in runs]
    candidates.sort(key=lambda one: one.overview.began_ns or 0, reverse=True)
    for place, candidate in enumerate(candidates):
        if place < rules.keep:
            candidate.stay("kept", f"it is one of the {rules.keep} newest")
        else:
            _judge(candidate, proofs, rules, vantage)
    return candidates


def _judge(candidate: Candidate, proofs: Sequence[Proof], rules: Rules, vantage: Vantage) -> None:
    try:
        _look_at(candidate, proofs, rules, vantage)
    except OSError as error:
        candidate.stay("refused", f"{error.filename}: {error.strerror}")


def _look_at(candidate: Candidate, proofs: Sequence[Proof], rules: Rules, vantage: Vantage) -> None:
    run = candidate.run
    candidate.looks = looks_of(run.directories)
    changed_ns = max(mtime_ns for _, _, mtime_ns in candidate.looks.logs)
    if vantage.now_ns - changed_ns < rules.older_than_s * _S:
        candidate.stay("kept", "it is not old enough")
        return
    going_on = _not_proved_to_have_ended(run, vantage)
    if going_on is not None:
        candidate.stay("kept", going_on)
        return
    links = [directory for directory in run.directories if directory.is_symlink()]
    if links:
        candidate.stay("refused", f"{links[0]} is a link: name the directory that it leads to")
        return
    candidate.size, candidate.files = _size_of(run.directories)
    writers = [read_here(writer, writer.fold().gaps) for writer in run.writers]
    candidate.reasons += _damage_of(candidate, writers)
    files = digests_of(run.directories)
    for proof in proofs:
        candidate.reasons += proof.lacks(writers, files)
        receipt = proof.receipt(writers).to_json()
        candidate.receipts.append({"target": proof.target, **receipt})
    if candidate.reasons:
        candidate.verdict = "refused"


def _not_proved_to_have_ended(run: JoinedRun, vantage: Vantage) -> str | None:
    """Return what speaks against it that all writers of a run have ended, None if nothing does."""
    read = {parent for writer in run.writers for parent, _ in writer.header.parents}
    for writer in run.writers:
        fold = writer.fold()
        continued = writer.header.writer in read
        # An amendment is written at once, and has no end.
        if writer.header.role == "amend":
            continue
        state = state_of(writer.header, fold.exit, fold.heard_ns, vantage, continued=continued)
        if state.name in {"running", "unknown"}:
            return f"it is {state}"
    return None


def _damage_of(candidate: Candidate, writers: Iterable[WriterHere]) -> Iterable[str]:
    """Yield what is wrong with the run: what damaged bytes hold may still be saved from them."""
    yield from candidate.run.problems
    for here in writers:
        yield from here.lost
    ids = {
        writer.header.run_id
        for directory in candidate.run.directories
        for writer in read_writers(directory, [])
    }
    if len(ids) > 1:
        yield f"its directory holds another run, too: {', '.join(sorted(ids))}"


def looks_of(run_dirs: Iterable[Path]) -> Looks:
    """Return what the logs of some run directories look like.

    Raises:
        OSError: They cannot be looked at.
    """
    found = []
    for run_dir in run_dirs:
        for path in log_files(run_dir):
            status = path.lstat()
            found.append((path.name, status.st_size, status.st_mtime_ns))
    return Looks(tuple(found))


def _size_of(run_dirs: Iterable[Path]) -> tuple[int, int]:
    size = count = 0
    for run_dir in run_dirs:
        for parent, _, names in os.walk(run_dir):
            for name in names:
                size += os.lstat(os.path.join(parent, name)).st_size  # noqa: PTH118 - many
                count += 1
    return size, count
