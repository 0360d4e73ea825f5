"""A bundle that is applied by somebody who is killed: each run is as it was, or as it will be."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from airtape.bundles import applying
from airtape.bundles.applying import apply_bundle
from airtape.txlog.reader import read_log
from tests.bundles.made import make, receipt_of, tree
from tests.logs import ended, frames_of, header, log_row, run_dir_of, write_log

ROWS = [log_row(step, loss=1 / (step + 1)) for step in range(30)]


class Killed(BaseException):
    """The process ends here."""


CALLS: list[tuple[Any, str]] = [
    (os, "fsync"),
    (os, "utime"),
    (Path, "mkdir"),
    (Path, "rename"),
    (Path, "replace"),
    (shutil, "rmtree"),
]


def _killed_at(monkeypatch: pytest.MonkeyPatch, number: int, action: Callable[[], object]) -> bool:
    """Do something, but end before the call of this number that changes a disk; tell if it did."""
    count = 0

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> object:
            nonlocal count
            count += 1
            if count == number:
                raise Killed
            return real(*arguments, **named)

        return call

    with monkeypatch.context() as patched:
        for module, name in CALLS:
            patched.setattr(module, name, counted(getattr(module, name)))
        try:
            action()
        except Killed:
            return True
    return False


@pytest.mark.timeout(60)
def test_a_run_gets_all_or_nothing_whenever_it_is_killed(
    wandb: Path, far: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before each call that changes the disk; whoever comes next finds each run old or new."""
    logs = [
        write_log(run_dir_of(wandb, f"run{one}"), run_id=f"run{one}", writer=bytes([one]) * 16)
        for one in range(2)
    ]
    frames = [
        frames_of(*ROWS, ended(), of=header(f"run{one}", writer=bytes([one]) * 16))
        for one in range(2)
    ]

    def record(count: int) -> None:
        for log, mine in zip(logs, frames, strict=True):
            log.write_bytes(b"".join(mine[:count]))
            (log.parent / "files").mkdir(exist_ok=True)
            (log.parent / "files/config.yaml").write_text(f"as of {count}")
            os.utime(log.parent / "files/config.yaml", ns=(count, count))

    record(9)
    first, second = tmp_path / "1.bundle", tmp_path / "2.bundle"
    make(first, wandb)
    apply_bundle(first, far)
    old = tree(far)
    receipt = receipt_of(far)
    record(32)
    write_log(run_dir_of(wandb, "new"), ended(), run_id="new", writer=b"n" * 16)
    make(second, wandb, receipt)
    new = tree(wandb)
    number = 0
    while True:
        number += 1
        place = tmp_path / f"at{number}"
        shutil.copytree(far, place)
        if not _killed_at(monkeypatch, number, partial(apply_bundle, second, place)):
            break
        for path in place.glob("run-*/*.txlog"):
            log = read_log(path)
            assert (log.damage, log.incomplete) == ([], False)
        applying._settle(place)  # noqa: SLF001 - what the next one does first
        now = tree(place)
        for run_dir in {name.partition("/")[0] for name in new}:
            states = [
                {name: data for name, data in one.items() if name.startswith(run_dir)}
                for one in (now, old, new)
            ]
            assert states[0] in states[1:]
        assert not apply_bundle(second, place).problems
        assert tree(place) == new
        assert not list((place / ".bundles").glob("part-*"))
    assert number > 30
    assert tree(place) == new
