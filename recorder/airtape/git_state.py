"""What git says of the code that runs, asked of the ``git`` command.

It takes no lock in the repository, asks nobody for a password, and is ended when it takes too long.
"""

from __future__ import annotations

import os
import select
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Final, NamedTuple

COMMAND_S: Final = 10.0
"""Seconds that a question to git may take."""

DIFF_S: Final = 60.0
"""Seconds that comparing all files may take."""

MAX_ANSWER: Final = 1 << 16
_READ: Final = 1 << 16
_LOOK_MS: Final = 100
_FATAL: Final = 128
_TOP: Final = ("rev-parse", "--show-toplevel")
_OUTSIDE: Final = (b"not a git repository", b"must be run in a work tree")
"""What git says where there is no working tree."""
_LONGEST_SAID: Final = 500

_QUIETLY: Final = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "SSH_ASKPASS": "true",
    "GIT_PAGER": "cat",
    "LC_ALL": "C",
}
_OF_ALL: Final = ("--no-ext-diff", "--no-textconv", "HEAD", "--")
_PLAIN_DIFF: Final = ("diff", "--no-color", "--src-prefix=a/", "--dst-prefix=b/", *_OF_ALL)


class GitState(NamedTuple):
    """Where a working tree stands; None where git does not say.

    Attributes:
        root: The top of the working tree.
        commit: The commit that is checked out.
        branch: The branch, None when none is checked out.
        remote: Address of the branch's remote, or of ``origin``, as it stands in the configuration.
    """

    root: Path
    commit: str | None
    branch: str | None
    remote: str | None


class GitFailed(OSError):  # noqa: N818 - says what happened
    """Git could not be asked, or did not answer."""


class Git:
    """The ``git`` command, asked in one directory.

    Args:
        cwd: The directory.
        environ: The environment that it gets.
    """

    def __init__(self, cwd: Path, environ: Mapping[str, str]) -> None:
        self._cwd = cwd
        self._environ = {**environ, **_QUIETLY}
        self._running: subprocess.Popen[bytes] | None = None
        self._ended = False

    def state(self) -> GitState | None:
        """Return where the working tree stands; None outside of one, or without git.

        Raises:
            GitFailed: Git does not answer, or refuses to: the repository is another user's, say.
        """
        root = self._root()
        if root is None:
            return None
        branch = self._line("symbolic-ref", "--quiet", "--short", "HEAD")
        upstream = branch and self._line("config", "--get", f"branch.{branch}.remote")
        remote = upstream or "origin"
        return GitState(
            Path(root),
            self._line("rev-parse", "--quiet", "--verify", "HEAD"),
            branch,
            self._line("config", "--get", f"remote.{remote}.url"),
        )

    def diff(self, root: Path, limit: int) -> tuple[bytes, bool]:
        """Return what was changed in tracked files since the commit, and whether that is all.

        Args:
            root: The top of the working tree.
            limit: Bytes at most; what is longer ends with a whole line.

        Raises:
            GitFailed: Git does not answer.
        """
        code, patch = self._ask(_PLAIN_DIFF, cwd=root, limit=limit, seconds=DIFF_S)
        if len(patch) > limit:
            return patch[: patch.rfind(b"\n", 0, limit) + 1], False
        if code:
            raise GitFailed(f"git diff ended with {code}")
        return patch, True

    def is_dirty(self, root: Path) -> bool:
        """Tell whether tracked files were changed since the commit.

        Raises:
            GitFailed: Git does not answer.
        """
        code, _ = self._ask(("diff", "--quiet", *_OF_ALL), cwd=root, limit=0, seconds=DIFF_S)
        if code not in {0, 1}:
            raise GitFailed(f"git diff ended with {code}")
        return code == 1

    def end(self) -> None:
        """End what git is doing, and ask no more; called from another thread."""
        self._ended = True
        running = self._running
        if running is not None:
            with suppress(OSError):
                running.kill()

    def _root(self) -> str | None:
        code, answer = self._ask(_TOP, cwd=self._cwd, limit=MAX_ANSWER, seconds=COMMAND_S)
        if code == _FATAL:
            # Its words are asked for only now: where it has an answer a warning is no part of it.
            code, said = self._ask(
                _TOP, cwd=self._cwd, limit=MAX_ANSWER, seconds=COMMAND_S, errors=subprocess.STDOUT
            )
            if code == _FATAL and not any(words in said for words in _OUTSIDE):
                raise GitFailed(" ".join(said.decode("utf-8", "replace").split())[:_LONGEST_SAID])
        return None if code else _line_of(answer)

    def _line(self, *arguments: str) -> str | None:
        """Return the one line that git answers; None when it has no answer."""
        code, answer = self._ask(arguments, cwd=self._cwd, limit=MAX_ANSWER, seconds=COMMAND_S)
        return None if code else _line_of(answer)

    def _ask(
        self,
        arguments: tuple[str, ...],
        *,
        cwd: Path,
        limit: int,
        seconds: float,
        errors: int = subprocess.DEVNULL,
    ) -> tuple[int, bytes]:
        """Return git's exit code, and its output up to a little more than a limit."""
        if self._ended:
            raise GitFailed("the run has ended")
        try:
            process = subprocess.Popen(  # noqa: S603 - a list of our own
                ["git", "-c", "core.fsmonitor=false", *arguments],  # noqa: S607 - the user's git
                cwd=cwd,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        except FileNotFoundError:
            return 1, b""
        except OSError as error:
            raise GitFailed(f"git cannot be started: {error.strerror}") from error
        with process:
            self._running = process
            try:
                output = _output(process, limit, monotonic() + seconds)
            finally:
                self._running = None
                process.kill()
        if output is None:
            raise GitFailed(f"git {arguments[0]} took more than {seconds:g} s")
        return process.returncode, output


def _line_of(answer: bytes) -> str | None:
    return os.fsdecode(answer.rstrip(b"\n")) or None


def _output(process: subprocess.Popen[bytes], limit: int, deadline: float) -> bytes | None:
    """Return what a process writes, up to a little more than a limit; None if it takes too long."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    fd = process.stdout.fileno()
    os.set_blocking(fd, False)
    ready = select.poll()
    ready.register(fd, select.POLLIN)
    parts: list[bytes] = []
    size = 0
    while size <= limit:
        if monotonic() > deadline:
            return None
        # A child that another thread forks meanwhile may keep the pipe open: look for the end too.
        has_ended = process.poll() is not None
        if not has_ended:
            ready.poll(_LOOK_MS)
        try:
            part = os.read(fd, _READ)
        except BlockingIOError:
            if has_ended:
                break
            continue
        if not part:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - monotonic()))
                break
            return None
        parts.append(part)
        size += len(part)
    return b"".join(parts)
