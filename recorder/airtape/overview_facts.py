"""The overview of a run under the names that the documents give its parts."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from airtape.fold.keys import Key, Tree
from airtape.fold.metrics import Metrics
from airtape.overview import Overview
from airtape.records import Plain
from airtape.txlog.format import Header
from airtape.value_text import local_time, size_text, span_text, value_text

_READERS: Final = (
    (stat.S_IROTH, "public: everybody on this machine can read it"),
    (stat.S_IRGRP, "shared: its group can read it"),
    (0, "private: only its owner can read it"),
)


def overview_facts(run: Overview) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each fact, in order; what nobody said is left out."""
    machine = run.machine
    began_ns, runtime = run.began_ns, run.runtime_s
    said: list[tuple[str, str | None]] = [
        ("Run path", run.path),
        ("Description", run.notes),
        ("Privacy", privacy(run.directory)),
        ("Tags", ", ".join(run.tags)),
        ("Author", machine.author),
        ("State", str(run.state)),
        ("Cleaned", None if run.cleaned_ns is None else local_time(run.cleaned_ns)),
        ("Start time", None if began_ns is None else local_time(began_ns)),
        ("Runtime", None if runtime is None else span_text(runtime)),
        ("Duration", None if runtime is None else span_text(run.duration_s)),
        ("Group", run.group),
        ("Job type", run.job_type),
        ("Command", machine.command),
        ("Git repository", machine.git_repository),
        ("Git commit", machine.git_commit),
        ("Host name", machine.host),
        ("OS", machine.os),
        ("Python version", machine.python),
        ("Python executable", machine.executable),
        ("System hardware", _hardware(machine.hardware)),
        ("Library version", run.library),
        ("Steps", _steps(run)),
        ("Writers", _writers(run)),
        ("Directory", ", ".join(map(str, run.directories))),
    ]
    for label, text in said:
        if text:
            yield label, text.replace("\n", " ")


def privacy(directory: Path) -> str | None:
    """Return who can read a run: what the permissions of its directory say; None without one."""
    with suppress(OSError):
        mode = os.stat(directory).st_mode  # noqa: PTH116 - a link counts as what it points to
        return next(text for bit, text in _READERS if not bit or mode & bit)
    return None


def section_of(name: str) -> str:
    """Return the section of a metric: what stands before its last slash; empty without one."""
    return name.rpartition("/")[0]


def definitions_of(run: Overview) -> Metrics:
    """Return what was said of the run's metrics."""
    return Metrics(
        {said.name: said for said in run.metrics if not said.glob},
        {said.name: said for said in run.metrics if said.glob},
    )


def leaves_of(tree: Tree) -> Iterator[tuple[Key, Plain]]:
    """Yield each value with its key; a dictionary that stands for a file is one value."""
    stack: list[tuple[tuple[str, ...], Plain]] = [((), tree)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict) and value and "_type" not in value:
            stack += [((*path, name), below) for name, below in reversed(value.items())]
        elif path:
            yield (path[0] if len(path) == 1 else path), value


def _steps(run: Overview) -> str:
    if run.last_step is None:
        return "none logged"
    dropped = f", {run.dropped} dropped" if run.dropped else ""
    return f"up to {run.last_step}, {run.rows} {'row' if run.rows == 1 else 'rows'}{dropped}"


def _writers(run: Overview) -> str:
    if len(run.writers) == 1:
        return ""
    return ", ".join(writer_name(header) for header, _ in run.writers)


def writer_name(header: Header) -> str:
    """Return what a writer is called among several: its label, or its part, host and process."""
    return header.label or f"{header.role} {header.host}:{header.pid}"


def _hardware(hardware: Mapping[str, Plain]) -> str:
    said = []
    for name, value in hardware.items():
        if name.endswith("_bytes") and isinstance(value, int):
            said.append(f"{name.removesuffix('_bytes').replace('_', ' ')} {size_text(value)}")
        else:
            said.append(f"{name.replace('_', ' ')} {value_text(value)}")
    return ", ".join(said)
