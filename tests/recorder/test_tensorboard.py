"""What a program writes for TensorBoard, in its run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from tensorboardX import SummaryWriter

import airtape
from airtape.collectors import tensorboard
from airtape.errors import UsageError
from tests.processes import RunPython
from tests.recorder.test_tfevents import event, framed, scalar
from tests.recording import Recorded, StartRun, only_log, read_back, recorded


@pytest.fixture
def run(start_run: StartRun, monkeypatch: pytest.MonkeyPatch) -> airtape.Run:
    """A run that takes in what is written for TensorBoard."""
    monkeypatch.setattr(tensorboard, "LOOK_EVERY_S", 0.02)
    return start_run(sync_tensorboard=True, reinit=None)


def rows(of: Recorded, *keys: str) -> list[tuple[Any, ...]]:
    """Return the values of some keys, row by row, where the first one has any."""
    return [
        tuple(row.data.get(key) for key in keys)
        for row in of.rows
        if row.data.get(keys[0]) is not None
    ]


def write(path: str, *steps: int, tag: str = "loss") -> Path:
    """Write an event file without any library."""
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("ab") as file:
        for step in steps:
            file.write(framed(event(step, scalar(tag, step / 2), at=1000.0 + step)))
    return place


def test_scalars_are_recorded_by_step(run: airtape.Run) -> None:
    """A row for each step of TensorBoard, which is their x axis, with the time it was written."""
    writer: Any = SummaryWriter("runs/one")
    for step in (0, 10, 20):
        writer.add_scalar("loss", 1.0 / (step + 1), step)
        writer.add_scalar("acc", step, step)
    writer.close()
    run.finish()
    of = recorded(run)
    assert rows(of, "global_step", "acc") == [(0, 0.0), (10, 10.0), (20, 20.0)]
    assert [loss for (loss,) in rows(of, "loss")] == pytest.approx([1, 1 / 11, 1 / 21])
    definition = of.fold.history.metrics.find("loss")
    assert definition is not None
    assert definition.step_metric == "global_step"


def test_the_time_is_that_of_the_event(run: airtape.Run) -> None:
    """Not that at which it was read."""
    write("logs/events.out.tfevents.1", 3)
    run.finish()
    (row,) = recorded(run).rows
    assert row.timestamp == 1003.0


def test_event_files_are_kept(run: airtape.Run, workdir: Path) -> None:
    """Copies, below the path that they have here, as they are at the end."""
    path = write("runs/a/events.out.tfevents.1", 1, 2)
    run.finish()
    copy = Path(run.dir, "runs/a/events.out.tfevents.1")
    assert copy.read_bytes() == (workdir / path).read_bytes()
    assert recorded(run).fold.files["runs/a/events.out.tfevents.1"]["type"] == "saved"


def test_a_file_elsewhere_is_kept_by_its_folder(
    run: airtape.Run, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing of the rest of its path is said."""
    place = tmp_path_factory.mktemp("exp")
    write(f"{place}/events.out.tfevents.1", 1)
    run.finish()
    assert Path(run.dir, f"tensorboard/{place.name}/events.out.tfevents.1").is_file()


def test_what_is_written_is_recorded_while_the_run_goes_on(run: airtape.Run) -> None:
    """The last step within two looks, though more of it might follow."""
    write("logs/events.out.tfevents.1", 1)
    deadline = time.monotonic() + 10
    while "loss" not in run.summary:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    write("logs/events.out.tfevents.1", 2)
    run.finish()
    assert rows(recorded(run), "global_step", "loss") == [(1, 0.5), (2, 1.0)]


def test_several_folders_have_names(run: airtape.Run) -> None:
    """Those below the first one; of each the steps are its own."""
    write("logs/events.out.tfevents.1", 1)
    write("logs/val/events.out.tfevents.2", 5)
    run.finish()
    of = recorded(run)
    assert rows(of, "global_step", "loss") == [(1, 0.5)]
    assert rows(of, "val/global_step", "val/loss") == [(5, 2.5)]


@pytest.mark.parametrize("other", ["validation", "../elsewhere/validation"])
def test_parts_of_a_training_are_told_apart(run: airtape.Run, workdir: Path, other: str) -> None:
    """Also when a part comes first."""
    assert workdir.is_dir()
    write("logs/train/events.out.tfevents.1", 1)
    write(f"logs/{other}/events.out.tfevents.2", 2)
    run.finish()
    assert rows(recorded(run), "train/loss") == [(0.5,)]
    assert rows(recorded(run), "validation/loss") == [(1.0,)]


def test_a_file_that_was_open_before_is_taken_in(
    start_run: StartRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all that is in it; the library may be imported whenever."""
    monkeypatch.setattr(tensorboard, "LOOK_EVERY_S", 0.02)
    writer: Any = SummaryWriter("runs/early")
    writer.add_scalar("x", 1.0, 0)
    writer.flush()
    run = start_run(sync_tensorboard=True)
    writer.add_scalar("x", 2.0, 1)
    # Not closed, not even flushed: the end of the run asks for it.
    run.finish()
    writer.close()
    assert rows(recorded(run), "x") == [(1.0,), (2.0,)]


def test_values_that_a_program_logs_itself_are_rows_of_their_own(run: airtape.Run) -> None:
    """Neither loses any."""
    run.log({"mine": 1})
    write("logs/events.out.tfevents.1", 7)
    run.log({"mine": 2})
    run.finish()
    assert rows(recorded(run), "mine") == [(1,), (2,)]
    assert rows(recorded(run), "loss") == [(3.5,)]


def test_damage_is_said(run: airtape.Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Once; what was before it is recorded."""
    with write("logs/events.out.tfevents.1", 1).open("ab") as file:
        file.write(b"\0" * 50)
    run.finish()
    assert rows(recorded(run), "loss") == [(0.5,)]
    assert "tfevents.1 is not recorded as a whole" in capsys.readouterr().err


def test_odd_tags_are_recorded(run: airtape.Run) -> None:
    """Also those that no metric can be defined for."""
    write("logs/events.out.tfevents.1", 1, tag="a*b")
    write("logs/events.out.tfevents.2", 2, tag="")
    run.finish()
    assert rows(recorded(run), "a*b") == [(0.5,)]


def test_without_being_asked_nothing_is_taken_in(start_run: StartRun) -> None:
    """Neither scalars nor files."""
    run = start_run()
    write("logs/events.out.tfevents.1", 1)
    run.finish()
    assert recorded(run).rows == []
    assert recorded(run).fold.files == {}


def test_a_run_that_has_ended_hears_no_more(run: airtape.Run) -> None:
    """What is written afterwards belongs to the next one, if that asks."""
    run.finish()
    write("logs/events.out.tfevents.1", 1)
    assert recorded(run).rows == []
    with pytest.raises(UsageError):
        run.log({"a": 1})


def test_the_old_name_is_a_warning(start_run: StartRun, capsys: pytest.CaptureFixture[str]) -> None:
    """It does the same."""
    run = start_run(tensorboard=True)
    assert run.settings.sync_tensorboard
    assert "init(tensorboard=...) is retired; use sync_tensorboard" in capsys.readouterr().err


def test_the_end_of_a_program_records_what_writers_hold(
    run_python: RunPython, workdir: Path
) -> None:
    """Nobody closes them, nobody calls finish."""
    run_python(
        """
        import airtape
        run = airtape.init(sync_tensorboard=True, settings={"disable_metadata": True})
        from tensorboardX import SummaryWriter
        writer = SummaryWriter("runs/x")
        for step in range(100):
            writer.add_scalar("loss", 1 / (step + 1), step)
        """
    )
    of = read_back(only_log(workdir))
    assert len(rows(of, "loss")) == 100
