"""Reads our run directories into what the oracle's own reader makes of those of wandb.

Names, in the result and in what is in it, are those of W&B's records. Numbers look as W&B writes
them: what comes from ``log()`` has whole floats below a million as integers.
"""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from airtape.fold.fold import Fold
from airtape.fold.keys import Key, Tree, key_of, leaves, nested, path_of
from airtape.fold.merge import Part, merge
from airtape.fold.observers import RowCollector
from airtape.fold.row import Row
from airtape.large_values import is_large, load_large
from airtape.records import Kind, Plain, Record
from airtape.rows import read_history
from airtape.rundir import RunDir
from airtape.txlog.format import LOG_SUFFIX
from airtape.txlog.reader import Damage
from airtape.writers import WriterFiles, read_writers

Said: TypeAlias = dict[str, Any]
NamePath: TypeAlias = tuple[str, ...]

TEXT_FILES = (
    *("output.log", "config.yaml", "wandb-summary.json", "wandb-metadata.json"),
    "diff.patch",
)
"""Files of a run that are compared by what is in them."""

_STREAMS = {"stdout": "raw1", "stderr": "raw0"}
_RUN_NAMES = {"name": "display_name", "group": "run_group"}
_FURTHER = re.compile(r"\.[^/]+-\d+-(\d+)$")
_GIT_NAMES = {"commit": "commit", "remote": "remote_url"}
_EXPONENT_FROM = 1e6
"""W&B writes floats from here on with an exponent, which reads back as a float."""


def read(directory: str | os.PathLike[str]) -> list[Said]:
    """Return what every run directory below a directory says, in the order the runs began.

    Raises:
        LogFormatError: A run directory has no readable log.
    """
    top = Path(directory)
    run_dirs = {log.parent for log in top.rglob(f"run-*{LOG_SUFFIX}")}
    runs = [_read_run(path, top) for path in sorted(run_dirs)]
    return sorted(runs, key=lambda run: int(run["run"]["start_time"]))


def _read_run(run_dir: Path, top: Path) -> Said:
    problems: list[str] = []
    blobs = RunDir(run_dir, "").blobs
    rows = [_row(row, blobs) for row in read_history(run_dir, problems.append)]
    retellings = [_Retelling(writer, blobs) for writer in read_writers(run_dir, problems)]
    whole = merge([Part(retelling.header, retelling.fold) for retelling in retellings])
    fold = whole.newest.fold
    newest = next(retelling for retelling in retellings if retelling.fold is fold)
    run, *updates = newest.runs or [newest.described()]
    python = whole.metadata.get("python")
    recorder = {"cli_version": newest.header.library, "python_version": python}
    told: Said = {
        "record_kinds": dict(newest.kinds),
        "run": run | _git(whole.metadata),
        "run_updates": updates,
        "config": {"_wandb": recorder | _branch(whole.run), **whole.config},
        "config_records": newest.config_records,
        "history": rows,
        "summary_records": newest.summary_records,
        "summary": newest.as_written(whole.summary),
        "metrics": newest.metrics,
        "exit_code": None if fold.exit is None else fold.exit["code"],
        "files": [_file(file) for file in fold.files.values()],
        "artifacts": [],
        "output": [part for retelling in retellings for part in retelling.output],
        "alerts": [],
        "preempting": newest.kinds["preempting"],
        "final": False,
        "dirname": run_dir.name,
        "parent": str(run_dir.parent.relative_to(top)),
        "tree": sorted(_tree(run_dir)),
        "file_text": dict(_texts(run_dir / "files")),
    }
    if problems:
        # W&B has nothing of this name, so it shows as a difference.
        told["problems"] = problems
    return told


class _Retelling(RowCollector):
    """What one writer's records say, one after the other, in W&B's terms.

    It watches its own fold: what a row changes in the summary is told when the row is complete.
    """

    def __init__(self, writer: WriterFiles, blobs: Path) -> None:
        super().__init__()
        self.header = writer.header
        self._blobs = blobs
        self.fold = Fold(observer=self)
        self.kinds: Counter[str] = Counter()
        self.runs: list[Said] = []
        self.config_records: list[Said] = []
        self.summary_records: list[Said] = []
        self.metrics: list[Said] = []
        self._set_by_hand: set[NamePath] = set()
        self.output: list[tuple[str, str]] = []
        tellers = {
            Kind.CONSOLE: self._output,
            Kind.RUN: self._run,
            Kind.CONFIG: self._config,
            Kind.SUMMARY: self._summary,
            Kind.METRIC: self._metric,
        }
        for _, record in writer.records():
            if isinstance(record, Damage):
                continue
            kind = Kind(record.kind)
            self.kinds[kind.name.lower()] += 1
            self.fold.apply(record)
            if kind in tellers:
                tellers[kind](record)
        self.fold.close_row()

    def close(self, row: Row) -> None:
        """Tell what the row has changed in the summary."""
        changed: list[list[Any]] = [
            ["_step", row.step],
            ["_timestamp", row.timestamp],
            ["_runtime", row.runtime],
        ]
        for key in _whole_data(row, self._blobs):
            definition = self.fold.history.metrics.find(key)
            if definition is not None and "none" in definition.summary:
                continue
            path = path_of(key)
            for value in _at(self.fold.summary, path):
                self._set_by_hand.difference_update(_leaf_paths(path, value))
                changed.append([_named(path), _as_logged(_whole(value, self._blobs))])
        self.summary_records.append({"update": changed, "remove": []})

    def as_written(self, summary: Tree) -> Tree:
        """Return a summary with its numbers as W&B writes them: those set by hand as they are."""
        return {
            name: self._as_written((name,), _whole(value, self._blobs))
            for name, value in summary.items()
        }

    def _as_written(self, path: NamePath, value: Plain) -> Plain:
        if isinstance(value, dict):
            return {name: self._as_written((*path, name), below) for name, below in value.items()}
        return value if path in self._set_by_hand else _as_logged(value)

    def described(self) -> Said:
        """Return what is said of the run so far."""
        said = {_RUN_NAMES.get(name, name): value for name, value in self.fold.run.items() if value}
        if "branch" in said:
            run_id, step = said.pop("branch").values()
            said["branch_point"] = {"run": run_id, "metric": "_step", "value": float(step)}
        return {"run_id": self.header.run_id, "start_time": self.fold.began_ns, **said}

    def _output(self, record: Record) -> None:
        stream, data = record.fields[:2]
        self.output.append((_STREAMS[stream], data))

    def _run(self, _: Record) -> None:
        self.runs.append(self.described())

    def _config(self, record: Record) -> None:
        # What stands before the metadata is the config that the run began with, no change of it.
        if self.kinds["metadata"]:
            changed, removed = record.fields[:2]
            update = [[key, value] for key, value in changed.items()]
            self.config_records.append({"update": update, "remove": removed})

    def _summary(self, record: Record) -> None:
        changed, removed = record.fields[:2]
        for path, value in changed:
            self._set_by_hand.update(_leaf_paths(tuple(path), value))
        self.summary_records.append(
            {
                "update": [[_named(path), _whole(value, self._blobs)] for path, value in changed],
                "remove": [_named(path) for path in removed],
            }
        )

    def _metric(self, record: Record) -> None:
        said = record.fields[0]
        told: Said = {"options": {"defined": True}}
        for option in ("step_sync", "hidden"):
            if said.get(option):
                told["options"][option] = True
        if "glob" in said:
            told["glob_name"] = said["glob"] + "*"
        else:
            told["name"] = said["name"]
        if said.get("step_metric"):
            told["step_metric"] = said["step_metric"]
        if said.get("summary"):
            told["summary"] = dict.fromkeys(said["summary"], True)
        if said.get("goal"):
            told["goal"] = f"GOAL_{said['goal'].upper()}"
        if said.get("overwrite"):
            told["_control"] = {"overwrite": True}
        self.metrics.append(told)


def _git(metadata: Said) -> Said:
    git = metadata.get("git", {})
    told = {theirs: git[ours] for ours, theirs in _GIT_NAMES.items() if ours in git}
    return {"git": told} if told else {}


def _file(file: Said) -> Said:
    kind = {"type": "WANDB"} if file["type"] == "run" else {}
    policy = {"policy": file["policy"].upper()} if file.get("policy") in {"live", "end"} else {}
    return {"path": file["path"], **kind, **policy}


def _branch(run: Said) -> Said:
    return {"branch_point": run["branch"]} if "branch" in run else {}


def _row(row: Row, blobs: Path) -> Said:
    told: Said = {"_step": row.step, "_timestamp": row.timestamp, "_runtime": row.runtime}
    for key, value in _whole_data(row, blobs).items():
        name = key if isinstance(key, str) else "/".join(("!nested", *key))
        told[name] = _as_logged(value)
    told["!record_step"] = row.step
    return told


def _as_logged(value: Plain) -> Plain:
    """Return a copy of a logged value as one reads it back from W&B's JSON."""
    if isinstance(value, dict):
        return {name: _as_logged(below) for name, below in value.items()}
    if isinstance(value, list):
        return [_as_logged(item) for item in value]
    if isinstance(value, float) and value.is_integer() and math.fabs(value) < _EXPONENT_FROM:
        return int(value)
    return value


def _whole_data(row: Row, blobs: Path) -> dict[Key, Plain]:
    """Return the values of a row by key, with those that were too large for the log."""
    return {
        key: value
        for name, below in nested(row.data).items()
        for key, value in leaves({name: _whole(below, blobs)})
    }


def _whole(value: Plain, blobs: Path) -> Plain:
    """Return a copy of a value, with what was too large for the log in place of references."""
    if not isinstance(value, dict):
        return value
    if is_large(value):
        return load_large(blobs, value)
    return {name: _whole(below, blobs) for name, below in value.items()}


def _at(tree: Tree, path: NamePath) -> Iterator[Plain]:
    """Yield the value at a path, if there is one."""
    value: Plain = tree
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return
        value = value[name]
    yield value


def _leaf_paths(path: NamePath, value: Plain) -> Iterator[NamePath]:
    for key, _ in leaves({"": value}):
        yield path + path_of(key)[1:]


def _named(path: list[str] | NamePath) -> str | list[str]:
    key = key_of(path)
    return key if isinstance(key, str) else list(key)


def _tree(run_dir: Path) -> Iterator[str]:
    """Yield the files of a run directory; a log goes by the name that W&B gives its log."""
    for path in run_dir.rglob("*"):
        name = str(path.relative_to(run_dir))
        if path.is_symlink():
            yield f"{name} -> {path.readlink()}"
        elif path.is_file():
            yield _log_name(name) if name.endswith(LOG_SUFFIX) else name


def _log_name(name: str) -> str:
    """Return W&B's name for a log; of a further writer's only the number stays."""
    return _FURTHER.sub(r".writer-\1", name.removesuffix(LOG_SUFFIX)) + ".wandb"


def _texts(files: Path) -> Iterator[tuple[str, str]]:
    for name in TEXT_FILES:
        if (files / name).is_file():
            yield name, (files / name).read_text(encoding="utf-8", errors="replace")[:4000]
