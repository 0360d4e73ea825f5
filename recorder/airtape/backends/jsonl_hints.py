"""What run directories looked like when they were synced, in a directory of JSON lines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from airtape import exactjson
from airtape.backends.base import DirectoryHint, FileHint
from airtape.backends.cursor import RunKey
from airtape.backends.jsonl_files import aside_of

HINTS: Final = "hints.json"


def read(top: Path) -> Mapping[str, DirectoryHint]:
    """Return what is known of run directories, by path.

    Raises:
        OSError: It cannot be read.
    """
    try:
        text = (top / HINTS).read_text(encoding="utf-8")
        return {path: _hint(said) for path, said in exactjson.loads(text).items()}
    except (FileNotFoundError, ValueError, LookupError, TypeError, AttributeError):
        # They only save work, so one that a power loss has cut costs no more than that.
        return {}


def keep(top: Path, hints: Mapping[str, DirectoryHint]) -> None:
    """Remember what run directories look like; of two at a time one may be forgotten.

    Raises:
        OSError: It cannot be written.
    """
    kept = {**read(top), **hints}
    aside = aside_of(top / HINTS)
    said = {path: _fields(hint) for path, hint in sorted(kept.items())}
    aside.write_text(exactjson.dumps(said), encoding="utf-8")
    aside.replace(top / HINTS)


def _fields(hint: DirectoryHint) -> dict[str, Any]:
    files = {
        name: {
            **file._asdict(),
            "run": {**file.run._asdict(), "root": file.run.root.hex()},
            "writer": file.writer.hex(),
        }
        for name, file in hint.files.items()
    }
    return {
        "mtime_ns": hint.mtime_ns,
        "files": files,
        "entity": hint.entity,
        "project": hint.project,
        "name": hint.name,
    }


def _hint(said: dict[str, Any]) -> DirectoryHint:
    files = {
        name: FileHint(
            file["size"],
            file["mtime_ns"],
            RunKey(**{**file["run"], "root": bytes.fromhex(file["run"]["root"])}),
            bytes.fromhex(file["writer"]),
            file["done"],
        )
        for name, file in said["files"].items()
    }
    return DirectoryHint(said["mtime_ns"], files, said["entity"], said["project"], said["name"])
