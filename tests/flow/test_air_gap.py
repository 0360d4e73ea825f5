"""The page on air gaps, from top to bottom; and two sides of a gap that only files cross."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests import logs
from tests.bundles.made import tree
from tests.cli.conftest import Tracker, tracker, tracker_json
from tests.processes import TRACKER, RunTracker
from tests.sync.runs import A_RUN
from tests.targets import DATABASE, in_turn, url_at

__all__ = ["tracker", "tracker_json"]

PAGE = Path(__file__).parents[2] / "docs/AIR_GAP.md"


def _examples(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_the_page_can_be_followed(workdir: Path, run_tracker: RunTracker) -> None:
    """Each machine has a home of its own; they share the disk, and the medium."""
    if shutil.which("rsync") is None:
        pytest.skip("there is no rsync")
    shared, medium = (workdir / name for name in ("shared", "medium"))
    for folder in (shared / "project", medium):
        folder.mkdir(parents=True)
    (program,) = _examples("python")
    (shared / "project/train.py").write_text(program)
    (settings,) = _examples("ini")
    machines = {"on any of them", "on the compute node", "on the gateway", "beside the store"}
    for name in machines:
        home = workdir / name.replace(" ", "-")
        (home / ".config/airtape").mkdir(parents=True)
        if name in {"on the gateway", "beside the store"}:
            store = settings.replace("/data/runs.db", f"{home}/runs.db")
            assert store != settings
            (home / ".config/airtape/settings").write_text(store)
    examples = _examples("sh")
    assert len(examples) > 10
    for example in examples:
        machine = example.partition("\n")[0].removeprefix("# ")
        assert machine in machines
        home = workdir / machine.replace(" ", "-")
        done = subprocess.run(
            ["sh", "-eu", "-c", example],
            cwd=home,
            env={
                "HOME": str(home),
                "SHARED": str(shared),
                "MEDIUM": str(medium),
                "PATH": f"{TRACKER.parent}:{os.environ['PATH']}",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, example + done.stdout + done.stderr
    far = workdir / "beside-the-store"
    assert len(list(far.glob("wandb/run-*/*.txlog"))) == 2
    run_tracker("verify", str(far / "wandb"), "--against", f"sqlite:{far}/runs.db")
    assert list(shared.glob("project/wandb/run-*/*.txlog")) == []
    assert len(list(shared.glob("project/wandb/run-*/*.cleaned"))) == 2


class Gap:
    """Two folders with nothing in common but the files that are carried from one to the other.

    Args:
        place: Where they are.
        run: Runs the command.
        go: Makes a folder the current one.
    """

    def __init__(self, place: Path, run: Tracker, go: Callable[[Path], None]) -> None:
        self.near, self.far = place / "near", place / "far"
        self._run = run
        self._go = go
        for folder in (self.near, self.far):
            (folder / "wandb").mkdir(parents=True)

    def here(self, *arguments: str, exit_code: int = 0) -> str:
        """Run the command where the runs are recorded."""
        self._go(self.near)
        return self._run(*arguments, exit_code=exit_code).stdout

    def there(self, *arguments: str, exit_code: int = 0) -> str:
        """Run it where the store is."""
        self._go(self.far)
        return self._run(*arguments, exit_code=exit_code).stdout


class GrowingRun:
    """A run whose log and files grow round by round.

    Args:
        folder: The folder of run directories.
        run_id: Its id.
        ends: Whether it ends in the last round.
    """

    def __init__(self, folder: Path, run_id: str, *, ends: bool) -> None:
        self._path = logs.run_dir_of(folder, run_id)
        said = [*A_RUN, *([logs.ended()] if ends else [logs.heartbeat()])]
        writer = run_id.encode().ljust(16)
        self._frames = logs.frames_of(*said, of=logs.header(run_id, writer=writer))
        self._log = self._path / f"run-{run_id}.txlog"

    def grow(self, number: int, rounds: int) -> None:
        """Have it as it is in a round, the last record not always whole."""
        (self._path / "files").mkdir(parents=True, exist_ok=True)
        count = 1 + len(self._frames) * number // rounds
        whole = b"".join(self._frames[:count])
        torn = b"".join(self._frames[count : count + 1])[: 3 * (number < rounds)]
        self._log.write_bytes(whole + torn)
        (self._path / "files/output.log").write_text("a line\n" * number)
        os.utime(self._path / "files/output.log", ns=(number * 10**9, number * 10**9))


ROUNDS = 5


@pytest.fixture(params=in_turn(["sqlite:{place}/lab.db", "jsonl:{place}/lab", DATABASE]))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A target of each kind that stands where the runs do not."""
    return url_at(request.param, tmp_path, request)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("seed", range(2))
def test_five_rounds_with_losses_and_repeats(
    tracker: Tracker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    store: str,
) -> None:
    """Only files cross; at the end nothing waits, and what is far equals what is near."""
    random = Random(seed)
    gap = Gap(tmp_path, tracker, monkeypatch.chdir)
    runs = [GrowingRun(gap.near / "wandb", f"run{number}", ends=number != 2) for number in range(4)]
    carried: list[str] = []
    for number in range(1, ROUNDS + 1):
        for first, run in enumerate(runs):
            if first < number:
                run.grow(number, ROUNDS)
        bundle = str(tmp_path / f"{number}.bundle")
        kept = (gap.near / "wandb/receipts/far.receipt").exists()
        since = ["--since", "far"] if kept and random.random() < 0.8 else []
        gap.here("bundle", "create", "-o", bundle, *since)
        is_last = number == ROUNDS
        if random.random() < 0.7 or is_last:
            carried.append(bundle)
        for one in [*random.choices(carried, k=2 * bool(carried)), *carried[-1:]]:
            receipt = str(tmp_path / f"{number}.receipt")
            gap.there("bundle", "apply", one, "wandb", "--receipt", receipt, "--name", "far")
            gap.there("sync", "wandb", "--to", store)
        if (tmp_path / f"{number}.receipt").exists() and (random.random() < 0.6 or is_last):
            gap.here("receipt", "import", str(tmp_path / f"{number}.receipt"))
            gap.here("receipt", "import", str(tmp_path / f"{number}.receipt"))
    gap.there("receipt", "export", str(tmp_path / "lab.receipt"), "--from", store, "--name", "lab")
    gap.here("receipt", "import", str(tmp_path / "lab.receipt"))
    for target in ("far", "lab"):
        assert f"receipt:{target} has everything of 4 runs." in gap.here("status", "--to", target)
    gap.there("verify", str(gap.near / "wandb"), "--against", store)
    near = tree(gap.near / "wandb")
    assert tree(gap.far / "wandb") == near
    _clean_exactly(gap, near)
    gap.there("verify", "wandb", "--against", store)


def _clean_exactly(gap: Gap, near: dict[str, Any]) -> None:
    """Clean the near side: of runs that have ended stubs stay, the other one stays whole."""
    assert "receipt:lab does not have the bytes of files/output.log" in gap.here(
        "clean", "--to", "far", "--to", "lab", "--yes", exit_code=2
    )
    assert tree(gap.near / "wandb") == near
    gap.here("clean", "--to", "far", "--yes", "--stale-after", "100000d")
    left = {Path(name).parts[0]: Path(name).name for name in tree(gap.near / "wandb")}
    kept = {name: path for name, path in left.items() if not path.endswith(".cleaned")}
    assert [name[-4:] for name in kept] == ["run2"]
    assert len(left) == 4
    said = gap.here("status", "--to", "far")
    assert "receipt:far has everything of 1 run.\n  3 runs cleaned\n" in said
