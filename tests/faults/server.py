"""Starts trials as forks of a process that has loaded everything, so that each begins at once.

It reads orders as lines of JSON. ``{"do": SCENARIO, "dir": ..., "side": ..., ...}`` starts a trial
and answers with its process id; ``{"wait": PID}`` answers with its exit code when it has ended.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from tests.faults.scenarios import SCENARIOS

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Take orders until there are no more."""
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            answer = os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1])
        else:
            answer = os.fork()
            if not answer:
                _be_trial(order)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _be_trial(order: dict[str, Any]) -> None:
    # A trial may train for ever; it must not outlive tests that were killed.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setsid()
    output = os.open(order["side"] + ".output", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.update(order.get("environ", {}))
    try:
        said = SCENARIOS[order["do"]](order)
    except SystemExit as leaving:
        os._exit(int(leaving.code or 0))
    except BaseException:  # noqa: BLE001 - nothing of this process may go on
        traceback.print_exc()
        os._exit(99)
    Path(order["side"] + ".said").write_text(json.dumps(said), encoding="utf-8")
    os._exit(0)


if __name__ == "__main__":
    main()
