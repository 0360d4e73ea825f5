from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from airtape.errors import Error
from tests.recording import StartRun, log_of


def test_a_directory_that_cannot_be_made_is_an_error(workdir: Path, start_run: StartRun) -> None:
    """With ``on_error="raise"`` it is named, with the cause and with what to try."""
    workdir.joinpath("file").touch()
    with pytest.raises(Error, match="cannot be made") as raised:
        start_run(dir="file", settings={"on_error": "raise"})
    assert raised.value.where == str(workdir / "file")
    assert "dir=" in (raised.value.hint or "")


def test_another_directory_serves_where_the_first_does_not(
    workdir: Path, start_run: StartRun, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run is recorded in ``fallback_dir``, and a warning says so."""
    workdir.joinpath("file").touch()
    run = start_run(dir="file", settings={"fallback_dir": "spare"})
    assert Path(run.sync_dir).parent == workdir / "spare" / "wandb"
    assert f"the run is recorded in {run.sync_dir} instead" in capsys.readouterr().err


def test_a_working_directory_that_is_gone_is_an_error(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, start_run: StartRun
) -> None:
    """It is said in words instead of with the trace of a call to the system."""
    gone = workdir / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(Error, match="working directory is gone"):
        start_run()


def test_a_program_may_go_elsewhere(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, start_run: StartRun
) -> None:
    """A relative ``dir`` means where the program was at init(), for all that comes later."""
    workdir.joinpath("elsewhere").mkdir()
    run = start_run(dir="runs")
    monkeypatch.chdir(workdir / "elsewhere")
    run.log({"large": "x" * (2 << 20)})
    run.finish()
    assert run.status().dropped == 0
    assert Path(run.sync_dir).is_relative_to(workdir / "runs")
    assert list(workdir.joinpath("elsewhere").iterdir()) == []


def test_the_mode_of_files_is_said_or_the_umasks(start_run: StartRun) -> None:
    """``file_mode`` counts whatever the umask, for the log, for large values and for folders."""
    umask = os.umask(0o077)
    try:
        private = start_run()
        shared = start_run(settings={"file_mode": "640"})
        shared.log({"large": "x" * (2 << 20)})
    finally:
        os.umask(umask)
    [blob] = Path(shared.sync_dir, "blobs").iterdir()
    modes = {
        log_of(private): 0o600,
        Path(private.sync_dir): 0o700,
        log_of(shared): 0o640,
        blob: 0o440,
        blob.parent: 0o750,
        Path(shared.sync_dir): 0o750,
    }
    assert {path: stat.S_IMODE(path.stat().st_mode) for path in modes} == modes


@pytest.mark.parametrize(
    ("setting", "expected"), [({"silent": True}, set()), ({"quiet": True}, {"WARNING"})], ids=str
)
def test_a_run_may_be_told_to_be_quiet(
    setting: dict[str, bool],
    expected: set[str],
    start_run: StartRun,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """``quiet`` leaves warnings, ``silent`` nothing."""
    run = start_run(settings=setting)
    run.log({"a": 1}, step=1)
    run.log({"a": 1}, step=0)
    run.finish()
    lines = capsys.readouterr().err.splitlines()
    assert {line.split()[1] for line in lines} == expected


def test_a_run_says_where_it_is(
    workdir: Path, start_run: StartRun, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its name and directory at the start; sparklines, summary and how to sync it at the end."""
    run = start_run(name="likely-lion-9")
    shown = f"./{Path(run.sync_dir).relative_to(workdir)}"
    assert capsys.readouterr().err.splitlines() == [
        "airtape: Recording run likely-lion-9 (mode: offline)",
        f"airtape: Run data is saved in {shown}",
    ]
    run.define_metric("hidden", hidden=True)
    for loss in (4, 3, 2):
        run.log({"loss": loss, "hidden": loss})
    run.finish()
    said = capsys.readouterr().err
    assert "Run history:\nairtape:   loss █▅▁\n" in said
    assert "Run summary:\nairtape:   hidden 2\nairtape:   loss   2\n" in said
    assert f"tracker sync {shown}\n" in said
    assert said.endswith(f"airtape: Find logs at: {shown}/logs\n")


def test_settings_without_effect_are_named(
    start_run: StartRun, capsys: pytest.CaptureFixture[str]
) -> None:
    """A setting of W&B's that means nothing here is accepted, with a warning."""
    start_run(settings={"console_multipart": True})
    assert "The setting console_multipart of W&B has no effect here" in capsys.readouterr().err
