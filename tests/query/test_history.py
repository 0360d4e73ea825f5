from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.backends.registry import open_backend
from airtape.errors import UsageError
from airtape.large_values import store_large
from airtape.query.api import Api
from airtape.query.history import sampled
from airtape.query.run import RecordedRun
from airtape.sync.engine import sync
from tests import logs
from tests.query.conftest import MakeRun

BEGAN = logs.BEGAN_NS / 1e9


def _run(*said: logs.Said) -> RecordedRun:
    logs.write_log(logs.run_dir_of(Path("wandb")), *said)
    return Api().run("ab12cd34")


def _steps(rows: Sequence[dict[str, Any]]) -> list[int]:
    return [row["_step"] for row in rows]


@pytest.mark.usefixtures("workdir")
def test_every_row_is_read_exactly_as_it_was_logged() -> None:
    """Nested values stay nested, dots stay in names, and each row has its step and times."""
    nested = {"max": 10**30, "min": None}
    run = _run(logs.log_row(3, **{"a.b": 1, "g": nested}), logs.log_row(5, loss=0.5))
    assert list(run.scan_history()) == [
        {"a.b": 1, "g": nested, "_step": 3, "_timestamp": BEGAN + 1, "_runtime": 1.0},
        {"loss": 0.5, "_step": 5, "_timestamp": BEGAN + 2, "_runtime": 2.0},
    ]
    assert run.lastHistoryStep == 5


def test_a_scan_takes_keys_and_steps(make_run: MakeRun) -> None:
    """Only these values, of rows that have all of them; the last step is left out."""
    make_run("ab12cd34", logs.log_row(5, **{"eval/acc": 7}), logs.log_row(6, loss=None))
    run = Api().run("ab12cd34")
    assert list(run.scan_history(["eval/acc"]))[-1] == {"eval/acc": 7}
    both = run.scan_history(keys=["_step", "g.max", "loss"], page_size=2, min_step=3)
    assert list(both) == [
        {"_step": 3, "g.max": 3, "loss": 0.1 / 4},
        {"_step": 4, "g.max": 4, "loss": 0.1 / 5},
    ]
    assert _steps(list(run.scan_history(min_step=1, max_step=3))) == [1, 2]
    assert _steps(list(run.scan_history(max_step=0))) == []
    assert list(run.scan_history(["missing"])) == []
    assert list(run.scan_history(["g"]))[1] == {"g": {"max": 1}}


def test_a_sample_has_first_and_last_row(make_run: MakeRun) -> None:
    """A history of many rows is thinned out evenly, the same way every time."""
    rows = [logs.log_row(step, n=step) for step in range(5, 61)]
    make_run("ab12cd34", *rows)
    run = Api().run("ab12cd34")
    some = run.history(samples=5, pandas=False)
    assert _steps(some) == [0, 15, 30, 45, 60]
    assert some == run.history(samples=5, pandas=False)
    assert some[0]["g"] == {"max": 0}
    assert _steps(run.history(samples=1, pandas=False)) == [60]
    assert len(run.history(pandas=False)) == 61


def test_a_sample_takes_keys_and_another_axis(make_run: MakeRun) -> None:
    """Keys come with the axis; without keys only the rows that have the axis count."""
    make_run("ab12cd34", logs.log_row(9, epoch=1, loss=3), logs.log_row(10, epoch=2))
    run = Api().run("ab12cd34")
    assert run.history(keys=["loss"], x_axis="epoch", pandas=False) == [{"epoch": 1, "loss": 3}]
    assert run.history(2, ["loss", "_step"], pandas=False) == [
        {"_step": 0, "loss": 0.1},
        {"_step": 9, "loss": 3},
    ]
    assert _steps(run.history(x_axis="epoch", pandas=False)) == [9, 10]


def test_pandas_is_used_where_it_is_installed(make_run: MakeRun) -> None:
    """With pandas a history is a table, without it a list of dictionaries."""
    make_run()
    run = Api().run("ab12cd34")
    expected = "DataFrame" if find_spec("pandas") else "list"
    assert type(run.history()).__name__ == expected
    assert type(run.history(keys=["loss"])).__name__ == expected
    assert type(run.history(pandas=False)) is list


@pytest.mark.parametrize(
    "arguments", [{"samples": 0}, {"samples": True}, {"keys": "loss"}, {"keys": [3]}]
)
def test_wrong_arguments_are_refused(make_run: MakeRun, arguments: dict[str, Any]) -> None:
    """A number of samples that is none, and keys that are no list of names."""
    make_run()
    with pytest.raises(UsageError, match="must be a"):
        Api().run("ab12cd34").history(**arguments)


def test_the_machine_has_a_stream_of_its_own(make_run: MakeRun, synced: Callable[[], Api]) -> None:
    """What was measured comes with times and without steps, the same from a store."""
    disk = "system.disk./.usagePercent"
    measured: list[dict[str, Any]] = [
        {"system.cpu": 12.5, disk: 0.1},
        {"system.cpu": 3},
        {"system.cpu": 4, disk: 2**70},
    ]
    make_run("ab12cd34", *(logs.system(**values) for values in measured), logs.ended())
    rows = [
        {"_timestamp": BEGAN + at, "_runtime": float(at), **values}
        for at, values in enumerate(measured, start=9)
    ]
    for api in (Api(), synced()):
        run = api.run("ab12cd34")
        assert run.history(stream="system", pandas=False) == rows
        assert run.history(stream="events", samples=2, pandas=False) == [rows[0], rows[2]]
        keys = [disk, "_runtime"]
        assert run.history(stream="system", keys=keys, pandas=False) == [
            {disk: 0.1, "_runtime": 9.0},
            {disk: 2**70, "_runtime": 11.0},
        ]


def test_there_is_no_other_stream(make_run: MakeRun) -> None:
    """Another stream than these is refused, instead of being empty."""
    make_run("ab12cd34")
    with pytest.raises(UsageError, match="there is no stream 'wandb'"):
        Api().run("ab12cd34").history(stream="wandb")


@pytest.mark.usefixtures("workdir")
def test_damage_is_said_and_the_rest_is_read() -> None:
    """A damaged row is missing from the history, and a warning says where."""
    run_dir = logs.run_dir_of(Path("wandb"))
    path = logs.write_log(run_dir, *(logs.log_row(step, n=step) for step in range(3)))
    frames = logs.frames_of(*(logs.log_row(step, n=step) for step in range(3)))
    frames[2] = frames[2][:-1] + b"\0"
    path.write_bytes(b"".join(frames))
    with pytest.warns(UserWarning, match="unknown/uncategorized/ab12cd34: run-ab12cd34.txlog"):
        rows = list(Api().run("ab12cd34").scan_history())
    assert _steps(rows) == [0, 2]


@pytest.mark.usefixtures("workdir")
def test_values_too_large_for_the_log_are_whole() -> None:
    """Rows, config and summary have the value itself; without its file they have the reference."""
    run_dir = logs.run_dir_of(Path("wandb"))
    blobs = run_dir / "blobs"
    blobs.mkdir(parents=True)
    long = "x" * 100
    reference = store_large(blobs, long)
    said = logs.config(text=reference), logs.summary(text=reference)
    logs.write_log(run_dir, logs.log_row(0, text=reference, g={"text": reference}), *said)
    run = Api().run("ab12cd34")
    assert run.config == {"text": long}
    assert run.summary["text"] == long
    (row,) = run.scan_history()
    assert (row["text"], row["g"]) == (long, {"text": long})
    for blob in blobs.iterdir():
        blob.unlink()
    with pytest.warns(UserWarning, match="a large value cannot be read"):
        (row,) = run.scan_history()
    assert row["text"] == reference


@pytest.mark.usefixtures("workdir")
def test_a_store_gives_large_values_as_they_were() -> None:
    """It has them; without what it holds of one, the reference is what is left."""
    run_dir = logs.run_dir_of(Path("wandb"))
    (run_dir / "blobs").mkdir(parents=True)
    long = ["x", *range(1000)]
    reference = store_large(run_dir / "blobs", long)
    said = logs.config(text=reference), logs.summary(text=reference), logs.ended()
    logs.write_log(run_dir, logs.log_row(0, g={"text": reference}), *said)
    with closing(open_backend("sqlite:runs.db")) as backend:
        sync([run_dir], backend)
    shutil.rmtree("wandb")
    run = Api("runs.db").run("ab12cd34")
    assert (run.config["text"], run.summary["text"]) == (long, long)
    (row,) = run.scan_history()
    assert row["g"] == {"text": long}
    (kept,) = Path("runs.db.files").glob("*/*")
    kept.chmod(0o644)
    kept.write_bytes(b"other")
    with pytest.warns(UserWarning, match="a large value cannot be read .* was changed"):
        (row,) = run.scan_history()
    assert row["g"] == {"text": reference}
    kept.unlink()
    with pytest.warns(UserWarning, match="a large value cannot be read .* does not have it"):
        (row,) = run.scan_history()
    assert row["g"] == {"text": reference}


@given(st.integers(0, 2000), st.integers(1, 20))
def test_a_sample_is_even(number: int, count: int) -> None:
    """So many items or all, in order, the last among them, no gap much wider than another."""
    chosen = sampled(iter(range(number)), count)
    assert len(chosen) == min(number, count)
    assert chosen == sorted(set(chosen))
    assert chosen[-1:] == ([number - 1] if number else [])
    if len(chosen) > 1:
        assert chosen[0] == 0
        gaps = [later - one for one, later in pairwise(chosen)]
        assert max(gaps) <= 1.25 * min(gaps) + 1
