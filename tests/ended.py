"""How the run of a program has ended, as readers see it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airtape.process import boot_id, process_runs, this_process
from airtape.records import Kind, Record
from airtape.states import RunState, Vantage, final_state, state_of
from airtape.txlog.reader import Damage, read_log

LONGEST_WAIT_S = 30
"""Seconds after which something that a test waits for is taken never to come."""

START = """\
import ctypes, os, signal, sys, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
import airtape
run = airtape.init(project="tests", mode="offline")
for number in range(3):
    run.log({"number": number})
print("ready", flush=True)
"""
"""The beginning of a program: three rows, and a line that says so."""

SLEEP = "time.sleep(60)\n"
BUSY = "while True: pass\n"
"""What it may do then."""


@dataclass(frozen=True)
class Ended:
    """A run that has ended.

    Attributes:
        run_dir: Its directory.
        state: Its state.
        code: The exit code that was recorded, None without one.
        cause: The cause that was recorded, empty without one.
        numbers: What was logged as ``number``, row by row.
        exits: How many exit records there are.
        damage: What is wrong with its log.
    """

    run_dir: Path
    state: RunState
    code: int | None
    cause: dict[str, Any]
    numbers: list[int]
    exits: int
    damage: list[Damage]


def ended_in(workdir: Path) -> Ended:
    """Return the only run below a working directory."""
    [run_dir] = workdir.glob("wandb/run-*")
    return ended_run(run_dir)


def ended_run(run_dir: Path, *, may_be_torn: bool = False) -> Ended:
    """Return the run of a run directory, by the log of its first writer.

    Args:
        run_dir: The run directory.
        may_be_torn: Whether the last write may be broken off: between two pages of it the kernel
            looks whether the process is to die.
    """
    log = read_log(run_dir / f"run-{run_dir.name.split('-')[-1]}.txlog")
    assert log.header is not None
    assert may_be_torn or not log.incomplete
    exits = [record for record in log.records if record.kind == Kind.EXIT]
    code, cause = exits[-1].fields if exits else (None, {})
    said = {"code": code, "cause": cause} if exits else None
    now = Vantage(time.time_ns(), this_process().host, boot_id(), process_runs)
    state = state_of(log.header, said, log.records[-1].wall_ns, now)
    assert not exits or state.name == final_state(said)
    numbers = [number for record in log.records for number in _numbers(record)]
    return Ended(run_dir, state, code, cause, numbers, len(exits), log.damage)


def _numbers(record: Record) -> list[int]:
    if record.kind != Kind.HISTORY or "number" not in record.fields[2]:
        return []
    return [record.fields[2]["number"]]


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Look again and again until something is so.

    Raises:
        AssertionError: It never was.
    """
    deadline = time.monotonic() + LONGEST_WAIT_S
    while not is_so():
        assert time.monotonic() < deadline, f"{what} never came"
        time.sleep(0.005)


def line_of(program: subprocess.Popen[str]) -> str:
    """Return the next line that a program prints, which tells how far it is."""
    assert program.stdout is not None
    return program.stdout.readline().rstrip("\n")


def seconds_to_die(program: subprocess.Popen[str], number: int) -> float:
    """Send a signal and return after how many seconds the program is gone."""
    began = time.monotonic()
    program.send_signal(number)
    program.wait(LONGEST_WAIT_S)
    return time.monotonic() - began
