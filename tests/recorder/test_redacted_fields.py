"""What a program logs itself is searched for secrets before it is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import airtape
from airtape.records import Kind
from tests.processes import RunPython
from tests.recording import StartRun, log_of, open_log, read_back, recorded

TOKEN = "hf_Ab3dEf6hIj9lMn2pQr5tUv8xYz1Bc4eFg7"  # noqa: S105 - of that shape, never given out
MARK = "[redacted: Hugging Face token]"


def test_config_keeps_the_value_and_the_log_does_not(
    start_run: StartRun, capsys: pytest.CaptureFixture[str]
) -> None:
    """The program goes on with what it has set; one warning tells of all secrets."""
    run = start_run(config={"hub": {"auth": TOKEN}, "max_tokens": 512, "pad_token": "<pad>"})
    run.config.update({"other": f"key={TOKEN}"})
    assert run.config["hub"]["auth"] == TOKEN
    fold = recorded(run).fold
    assert fold.config["hub"] == {"auth": MARK}
    assert fold.config["other"] == f"key={MARK}"
    assert (fold.config["max_tokens"], fold.config["pad_token"]) == (512, "<pad>")
    assert fold.metadata["redacted"] == {
        "config.hub.auth": {"Hugging Face token": 1},
        "config.other": {"Hugging Face token": 1},
    }
    assert capsys.readouterr().err.count("config.hub.auth holds a secret") == 1
    assert "taken out of config.other: Hugging Face token" in Path(
        run.sync_dir, "logs/debug.log"
    ).read_text("utf-8")


def log_text(run: airtape.Run) -> None:
    """Log it among numbers."""
    run.log({"n": 1, "text": TOKEN})


def log_nested(run: airtape.Run) -> None:
    """Log it inside of something else."""
    run.log({"n": {"texts": ["a", TOKEN]}})


def set_summary(run: airtape.Run) -> None:
    """Set it in the summary."""
    run.summary["best"] = {"text": TOKEN}


def set_notes(run: airtape.Run) -> None:
    """Describe the run with it."""
    run.notes = f"uses {TOKEN}"


def send_alert(run: airtape.Run) -> None:
    """Tell people."""
    run.alert("Token", TOKEN)


@pytest.mark.parametrize(
    ("say", "where"),
    [
        (log_text, "history.text"),
        (log_nested, "history.n.texts"),
        (set_summary, "summary.best.text"),
        (set_notes, "run.notes"),
        (send_alert, "alert"),
    ],
)
def test_texts_lose_their_secrets(
    say: Callable[[airtape.Run], None], where: str, run: airtape.Run
) -> None:
    """Wherever they stand; the list is in the log at once."""
    say(run)
    assert TOKEN.encode() not in log_of(run).read_bytes()
    assert recorded(run).fold.metadata["redacted"] == {where: {"Hugging Face token": 1}}


def test_the_end_lists_how_often(run: airtape.Run) -> None:
    """The first time at once, all times at the end."""
    for _ in range(5):
        run.log({"text": TOKEN})
    assert len(recorded(run).of(Kind.METADATA)) == 2
    run.finish()
    assert recorded(run).fold.metadata["redacted"] == {"history.text": {"Hugging Face token": 5}}


def test_what_tells_which_run_it_is_stays(
    start_run: StartRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Project and entity, whatever variables hold; names of metrics too."""
    monkeypatch.setenv("DB_PASSWORD", "digits-2026")
    run = start_run(project="digits-2026", name="digits-2026")
    run.log({"digits-2026": 1})
    said = recorded(run)
    assert said.fold.run["project"] == "digits-2026"
    assert said.fold.run["name"] == "[redacted: value of DB_PASSWORD]"
    assert said.rows == [] or said.rows[0].data == {"digits-2026": 1}


def test_secrets_are_recorded_on_demand(start_run: StartRun) -> None:
    """For texts that look like secrets and are none."""
    run = start_run(settings={"disable_redaction": True}, config={"a": TOKEN})
    run.log({"text": TOKEN})
    run.finish()
    fold = recorded(run).fold
    assert (fold.config["a"], fold.summary["text"]) == (TOKEN, TOKEN)
    assert "redacted" not in fold.metadata


def test_each_writer_of_a_run_has_a_list_of_its_own(run_python: RunPython, workdir: Path) -> None:
    """What a forked child or a resumed run finds takes nothing from what was found before."""
    run_python(
        """
        import os
        import airtape

        token = "hf_Ab3dEf6hIj9lMn2pQr5tUv8xYz1Bc4eFg7"
        run = airtape.init(mode="offline", project="p", config={"a": token})
        child = os.fork()
        if child == 0:
            run.log({"child": token})
            run.finish()
            os._exit(0)
        os.waitpid(child, 0)
        run.finish()
        """,
        cwd=workdir,
    )
    [run_dir] = workdir.glob("wandb/run-*")
    found = [read_back(path) for path in run_dir.glob("*.txlog")]
    lists = {
        said.header.role: {
            name: value for name, value in said.fold.metadata.items() if "redacted" in name
        }
        for said in found
    }
    [child] = [said.header.writer for said in found if said.header.role == "child"]
    counted = {"Hugging Face token": 1}
    assert lists == {
        "primary": {"redacted": {"config.a": counted}},
        "child": {f"redacted_{child.hex()[:8]}": {"history.child": counted}},
    }


def test_what_is_noted_has_no_secrets(tmp_path: Path) -> None:
    """Notes in ``debug.log`` may repeat what an error says."""
    opened = open_log(tmp_path)
    opened.note(f"it failed: {TOKEN}")
    opened.log.close(0, {"how": "finish"})
    noted = (opened.run_dir.logs / "debug.log").read_text("utf-8")
    assert f"it failed: {MARK}" in noted
    assert TOKEN not in noted
