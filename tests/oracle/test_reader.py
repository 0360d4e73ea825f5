from __future__ import annotations

from pathlib import Path
from typing import Any

from airtape.records import Kind
from tests.logs import (
    config,
    describe,
    ended,
    log_row,
    machine,
    metric,
    run_dir_of,
    summary,
    write_log,
)
from tests.oracle.reader import read


def told(folder: Path, *said: Any) -> dict[str, Any]:
    """Write a run of these records and return what the reader says of it."""
    begun = [describe(project="digits"), config(lr=0.1), machine(python="3.10.0")]
    write_log(run_dir_of(folder / "wandb"), *begun, *said)
    (run,) = read(folder)
    return run


def test_numbers_of_rows_look_as_in_json_of_wandb(tmp_path: Path) -> None:
    """Whole floats below a million are integers in rows and what comes of them, not larger ones."""
    run = told(tmp_path, log_row(0, a=2.0, b=1e6, c=0.5, n={"x": [3.0]}))
    row = {name: run["history"][0][name] for name in ("a", "b", "c", "!nested/n/x")}
    assert repr(row) == "{'a': 2, 'b': 1000000.0, 'c': 0.5, '!nested/n/x': [3]}"
    assert repr(run["summary"]["n"]) == "{'x': [3]}"


def test_numbers_set_by_hand_look_as_they_were_set(tmp_path: Path) -> None:
    """A float in the summary that was set by hand stays one, until the metric is logged again."""
    run = told(tmp_path, summary(best=2.0, loss=3.0), log_row(0, loss=4.0))
    assert repr([run["summary"]["best"], run["summary"]["loss"]]) == "[2.0, 4]"


def test_each_row_tells_what_it_changed_in_the_summary(tmp_path: Path) -> None:
    """A record of the summary holds the values of one row, aggregated as they were defined."""
    defined = metric(name="loss", summary=["min"])
    run = told(tmp_path, defined, log_row(0, loss=1), log_row(1, loss=2, acc=3))
    changed = [dict(record["update"]) for record in run["summary_records"]]
    assert [record["loss"] for record in changed] == [{"min": 1}, {"min": 1}]
    assert [record.get("acc") for record in changed] == [None, 3]


def test_config_that_a_run_begins_with_is_no_change_of_it(tmp_path: Path) -> None:
    """Only what is set after the metadata counts as a change of the config."""
    run = told(tmp_path, config(depth=2))
    assert run["config_records"] == [{"update": [["depth", 2]], "remove": []}]
    assert (run["config"]["lr"], run["config"]["depth"]) == (0.1, 2)


def test_each_renaming_is_told_with_all_that_is_known(tmp_path: Path) -> None:
    """A later description repeats what the earlier ones said."""
    run = told(tmp_path, describe(name="calm-lion-1"), ended(0))
    assert [(said["project"], said["display_name"]) for said in run["run_updates"]] == [
        ("digits", "calm-lion-1")
    ]
    assert run["exit_code"] == 0


def test_damage_shows(tmp_path: Path) -> None:
    """A damaged log is told with what is wrong, which no result of wandb has."""
    path = write_log(run_dir_of(tmp_path), (Kind.RUN, [{}]), log_row(0, a=1), ended(0))
    data = bytearray(path.read_bytes())
    data[-60] ^= 1
    path.write_bytes(data)
    assert len(read(tmp_path)[0]["problems"]) > 0
