from __future__ import annotations

from pathlib import Path

import pytest

import airtape
from airtape.errors import ConfigError
from tests.processes import RunPython

INTERRUPTED_INITS = """
import _thread, os, signal, sys, threading
signal.signal(signal.SIGINT, signal.default_int_handler)
import airtape

def init():
    return airtape.init(project="tests", mode="offline", settings={"silent": True})

def left():
    for thread in threading.enumerate():
        if thread.name.startswith("airtape"):
            thread._started.wait(10)  # one whose start was interrupted is still on its way
            thread.join(10)
    return (
        airtape.run,
        threading.active_count(),
        sorted(os.listdir("wandb")),
        os.readlink("wandb/latest-run"),
        signal.getsignal(signal.SIGTERM),
        signal.getsignal(signal.SIGINT),
    )

init().finish()
before = left()
at, calls = 0, 0

def count(frame, event, argument):
    global calls
    calls += 1
    if event == "return" and frame.f_code.co_name == "open_run":
        calls = at  # the run is there: what comes now comes behind init()
    elif event == "c_call" and argument is _thread.start_new_thread:
        calls -= 1  # no signal comes there: Python would keep the thread in its list for ever
    elif calls == at:
        signal.raise_signal(signal.SIGINT)

while True:
    at, calls = at + int(sys.argv[1]), 0
    try:
        sys.setprofile(count)
        init()
    except KeyboardInterrupt:
        sys.setprofile(None)
        assert left() == before, (at, left())
    else:
        sys.setprofile(None)
        break
print(at // int(sys.argv[1]))
"""
"""Interrupts init() at its n-th call or return, at its 2n-th one, and so on to the last."""


@pytest.mark.timeout(60)
def test_ctrl_c_during_init_leaves_nothing(run_python: RunPython, workdir: Path) -> None:
    """Wherever it comes, no run is current, no thread goes on, and no directory is left."""
    assert workdir.is_dir()
    assert int(run_python(INTERRUPTED_INITS, "97").stdout) > 25


def test_an_init_that_fails_leaves_nothing(workdir: Path) -> None:
    """A config that is refused leaves no run and no directory."""
    with pytest.raises(ConfigError):
        airtape.init(project="tests", mode="offline", config={"large": "x" * 11_000_000})
    assert airtape.run is None
    assert list(workdir.glob("wandb/*run*")) == []
