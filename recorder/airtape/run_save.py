"""The methods of a run that keep files with it, and bring them back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, TypeAlias

from airtape.disabled import DisabledLifecycle
from airtape.errors import UsageError
from airtape.introduction import working_directory
from airtape.record_log import finished_error
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
