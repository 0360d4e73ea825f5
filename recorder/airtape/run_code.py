"""The method of a run that keeps code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from airtape.code_filters import (
    PathFilter,
    exclude_wandb_fn,
    is_py_requirements_or_dockerfile,
)
from airtape.disabled import DisabledLifecycle
from airtape.record_log import finished_error
from airtape.run_facts import RunFacts
from airtape.terminal import Terminal

if TYPE_CHECKING:
    from airtape.code_files import LoggedCode

NOTHING = (
    "No relevant files were detected in the specified directory. "
    "No code will be logged to your run."
)


class CodeMethods(RunFacts):
    """What a `Run` does with code."""

    _terminal: Terminal

    def log_code(
        self,
        root: str | None = ".",
        name: str | None = None,
        include_fn: PathFilter = is_py_requirements_or_dockerfile,
        exclude_fn: PathFilter = exclude_wandb_fn,
    ) -> LoggedCode | None:
        """Keep the code below a folder: copies of it, below ``files/code``.

        The run's own directory is left out, and so is what links lead to outside of the folder.

        Args:
            root: The folder.
            name: What the code is called; after project and program by default.
            include_fn: Gets a path, or a path and the root, and tells whether to keep the file. By
                default Python, requirements.txt and Dockerfiles are kept.
            exclude_fn: Likewise, and tells whether to leave it out. By default what is below
                ``wandb`` and ``.wandb`` in the root is left out.

        Returns:
            The name and, in ``manifest.entries``, the files by their paths; None when there are
            none, which a warning says. It will be an artifact when there are artifacts.

        Raises:
            UsageError: The run is finished.
        """
        lifecycle = self._lifecycle
        if isinstance(lifecycle, DisabledLifecycle):
            return None
        if self._log.is_closed:
            raise finished_error(self.id, "log_code")
        if self._settings.disable_code:
            self._terminal.warn_once(
                "disable_code", "log_code() keeps nothing: disable_code is set"
            )
            return None
        # Few programs keep code.
        from airtape.code_files import (  # noqa: PLC0415 - see above
            CodeFolder,
            CodeManifest,
            LoggedCode,
            code_name,
            keep_code,
        )

        folder = CodeFolder(Path(root or "."), include_fn, exclude_fn, lifecycle.run_dir.root)
        called = code_name(name, self.project, lifecycle.metadata.program_path)
        kept = keep_code(folder, lifecycle.metadata.files, called, lifecycle.metadata.redaction)
        for path, why in folder.skipped.items():
            self._terminal.warn(f"{path} is not kept with the code: {why}")
        if not kept:
            self._terminal.warn(NOTHING)
            return None
        return LoggedCode(called, CodeManifest(kept))
