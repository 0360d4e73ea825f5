"""What a run offers beside what it records: attributes, retired calls, calls that come later."""

from __future__ import annotations

import copy
import inspect
import pickle
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import airtape
from airtape.code_filters import exclude_wandb_fn, is_py_requirements_or_dockerfile
from airtape.errors import (
    AuthenticationError,
    InvalidDataError,
    NotAvailableYetError,
    UnknownArgumentError,
    UsageError,
)
from airtape.records import Kind
from airtape.run_later import LaterMethods
from tests.processes import RunPython
from tests.recording import StartRun, log_of, recorded

LATER = sorted(name for name in vars(LaterMethods) if not name.startswith("_"))


def _call(method: Callable[..., Any]) -> object:
    """Call a method with a text for each argument that it needs."""
    needed = inspect.signature(method).parameters.values()
    return method(*["x" for one in needed if one.default is one.empty])


@pytest.mark.parametrize("name", LATER)
def test_what_comes_later_raises_one_clear_error(name: str, run: airtape.Run) -> None:
    """It names the call; the run goes on."""
    with pytest.raises(NotAvailableYetError, match=rf"^Run\.{name}\(\) is not available in this"):
        _call(getattr(run, name))
    run.log({"a": 1})


@pytest.mark.parametrize("name", LATER)
def test_a_disabled_run_takes_every_call(name: str, start_run: StartRun) -> None:
    """It would do nothing with them later either."""
    run = start_run(mode="disabled", reinit=None)
    assert not _call(getattr(run, name)) or "artifact" in name


def test_an_artifact_of_a_disabled_run_is_nothing(start_run: StartRun) -> None:
    """Whatever a script does with it comes to nothing, and does not fail."""
    artifact = start_run(mode="disabled").log_artifact("weights", type="model")
    with artifact.wait().new_file("a", mode="w") as file:
        file.write("text")
    assert artifact["a"].version is artifact
    assert not hasattr(artifact, "__len__")


@pytest.mark.parametrize("name", [*LATER, "alert", "define_metric", "mark_preempting"])
def test_a_finished_run_says_that_it_is(name: str, run: airtape.Run) -> None:
    """Every call that would record is refused in the same words."""
    run.finish()
    with pytest.raises(UsageError, match=rf"is finished\. The call to `{name}` will be ignored"):
        _call(getattr(run, name))


@pytest.mark.parametrize("name", ["join", "save", "watch", "alert", "log_artifact", "restore"])
def test_a_call_of_the_module_needs_a_run(name: str) -> None:
    """It names init() and the call."""
    with pytest.raises(UsageError, match=rf"must call wandb\.init\(\) before wandb\.{name}\(\)"):
        _call(getattr(airtape, name))


def test_a_call_of_the_module_is_the_current_runs(run: airtape.Run) -> None:
    """It goes to the run that ``airtape.run`` is."""
    airtape.alert("done", "all of it")
    airtape.join(3)
    assert recorded(run).of(Kind.ALERT)[0].fields[0] == "done"
    assert recorded(run).of(Kind.EXIT)[0].fields[0] == 3


def test_only_init_makes_runs() -> None:
    """The class is there for types; calling it says what to call instead."""
    with pytest.raises(UsageError, match=r"(?s)runs are made by init.*airtape\.init"):
        airtape.Run(airtape.Settings())


def test_a_run_has_no_other_attributes(run: airtape.Run) -> None:
    """A misspelt one is refused, and what may not be set stays."""
    with pytest.raises(AttributeError, match="Attribute nmae is not supported on Run object"):
        run.nmae = "x"  # type: ignore[attr-defined]  # what the test is about
    for name in ("id", "step", "config", "summary", "project"):
        with pytest.raises(AttributeError):
            setattr(run, name, "x")


def test_tags_are_added_as_a_list_or_a_tuple(run: airtape.Run) -> None:
    """Both extend what is there; a text would be taken apart, and is refused."""
    run.tags = ["a"]
    run.tags += ["b"]
    run.tags += ("c",)
    run.tags = ["z", *run.tags]
    run.tags = ["y"] + run.tags  # noqa: RUF005 - what the test is about
    assert run.tags == ("y", "z", "a", "b", "c")
    with pytest.raises(TypeError):
        run.tags += "d"  # type: ignore[operator]  # what the test is about
    assert recorded(run).fold.run["tags"] == ["y", "z", "a", "b", "c"]


def test_name_and_notes_can_be_taken_back(run: airtape.Run) -> None:
    """With None the run has none again."""
    run.notes = "a try"
    run.name = run.notes = None
    assert (run.name, run.notes) == (None, None)
    assert recorded(run).fold.run["notes"] is None


def test_a_copy_of_a_run_is_the_run(run: airtape.Run) -> None:
    """Configurations of libraries hold a run, and are copied."""
    assert copy.copy(run) is run
    assert copy.deepcopy({"logger": [run]})["logger"][0] is run


def test_a_run_is_not_pickled(run: airtape.Run) -> None:
    """The error says how another process comes to record in it."""
    with pytest.raises(UsageError, match=r"(?s)handed to another process.*mode='shared'"):
        pickle.dumps(run)


def test_addresses_are_none(run: airtape.Run) -> None:
    """A run that is only recorded has no address."""
    addresses = [run.url, run.project_url, run.sweep_url, run.get_url(), run.get_project_url()]
    assert [*addresses, run.get_sweep_url(), run.sweep_id] == [None] * 7
    assert run.project_name() == "tests"
    run.detach()


def test_join_is_finish(run: airtape.Run, capsys: pytest.CaptureFixture[str]) -> None:
    """The retired name ends the run, and says that it is retired."""
    run.join(2)
    assert recorded(run).of(Kind.EXIT)[0].fields == (2, {"how": "finish"})
    assert "join() is retired; use finish()" in capsys.readouterr().err


def test_libraries_may_label_a_run(run: airtape.Run) -> None:
    """What W&B's own libraries call changes nothing."""
    before = recorded(run).records
    run._label(repo="x", code="y", version="z")  # noqa: SLF001 - they call it
    assert recorded(run).records == before


def test_an_alert_is_recorded_and_said(
    run: airtape.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Again within the time to wait it is recorded, not said."""
    for text in ("first", "second"):
        run.alert("loss", text, level="warn", wait_duration=timedelta(minutes=5))
    run.alert("loss", "third", wait_duration=0)
    said = capsys.readouterr().err
    assert said.count("WARNING loss: first") == 1
    assert "second" not in said
    assert "airtape: loss: third" in said
    assert [record.fields for record in recorded(run).of(Kind.ALERT)] == [
        ("loss", "first", "WARN", 300.0, True),
        ("loss", "second", "WARN", 300.0, False),
        ("loss", "third", "INFO", 0.0, True),
    ]
    assert recorded(run).fold.alerts == 3


def test_a_long_title_is_shortened(run: airtape.Run, capsys: pytest.CaptureFixture[str]) -> None:
    """A title of 64 characters loses the last one, with a warning."""
    run.alert("t" * 63, "", level=airtape.AlertLevel.ERROR)
    run.alert("T" * 64, "text")
    said = capsys.readouterr().err
    assert said.count("has at most 63 characters") == 1
    assert "ERROR ttt" in said
    assert [record.fields[0] for record in recorded(run).of(Kind.ALERT)] == ["t" * 63, "T" * 63]


def test_a_title_that_is_cut_has_no_part_of_a_secret(
    run: airtape.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half a token looks like none, so it is taken out first."""
    run.alert("training on the usual machine, logged in with ghp_" + "a1B2c3D4e5F6" * 3, "text")
    [record] = recorded(run).of(Kind.ALERT)
    assert record.fields[0] == "training on the usual machine, logged in with [redacted: GitHub"
    assert "a1B2c3" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ({"level": "loud"}, UsageError, "level must be one of 'INFO', 'WARN', or 'ERROR'"),
        ({"wait_duration": "soon"}, InvalidDataError, "wait_duration must be an int, a float"),
        ({"title": 5}, UsageError, "The title of an alert must be text"),
    ],
)
def test_a_wrong_alert_is_refused(
    wrong: dict[str, Any], error: type[Exception], words: str, run: airtape.Run
) -> None:
    """Nothing is recorded, and the error says what is allowed."""
    with pytest.raises(error, match=words):
        run.alert(**{"title": "a", "text": "b"} | wrong)
    assert recorded(run).of(Kind.ALERT) == []


def test_a_preemption_is_recorded_at_once(run: airtape.Run) -> None:
    """When the call returns all records survive a power loss."""
    run.log({"a": 1})
    run.mark_preempting()
    said = recorded(run)
    assert said.fold.preempting
    assert run._log.writer.synced_seq == said.records[-1].seq  # type: ignore[union-attr] # noqa: SLF001 - on disk


def test_html_shows_the_run(run: airtape.Run) -> None:
    """A frame with the run's own values; what would be HTML in them is text."""
    run.name = "<b>bold</b>"
    run.config.update({f"key {number}": number for number in range(120)})
    run.log({"loss": 0.5, "text": "x" * 300})
    html = run.to_html(height=100)
    assert html.startswith('<iframe srcdoc="')
    assert "height:100px;" in html
    assert "&amp;lt;b&amp;gt;bold" in html
    assert "loss&lt;/td&gt;&lt;td&gt;0.5" in html
    assert "and 20 more" in html
    assert "x" * 201 not in html
    assert run.to_html(hidden=True).startswith("<button")


def test_a_script_displays_nothing(run: airtape.Run) -> None:
    """Outside of a notebook ``display`` says so, and has no side effect."""
    assert run.display() is False


def test_init_returns_the_run_that_was_started_last(start_run: StartRun) -> None:
    """It need not be the current one."""
    first = start_run(reinit=None)
    second = start_run(reinit="create_new")
    assert start_run(reinit=None) is second
    assert airtape.run is first
    second.finish()
    assert start_run(reinit=None) is first


def test_a_name_may_be_empty(start_run: StartRun) -> None:
    """Whoever says so wants no name made up."""
    assert start_run(name="").name == ""


def test_a_config_can_be_chosen_from_beforehand() -> None:
    """``helper.parse_config`` takes some keys of a config, or leaves some out."""
    config = {"a": 1, "b": 2}
    assert airtape.helper.parse_config(config, include=["a"]) == {"a": 1}
    assert airtape.helper.parse_config(config, exclude=["a"]) == {"b": 2}
    with pytest.raises(UsageError, match="at most only one of exclude or include"):
        airtape.helper.parse_config(config, exclude=["a"], include=["b"])


def test_retired_arguments_of_init_are_accepted(
    start_run: StartRun, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each has one warning and no effect; a silent run says nothing."""
    start_run(magic=True, quiet=True)
    said = capsys.readouterr().err
    assert said.count("init(magic=...) is retired and has no effect") == 1
    assert said.count("init(quiet=...) is retired and has no effect") == 1
    start_run(magic=True, settings={"silent": True})
    assert capsys.readouterr().err == ""


def test_retired_settings_are_accepted(
    start_run: StartRun, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scripts of earlier years still pass ``start_method``."""
    start_run(settings=airtape.Settings(start_method="thread"))
    assert capsys.readouterr().err.count("WARNING The setting start_method") == 1


def test_an_unknown_argument_of_init_is_refused(workdir: Path, start_run: StartRun) -> None:
    """It is a usage error and a TypeError, and nothing is made."""
    with pytest.raises(
        UnknownArgumentError, match="unexpected keyword argument 'projct'"
    ) as raised:
        start_run(projct="x", magic=1)
    assert isinstance(raised.value, UsageError)
    assert isinstance(raised.value, TypeError)
    assert list(workdir.iterdir()) == []


def test_force_needs_a_target(workdir: Path, start_run: StartRun) -> None:
    """Without one the script is not to run; a disabled run needs none."""
    with pytest.raises(AuthenticationError, match=r"(?s)force=True.*TRACKER_TARGET"):
        start_run(force=True)
    assert list(workdir.iterdir()) == []
    assert start_run(force=True, mode="disabled").disabled


def test_without_force_a_warning_says_that_there_is_no_target(
    start_run: StartRun, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only where the argument is given: offline is nothing to be warned of."""
    start_run(force=False)
    assert capsys.readouterr().err.count("There is no target") == 1
    start_run()
    assert "There is no target" not in capsys.readouterr().err


def test_an_anonymous_run_names_nobody(
    start_run: StartRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the user nor the machine nor the entity stands in the log, not even in a path."""
    monkeypatch.setenv("LOGNAME", "ada-lovelace")
    monkeypatch.setattr(sys, "argv", ["/home/ada-lovelace/train.py"])
    monkeypatch.setattr(sys, "executable", "/home/ada-lovelace/.venv/bin/python")
    run = start_run(anonymous="must", entity="royal-society")
    host = recorded(start_run()).header.host
    run.log({"a": 1})
    run.finish()
    said = recorded(run)
    assert said.fold.metadata["program"] == "train.py"
    log = log_of(run).read_bytes()
    assert [name for name in ("ada-lovelace", "royal", host) if name.encode() in log] == []
    assert (run.entity, run.path) == ("", f"unknown/tests/{run.id}")


IPYTHON = """
class Shell: {module}
def get_ipython():
    return Shell()
"""
SHOWN = "def display(bundle, raw): print(bundle['text/html'][:8])\n"
CELLS = """
import sys
import IPython
import airtape
first = airtape.init(project="tests", config={"lr": 0.1})
first.config.lr = 0.2
second = airtape.init(project="tests")
third = airtape.init(project="tests", reinit=False)
print(first is second, second is third, airtape.run is third, first.config.lr)
print(second.display())
"""


def _ipython(folder: Path, module: str) -> dict[str, str]:
    """Write a package that says where it is, as IPython does."""
    package = folder / "IPython"
    package.mkdir()
    (package / "__init__.py").write_text(IPYTHON.format(module=f"__module__ = {module!r}"))
    (package / "display.py").write_text(SHOWN)
    return {"PYTHONPATH": str(folder)}


def test_a_notebook_starts_anew(
    run_python: RunPython, workdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cell that is run again starts another run, config values may change, runs are shown."""
    for name, value in _ipython(tmp_path, "ipykernel.zmqshell").items():
        monkeypatch.setenv(name, value)
    assert run_python(CELLS).stdout.split() == "False True True 0.2 <iframe True".split()  # noqa: SIM905 - read as a person would
    assert len(list(workdir.glob("wandb/run-*"))) == 2


def test_ipython_on_a_terminal_is_no_notebook(
    run_python: RunPython, workdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There init() returns the active run, as in a script."""
    for name, value in _ipython(tmp_path, "IPython.terminal.interactiveshell").items():
        monkeypatch.setenv(name, value)
    program = CELLS.replace("first.config.lr = 0.2\n", "")
    assert run_python(program).stdout.split() == "True True True 0.1 False".split()  # noqa: SIM905 - read as a person would
    assert len(list(workdir.glob("wandb/run-*"))) == 1


@pytest.mark.parametrize(
    ("path", "is_code"),
    [("a/b.py", True), ("Dockerfile.gpu", True), ("x/requirements.txt", True), ("a.txt", False)],
)
def test_code_is_python_requirements_and_dockerfiles(path: str, is_code: bool) -> None:  # noqa: FBT001 - what is expected
    """What ``log_code`` takes by default."""
    assert is_py_requirements_or_dockerfile(path) is is_code


def test_run_directories_are_no_code() -> None:
    """What ``log_code`` leaves out by default."""
    inside = ["/x/wandb/run-1/files/a.py", "/x/.wandb/a.py"]
    outside = ["/x/a.py", "/x/my/wandb/a.py", "/x/wandb.py"]
    assert [exclude_wandb_fn(path, "/x") for path in inside + outside] == [True] * 2 + [False] * 3
