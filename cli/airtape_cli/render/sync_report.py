"""What a sync did, in sentences."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from airtape.sync.file_contents import LONGEST_TOLD, MOST_TOLD
from airtape.sync.report import ExitCode, RunReport, SyncReport
from airtape.targets import without_password
from airtape.value_text import shortened
from airtape_cli.render.text import shown, size_text

_VERBS = {
    "synced": "Synced",
    "nothing_new": "Nothing new",
    "pending": "Not reached",
    "damaged": "Damaged",
    "failed": "Failed",
    "held": "Held by another sync",
    "deleted": "Left out",
    "cleaned": "Cleaned",
}


def run_lines(
    run: RunReport, target: str | None = None, *, verbose: bool, dry_run: bool
) -> Iterator[str]:
    """Yield what is said of one run: nothing when nothing happened, unless ``verbose``.

    Args:
        run: What was done for it.
        target: The target's name, where there are several.
        verbose: Say more.
        dry_run: Whether nothing was to be sent.
    """
    lacks = run.lacks_content or run.lacks_accepted
    notable = bool(run.notes or run.known or run.clashes or lacks)
    if not verbose and (run.status == "cleaned" or (run.status == "nothing_new" and not notable)):
        return
    name = f" ({shown(run.name)})" if run.name else ""
    verb = _VERBS[run.status]
    if run.status == "pending" and not run.is_over_limit and (dry_run or run.records):
        verb = "Would sync" if dry_run else "Not finished"
    to = "" if target is None else f", to {shown(target)}"
    yield f"{verb}: {shown(str(run.path))}{name}{_amount(run, verbose=verbose)}{to}"
    for problem in run.problems:
        yield f"  {shown(str(problem).replace(chr(10), '; '))}"
    for loss in run.damage:
        yield f"  new damage: {shown(str(loss))}"
    for loss in run.known:
        yield f"  known damage: {shown(str(loss))}"
    lacking = (*run.files.told(), *run.large.told()) if run.lacks_content or verbose else ()
    for note in [*run.notes, *lacking]:
        yield f"  {shown(note)}"
    if run.lacks_content:
        yield f"  {shown(_way_out(run))}"
    if run.accepted:
        yield f"  {shown(_accepted_text(run.accepted))}"
    for path in run.clashes:
        yield f"  a different run has the same id: {shown(str(path))}"


def closing_lines(report: SyncReport, target: str, *, dry_run: bool) -> Iterator[str]:
    """Yield what is said at the end of a sync.

    Args:
        report: What it did.
        target: The target's URL.
        dry_run: Whether it only found out what there is to do.
    """
    counts = dict.fromkeys(_VERBS, 0)
    for run in report.runs:
        counts[run.status] += 1
    sent = sum(run.records for run in report.runs)
    lacking = [_lacking(report, "files", "file(s)"), _lacking(report, "large", "large value(s)")]
    for note in report.notes:
        yield shown(note)
    if report.halted is not None:
        why = "Time ran out" if report.halted == "deadline" else "Stopped"
        yield f"{why}: the next sync goes on from here."
    if not report.runs:
        return
    if dry_run:
        over = sum(run.is_over_limit for run in report.runs)
        what = f"Would sync {_runs(counts['pending'] - over)} to {shown(target)}"
        yield _sentence(what, counts, f"{over} not reached" if over else "")
    elif counts["nothing_new"] + counts["cleaned"] == len(report.runs) and not any(lacking):
        given_up = f", but for {_accepted(report)}" if _accepted(report) else ""
        cleaned = f"; {counts['cleaned']} cleaned" if counts["cleaned"] else ""
        held = f"{shown(target)} has everything of {_runs(counts['nothing_new'])}"
        yield f"Nothing new: {held}{given_up}{cleaned}."
    else:
        arrived = counts["synced"] + counts["damaged"]
        what = f"Synced {_runs(arrived)}, {_records(sent)}, to {shown(target)}"
        not_reached = f"{counts['pending']} not reached" if counts["pending"] else ""
        yield _sentence(what, counts, not_reached, *lacking, _accepted(report))


def all_closing_lines(
    reports: Mapping[str, SyncReport], nothing: str, *, dry_run: bool, only_news: bool = False
) -> Iterator[str]:
    """Yield what is said at the end of a sync to one target or several.

    Args:
        reports: What was done, by the target's URL.
        nothing: What to say when there was nothing to look at.
        dry_run: Whether it only found out what there is to do.
        only_news: Say nothing of a target that had everything already.
    """
    for url, report in reports.items():
        if not only_news or report.halted or any(map(_is_news, report.runs)):
            yield from closing_lines(report, without_password(url), dry_run=dry_run)
    is_well = all(report.exit_code is ExitCode.OK for report in reports.values())
    if is_well and not any(report.runs for report in reports.values()):
        yield nothing


def _way_out(run: RunReport) -> str:
    """Return what to do about content that is missing."""
    paths = [
        f"{counts.folder}/{path}" for counts in (run.files, run.large) for path in counts.missing
    ]
    first, *others = sorted(paths, key=len)
    more = "; more names, or patterns such as 'files/*', with the option again" if others else ""
    command = shlex.join(["tracker", "edit", str(run.path), "--accept-lost", first])
    return f"mend that, or say that it is gone for good: {command}{more}"


def _accepted_text(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - MOST_TOLD} more" if len(paths) > MOST_TOLD else ""
    told = ", ".join(shortened(path, LONGEST_TOLD) for path in paths[:MOST_TOLD])
    return f"accepted as lost: {told}{more}"


def _is_news(run: RunReport) -> bool:
    lacks = run.lacks_content or run.lacks_accepted
    return run.status not in {"nothing_new", "cleaned"} or lacks


def sync_shape(
    reports: Mapping[str, SyncReport], code: ExitCode, *, dry_run: bool
) -> dict[str, Any]:
    """Return what is said of a sync as JSON has it: the report, or one for each of several targets.

    Args:
        reports: What was done, by the target's URL.
        code: The exit code.
        dry_run: Whether it only found out what there is to do.
    """
    shapes = [
        {"target": without_password(url), "dry_run": dry_run, **report.to_json()}
        for url, report in reports.items()
    ]
    if len(shapes) == 1:
        return shapes[0]
    return {"exit_code": int(code), "dry_run": dry_run, "targets": shapes}


def _sentence(what: str, counts: dict[str, int], *more: str) -> str:
    rest = [
        f"{counts[status]} {words}"
        for status, words in (
            ("damaged", "damaged"),
            ("failed", "failed"),
            ("held", "held by another sync"),
            ("deleted", "deleted"),
            ("cleaned", "cleaned"),
            ("nothing_new", "had nothing new"),
        )
        if counts[status]
    ]
    rest += filter(None, more)
    return f"{what}; {', '.join(rest)}." if rest else f"{what}."


def _lacking(report: SyncReport, kind: Literal["files", "large"], what: str) -> str:
    runs = [run for run in report.runs if run.lacks_content]
    missing = sum(len((run.files if kind == "files" else run.large).missing) for run in runs)
    return f"the content of {missing} {what} is missing" if missing else ""


def _accepted(report: SyncReport) -> str:
    count = sum(len(run.accepted) for run in report.runs)
    return f"{count} content(s) accepted as lost" if count else ""


def _amount(run: RunReport, *, verbose: bool) -> str:
    if run.status == "pending":
        left = f", {size_text(run.size)}"
        return f", {_records(run.records)} sent{left} left" if run.records else left
    if run.status == "nothing_new":
        return ""
    sent = f", {_records(run.records)}" if run.records else ""
    return f"{sent}, {run.held} held, {size_text(run.size)} read" if verbose else sent


def _records(count: int) -> str:
    return "1 record" if count == 1 else f"{count} records"


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
