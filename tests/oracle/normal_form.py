"""Results without what changes from one execution to the next: paths, ids, times, digests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

Value: TypeAlias = Any
"""Whatever JSON can hold."""

LONGEST_TEXT = 3000
SHOWN_OF_LONGER = 200

_TIMES = ("_timestamp", "_runtime", "start_time", "created_at")
_ROW_TIMES = ("_timestamp", "_runtime")
_RUN_TIMES: tuple[object, ...] = (*_ROW_TIMES, ["_wandb", "runtime"])
_OF_THE_MACHINE = ("start_time", "host", "telemetry", "_info")
_OF_THE_EXECUTION = ("header", "env", "stats_records", "record_kinds", "requests")
_OF_THE_RECORDER = ("t", "m", "cli_version", "python_version", "e", "start_time", "platform")
_ALWAYS_COMPARED = ("history", "config", "summary", "exit_code")

_Replacements: TypeAlias = list[tuple[re.Pattern[str], str]]
_OF_A_RUN: _Replacements = [
    (re.compile(r"\b20\d{6}_\d{6}\b"), "<TS>"),
    (re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?"), "<ISO>"),
    (re.compile(r"\b1[6-9]\d{8}\.\d+(e\+09)?"), "<UNIX>"),
    (re.compile(r"0x[0-9a-f]{6,}"), "<ADDR>"),
    (re.compile(r"\b[a-z0-9]{128}\b"), "<CID128>"),
    (re.compile(r"(staging/)tmp\w+"), r"\1<TMPNAME>"),
    (re.compile(r"/tmp/tmp\w+"), "<TMPNAME>"),  # noqa: S108 - a text to find
    (re.compile(r"on [a-z0-9]{12}$"), "on <SLOT>"),
    (re.compile(r"(?<=_)[0-9a-f]{20}(?=[._/]|$)"), "<H20>"),
    (re.compile(r"\bdummy-[a-z0-9]{8}\b"), "dummy-<ID>"),
]
_MILLISECONDS = (re.compile(r"\b1[6-9]\d{11}\b"), "<MS>")
_OF_ANY_TEXT: _Replacements = [
    _MILLISECONDS,
    (re.compile(r"(/runs/|\bdummy/p/)[a-z0-9]{8}\b"), r"\1<RID>"),
    (re.compile(r"orc_\w+"), "<ORC>"),
    (re.compile(r"\bat 0x[0-9a-f]+"), "at <ADDR>"),
    (re.compile(r"response on [a-z0-9]{12}"), "response on <SLOT>"),
    (re.compile(r"\bDone\. \d+\.\ds"), "Done. <S>s"),
    (re.compile(r"\b[0-9a-f]{40}\b"), "<SHA40>"),
]


def told(run: Mapping[str, Value]) -> dict[str, Value]:
    """Return a run as a reader gives it, without times and what depends on the machine."""
    kept = {key: value for key, value in run.items() if key not in _OF_THE_EXECUTION}
    kept["run"] = _without(run.get("run"), _OF_THE_MACHINE)
    kept["run_updates"] = [_without(said, _OF_THE_MACHINE) for said in run.get("run_updates", ())]
    kept["history"] = [_without(row, _ROW_TIMES) for row in run.get("history", ())]
    kept["summary"] = _without(run.get("summary"), (*_ROW_TIMES, "_wandb"))
    kept["summary_records"] = list(_without_times(run.get("summary_records", ())))
    kept["output"] = _joined(run.get("output", ()))
    if isinstance(kept.get("tree"), list):
        kept["tree"] = [path for path in kept["tree"] if not path.startswith("logs/")]
    return {
        key: value
        for key, value in kept.items()
        if key in _ALWAYS_COMPARED or value not in ([], {}, None, "")
    }


def by_name(result: dict[str, Value]) -> dict[str, Value]:
    """Return a result with the files of its runs by their names, so that each is compared alone."""
    return {**result, "runs": [_files_by_name(run) for run in result["runs"]]}


def _files_by_name(run: Mapping[str, Value]) -> dict[str, Value]:
    files = {file["path"]: _without(file, ("path",)) for file in run.get("files", ())}
    tree = dict.fromkeys(run.get("tree", ()), True)
    return {**run, "files": files, "tree": tree, "file_text": run.get("file_text", {})}


def _without(said: Mapping[str, Value] | None, names: tuple[str, ...]) -> dict[str, Value]:
    return {key: value for key, value in (said or {}).items() if key not in names}


def _without_times(records: Iterable[Mapping[str, Value]]) -> Iterable[dict[str, Value]]:
    for record in records:
        changed = [change for change in record["update"] if change[0] not in _RUN_TIMES]
        if changed or record["remove"]:
            yield {"update": changed, "remove": record["remove"]}


def _joined(output: Iterable[tuple[str, str]]) -> dict[str, str]:
    text: dict[str, str] = {}
    for stream, part in output:
        text[stream] = text.get(stream, "") + part
    return text


class Blanks:
    """Replaces what is particular to one execution by what it stands for.

    Args:
        places: What stands for a folder, by its path.
        run_ids: Ids that were made at random.
    """

    def __init__(self, places: Mapping[Path, str], run_ids: Iterable[str]) -> None:
        self._texts = {run_id: f"<ID{number}>" for number, run_id in enumerate(run_ids)}
        for path, name in places.items():
            self._texts[str(path.resolve())] = name
            self._texts[str(path)] = name

    def __call__(self, value: Value) -> Value:
        """Return a value with these texts replaced, wherever they stand."""
        if isinstance(value, dict):
            return {
                name if name in _TIMES else self._text(name): "<T>"
                if name in _TIMES and not isinstance(below, dict | list)
                else self(below)
                for name, below in value.items()
            }
        if isinstance(value, list):
            return [self(item) for item in value]
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        if len(text) > LONGEST_TEXT:
            return _shortened(text)
        for found, name in self._texts.items():
            text = text.replace(found, name)
        return _replaced(text, _OF_A_RUN)


def settled(value: Value, key: str | None = None) -> Value:
    """Return a result without the last of what changes; doing it twice changes nothing.

    Args:
        value: A result, or a part of it.
        key: The name that the part stands under.
    """
    if isinstance(value, dict):
        kept = {
            _replaced(name, [_MILLISECONDS]): settled(below, name)
            for name, below in value.items()
            if key != "_wandb" or name not in _OF_THE_RECORDER
        }
        _settle_order(kept)
        return kept
    if isinstance(value, list):
        return [settled(item, key) for item in value]
    if isinstance(value, str):
        return _replaced(_shortened(value), _OF_ANY_TEXT)
    return value


def _settle_order(said: dict[str, Value]) -> None:
    if "remove" in said and isinstance(said.get("update"), list):
        said["update"].sort(key=lambda change: json.dumps(change, sort_keys=True))
    if isinstance(said.get("aliases"), list):
        said["aliases"].sort()
    if isinstance(said.get("exit"), dict):
        del said["exit"]
    if "exc" in said:
        said.pop("tb", None)
    if isinstance(said.get("dirname"), str):
        said["dirname"] = re.sub(r"-\d$", "", said["dirname"])
    if "digest" in said and str(said.get("path", "")).endswith("requirements.txt"):
        said["digest"] = said["size"] = "<REQ>"


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[:SHOWN_OF_LONGER]}…<len {len(text)}>"


def _replaced(text: str, replacements: _Replacements) -> str:
    for pattern, by in replacements:
        text = pattern.sub(by, text)
    return text
