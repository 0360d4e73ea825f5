from __future__ import annotations

import resource
from pathlib import Path
from threading import Thread

import pytest

import airtape
from airtape.errors import InvalidDataError
from airtape.fold.fold import Fold
from airtape.large_values import LARGE, load_large
from airtape.named_logs import find_logs
from airtape.record_log import CHECKPOINT_BYTES
from airtape.records import HistoryFlag, Kind
from airtape.txlog.ends import read_ends
from airtape.txlog.format import MAX_FRAME
from airtape.txlog.reader import read_log
from airtape.verify import verify
from tests.recording import StartRun, log_of, open_log, read_back, recorded
from tests.txlog.logged import limit
from tests.txlog.patience import eventually, no_threads

MIB = 1 << 20


def blob_of(run: airtape.Run, reference: object) -> object:
    """Return the value that a reference in a run's log stands for."""
    assert isinstance(reference, dict)
    assert reference["_type"] == LARGE
    return load_large(Path(run.sync_dir, "blobs"), reference)


def test_a_record_is_in_the_file_when_log_returns(run: airtape.Run) -> None:
    """Nothing waits in memory: the file grows with each call, also for a row that stays open."""
    sizes = [log_of(run).stat().st_size]
    for commit in (True, False, True):
        run.log({"a": 1}, commit=commit)
        sizes.append(log_of(run).stat().st_size)
    assert sizes == sorted(set(sizes))


def test_a_value_too_large_for_a_frame_goes_to_a_file(run: airtape.Run) -> None:
    """The log has a reference in its place, and the rest of the row beside it."""
    text = "x" * (3 * MIB)
    run.log({"a": 1, "text": text, "d": {"list": [0] * (2 * MIB)}})
    run.log({"text": text})
    run.finish()
    assert recorded(run).fold.history.rows == 2
    first, second = recorded(run).logged("text")
    assert blob_of(run, first) == text
    assert first == second
    [nested] = recorded(run).logged("d")
    assert blob_of(run, nested["list"]) == [0] * (2 * MIB)
    assert len(list(Path(run.sync_dir, "blobs").iterdir())) == 2


def test_the_live_summary_has_large_values_whole(run: airtape.Run) -> None:
    """Whoever reads back what was logged or set gets that, wherever it is kept."""
    text, tree = "x" * (2 * MIB), {f"k{number}": "x" * 100 for number in range(20_000)}
    run.log({"text": text, "d": {"text": text}})
    run.summary["tree"] = tree
    assert run.summary["text"] == run.summary.get("text") == text
    assert run.summary["d"]["text"] == text
    assert run.summary["tree"] == tree
    for file in Path(run.sync_dir, "blobs").iterdir():
        file.unlink()
    assert run.summary["text"]["_type"] == LARGE


@pytest.mark.timeout(60)
def test_a_call_with_very_many_names_is_one_row(run: airtape.Run) -> None:
    """It takes several records, none larger than a frame, and they are one row again."""
    data = {f"metric/{number}": float(number) for number in range(100_000)}
    run.log(data)
    run.log({"after": 1})
    run.finish()
    said = recorded(run)
    assert said.data == [(0, data), (1, {"after": 1})]
    assert len(said.of(Kind.HISTORY)) > 2
    assert run.step == 2


@pytest.mark.parametrize("nested", [False, True])
def test_a_name_too_long_for_a_frame_is_refused(nested: bool, run: airtape.Run) -> None:  # noqa: FBT001 - a parameter
    """Such a call changes nothing; values may be as long as they like, names may not."""
    name = "x" * (2 * MIB)
    with pytest.raises(InvalidDataError, match="name of 2097157 bytes is too long"):
        run.log({"a": 1, "b": {name: 1} if nested else 2, **({} if nested else {name: {}})})
    with pytest.raises(InvalidDataError, match="too long"):
        run.summary[name] = 1
    with pytest.raises(InvalidDataError, match="too long"):
        del run.summary[name]
    with pytest.raises(InvalidDataError, match="too long"):
        run.define_metric(name)
    assert run.step == 0
    run.log({"a": 2})
    run.finish()
    assert recorded(run).data == [(0, {"a": 2})]


def test_large_config_and_summary_values_are_kept_whole(run: airtape.Run) -> None:
    """A dictionary in them is replaced as a whole, so it is never recorded in parts."""
    tree = {f"k{number}": "x" * 100 for number in range(20_000)}
    run.config.update({"small": 1, "tree": tree})
    run.summary.update({"small": 1, "tree": tree, "text": "x" * (2 * MIB)})
    run.finish()
    fold = recorded(run).fold
    assert fold.config["small"] == fold.summary["small"] == 1
    assert blob_of(run, fold.config["tree"]) == tree
    assert blob_of(run, fold.summary["tree"]) == tree
    assert blob_of(run, fold.summary["text"]) == "x" * (2 * MIB)
    assert run.config["tree"] == tree


def test_many_config_and_summary_values_take_several_records(run: airtape.Run) -> None:
    """Together they may be larger than a frame."""
    values = {f"k{number}": "x" * 1000 for number in range(3_000)}
    run.config.update(values)
    run.summary.update(values)
    run.finish()
    fold = recorded(run).fold
    assert fold.config == values
    assert {key: fold.summary[key] for key in values} == values


def test_a_large_call_whose_step_is_over_is_kept(run: airtape.Run) -> None:
    """It is dropped from the rows like any other, and stays in the log."""
    run.log({"a": 1}, step=5)
    run.log({"text": "x" * (2 * MIB)}, step=4)
    run.finish()
    dropped = recorded(run).of(Kind.HISTORY)[1]
    assert dropped.fields[1] & HistoryFlag.DROPPED
    assert blob_of(run, dropped.fields[2]["text"]) == "x" * (2 * MIB)


def test_a_value_that_the_disk_does_not_take_is_reported(
    run: airtape.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """log() does not raise; the row is there, with a reference, and the loss is counted."""
    Path(run.sync_dir, "blobs").write_text("in the way")
    run.log({"a": 1, "text": "x" * (2 * MIB)})
    assert run.status().dropped == 1
    assert "a value of 2097157 bytes could not be kept" in capsys.readouterr().err
    run.finish()
    assert "1 record(s) or large value(s) could not be written" in capsys.readouterr().err
    assert recorded(run).logged("a") == [1]


def test_a_checkpoint_is_written_every_few_megabytes(run: airtape.Run) -> None:
    """Readers then need only the end of a log, which amounts to the same as all of it."""
    text = "x" * 100_000
    for _ in range(2 * CHECKPOINT_BYTES // len(text)):
        run.log({"text": text})
    said = recorded(run)
    assert len(said.of(Kind.CHECKPOINT)) == 2
    ends = read_ends(log_of(run))
    fold = Fold(ends.state)
    for record in ends.tail:
        fold.apply(record)
    fold.close_row()
    assert len(ends.tail) < len(said.records) / 2
    assert fold.state() == said.fold.state()


def test_a_checkpoint_says_where_the_one_before_is(workdir: Path) -> None:
    """So that a reader could go back from one to the other."""
    log = open_log(workdir).log
    for _ in range(3):
        log.checkpoint()
    data = log.writer.path.read_bytes()
    log.close(0, {"how": "finish"})
    before = [record.fields[3] for record in read_back(log.writer.path).of(Kind.CHECKPOINT)]
    assert before[0] is None
    assert [data[at] for at in before[1:]] == [0xC9] * (len(before) - 1)
    assert before[1:] == sorted(set(before[1:]))


def test_a_state_too_large_for_a_frame_is_no_checkpoint(run: airtape.Run) -> None:
    """Readers then begin further back; the log has no frame that they would refuse."""
    run.log({f"metric/{number}": float(number) for number in range(20_000)})
    run.finish()
    said = recorded(run)
    assert len(said.of(Kind.CHECKPOINT)) == 1
    ends = read_ends(log_of(run))
    assert ends.state is not None
    assert len(ends.tail) == len(said.records) - 2
    assert max(len(str(record)) for record in said.records) < 4 * MAX_FRAME


def test_a_checkpoint_after_trouble_says_what_was_lost(workdir: Path) -> None:
    """A reader that starts there knows of it, and counts what the whole log has."""
    log = open_log(workdir).log

    def is_over() -> bool:
        # Who records something has the work done, for there is no thread to do it.
        log.beat()
        return log.status.trouble is None

    with no_threads():
        log.history(0, 1, {"n": 0}, flat=True)
        with limit(resource.RLIMIT_FSIZE, 0):
            for number in range(1000):
                log.history(None, 0, {"text": "x" * 10_000, "n": number}, flat=True)
        log.checkpoint()
        assert eventually(is_over)
        assert log.has_news
        log.checkpoint()
        assert not log.has_news
        assert log.close(0, {"how": "finish"})
    whole = read_log(log.writer.path)
    gaps = [record.fields for record in whole.records if record.kind == Kind.GAP]
    assert sum(last - first + 1 for first, last, _ in gaps) > 500
    ends = read_ends(log.writer.path)
    assert Fold(ends.state).gaps == gaps
    [health] = verify(find_logs([str(log.writer.path.parent)]).logs)
    assert health.is_whole


def test_threads_share_a_log(run: airtape.Run) -> None:
    """Every call of every thread is a row of its own, and the numbers have no hole."""

    def work(thread: int) -> None:
        for number in range(200):
            run.log({"thread": thread, "number": number})

    threads = [Thread(target=work, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.finish()
    said = recorded(run)
    assert run.step == 1600
    assert [row.step for row in said.rows] == list(range(1600))
    assert {(row.data["thread"], row.data["number"]) for row in said.rows} == {
        (thread, number) for thread in range(8) for number in range(200)
    }


def test_a_thread_may_read_the_summary_while_another_logs(run: airtape.Run) -> None:
    """Reading never fails because something comes in, however much that is."""
    done = False

    def work() -> None:
        nonlocal done
        for number in range(2_000):
            run.log({"loss": number, f"metric/{number}": number})
        done = True

    thread = Thread(target=work)
    thread.start()
    seen = [0]
    while not done:
        seen.append(dict(run.summary.items()).get("loss", 0))
    thread.join()
    assert seen == sorted(seen)
    assert run.summary["loss"] == 1_999


def test_two_runs_do_not_mix(start_run: StartRun) -> None:
    """Each has a directory, a log and steps of its own, also in the same second."""
    runs = [start_run(id=name) for name in ("one", "two")]
    for number in range(10):
        for run in runs:
            run.log({run.id: number})
    for run in runs:
        run.finish()
        assert recorded(run).data == [(number, {run.id: number}) for number in range(10)]


def test_the_same_id_twice_is_two_logs(start_run: StartRun) -> None:
    """A later run never writes to the file of an earlier one, also in the same second."""
    runs = []
    for number in range(2):
        with start_run(id="same") as run:
            run.log({"a": number})
        runs.append(run)
    assert runs[0].sync_dir != runs[1].sync_dir
    assert [recorded(run).data for run in runs] == [[(0, {"a": 0})], [(0, {"a": 1})]]
