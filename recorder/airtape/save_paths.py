"""Which files `Run.save` means, and where they go among the files of a run."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Final, NamedTuple

from airtape.errors import UsageError

StrPath = str | os.PathLike[str]

NOT_HERE: Final = ("gs://", "s3://")
"""What the addresses of files begin with that are on no disk."""


class SavedPath(NamedTuple):
    """A file to be saved.

    Attributes:
        path: Its path among the run's files, with slashes.
        source: Where it is, None when it lies there already.
    """

    path: str
    source: Path | None


class SavePattern(NamedTuple):
    """What `Run.save` was asked for.

    Attributes:
        pattern: An absolute path or glob.
        base: How many of its parts are left out below the run's files.
        is_glob: Whether the pattern is one.
    """

    pattern: PurePath
    base: int
    is_glob: bool

    @property
    def relative(self) -> PurePath:
        """The pattern of the paths below the run's files."""
        return PurePath(*self.pattern.parts[self.base :])

    def files(self, folder: Path) -> Iterator[SavedPath]:
        """Yield the files that there are now, sorted; folders are passed over.

        Files that a run has already are meant too when their paths fit, and whatever else lies in
        the run's own directory is not.

        Args:
            folder: The run's files.

        Raises:
            UsageError: The pattern is the path of a folder.
        """
        own = os.path.realpath(folder)
        found: dict[str, Path | None] = dict.fromkeys(self._there_already(folder, own))
        pattern = str(self.pattern)
        # Not `Path.glob`, which takes no absolute patterns.
        for match in map(Path, glob.glob(pattern) if self.is_glob else [pattern]):  # noqa: PTH207 - a pattern may be absolute
            if match.is_dir():
                self._refuse_folder(match)
            elif match.exists():
                real = os.path.join(os.path.realpath(match.parent), match.name)  # noqa: PTH118 - texts: links and `..` stay as they are
                if real.startswith(os.path.join(own, "")):  # noqa: PTH118 - as `realpath`
                    found[as_text(os.path.relpath(real, own))] = None
                elif not real.startswith(os.path.join(os.path.dirname(own), "")):  # noqa: PTH118, PTH120 - texts, see above
                    found[as_text(str(PurePath(*match.parts[self.base :])))] = match
        for path in sorted(found):
            yield SavedPath(path, found[path])

    def _refuse_folder(self, match: Path) -> None:
        if not (self.is_glob and glob.has_magic(str(self.relative))):
            raise UsageError(
                "save() keeps files, and this is a folder",
                where=str(match),
                hint=f"Save what is in it: save({str(match / '*')!r}).",
            )

    def _there_already(self, folder: Path, own: str) -> Iterator[str]:
        """Yield the paths of files that the run has and that fit; `**` is for any depth."""
        wanted = str(self.relative)
        for match in folder.glob(wanted if self.is_glob else glob.escape(wanted)):
            path = str(match.relative_to(folder))
            is_linked = os.path.realpath(match) != os.path.join(own, path)  # noqa: PTH118 - texts: links and `..` stay as they are
            if match.is_file() and not is_linked:
                yield as_text(path)


def pattern_of(
    glob_str: StrPath, base_path: StrPath | None, cwd: Path, *, is_glob: bool
) -> SavePattern:
    """Return what `Run.save` is asked for.

    Args:
        glob_str: A path or a glob.
        base_path: A path or a glob that it begins with, and that is left out below the run's
            files. By default the working directory; of an absolute path all but its last folder.
        cwd: The working directory.
        is_glob: Whether `glob_str` is a glob.

    Raises:
        UsageError: The base is not the beginning of the path, or all of it; or the first part that
            is left is a star.
    """
    said = PurePath(glob_str)
    pattern = cwd / said
    if base_path is not None:
        base = cwd / PurePath(base_path)
    else:
        base = pattern.parent.parent if said.is_absolute() else cwd
    parts = base.parts
    if ".." in pattern.parts or ".." in parts or pattern.parts[: len(parts)] != parts:
        raise UsageError("Glob may not walk above the base path")
    if pattern == base:
        raise UsageError("Glob cannot be the same as the base path")
    if is_glob and pattern.parts[len(parts)] == "*":
        raise UsageError("Glob may not start with '*' relative to the base path")
    if not is_glob:
        return SavePattern(pattern, len(parts), is_glob=False)
    return SavePattern(PurePath(_escaped(cwd, said), said), len(parts), is_glob=True)


def _escaped(cwd: Path, said: PurePath) -> str:
    """Return the working directory for the front of a glob: stars in it are stars."""
    return "/" if said.is_absolute() else glob.escape(str(cwd))


def as_text(path: str) -> str:
    """Return a path as it can be recorded, with slashes; what is no text becomes a sign for it."""
    return path.replace(os.sep, "/").encode("utf-8", "surrogateescape").decode("utf-8", "replace")
