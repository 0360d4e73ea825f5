"""The follower of an online run: a process of its own that brings the log to a target.

It is the command ``tracker sync --follow``, started by name; nothing that records knows how to
sync. Whatever becomes of it, the run is in its log, and the next sync completes what it did not.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from airtape.follow_state import FILE_NAME, FollowState, read_follow_state, sizes_of
from airtape.own_command import WITHOUT_FILE
from airtape.rundir import RunDir, log_files

LOOK_EVERY_S = 0.02
STORE_NAME = "tracker.db"


class Follower:
    """The follower of one run.

    Args:
        run_dir: The run's directory.
        target: Where the run is synced to; the store beside the run if None.
        patience_s: How long to wait at the end for what is not there yet, in seconds.
    """

    def __init__(self, run_dir: RunDir, target: str | None, patience_s: float) -> None:
        self._patience_s = patience_s
        self._run_dir = run_dir
        self._target = target or f"sqlite:{run_dir.root.parent / STORE_NAME}"
        self._state_file = run_dir.logs / FILE_NAME
        self._pid = 0

    def start(self) -> None:
        """Start the process, in a session of its own, so that Ctrl+C does not reach it.

        Raises:
            OSError: It cannot be started.
        """
        command = [sys.executable, *WITHOUT_FILE, "sync", str(self._run_dir.root)]
        command += ["--follow", "--until-finished", "--state-file", str(self._state_file)]
        # Not an argument, which everybody on the machine may read: it may hold a password.
        environ = {**os.environ, "TRACKER_TARGET": self._target}
        environ["TRACKER_DIR"] = str(self._run_dir.root.parent.parent)
        said = self._run_dir.logs / "follower.log"
        self._pid = os.posix_spawn(
            sys.executable,
            command,
            environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, said, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=(signal.SIGINT, signal.SIGTERM, signal.SIGPIPE),
        )

    @property
    def state(self) -> FollowState:
        """How far it has come."""
        return read_follow_state(self._state_file) or FollowState()

    def wait(self) -> bool:
        """Wait until the target has all that the logs hold; return whether it has.

        Returns sooner when nobody is there any more who could bring it.
        """
        deadline = time.monotonic() + self._patience_s
        while not self.is_current:
            if not self._is_there():
                return self.is_current
            if time.monotonic() >= deadline:
                return False
            time.sleep(LOOK_EVERY_S)
        return True

    def _is_there(self) -> bool:
        try:
            return os.waitpid(self._pid, os.WNOHANG) == (0, 0)
        except ChildProcessError:
            return False  # the program waits for all its children, and has met this one

    @property
    def is_current(self) -> bool:
        """Whether the target has all that the logs hold now."""
        try:
            return self.state.sizes == sizes_of(log_files(self._run_dir.root))
        except OSError:
            return False
