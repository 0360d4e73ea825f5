"""What differs between two runs, value by value and file by file."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from airtape.exactjson import dumps
from airtape.fold.keys import Tree, dotted
from airtape.fold.merge import merge
from airtape.overview import Overview
from airtape.overview_facts import leaves_of
from airtape.records import Plain
from airtape_cli.locate import files_of

CODE: Final = "code/"
PATCH: Final = "diff.patch"
REQUIREMENTS: Final = "requirements.txt"
_MAX_TEXT: Final = 1 << 20
"""Bytes of a file above which only that it differs is said."""


class Difference(NamedTuple):
    """A value that two runs do not share.

    Attributes:
        name: Its name.
        values: What each run says, in a list of one value; an empty list where it says nothing.
    """

    name: str
    values: tuple[list[Plain], list[Plain]]


class FileDifference(NamedTuple):
    """A file that two runs do not share.

    Attributes:
        path: Its path below ``files/``.
        sizes: Its size in each run in bytes, None where it is missing.
        lines: The lines that differ, with their surroundings, as ``diff -u`` writes them; None
            where it is no text, or too large.
    """

    path: str
    sizes: tuple[int | None, int | None]
    lines: list[str] | None


@dataclass(slots=True)
class Differences:
    """What differs between two runs.

    Attributes:
        values: What differs, by section: config, summary, metadata, git, requirements.
        code: The files of code that differ, and what was not committed.
    """

    values: dict[str, list[Difference]] = field(default_factory=dict)
    code: list[FileDifference] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.code) or any(self.values.values())


def differences(first: Overview, second: Overview) -> Differences:
    """Return what differs between two runs.

    Times and what else begins with ``_`` are left out of the summary, and how full the disk was of
    the metadata.
    """
    both = (first, second)
    metadata = [merge(run.writers).metadata for run in both]
    git = [said.pop("git", None) for said in metadata]
    for said in metadata:
        _leave_out_moments(said)
    summaries = [
        {name: value for name, value in run.summary.items() if not name.startswith("_")}
        for run in both
    ]
    files = [_files(run) for run in both]
    return Differences(
        {
            "config": _values(first.config, second.config),
            "summary": _values(*summaries),
            "metadata": _values(*metadata),
            "git": _values(*(said if isinstance(said, dict) else {} for said in git)),
            "requirements": _values(*map(_requirements, files)),
        },
        [*_code(*files)],
    )


def _leave_out_moments(metadata: Tree) -> None:
    """Take out what differs between any two moments on one machine."""
    hardware = metadata.get("hardware")
    if isinstance(hardware, dict):
        metadata["hardware"] = {
            name: value for name, value in hardware.items() if name != "disk_used_bytes"
        }


def _values(first: Tree, second: Tree) -> list[Difference]:
    said: list[dict[str, Plain]] = [
        {dotted(key): value for key, value in leaves_of(tree)} for tree in (first, second)
    ]
    found = []
    for name in dict.fromkeys([*said[0], *said[1]]):
        values = ([each[name]] if name in each else [] for each in said)
        pair = (next(values), next(values))
        if dumps(pair[0]) != dumps(pair[1]):
            found.append(Difference(name, pair))
    return found


def _files(run: Overview) -> dict[str, Path]:
    """Return where the files of a run are, by their paths."""
    return {
        file.path: next(
            path
            for directory in reversed(run.directories)
            if (path := directory / "files" / file.path).exists()
        )
        for file in files_of(run)
        if file.path in {PATCH, REQUIREMENTS} or file.path.startswith(CODE)
    }


def _requirements(files: Mapping[str, Path]) -> Tree:
    """Return the version of each package."""
    if REQUIREMENTS not in files:
        return {}
    lines = files[REQUIREMENTS].read_text("utf-8", "replace")
    split = (line.strip().partition("==") for line in lines.splitlines())
    return {name: version for name, _, version in split if name and not name.startswith("#")}


def _code(first: Mapping[str, Path], second: Mapping[str, Path]) -> Iterator[FileDifference]:
    for path in sorted({*first, *second} - {REQUIREMENTS}):
        places = (first.get(path), second.get(path))
        contents = [b"" if place is None else place.read_bytes() for place in places]
        if contents[0] == contents[1] and None not in places:
            continue
        sizes = [None if place is None else place.stat().st_size for place in places]
        yield FileDifference(path, (sizes[0], sizes[1]), _unified(path, *contents))


def _unified(path: str, first: bytes, second: bytes) -> list[str] | None:
    if len(first) > _MAX_TEXT or len(second) > _MAX_TEXT:
        return None
    try:
        before, after = (content.decode("utf-8").splitlines() for content in (first, second))
    except UnicodeDecodeError:
        return None
    return [*difflib.unified_diff(before, after, f"a/{path}", f"b/{path}", lineterm="")]
