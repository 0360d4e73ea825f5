"""Keeping the user's code with a run: which files below a folder, and copies of them."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, Literal, NamedTuple, cast

from airtape.code_filters import PathFilter
from airtape.records import Plain
from airtape.redaction import Redaction
from airtape.run_files import RunFiles

FOLDER: Final = "code"
"""Where code lies among the files of a run."""

MAX_FILE: Final = 64 << 20
"""Bytes above which a file is not kept."""

_RECORDED_TOGETHER: Final = 1000
"""Files in one record."""

_LONGEST_NAME: Final = 128


class CodeFile(NamedTuple):
    """A file of code that is kept with a run.

    Attributes:
        path: Its path below the folder that was logged, with slashes.
        size: Bytes of the copy.
        sha256: Digest of the copy, in hexadecimal.
        local_path: Where the copy is.
    """

    path: str
    size: int
    sha256: str
    local_path: str


class CodeManifest(NamedTuple):
    """What code is kept.

    Attributes:
        entries: The files by their paths.
    """

    entries: Mapping[str, CodeFile]


class LoggedCode(NamedTuple):
    """What ``log_code`` returns: the part of an artifact that there is without artifacts.

    Attributes:
        name: What the code is called.
        manifest: Its files.
        type: ``code``.
    """

    name: str
    manifest: CodeManifest
    type: Literal["code"] = "code"


class CodeFolder:
    """The files of a folder that are code.

    Args:
        root: The folder.
        include: Tells which files to take.
        exclude: Tells which of these to leave out.
        own: The run's directory, which is never taken.

    Attributes:
        skipped: Paths that were chosen but could not be taken, and why.
    """

    def __init__(self, root: Path, include: PathFilter, exclude: PathFilter, own: Path) -> None:
        self._root = root
        self._include = include
        self._exclude = exclude
        self._own = own
        self.skipped: dict[str, str] = {}

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Yield path and content of each file, in order of the paths of their folders.

        Links are followed as long as they stay in the folder.
        """
        root = os.path.abspath(self._root)  # noqa: PTH100 - as user code sees it, links unresolved
        top = os.path.realpath(root)
        own = os.path.realpath(self._own)
        include, exclude = _with_root(self._include), _with_root(self._exclude)
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(
                name
                for name in folders
                if os.path.realpath(os.path.join(folder, name)) != own  # noqa: PTH118 - Path takes ten times as long
            )
            for name in sorted(names):
                path = os.path.join(folder, name)  # noqa: PTH118 - see above
                if include(path, root) and not exclude(path, root):
                    relative = os.path.relpath(path, root)
                    content = self._content(relative, os.path.realpath(path), top)
                    if content is not None:
                        yield _as_text(relative), content

    def _content(self, relative: str, place: str, top: str) -> bytes | None:
        if not place.startswith(os.path.join(top, "")):  # noqa: PTH118 - see above
            self.skipped[relative] = "it is a link out of the folder"
            return None
        try:
            # Not blocking, for it may be a pipe.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            with os.fdopen(os.open(place, flags), "rb") as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    self.skipped[relative] = "it is no regular file"
                elif status.st_size > MAX_FILE:
                    self.skipped[relative] = f"it has {status.st_size} bytes"
                else:
                    return file.read(MAX_FILE)
        except OSError as error:
            self.skipped[relative] = error.strerror or str(error)
        return None


def keep_code(
    folder: CodeFolder, files: RunFiles, name: str, redaction: Redaction
) -> dict[str, CodeFile]:
    """Copy the code of a folder to the files of a run, without the secrets in it.

    Returns:
        The copies by their paths; what cannot be written is in `CodeFolder.skipped`.
    """
    kept: dict[str, CodeFile] = {}
    waiting: list[dict[str, Plain]] = []
    for path, content in folder.files():
        try:
            said = files.write(
                f"{FOLDER}/{path}", without_secrets(content, f"{FOLDER}/{path}", redaction), "code"
            )
        except OSError as error:
            folder.skipped[path] = error.strerror or str(error)
            continue
        size, sha256 = cast("int", said["size"]), str(said["sha256"])
        kept[path] = CodeFile(path, size, sha256, str(files.folder / FOLDER / path))
        waiting.append({**said, "of": name})
        if len(waiting) == _RECORDED_TOGETHER:
            files.record(waiting)
            waiting = []
    if waiting:
        files.record(waiting)
    return kept


def without_secrets(content: bytes, where: str, redaction: Redaction) -> bytes:
    """Return the content of a file without the secrets in it; what is no text stays as it is."""
    if b"\0" in content:
        return content
    try:
        return redaction.lines(content.decode("utf-8"), where).encode("utf-8")
    except UnicodeDecodeError:
        return content


def code_name(name: str | None, project: str, program: str | None) -> str:
    """Return what logged code is called: as is said, else after the project and the program."""
    if name is not None:
        return name
    said = "-".join(["source", project, *([program] if program else [])])
    return re.sub(r"[^A-Za-z0-9._-]+", "_", said)[:_LONGEST_NAME]


def _with_root(chooses: PathFilter) -> Callable[[str, str], bool]:
    """Return a function of path and root, whether the given one takes both or the path only."""
    import inspect  # noqa: PLC0415 - takes long to load, and few programs keep code

    try:
        takes_root = len(inspect.signature(chooses).parameters) > 1
    except (TypeError, ValueError):  # some that are written in C do not tell
        takes_root = False
    if takes_root:
        return cast("Callable[[str, str], bool]", chooses)
    by_path = cast("Callable[[str], bool]", chooses)
    return lambda path, _: by_path(path)


def _as_text(path: str) -> str:
    return path.replace(os.sep, "/").encode("utf-8", "surrogateescape").decode("utf-8", "replace")
