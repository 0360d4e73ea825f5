"""S8: ten thousand run directories, a hundred of them damaged."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from airtape.backends.base import DirectoryHint
from airtape.backends.registry import open_backend
from tests.faults.table import SayRow
from tests.logs import ended, frames_of, header, log_row
from tests.processes import TRACKER
from tests.sync_faults.exactness import EXACT, NONE, difference
from tests.sync_faults.many import COUNT, make
from tests.sync_faults.syncs import Syncs, tracker
from tests.sync_faults.targets import Targets

pytestmark = [pytest.mark.sync_faults, pytest.mark.timeout(600)]

NOTHING_NEW_S, CALLS_EACH, MIB, SHOWN_S = 5.0, 3, 200, 1.0
ASKED = 20
"""How often a pass may ask for the current directory; Python itself does so when it starts."""
LONGEST_S = 300.0
"""Seconds after which the first sync is taken to hang."""
SETTLED_S = 2.1
"""Seconds after which a directory that has not changed is known by its time."""
MEASURED = """
import os, resource, sys
pid = os.fork()
if not pid:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.execv(sys.argv[1], sys.argv[1:])
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10)
sys.exit(code)
"""
"""Runs a command, and prints how many MiB of memory it had at most."""


def test_thousands_of_directories(
    targets: Targets,
    syncs: Syncs,
    wandb: Path,
    row: SayRow,
    tmp_path: Path,
    rounds: Callable[[int], int],
) -> None:
    """All but the damaged are whole in the target; then looking for news is cheap."""
    # A server takes some milliseconds for each, so that all of them come with more rounds only.
    count = COUNT if targets.kind == "sqlite" else min(COUNT, rounds(COUNT // 10))
    whole, damaged, still_open = make(wandb, count)
    url = targets.new()
    began = time.monotonic()
    first = syncs.report(wandb, url, within_s=LONGEST_S)
    first_s = time.monotonic() - began
    said = {run["path"] for run in first["runs"] if run["status"] == "damaged"}
    found = difference(url, [*whole, *damaged, *still_open])
    row(
        "S8",
        f"{targets.kind}: first sync of {count:,} directories, {len(damaged)} damaged",
        tries=count,
        result=f"exit {first['exit_code']}, {len(said)} damaged ones reported, "
        f"{first_s:.0f} s; {found}",
        passes=f"exit 3, all damaged ones reported; {EXACT}",
    )
    assert first["exit_code"] == 3
    assert said == {str(log.parent) for log in damaged}
    assert found == NONE
    _look_for_news(targets, syncs, wandb, url, row, tmp_path)
    _append_unseen(targets, syncs, wandb, url, row, still_open)


def _look_for_news(
    targets: Targets, syncs: Syncs, wandb: Path, url: str, row: SayRow, tmp_path: Path
) -> None:
    settled = time.time() - wandb.stat().st_mtime
    if settled < SETTLED_S:
        time.sleep(SETTLED_S - settled)
    assert syncs.run(tracker(wandb, url)) == 0  # now every directory is known by its time
    seconds, mib = min(_nothing_new(wandb, url) for _ in range(3))
    row(
        "S8",
        f"{targets.kind}: a pass over {len(list(wandb.iterdir())):,} directories with nothing new",
        tries=3,
        result=f"{seconds:.1f} s, {mib} MiB",
        passes=f"exit 0 within {NOTHING_NEW_S:.0f} s, <= {MIB} MiB",
    )
    assert seconds <= NOTHING_NEW_S
    assert mib <= MIB
    _answers_at_once(wandb, row, f"{targets.kind}: tracker status of them", "status", "--to", url)
    calls, asked = _calls_by_directory(wandb, url, tmp_path / "calls")
    most, usual = max(calls.values()), Counter(calls.values()).most_common(1)[0]
    row(
        "S8",
        f"{targets.kind}: system calls for a directory with nothing new (strace)",
        tries=len(calls),
        result=f"{usual[0]} for {usual[1]:,} of {len(calls):,} directories, {most} at most; "
        f"{asked} for where one is",
        passes=f"<= {CALLS_EACH} for each finished, undamaged directory; <= {ASKED} for where one "
        "is, all in all",
    )
    assert most <= CALLS_EACH
    assert asked <= ASKED


def _nothing_new(wandb: Path, url: str) -> tuple[float, int]:
    """Return how long a pass with nothing new takes, and how many MiB."""
    began = time.monotonic()
    command = [str(TRACKER.parent / "python"), "-c", MEASURED, *tracker(wandb, url)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return time.monotonic() - began, int(done.stdout)


def _calls_by_directory(wandb: Path, url: str, trace: Path) -> tuple[dict[str, int], int]:
    """Return how often a pass asks the system for something in each finished directory.

    The folder is named from where one is; how often that is asked for is returned, too.
    """
    strace = shutil.which("strace")
    assert strace, "counting system calls needs strace"
    subprocess.run(
        [strace, "-f", "-qq", "-o", str(trace), *tracker(Path(wandb.name), url)],
        cwd=wandb.parent,
        check=True,
        capture_output=True,
        timeout=120,
    )
    known = _known_directories(url)
    said = trace.read_text(encoding="utf-8", errors="replace")
    names = re.compile(r"[\"/]" + re.escape(f"{wandb.name}/") + r"(run-[^/\"]+)")
    calls = Counter(names.findall(said))
    each = {name: count for name, count in calls.items() if name in known}
    return each, len(re.findall(r"\bgetcwd\(", said))


def _known_directories(url: str) -> set[str]:
    """Return the names of the directories of which the target knows that nothing will follow."""
    backend = open_backend(url)
    hints = backend.hints()
    backend.close()
    return {
        Path(path).name
        for path, hint in hints.items()
        if all(file.done for file in hint.files.values())
    }


def _append_unseen(
    targets: Targets, syncs: Syncs, wandb: Path, url: str, row: SayRow, still_open: list[Path]
) -> None:
    """Append to open runs so that neither time nor remembered size shows it, and sync."""
    for log in still_open:
        looks, at = log.stat(), log.parent.stat()
        number = int(log.stem.partition("-")[2], 16)
        more = frames_of(
            *(log_row(step, loss=step) for step in range(5, 8)),
            ended(),
            of=header(log.stem.partition("-")[2], writer=number.to_bytes(16, "big"), first_seq=7),
        )[1:]
        with log.open("ab") as file:
            file.write(b"".join(more))
        os.utime(log, ns=(looks.st_atime_ns, looks.st_mtime_ns))
        os.utime(log.parent, ns=(at.st_atime_ns, at.st_mtime_ns))
    backend = open_backend(url)
    backend.keep_hints(_with_present_sizes(backend.hints(), still_open))
    backend.close()
    report = syncs.report(wandb, url)
    arrived = sum(run["records"] == 4 for run in report["runs"])
    found = difference(url, wandb.glob("*/*.txlog"))
    row(
        "S8",
        f"{targets.kind}: bytes appended to open runs, size and time as the target remembers them",
        tries=len(still_open),
        result=f"{arrived} arrived; {found}",
        passes=f"{len(still_open)} arrived; {EXACT}",
    )
    assert (report["exit_code"], arrived, found) == (0, len(still_open), NONE)


def _with_present_sizes(
    hints: Mapping[str, DirectoryHint], logs: list[Path]
) -> dict[str, DirectoryHint]:
    """Return what the target would remember if it had seen these logs as they are now."""
    by_name: Callable[[str], Path | None] = {log.parent.name: log for log in logs}.get
    changed = {}
    for path, hint in hints.items():
        log = by_name(Path(path).name)
        if log is not None:
            seen = hint.files[log.name]._replace(size=log.stat().st_size)
            changed[path] = replace(hint, files={**hint.files, log.name: seen})
    assert len(changed) == len(logs)
    return changed


def test_listing_ten_thousand_runs(wandb: Path, row: SayRow) -> None:
    """When it has been done before, ``tracker ls`` answers at once."""
    make(wandb)
    _answers_at_once(wandb, row, f"tracker ls of {COUNT:,} runs", "ls")


def _answers_at_once(wandb: Path, row: SayRow, what: str, *command: str) -> None:
    """Check how many seconds a command takes to show what there is, after the first time."""
    took = []
    for _ in range(4):
        began = time.monotonic()
        subprocess.run(
            [str(TRACKER), *command], cwd=wandb.parent, check=True, capture_output=True, timeout=120
        )
        took.append(time.monotonic() - began)
    least = min(took[1:])
    row(
        "S8",
        f"{what}, once it has been done before",
        tries=len(took),
        result=f"{least:.1f} s",
        passes=f"within {SHOWN_S:.0f} s",
    )
    assert least <= SHOWN_S
