"""What a run begins from, by what ``init`` is told and what the run directories hold."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import airtape
from airtape.errors import UsageError
from airtape.origin import AUTO_FILE
from airtape.records import Kind
from tests.recording import StartRun, recorded


@pytest.fixture
def source(start_run: StartRun) -> airtape.Run:
    """A run that is finished, of the id ``source``, with ten rows."""
    run = start_run(id="source", name="first", tags=["a"], config={"lr": 0.1}, notes="a try")
    run.define_metric("loss", summary="max")
    for number in range(10):
        run.log({"loss": number})
    run.finish()
    return run


@pytest.mark.parametrize(
    "said",
    [
        {"resume": "allow", "resume_from": "a?_step=1"},
        {"resume": "must", "fork_from": "a?_step=1"},
        {"resume_from": "a?_step=1", "fork_from": "b?_step=1"},
    ],
    ids=["resume and resume_from", "resume and fork_from", "both"],
)
def test_only_one_origin_may_be_said(
    said: dict[str, Any], workdir: Path, start_run: StartRun
) -> None:
    """They exclude one another; nothing is made."""
    with pytest.raises(UsageError, match="are mutually exclusive"):
        start_run(id="c", **said)
    assert list(workdir.iterdir()) == []


@pytest.mark.parametrize("argument", ["resume_from", "fork_from"])
@pytest.mark.parametrize(
    "said", ["a", "a?_step=", "a?_step=x", "a?_step=-1", "?_step=1", "a?step=1"]
)
def test_a_moment_has_one_form(argument: str, said: str, start_run: StartRun) -> None:
    """Anything else is refused with the form."""
    with pytest.raises(UsageError, match=rf"{argument}='<run id>\?_step=<number>'"):
        start_run(**{argument: said})


def test_a_moment_is_that_of_a_possible_run(start_run: StartRun) -> None:
    """An id that no run can have is refused as one."""
    with pytest.raises(UsageError, match="Run ID cannot contain"):
        start_run(resume_from="a/b?_step=1")


@pytest.mark.usefixtures("source")
def test_a_run_goes_on(start_run: StartRun) -> None:
    """Behind its last step, with name, tags, config, summary and definitions of metrics."""
    run = start_run(id="source", resume="allow")
    assert (run.resumed, run.step, run.starting_step) == (True, 10, 10)
    assert (run.name, run.tags, run.notes) == ("first", ("a",), "a try")
    assert (run.config.lr, run.summary["loss"]["max"]) == (0.1, 9)
    run.log({"loss": 5})
    assert run.summary["loss"]["max"] == 9
    header = recorded(run).header
    assert (header.resumed, header.start_step, header.rewind_to) == (True, 10, None)
    assert len(header.parents) == 1


@pytest.mark.usefixtures("source")
def test_what_is_said_replaces_what_was(start_run: StartRun) -> None:
    """Tags and name are new, config values may change, and what is not said stays."""
    run = start_run(
        id="source", resume="must", tags=["b"], name="second", config={"lr": 0.2, "n": 1}
    )
    assert (run.tags, run.name, run.notes) == (("b",), "second", "a try")
    assert run.config.as_dict() == {"lr": 0.2, "n": 1}
    with pytest.raises(airtape.ConfigError):
        run.config.lr = 0.3


@pytest.mark.usefixtures("source")
def test_without_resume_a_run_starts_anew(start_run: StartRun) -> None:
    """An id that was used is used for another run."""
    for resume in (None, False):
        run = start_run(id="source", resume=resume)
        assert (run.resumed, run.step, run.tags, run.config.as_dict()) == (False, 0, (), {})
        run.finish()


def test_an_id_is_that_of_one_open_run(start_run: StartRun) -> None:
    """While a run is open, no other of its id is started in the process; a shared one is."""
    start_run(id="same")
    for said in ({}, {"resume": "allow"}):
        with pytest.raises(UsageError, match=r"(?s)run ID same is in use.*mode='shared'"):
            start_run(id="same", **said)
    shared = [start_run(id="shared", mode="shared", settings={"label": one}) for one in "ab"]
    assert [run.id for run in shared] == ["shared"] * 2


@pytest.mark.usefixtures("source")
def test_never_refuses_a_run_that_exists(start_run: StartRun) -> None:
    """Another id is taken."""
    with pytest.raises(UsageError, match="resume='never', but the run source exists"):
        start_run(id="source", resume="never")
    assert not start_run(id="other", resume="never").resumed


def test_must_refuses_a_run_that_does_not(start_run: StartRun) -> None:
    """With an id and without one."""
    with pytest.raises(UsageError, match="resume='must', but there is no run ghost"):
        start_run(id="ghost", resume="must")
    with pytest.raises(UsageError, match="no id was given"):
        start_run(resume="must")


def test_allow_starts_what_does_not_exist(start_run: StartRun) -> None:
    """It is a run like any other, of the id that was said or of a random one."""
    assert (start_run(id="new", resume="allow").id, start_run(resume="allow").resumed) == (
        "new",
        False,
    )


def test_the_incarnation_that_was_heard_last_goes_on(start_run: StartRun) -> None:
    """When an id was used twice, the older run stays as it is."""
    for number in range(2):
        run = start_run(id="twice")
        run.log({"number": number})
        run.finish()
    assert start_run(id="twice", resume="must").summary["number"] == 1


@pytest.mark.usefixtures("source")
def test_going_back_cuts_off(start_run: StartRun, capsys: pytest.CaptureFixture[str]) -> None:
    """Values are those of then, and an id that says otherwise is ignored with a warning."""
    run = start_run(resume_from="source?_step=4", id="other")
    assert (run.id, run.step, run.starting_step, run.resumed) == ("source", 5, 5, False)
    assert run.summary["loss"]["max"] == 4
    header = recorded(run).header
    assert (header.rewind_to, len(header.parents)) == (4, 1)
    assert "The id other is ignored" in capsys.readouterr().err


def test_the_config_of_then_comes_back(start_run: StartRun) -> None:
    """What was said before the row of that step counts, whatever came behind it."""
    run = start_run(id="source", config={"lr": 1})
    for number in range(6):
        run.log({"number": number})
    run.finish()
    assert start_run(fork_from="source?_step=3").config.as_dict() == {"lr": 1}


@pytest.mark.usefixtures("source")
def test_a_fork_is_another_run(start_run: StartRun) -> None:
    """With a root, a name and an id of its own, and what it comes from recorded."""
    run = start_run(fork_from="source?_step=4")
    said = recorded(run)
    assert run.id != "source"
    assert run.name not in {None, "first"}
    assert (run.step, run.resumed, run.config.lr) == (5, False, 0.1)
    assert said.header.root == said.header.writer
    assert said.fold.run["branch"] == {"run_id": "source", "step": 4}


def test_a_fork_of_itself_is_refused(start_run: StartRun) -> None:
    """It names what to do instead."""
    with pytest.raises(UsageError, match="use resume_from to go back"):
        start_run(id="a", fork_from="a?_step=1")


@pytest.mark.parametrize("argument", ["resume_from", "fork_from"])
def test_a_source_elsewhere_is_settled_later(
    argument: str, start_run: StartRun, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is not on this machine is recorded and warned of; steps go on behind it."""
    run = start_run(**{argument: "ghost?_step=7"})
    assert (run.step, run.starting_step) == (8, 8)
    assert recorded(run).fold.run["branch"] == {"run_id": "ghost", "step": 7}
    assert "The run ghost is not on this machine" in capsys.readouterr().err


def test_auto_goes_by_its_file(workdir: Path, start_run: StartRun) -> None:
    """The file names the run until that has ended well."""
    file = workdir / "wandb" / AUTO_FILE
    run = start_run(resume=True)
    run.log({"a": 1})
    assert json.loads(file.read_text()) == {"run_id": run.id}
    run.finish(1)
    again = start_run(resume="auto")
    assert (again.id, again.resumed, again.step) == (run.id, True, 1)
    again.finish()
    assert not file.exists()
    assert start_run(resume="auto").id != run.id


def test_auto_gives_way_to_an_id(start_run: StartRun, capsys: pytest.CaptureFixture[str]) -> None:
    """An id that was said is taken, with a warning."""
    left = start_run(resume="auto")
    left.finish(1)
    assert start_run(resume="auto", id="mine").id == "mine"
    assert f"Ignoring ID {left.id} loaded due to resume='auto'" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "[]", '{"run_id": "a/b"}', '{"id": "a"}', "\udcff"])
def test_a_broken_file_of_auto_is_no_file(text: str, workdir: Path, start_run: StartRun) -> None:
    """A run is started as if nothing had been left."""
    folder = workdir / "wandb"
    folder.mkdir()
    (folder / AUTO_FILE).write_bytes(text.encode(errors="surrogateescape"))
    assert not start_run(resume="auto").resumed


def test_auto_that_cannot_remember_says_so(
    workdir: Path, start_run: StartRun, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run goes on without."""
    (workdir / "wandb" / AUTO_FILE).mkdir(parents=True)
    start_run(resume="auto").finish()
    assert "cannot remember this run" in capsys.readouterr().err


def test_a_directory_may_be_lost(source: airtape.Run, start_run: StartRun) -> None:
    """A run of two directories of which one is gone goes on where the other ends."""
    run = start_run(id="source", resume="must")
    run.log({"loss": 20})
    run.finish()
    shutil.rmtree(source.sync_dir)
    again = start_run(id="source", resume="must")
    assert (again.step, again.summary["loss"]["max"]) == (11, 20)


def test_many_metrics_are_taken_over(start_run: StartRun) -> None:
    """Whatever was counted over the rows is, in as many records as it takes."""
    run = start_run(id="many")
    run.define_metric("*", summary="max")
    for number in (2, 1):
        run.log({f"m{key}": number * key for key in range(1200)})
    run.finish()
    again = start_run(id="many", resume="must")
    again.log({"m7": 3})
    assert again.summary.get("m7") == {"max": 14}
    assert again.summary.get("m1199") == {"max": 2398}
    assert len(recorded(again).of(Kind.INHERITED)) == 3
