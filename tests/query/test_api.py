from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import airtape
from airtape.backends.registry import open_backend
from airtape.errors import CommError, NotAvailableYetError, UsageError
from airtape.query.api import Api
from airtape.query.run import RecordedRun
from airtape.query.runs import Runs
from tests import logs
from tests.processes import RunPython
from tests.query.conftest import MakeRun

WHAT_READING_LOADS = """
    import sys

    import airtape
    assert "airtape.query.api" not in sys.modules
    assert hasattr(airtape, "Api")
    assert airtape.Api is sys.modules["airtape.query.api"].Api
    loaded = {"sqlite_utils", "rich", "click", "watchdog", "pandas"} & set(sys.modules)
    print(*loaded)
"""


def _ids(runs: Runs) -> list[str]:
    return [run.id for run in runs]


def _said_of(run: RecordedRun) -> object:
    return run._attrs  # noqa: SLF001 - scripts look for it behind W&B's objects


def test_a_recorded_run_is_read_where_it_was_recorded(workdir: Path) -> None:
    """What a script records is what `Api` finds from the same directory, without arguments."""
    assert list(workdir.iterdir()) == []
    with airtape.init(
        entity="me", project="digits", config={"lr": 0.1}, tags=["best"], name="lion"
    ) as run:
        run.log({"loss": 0.5})
    (found,) = airtape.Api().runs("me/digits")
    assert found.path == ["me", "digits", run.id]
    assert (found.name, found.tags, found.state) == ("lion", ["best"], "finished")
    assert found.config == {"lr": 0.1}
    assert found.summary["loss"] == 0.5
    assert [row["loss"] for row in found.scan_history()] == [0.5]


def test_the_api_is_loaded_when_it_is_asked_for(run_python: RunPython) -> None:
    """Importing the library loads nothing of it, and reading needs no library of the command."""
    assert run_python(WHAT_READING_LOADS).stdout.split() == []


@pytest.mark.parametrize(
    "path", ["ab12cd34", "digits/ab12cd34", "me/digits/ab12cd34", "/me/digits/runs/ab12cd34"]
)
def test_a_run_is_found_by_its_path(make_run: MakeRun, path: str) -> None:
    """The id alone, with its project, or the whole path, also as in an address."""
    make_run()
    make_run("ab12cd34-2")
    assert Api().run(path).path == ["me", "digits", "ab12cd34"]
    assert Api().run(f"https://wandb.ai/{path.strip('/')}").id == "ab12cd34"


@pytest.mark.parametrize("path", ["", "a/b/c/d", "me//ab12cd34", "/"])
def test_another_form_of_path_is_refused(make_run: MakeRun, path: str) -> None:
    """The error says which form there is."""
    make_run()
    with pytest.raises(UsageError, match="entity/project/id"):
        Api().run(path)


def test_an_unknown_run_is_refused_as_wandb_does(make_run: MakeRun) -> None:
    """The error is a CommError and a ValueError, and names what is like it or elsewhere."""
    make_run()
    with pytest.raises(CommError, match=r"Could not find run <Run ab12cd35 \(not found\)>") as no:
        Api().run("ab12cd35")
    assert isinstance(no.value, ValueError)
    assert no.value.hint == "Did you mean ab12cd34?"
    with pytest.raises(ValueError, match="Did you mean me/digits/ab12cd34"):
        Api().run("you/digits/ab12cd34")
    with pytest.raises(CommError, match="not found") as no:
        Api().run("zzz")
    assert no.value.hint is None


def test_a_run_in_a_renamed_directory_is_found(make_run: MakeRun) -> None:
    """The logs say which run it is, whatever the directory is called."""
    run_dir = make_run()
    run_dir.rename(run_dir.with_name("run-mine"))
    assert Api().run("ab12cd34").name == "lion-ab12cd34"


def test_of_runs_with_one_id_the_one_heard_last_is_returned(make_run: MakeRun) -> None:
    """An id that was used again without resuming means the newest run; `runs` has both."""
    make_run(writer=bytes(16), lr=0.1)
    later = logs.BEGAN_NS + 10**12
    make_run(stamp="20261121_101112", writer=bytes(range(16)), lr=0.2, began_ns=later)
    assert Api().run("ab12cd34").config["lr"] == 0.2
    assert [run.config["lr"] for run in Api().runs()] == [0.1, 0.2]


def test_runs_are_filtered_and_ordered(make_run: MakeRun) -> None:
    """By project, by a filter as text or as W&B's dictionaries, in the order asked for."""
    for at, run_id in enumerate(("a", "b", "c")):
        make_run(run_id, lr=0.1 * at, began_ns=logs.BEGAN_NS + at * 10**12)
    make_run("d", project="words")
    api = Api()
    assert _ids(api.runs("me/digits")) == ["a", "b", "c"]
    assert _ids(api.runs("words")) == ["d"]
    assert _ids(api.runs("you/digits")) == []
    assert _ids(api.runs("digits", "config.lr > 0.05", order="-created_at")) == ["c", "b"]
    filters = {"config.lr": {"$gt": 0.05}, "state": "finished"}
    assert _ids(api.runs("digits", filters, "-summary_metrics.loss")) == ["c", "b"]
    assert _ids(api.runs(filters="name = lion-b and commit = c0ffee and user = ada")) == ["b"]


def test_runs_are_a_sequence_that_is_read_when_looked_at(make_run: MakeRun, wandb: Path) -> None:
    """Length, places, slices and iteration; nothing is read before, everything once."""
    runs = Api(wandb).runs()
    assert repr(runs) == "<Runs, not read yet>"
    for run_id in "abc":
        make_run(run_id)
    assert (len(runs), runs.length, runs.problems) == (3, 3, [])
    assert (runs[0].id, runs[-1].id) == ("a", "c")
    assert [run.id for run in runs[1:]] == ["b", "c"]
    make_run("d")
    assert _ids(runs) == ["a", "b", "c"]
    assert repr(runs) == "<Runs: 3>"


def test_what_cannot_be_read_is_said(make_run: MakeRun, wandb: Path) -> None:
    """Directories that are no runs are passed over with a warning, and listed."""
    make_run()
    (wandb / "run-20261120_101112-empty").mkdir()
    bad = wandb / "run-20261120_101112-bad" / "run-bad.txlog"
    bad.parent.mkdir()
    bad.write_bytes(b"not a log at all")
    runs = Api().runs()
    with pytest.warns(UserWarning, match="2 places cannot be read"):
        assert _ids(runs) == ["ab12cd34"]
    assert sorted(problem.partition(": ")[0] for problem in runs.problems) == [
        str(bad.parent),
        str(wandb / "run-20261120_101112-empty"),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"filters": "stat = x"}, "there is no column 'stat'"),
        ({"filters": {"stat": "x"}}, "there is no column 'stat'"),
        ({"filters": 3}, "filters must be a text or a dictionary"),
        ({"order": "-loss"}, "there is no column 'loss' to order by"),
        ({"path": "a/b/c"}, "Write entity/project"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_read(
    workdir: Path, arguments: dict[str, Any], said: str
) -> None:
    """The mistake shows where it was made, not at the first look."""
    with pytest.raises(UsageError, match=said):
        Api(workdir).runs(**arguments)


def test_runs_are_read_from_wherever_they_are(make_run: MakeRun, wandb: Path) -> None:
    """A run directory, a folder of them, the folder above, a pattern, several, or the default."""
    one, other = make_run("a"), make_run("b")
    assert _ids(Api(one).runs()) == ["a"]
    assert _ids(Api(str(one / "run-a.txlog")).runs()) == ["a"]
    assert _ids(Api([one, other]).runs()) == ["a", "b"]
    for path in (wandb, wandb.parent, f"{wandb.parent}/w*", None):
        assert _ids(Api(path).runs()) == ["a", "b"]
    assert _ids(Api(f"{wandb.parent}/x*").runs()) == []


def test_without_a_folder_there_are_no_runs(workdir: Path) -> None:
    """Nothing recorded from here is no error; a path that is named and missing is."""
    assert _ids(Api().runs()) == []
    for path in ("missing", "sqlite:missing.db", workdir / "missing.db"):
        with pytest.raises(UsageError, match="there is nothing at this path"):
            Api(path)


def test_arguments_of_wandb_are_taken(make_run: MakeRun) -> None:
    """Overrides choose entity and project where a path does not; timeouts and keys do nothing."""
    make_run("a")
    make_run("b", project="words")
    api = Api({"entity": "me", "project": "words", "base_url": "https://example.org"})
    assert _ids(api.runs()) == ["b"]
    assert _ids(api.runs("digits")) == ["a"]
    assert api.default_entity == "me"
    api = Api(overrides={"entity": "you"}, timeout=60, api_key="0" * 40)
    assert _ids(api.runs(per_page=1, include_sweeps=False, lazy=False)) == []
    assert api.api_key is None
    api.flush()


def test_artifacts_are_not_there_yet(make_run: MakeRun) -> None:
    """Each name of theirs says so, instead of returning nothing."""
    make_run()
    run = Api().run("ab12cd34")
    asks: list[Callable[[], object]] = [run.logged_artifacts, run.used_artifacts, run.delete]
    asks.append(lambda: Api().artifact("a:v0", type="model"))
    for ask in asks:
        with pytest.raises(NotAvailableYetError, match="not available in this version"):
            ask()


def test_a_run_with_no_entity_or_project_has_a_path(wandb: Path) -> None:
    """What nobody said is called as everywhere else, and is found under it."""
    logs.write_log(logs.run_dir_of(wandb))
    run = Api().run("unknown/uncategorized/ab12cd34")
    assert run.path == ["unknown", "uncategorized", "ab12cd34"]
    assert (run.name, run.notes, run.group, run.user, run.tags) == (None, None, None, None, [])
    assert (run.lastHistoryStep, list(run.scan_history()), run.history()) == (-1, [], [])


def test_what_scripts_look_for_has_wandbs_names(make_run: MakeRun) -> None:
    """The user, the config in its other forms, and the attributes behind W&B's objects."""
    make_run()
    run = Api().run("ab12cd34")
    assert run.user is not None
    assert (run.user.name, run.user.username, str(run.user)) == ("ada", "ada", "ada")
    assert json.loads(run.json_config)["lr"] == {"value": 0.1}
    assert run.rawconfig == run.config
    assert run.url is None
    said = run._attrs  # noqa: SLF001 - scripts look for it behind W&B's objects
    assert (said["displayName"], said["rawconfig"]["lr"]) == ("lion-ab12cd34", 0.1)
    assert said["summaryMetrics"]["eval/acc"] == 4


def test_a_run_that_left_the_store_is_an_error(
    make_run: MakeRun, synced: Callable[[], Api]
) -> None:
    """A run that was taken out of the store cannot be read any more, nor can a store that left."""
    make_run()
    api = synced()
    run = api.run("ab12cd34")
    backend = open_backend("sqlite:wandb/tracker.db")
    backend.retract(next(backend.dump()).run)
    backend.close()
    with pytest.raises(UsageError, match="is gone"):
        run.load()
    assert list(run.scan_history()) == []
    Path("wandb/tracker.db").unlink()
    with pytest.raises(UsageError, match="is gone"):
        run.scan_history()
    assert _ids(api.runs()) == []


def test_a_run_is_the_same_in_its_directory_and_in_a_store(
    make_run: MakeRun, synced: Callable[[], Api]
) -> None:
    """Everything that the API says of a run is the same from either place."""
    make_run("a")
    make_run("b", logs.log_row(7, odd=[1, {"x": 10**30}], n=float("inf")), project="p")
    store = synced()
    for here, there in zip(Api().runs(), store.runs(), strict=True):
        assert repr(here) == repr(there)
        assert _said_of(here) == _said_of(there)
        assert here.metadata == there.metadata
        assert list(here.scan_history()) == list(there.scan_history())
        assert here.lastHistoryStep == there.lastHistoryStep
    assert _ids(store.runs("me/p", "step = 7")) == ["b"]
    assert store.run("b").history(keys=["loss"], samples=2)[-1]["_step"] == 4
    assert Api("wandb/tracker.db").run("me/digits/a").id == "a"
    with pytest.raises(CommError):
        store.run("c")
