"""Damaging logs: frame by frame, so that tests know what it costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from airtape.named_logs import NamedLogs
from airtape.txlog.format import Header
from airtape.verify import RunHealth, verify
from tests.logs import Said, frames_of

FLIP = 20
"""How far behind the start of a frame `flip` flips a bit: in its head, which every frame has."""


def write_damaged(
    path: Path,
    *said: Said,
    flipped: Iterable[int] = (),
    tail: bytes = b"",
    of: Header | None = None,
) -> list[int]:
    """Write a log with a flipped bit in some of its frames, and return where each frame starts.

    Args:
        path: The log; its directory is made if need be.
        said: The records behind the header.
        flipped: Which frames, by their place in the file.
        tail: Further bytes at the end.
        of: The header, if it is not the usual one.
    """
    frames = frames_of(*said, of=of)
    starts = [0]
    for frame in frames:
        starts.append(starts[-1] + len(frame))
    data = bytearray(b"".join(frames))
    for number in flipped:
        data[starts[number] + FLIP] ^= 1
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data + tail)
    return starts


def health_of(run_dir: Path) -> RunHealth:
    """Return what `verify` says of one run directory."""
    (run,) = verify([NamedLogs(run_dir)])
    return run


def contents_of(folder: Path) -> Mapping[str, bytes]:
    """Return everything below a folder, to see that nothing has changed."""
    paths = sorted(folder.rglob("*"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths if path.is_file()}
