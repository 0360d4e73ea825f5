"""What is left of a run whose logs were removed: a file that says what it was, and where it is.

It stands in the run directory, ``run-<id>.cleaned``. The first line is ``airtape cleaned 1`` and
the SHA-256 of what follows, one JSON object: the run's path, name and state, its config and
summary, the receipts of the targets that hold it, and what `tracker ls` and `tracker show` need
besides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from airtape import exactjson
from airtape.errors import LogFormatError
from airtape.fold.fold import Fold
from airtape.fold.merge import Part
from airtape.overview import Overview, overview_of_parts
from airtape.rundir import CLEANED_SUFFIX, stub_in
from airtape.states import RunState, Vantage
from airtape.txlog.format import header_from_fields

_HEAD: Final = re.compile(rb"airtape cleaned (\d{1,9}) ([0-9a-f]{64})\n")
_VERSION: Final = 1
_STATES: Final = frozenset({"finished", "failed", "preempted", "killed", "crashed"})
_MALFORMED: Final = (LookupError, TypeError, ValueError, AttributeError, OverflowError)


class Cleaned(NamedTuple):
    """What is left of a run.

    Attributes:
        run_id: The run's id.
        state: Its state when it was cleaned.
        parts: What its writers said, in the order in which they count.
        cleaned_ns: When it was cleaned, in nanoseconds since 1970.
        receipts: What the targets hold of it, as JSON has it: each with ``target``.
        freed: Number of bytes that were removed.
    """

    run_id: str
    state: RunState
    parts: Sequence[Part]
    cleaned_ns: int
    receipts: Sequence[Mapping[str, Any]] = ()
    freed: int = 0


def stub_path(run_dir: Path, run_id: str) -> Path:
    """Return where the file stands in a run directory."""
    return run_dir / f"run-{run_id}{CLEANED_SUFFIX}"


def encode_cleaned(cleaned: Cleaned) -> bytes:
    """Return the file."""
    overview = overview_of_parts(Path(), list(cleaned.parts), _NOWHERE)
    said = {
        "run": overview.path,
        "run_id": cleaned.run_id,
        "name": overview.name,
        "state": list(cleaned.state),
        "cleaned_ns": cleaned.cleaned_ns,
        "freed": cleaned.freed,
        "config": overview.config,
        "summary": overview.summary,
        "receipts": list(cleaned.receipts),
        "writers": [
            {"header": header.to_fields(), "state": fold.state()} for header, fold in cleaned.parts
        ],
    }
    body = exactjson.dumps(said).encode("utf-8", "surrogatepass") + b"\n"
    return b"airtape cleaned %d %s\n" % (_VERSION, sha256(body).hexdigest().encode()) + body


def read_cleaned(path: Path) -> Cleaned:
    """Read the file.

    Raises:
        LogFormatError: It was damaged, cannot be read, or is of a later version.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    head = _HEAD.match(data)
    if head is None or int(head[1]) != _VERSION:
        raise _unreadable(path, "it is none that this airtape reads")
    body = data[head.end() :]
    if sha256(body).hexdigest().encode() != head[2]:
        raise _unreadable(path, "it was cut or changed")
    try:
        return _cleaned_from(exactjson.loads(body.decode("utf-8", "surrogatepass")))
    except _MALFORMED as error:
        raise _unreadable(path, f"it says something impossible: {error}") from error


def cleaned_overview(run_dir: Path, vantage: Vantage) -> Overview | None:
    """Return the overview of a run that was cleaned, None if a directory is none of those.

    What cannot be read is an overview with problems.

    Args:
        run_dir: The directory, in which no log is.
        vantage: When and where one looks from.
    """
    try:
        path = stub_in(run_dir)
        cleaned = None if path is None else read_cleaned(path)
    except OSError:
        return None
    except LogFormatError as error:
        problems = [str(error).replace("\n", "; ")]
        return Overview(
            run_dir, RunState("unknown"), problems=problems, directories=[run_dir], cleaned_ns=0
        )
    if cleaned is None:
        return None
    overview = overview_of_parts(run_dir, list(cleaned.parts), vantage)
    overview.state = cleaned.state
    overview.directories = [run_dir]
    overview.cleaned_ns = cleaned.cleaned_ns
    return overview


_NOWHERE: Final = Vantage(0, "", "", lambda _pid, _ticks: True)


def _cleaned_from(said: dict[str, Any]) -> Cleaned:
    name, detail = said["state"]
    parts = []
    for writer in said["writers"]:
        header = header_from_fields(writer["header"])
        if header is None:
            message = "a writer without a name"
            raise ValueError(message)
        parts.append(Part(header, Fold(writer["state"])))
    if name not in _STATES or not parts:
        message = f"a run that is {name}"
        raise ValueError(message)
    return Cleaned(
        str(said["run_id"]),
        RunState(name, str(detail)),
        parts,
        int(said["cleaned_ns"]),
        list(said["receipts"]),
        int(said["freed"]),
    )


def _unreadable(path: Path, because: str) -> LogFormatError:
    return LogFormatError(
        "what is left of a run that was cleaned cannot be read", where=str(path), because=because
    )
