"""A file of a run, as the API hands it out."""

from __future__ import annotations

import mimetypes
import os
import shutil
from pathlib import Path
from typing import TextIO

from airtape.below import parts_of_path
from airtape.errors import UsageError
from airtape.query.kept import KeptFile


class RecordedFile:
    """A file of a run.

    Attributes:
        name: Its path among the run's files, with slashes.
        size: Its size in bytes.
        path: Where it is, None where only its name is kept.
        mimetype: What its name says that it holds, empty if nothing.
        url: None: no server has it.
    """

    def __init__(self, file: KeptFile) -> None:
        self.name = file.name
        self.size = file.size
        self.path = file.place
        self.mimetype = mimetypes.guess_type(file.name)[0] or ""
        self.url = None

    def download(
        self,
        root: str | os.PathLike[str] = ".",
        replace: bool = False,  # noqa: FBT001, FBT002 - W&B's
        exist_ok: bool = False,  # noqa: FBT001, FBT002 - W&B's
    ) -> TextIO:
        """Copy the file to the same place below a folder and return the copy, open for reading.

        Args:
            root: The folder.
            replace: Write over a file that is there.
            exist_ok: Take a file that is there for the copy.

        Raises:
            UsageError: A file is there and neither was said, or the content is not kept here, or
                the name, which a log says, leads out of the folder.
            OSError: The file cannot be read or the copy cannot be written.
        """
        if self.path is None:
            raise UsageError(
                f"the content of {self.name} is not in the store",
                hint="Sync the run again, or take it from the run directory, Api('./wandb').",
            )
        try:
            target = Path(root, *parts_of_path(self.name))
        except ValueError as error:
            raise UsageError(str(error)) from None
        if target.exists() and not replace:
            if not exist_ok:
                raise UsageError(
                    "the file is there already",
                    where=str(target),
                    hint="Say replace=True or exist_ok=True.",
                )
            return target.open(encoding="utf-8")
        target.parent.mkdir(parents=True, exist_ok=True)
        # Whole or not at all, also when the copy is made twice at a time.
        beside = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            shutil.copyfile(self.path, beside, follow_symlinks=False)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
        return target.open(encoding="utf-8")

    def __repr__(self) -> str:
        return f"<File {self.name} ({self.mimetype}) {self.size} B>"
