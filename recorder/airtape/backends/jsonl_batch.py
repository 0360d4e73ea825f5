"""One batch as lines of JSON, and back. Every line is strict JSON, see `airtape.exactjson`.

The first line says which run and writer it is of, the last one is the cursor; in between, in the
order in which to apply them, stand lines of these forms::

    {"about": {"run": {…}, "config": {…}, "summary": {…}, "exit": {…}, …}}
    {"erased": "loss", "step": 3}
    {"key": "loss", "step": 3, "value": 0.25, "seq": 17}        a nested key is a list of names
    {"row": 3, "timestamp": 1795169472.5, "runtime": 12.5}
    {"record": 11, "seq": 18, "wall_ns": 1795169472500000000, "fields": […]}
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

from airtape import exactjson
from airtape.backends.base import Batch
from airtape.backends.cursor import Cursor, FileMark, Loss, RunKey
from airtape.backends.replica import Replica
from airtape.backends.tally import Tally
from airtape.errors import TargetError
from airtape.fold.fold import Fold
from airtape.fold.keys import Key, key_of, path_of
from airtape.fold.observers import Column, HistoryChanges
from airtape.records import Record
from airtape.txlog.format import Header, header_from_fields
from airtape.txlog.seqset import SeqSet

FORMAT = "airtape-batch"
MAJOR, MINOR = 1, 1


def lines_of(batch: Batch) -> Iterator[str]:
    """Yield the lines of a batch, each with its end."""
    yield _line(
        format=FORMAT,
        version=[MAJOR, MINOR],
        run={**batch.run._asdict(), "root": batch.run.root.hex()},
        restart=batch.restart,
        header=batch.header.to_fields(),
    )
    yield _line(about=_about(batch.fold))
    for step, key in sorted(batch.changes.erased, key=repr):
        yield _line(erased=key, step=step)
    for column in batch.changes.columns():
        yield from _point_lines(column)
    for step, (timestamp, runtime) in sorted(batch.changes.rows.items()):
        yield _line(row=step, timestamp=timestamp, runtime=runtime)
    for record in batch.events:
        yield _line(
            record=record.kind, seq=record.seq, wall_ns=record.wall_ns, fields=record.fields
        )
    yield _line(cursor=_cursor_fields(batch.cursor))


def _line(**said: object) -> str:
    return exactjson.dumps(said) + "\n"


def _point_lines(column: Column) -> Iterator[str]:
    key = exactjson.dumps(column.key)
    for step, value, seq in zip(column.steps, column.values, column.seqs, strict=True):
        usual = type(value) is float and math.isfinite(value)
        text = repr(value) if usual else exactjson.dumps(value)
        yield f'{{"key":{key},"step":{step},"value":{text},"seq":{seq}}}\n'


def _about(fold: Fold) -> dict[str, Any]:
    return {
        "run": fold.run,
        "config": fold.config,
        "summary": fold.summary,
        "removed_config": list(fold.removed_config),
        "removed_summary": [list(path_of(key)) for key in fold.removed_summary],
        "metadata": fold.metadata,
        "metrics": [said.to_fields() for said in fold.history.metrics.definitions()],
        "rows": fold.history.rows,
        "last_step": fold.history.last_step,
        "began_ns": fold.began_ns,
        "heard_ns": fold.heard_ns,
        "exit": fold.exit,
    }


def _cursor_fields(cursor: Cursor) -> dict[str, Any]:
    return {
        "version": cursor.version,
        "records": len(cursor.received),
        "received": cursor.received.encode(),
        "files": {name: mark._asdict() for name, mark in cursor.files.items()},
        "losses": [loss._asdict() for loss in cursor.losses],
        "ended": cursor.ended,
        "state": cursor.state,
        "tally": None if cursor.tally is None else cursor.tally._asdict(),
    }


def cursor_from(line: str | bytes) -> Cursor:
    """Return the cursor that the last line of a batch holds.

    Raises:
        ValueError: It is no such line.
        KeyError: The same.
    """
    said = exactjson.loads(line)["cursor"]
    return Cursor(
        version=said["version"],
        received=SeqSet.decode(said["received"]),
        files={name: FileMark(**mark) for name, mark in said["files"].items()},
        state=said["state"],
        losses=tuple(Loss(**loss) for loss in said["losses"]),
        ended=said["ended"],
        tally=None if said.get("tally") is None else Tally(**said["tally"]),
    )


def run_of(line: str | bytes) -> RunKey:
    """Return the run that a batch is of, by its first line.

    Raises:
        ValueError: It is no such line.
        KeyError: The same.
    """
    return _key_of(exactjson.loads(line)["run"])


def replay(lines: Iterable[str], replica: Replica | None, where: str) -> Replica:
    """Put a batch over what came before it, and return that.

    Args:
        lines: The lines of a batch.
        replica: What came before, None if nothing did.
        where: The batch's file, for errors.

    Raises:
        TargetError: The batch is of a later version.
        ValueError: It is none.
        KeyError: The same.
    """
    said_first, *said = map(exactjson.loads, lines)
    run, header = _begin(said_first, where)
    if replica is None or said_first["restart"]:
        replica = Replica(run, header)
    changes = HistoryChanges()
    events = []
    for line in said[1:-1]:
        if "key" in line:
            changes.value(line["step"], _key(line["key"]), line["value"], line["seq"])
        elif "row" in line:
            changes.touch(line["row"], line["timestamp"], line["runtime"])
        elif "erased" in line:
            changes.erased.add((line["step"], _key(line["erased"])))
        else:
            events.append(
                Record(line["seq"], line["record"], line["wall_ns"], tuple(line["fields"]))
            )
    replica.apply(changes, events)
    return replica


def _begin(said: dict[str, Any], where: str) -> tuple[RunKey, Header]:
    if said["format"] != FORMAT:
        message = f"the format is {said['format']}"
        raise ValueError(message)
    if said["version"][0] > MAJOR:
        raise TargetError(
            f"the batch is of version {said['version'][0]}",
            where=where,
            because=f"this airtape knows versions up to {MAJOR}",
            hint="Install a later airtape, or sync to another directory.",
        )
    header = header_from_fields(said["header"])
    if header is None:
        message = "the batch names no writer"
        raise ValueError(message)
    return _key_of(said["run"]), header


def _key_of(said: dict[str, Any]) -> RunKey:
    return RunKey(**{**said, "root": bytes.fromhex(said["root"])})


def _key(said: str | list[str]) -> Key:
    return said if isinstance(said, str) else key_of(said)
