from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from types import MappingProxyType
from typing import Any

import pytest

import airtape
from airtape.errors import InvalidDataError, UsageError
from airtape.records import Kind
from tests.recording import StartRun, recorded


def test_values_come_back_exactly(run: airtape.Run) -> None:
    """Not-a-number, the sign of zero and large integers are kept, as is None."""
    run.log({"nan": math.nan, "zero": -0.0, "large": 2**70, "none": None})
    run.finish()
    [nan, zero, large, none] = recorded(run).rows[0].data.values()
    assert isinstance(nan, float)
    assert math.isnan(nan)
    assert str(zero) == "-0.0"
    assert large == 2**70
    assert none is None


def test_text_that_no_encoding_has_is_replaced(run: airtape.Run) -> None:
    """A lone surrogate becomes U+FFFD and costs nothing else, be the step over or not."""
    run.log({"a\ud800": "\ud800", "b": 1}, step=5)
    run.log({"a\ud800": "\ud800"}, step=4)
    run.finish()
    calls = [record.fields[2] for record in recorded(run).of(Kind.HISTORY)]
    assert calls == [{"a\ufffd": "\ufffd", "b": 1}, {"a\ufffd": "\ufffd"}]


def test_later_changes_of_the_callers_data_are_not_recorded(run: airtape.Run) -> None:
    """What was logged is what it was at that moment, for the log and for the summary."""
    data: dict[str, Any] = {"a": [1], "d": {"x": 1}}
    run.log(data, commit=False)
    data["a"].append(2)
    data["d"]["x"] = 2
    data["b"] = 3
    run.log({})
    assert dict(run.summary.items())["a"] == [1]
    run.finish()
    assert recorded(run).data == [(0, {"a": [1], ("d", "x"): 1})]


def test_any_mapping_can_be_logged(run: airtape.Run) -> None:
    """Not only a dictionary is a mapping."""
    run.log(MappingProxyType({"a": 1}))
    run.finish()
    assert recorded(run).data == [(0, {"a": 1})]


@pytest.mark.parametrize("data", [None, [1], "a", 1, {1: 2}, {None: 1}, {"a": object()}])
def test_what_cannot_be_recorded_changes_nothing(data: Any, run: airtape.Run) -> None:  # noqa: ANN401 - the point
    """Wrong data raise what is both a ValueError and a TypeError, and the step stays."""
    with pytest.raises(InvalidDataError) as raised:
        run.log(data)
    assert isinstance(raised.value, ValueError)
    assert isinstance(raised.value, TypeError)
    assert run.step == 0
    run.finish()
    assert recorded(run).data == []


def test_the_summary_follows_what_is_logged(run: airtape.Run) -> None:
    """It has the last value of each metric, those of an open row when that is complete."""
    for loss in (0.5, 0.25):
        run.log({"loss": loss, "d": {"x": loss}})
    run.log({"loss": 0.125}, commit=False)
    assert run.summary["loss"] == 0.25
    assert run.summary["d"]["x"] == 0.25
    run.finish()
    assert recorded(run).fold.summary["loss"] == 0.125


def test_a_metric_is_summarised_as_it_is_defined(run: airtape.Run) -> None:
    """define_metric() counts for rows before and after it, and the definition is recorded."""
    run.log({"loss": 2})
    defined = run.define_metric("loss", summary="min,best", goal="maximize")
    run.log({"loss": 1})
    assert dict(run.summary["loss"].items()) == {"min": 1, "best": 2}
    assert defined.goal == "maximize"
    run.finish()
    assert recorded(run).fold.summary["loss"] == {"min": 1, "best": 2}


def test_a_step_metric_stands_in_the_rows_that_lack_it(run: airtape.Run) -> None:
    """Its last value is added to the rows of the metrics that it is the x axis of."""
    run.define_metric("eval/*", step_metric="epoch")
    run.log({"epoch": 3})
    run.log({"eval/loss": 0.5})
    run.finish()
    assert recorded(run).data == [(0, {"epoch": 3}), (1, {"eval/loss": 0.5, "epoch": 3})]


def test_name_notes_and_tags_can_be_changed(run: airtape.Run) -> None:
    """Each change is recorded at once, and the last one counts."""
    run.name, run.notes, run.tags = "first", "none", ("a",)
    run.name = "second"
    run.tags += ("b",)
    assert (run.name, run.notes, run.tags) == ("second", "none", ("a", "b"))
    run.finish()
    described = recorded(run).fold.run
    assert (described["name"], described["notes"], described["tags"]) == (
        "second",
        "none",
        ["a", "b"],
    )


@pytest.mark.parametrize(("name", "value"), [("name", 5), ("notes", b"x"), ("tags", ["x" * 65])])
def test_what_is_no_name_is_refused(name: str, value: object, run: airtape.Run) -> None:
    """A wrong value raises and changes nothing."""
    before = getattr(run, name)
    with pytest.raises(UsageError):
        setattr(run, name, value)
    assert getattr(run, name) == before


def test_a_run_tells_what_it_is(start_run: StartRun) -> None:
    """Everything that init() was told can be asked for."""
    run = start_run(entity="ada", project="digits", id="r1", name="n", group="g", job_type="train")
    assert (run.id, run.name, run.path) == ("r1", "n", "ada/digits/r1")
    assert (run.group, run.job_type, run.mode, run.url) == ("g", "train", "offline", None)
    assert (run.offline, run.disabled, run.resumed) == (True, False, False)
    assert (run.step, run.starting_step) == (0, 0)
    assert run.notes is None
    assert run.tags == ()
    assert run.settings.project == "digits"
    assert recorded(run).records[0].wall_ns == pytest.approx(run.start_time * 1e9)
    assert repr(run) == f"<Run ada/digits/r1 in {run.sync_dir.rpartition('/')[2]}>"


def test_config_can_be_set_at_any_time(start_run: StartRun) -> None:
    """What init() was given and what came later is recorded; changes in place are at the end."""
    run = start_run(config={"lr": 0.1, "model": {"depth": 2}})
    run.config.seed = 7
    run.config["model"]["depth"] = 3
    static = run.config_static
    run.config.update({"lr": 0.2}, allow_val_change=True)
    assert static["lr"] == 0.1
    run.finish()
    assert recorded(run).fold.config == {"lr": 0.2, "model": {"depth": 3}, "seed": 7}


def test_a_call_on_a_finished_run_is_refused(run: airtape.Run) -> None:
    """The error names run and call; nothing is added to the log, and what was can still be read."""
    run.log({"a": 1})
    run.finish()
    before = recorded(run).records
    calls: dict[str, Callable[[], object]] = {
        "log": lambda: run.log({"a": 2}),
        "define_metric": lambda: run.define_metric("a"),
        "name": lambda: setattr(run, "name", "x"),
        "_config_callback": lambda: run.config.update({"a": 1}),
        "_summary_update_callback": lambda: run.summary.update({"a": 1}),
    }
    for name, call in calls.items():
        with pytest.raises(
            UsageError, match=rf"Run \({run.id}\) is finished. The call to `{name}`"
        ):
            call()
    assert recorded(run).records == before
    assert run.summary["a"] == 1


@pytest.mark.parametrize(("code", "expected"), [(None, 0), (0, 0), (1, 1), (255, 255), (-1, -1)])
def test_finish_records_the_exit_code(code: int | None, expected: int, run: airtape.Run) -> None:
    """Without a code the run was a success."""
    run.finish(code)
    assert recorded(run).of(Kind.EXIT)[0].fields == (expected, {"how": "finish"})


def test_finish_counts_once(run: airtape.Run) -> None:
    """The second call does nothing, whatever it says."""
    run.finish(3)
    run.finish(0)
    [end] = recorded(run).of(Kind.EXIT)
    assert end.fields[0] == 3


def test_an_exit_code_that_is_no_number_leaves_the_run_open(run: airtape.Run) -> None:
    """The mistake raises; the run goes on and can be finished."""
    with pytest.raises(InvalidDataError):
        run.finish("x")  # type: ignore[arg-type]  # what the test is about
    run.log({"a": 1})
    run.finish(1)
    assert recorded(run).fold.exit is not None


def test_retired_arguments_are_warned_of_once(
    run: airtape.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """``log(sync=...)`` and ``finish(quiet=...)`` have no effect, and say so."""
    for _ in range(2):
        run.log({"a": 1}, sync=True)
    run.finish(quiet=True)
    said = capsys.readouterr().err
    assert said.count("log(sync=...) is retired") == 1
    assert said.count("finish(quiet=...) is retired") == 1


def test_a_with_block_ends_the_run(start_run: StartRun) -> None:
    """Left without error, the run was a success; no run is current then."""
    with start_run(reinit=None) as run:
        run.log({"a": 1})
        assert airtape.run is run
    assert airtape.run is None
    assert recorded(run).of(Kind.EXIT)[0].fields == (0, {"how": "with"})


def test_finish_in_a_with_block_counts(start_run: StartRun) -> None:
    """What finish() said stands, whatever comes after it in the block."""
    with suppress(ZeroDivisionError), start_run() as run:
        run.finish(7)
        raise ZeroDivisionError
    assert recorded(run).of(Kind.EXIT)[0].fields == (7, {"how": "finish"})


@pytest.mark.parametrize(
    ("error", "code", "cause"),
    [
        (ZeroDivisionError(), 1, {"how": "exception", "exception": "ZeroDivisionError"}),
        (KeyboardInterrupt(), 130, {"how": "signal", "signal": "SIGINT"}),
        (SystemExit(), 0, {"how": "with"}),
        (SystemExit(4), 4, {"how": "with"}),
        (SystemExit("no data"), 1, {"how": "with"}),
    ],
    ids=repr,
)
def test_an_error_that_leaves_a_with_block_is_the_runs_end(
    error: BaseException, code: int, cause: dict[str, str], start_run: StartRun
) -> None:
    """The run ends by it, and the error goes on its way."""
    with pytest.raises(type(error)), start_run() as run:
        raise error
    assert recorded(run).of(Kind.EXIT)[0].fields == (code, cause)


def test_a_run_has_nothing_to_complain_of(run: airtape.Run) -> None:
    """As long as the disk takes everything, the status is empty."""
    run.log({"a": 1})
    assert run.status() == type(run.status())()
