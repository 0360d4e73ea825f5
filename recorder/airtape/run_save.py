"""The methods of a run that keep files with it, and bring them back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, TextIO, TypeAlias

from airtape.disabled import DisabledLifecycle
from airtape.errors import UsageError
from airtape.introduction import working_directory
from airtape.record_log import finished_error
from airtape.restoring import Places, bring_back
from airtape.run_facts import RunFacts
from airtape.saved_files import PolicyName
from airtape.terminal import Terminal

StrPath: TypeAlias = str | os.PathLike[str]
POLICIES: Final = ("live", "now", "end")


class SaveMethods(RunFacts):
    """What a `Run` does with files."""

    _terminal: Terminal

    def save(
        self,
        glob_str: StrPath | None = None,
        base_path: StrPath | None = None,
        policy: PolicyName = "live",
        glob: bool = True,
    ) -> bool | list[str]:
        """Keep files with the run: copies of them, among its files.

        A relative path stays what it is there; of an absolute one the last folder stays. New files
        that fit a glob later are not noticed. Files that lie in the run's directory already are
        kept where they are.

        Args:
            glob_str: A path or a glob; `*` is not for slashes.
            base_path: What the path begins with and is left out among the run's files.
            policy: ``live`` copies a file again whenever it changes, ``end`` when the run ends,
                ``now`` never. Each copies it at once.
            glob: Whether ``glob_str`` may be a glob.

        Returns:
            The paths of the copies, none when nothing is there. True, with a warning, when nothing
            was said; False when the run is disabled.

        Raises:
            UsageError: The policy is none of the three, the base is no beginning of the path, the
                path is a folder, or the run is finished.
        """
        lifecycle = self._lifecycle
        if isinstance(lifecycle, DisabledLifecycle):
            return False
        if self._log.is_closed:
            raise finished_error(self.id, "save")
        if glob_str is None:
            self._terminal.warn_once("save", "save() without a path is retired: it saves nothing")
            return True
        if policy not in POLICIES:
            raise UsageError(
                'Only "live", "end" and "now" policies are currently supported.',
                hint=f"policy is {policy!r}",
            )
        from airtape.save_paths import NOT_HERE, pattern_of  # noqa: PLC0415 - few runs save files

        path = os.fsdecode(glob_str)
        if path.startswith(NOT_HERE):
            self._terminal.warn_once(path, f"{path} is not on this machine and is not saved")
            return []
        base = None if base_path is None else os.fsdecode(base_path)
        if base is None and Path(path).is_absolute():
            self._terminal.warn_once(
                "base_path",
                "save() keeps the last folder of an absolute path; say more with base_path",
            )
        pattern = pattern_of(path, base, working_directory(), is_glob=glob)
        found = list(pattern.files(lifecycle.run_dir.files))
        if not found:
            self._terminal.warn_once(path, f"save() finds no file: {path}")
        return lifecycle.saved.save(found, policy)

    def restore(
        self,
        name: str,
        run_path: str | None = None,
        replace: bool = False,
        root: str | None = None,
    ) -> TextIO | None:
        """Bring back a file of a run, from the run directories here or else from the target.

        Args:
            name: Its path among the run's files, and below ``root``.
            run_path: ``entity/project/id``; this run by default.
            replace: Whether to fetch it although there is a file already.
            root: The folder that it goes to; the run's directory for files by default.

        Returns:
            The file, open for reading; None when the run has no such file, or this one is disabled.

        Raises:
            UsageError: There is no such run, or nobody has the content.
            CommError: The target does not answer.
        """
        lifecycle = self._lifecycle
        if isinstance(lifecycle, DisabledLifecycle):
            return None
        run_dir = lifecycle.run_dir
        return bring_back(
            name,
            self.path if run_path is None else run_path,
            Places(run_dir.root.parent, self._settings.target),
            root=run_dir.files if root is None else Path(root),
            replace=replace,
        )
