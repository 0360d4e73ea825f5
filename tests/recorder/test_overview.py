from __future__ import annotations

import os
from pathlib import Path

import pytest

from airtape.file_list import RunFile, list_files
from airtape.overview import Overview, read_overview
from airtape.states import Vantage
from airtape.txlog.format import FORMAT_VERSION
from tests import logs

SECOND = 1_000_000_000
NOW = Vantage(logs.BEGAN_NS + 3600 * SECOND, "here", "boot", lambda _pid, _ticks: True)
FIRST, SECOND_WRITER, CHILD = (bytes([number]) * 16 for number in (1, 2, 3))


def _read(run_dir: Path) -> Overview:
    return read_overview(run_dir, NOW)


def test_an_overview_has_what_the_documents_promise(tmp_path: Path) -> None:
    """Names, machine, config, summary and times of a run all come from its log."""
    logs.write_log(
        tmp_path,
        logs.describe(
            name="likely-lion-9",
            entity="me",
            project="digits",
            notes="a try",
            tags=["a", "b"],
            group="g",
            job_type="train",
        ),
        logs.machine(
            host="node1",
            user="me",
            os="Linux",
            python="3.11.7",
            executable="/usr/bin/python",
            program="train.py",
            args=["--name", "a b"],
            hardware={"cpus": 8},
            git={"remote": "git@host:me/digits", "commit": "c0ffee"},
        ),
        logs.config(lr=0.1),
        logs.log_row(0, loss=1.0),
        logs.log_row(3, loss=0.5),
        logs.dropped_row(2, loss=9.0),
        logs.ended(0),
        library="0.1.0",
    )
    run = _read(tmp_path)
    assert run.path == "me/digits/ab12cd34"
    assert (run.name, run.notes, run.tags) == ("likely-lion-9", "a try", ("a", "b"))
    assert (run.group, run.job_type, run.library) == ("g", "train", "0.1.0")
    assert (run.machine.host, run.machine.author, run.machine.os) == ("node1", "me", "Linux")
    assert (run.machine.python, run.machine.executable) == ("3.11.7", "/usr/bin/python")
    assert run.machine.command == "train.py --name 'a b'"
    assert run.machine.hardware == {"cpus": 8}
    assert run.machine.git_repository == "git@host:me/digits"
    assert run.machine.git_commit == "c0ffee"
    assert (run.state.name, run.began_ns, run.runtime_s) == ("finished", logs.BEGAN_NS, 7.0)
    assert (run.last_step, run.rows, run.dropped) == (3, 2, 1)
    assert run.config == {"lr": 0.1}
    assert run.summary["loss"] == 0.5
    assert run.traces == {"loss": [1.0, 0.5]}
    assert run.problems == []


def test_a_log_without_descriptions_has_an_overview(tmp_path: Path) -> None:
    """What nobody said is None, and the path still has three parts."""
    logs.write_log(tmp_path, host="node1")
    run = _read(tmp_path)
    assert run.path == "unknown/uncategorized/ab12cd34"
    assert (run.name, run.tags, run.machine.command) == (None, (), None)
    assert (run.machine.host, run.last_step, run.rows) == ("node1", None, 0)


def test_values_of_the_wrong_type_are_left_out(tmp_path: Path) -> None:
    """A log may hold anything; a name that is no text is no name."""
    logs.write_log(
        tmp_path,
        logs.describe(name=7, tags="no list", notes=""),
        logs.machine(git="none", hardware=[1], program="a.py", args=None),
    )
    run = _read(tmp_path)
    assert (run.name, run.tags, run.notes) == (None, (), None)
    assert (run.machine.git_commit, run.machine.hardware) == (None, {})
    assert run.machine.command == "a.py"


@pytest.mark.parametrize("place", range(6))
def test_a_checkpoint_changes_nothing(tmp_path: Path, place: int) -> None:
    """An overview from a checkpoint and the records behind it equals one from all records."""
    records = [
        logs.describe(name="n"),
        logs.config(lr=0.1),
        logs.log_row(0, loss=1.0),
        logs.partial_row(1, loss=0.5),
        logs.partial_row(1, acc=0.1),
    ]
    logs.write_log(tmp_path / "plain", *records, logs.heartbeat())
    with_checkpoint = [*records[:place], logs.CHECKPOINT, *records[place:]]
    logs.write_log(tmp_path / "checkpoint", *with_checkpoint)
    plain, run = _read(tmp_path / "plain"), _read(tmp_path / "checkpoint")
    assert (run.config, run.name, run.rows) == (plain.config, plain.name, plain.rows)
    assert run.summary.keys() == plain.summary.keys()
    assert run.summary["loss"] == plain.summary["loss"] == 0.5
    assert run.problems == []


def test_a_checkpoint_that_makes_no_sense_is_not_needed(tmp_path: Path) -> None:
    """A checkpoint of another version is passed over: the records say the same."""
    path = logs.write_log(tmp_path, logs.log_row(0, loss=1.0), logs.CHECKPOINT)
    frames = logs.frames_of(logs.log_row(0, loss=1.0))
    path.write_bytes(b"".join(frames) + logs.checkpoint_frame(2, {"other": 1}))
    run = _read(tmp_path)
    assert (run.rows, run.summary["loss"], run.problems) == (1, 1.0, [])


def test_the_files_of_one_writer_are_read_as_one(tmp_path: Path) -> None:
    """A writer that had to begin a second file goes on in it; what stands in both counts once."""
    before = (logs.log_row(0, loss=1.0), logs.CHECKPOINT, logs.log_row(1, loss=0.5))
    first = logs.write_log(tmp_path, *before)
    second = logs.write_log(
        tmp_path,
        logs.log_row(2, loss=0.2),
        name="run-ab12cd34.here-1-1.txlog",
        first_seq=4,
        continues=first.name,
    )
    with second.open("ab") as file:
        file.write(logs.frames_of(*before)[-1])
    run = _read(tmp_path)
    assert (run.rows, run.last_step, run.summary["loss"]) == (3, 2, 0.2)
    assert len(run.writers) == 1
    assert len(run.logs) == 2


def test_a_writer_that_goes_on_from_another_says_the_last_word(tmp_path: Path) -> None:
    """State and values come from the later writer, also if its clock is behind."""
    logs.write_log(tmp_path, logs.config(lr=0.1, seed=1), logs.log_row(0, loss=1.0), writer=FIRST)
    logs.write_log(
        tmp_path,
        logs.config(lr=0.2),
        logs.log_row(1, loss=0.5),
        logs.ended(3, how="exit"),
        name="run-ab12cd34.here-2-1.txlog",
        writer=SECOND_WRITER,
        parents=[(FIRST, 2)],
        start_step=1,
        began_ns=logs.BEGAN_NS - 100 * SECOND,
    )
    run = _read(tmp_path)
    assert str(run.state) == "failed (exit code 3)"
    assert run.config == {"lr": 0.2, "seed": 1}
    assert (run.summary["loss"], run.last_step, run.rows) == (0.5, 1, 2)


def test_duration_leaves_out_the_pauses_between_writers(tmp_path: Path) -> None:
    """Runtime counts from the first record to the last; duration only while somebody recorded."""
    logs.write_log(tmp_path, *[logs.heartbeat()] * 10, writer=FIRST)
    logs.write_log(
        tmp_path,
        *[logs.heartbeat()] * 5,
        name="run-ab12cd34.here-2-1.txlog",
        writer=SECOND_WRITER,
        parents=[(FIRST, 10)],
        began_ns=logs.BEGAN_NS + 100 * SECOND,
    )
    logs.write_log(
        tmp_path,
        *[logs.heartbeat()] * 4,
        name="run-ab12cd34.here-3-1.txlog",
        writer=CHILD,
        role="child",
        parents=[(FIRST, 5)],
        began_ns=logs.BEGAN_NS + 8 * SECOND,
    )
    run = _read(tmp_path)
    assert (run.runtime_s, run.duration_s) == (105.0, 12.0 + 5.0)


def test_a_child_adds_values_and_decides_nothing(tmp_path: Path) -> None:
    """The state is the primary writer's, whatever a forked child says of its own end."""
    logs.write_log(tmp_path, logs.log_row(0, loss=1.0), logs.ended(0), writer=FIRST)
    logs.write_log(
        tmp_path,
        logs.log_row(1, loss=7.0, own=2.0),
        logs.ended(9, how="exit"),
        name="run-ab12cd34.here-3-1.txlog",
        writer=CHILD,
        role="child",
        parents=[(FIRST, 1)],
    )
    run = _read(tmp_path)
    assert run.state.name == "finished"
    assert (run.summary["loss"], run.summary["own"]) == (1.0, 2.0)


def test_a_run_without_an_end_is_running(tmp_path: Path) -> None:
    """Without an exit record and without proof of a crash, the silence is told."""
    logs.write_log(tmp_path, logs.log_row(0, loss=1.0), host="elsewhere")
    assert str(_read(tmp_path).state) == "running (last heard 59 min ago)"


def test_a_damaged_record_is_reported_with_its_bytes(tmp_path: Path) -> None:
    """Damage behind the last checkpoint shows, and everything else is read."""
    path = logs.write_log(tmp_path, *(logs.log_row(step, loss=step) for step in range(3)))
    frames = logs.frames_of(*(logs.log_row(step, loss=step) for step in range(3)))
    start = len(frames[0]) + len(frames[1])
    content = bytearray(path.read_bytes())
    content[start + 30] ^= 0xFF
    path.write_bytes(content)
    run = _read(tmp_path)
    ((name, damage),) = run.damage
    assert (name, damage.start, damage.missing) == (path.name, start, 1)
    assert damage.end == start + len(frames[2])
    assert (run.rows, run.summary["loss"]) == (2, 2)


def test_a_torn_tail_is_incomplete_and_no_damage(tmp_path: Path) -> None:
    """The beginning of a record at the end of a log is what a crash leaves."""
    path = logs.write_log(tmp_path, logs.log_row(0, loss=1.0), logs.log_row(1, loss=0.5))
    path.write_bytes(path.read_bytes()[:-5])
    run = _read(tmp_path)
    assert (run.incomplete, run.damage, run.rows) == (True, [], 1)


def test_records_lost_while_recording_are_told(tmp_path: Path) -> None:
    """What the writer itself had to drop is a problem of the run."""
    logs.write_log(tmp_path, logs.gap(5, 7, "no space left on device"))
    assert _read(tmp_path).problems == [
        "3 records were lost while recording: no space left on device"
    ]


def test_a_record_that_says_something_impossible_is_told(tmp_path: Path) -> None:
    """A whole record of the wrong shape costs only itself, and is counted."""
    logs.write_log(tmp_path, (1, ["no step"]), logs.log_row(0, loss=1.0))
    run = _read(tmp_path)
    assert run.problems == ["1 record cannot be understood"]
    assert run.rows == 1


def test_logs_of_two_runs_in_one_directory_are_told(tmp_path: Path) -> None:
    """A log that was copied into another run's directory does not go unnoticed."""
    logs.write_log(tmp_path, run_id="aaaa1111", writer=FIRST)
    logs.write_log(tmp_path, run_id="bbbb2222", writer=SECOND_WRITER)
    assert _read(tmp_path).problems == ["its logs belong to different runs: aaaa1111, bbbb2222"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "run-ab12cd34.txlog: nothing is recorded in it yet"),
        (b"\xc9\x00\x00", "run-ab12cd34.txlog: nothing is recorded in it yet"),
        (b"PK\x03\x04" * 50, "run-ab12cd34.txlog: this is no transaction log"),
    ],
)
def test_a_directory_without_a_readable_log_is_unknown(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    """An empty, torn or foreign file makes an overview that says so."""
    (tmp_path / "run-ab12cd34.txlog").write_bytes(content)
    run = _read(tmp_path)
    assert (run.state.name, run.run_id, run.problems) == ("unknown", None, [problem])
    assert run.runtime_s is None


def test_a_log_of_a_later_major_version_is_refused(tmp_path: Path) -> None:
    """A log that this version cannot read says what to install."""
    logs.write_log(tmp_path, version=(FORMAT_VERSION[0] + 1, 0))
    run = _read(tmp_path)
    assert run.state.name == "unknown"
    assert "format version 2.0" in run.problems[0]
    assert "install a later airtape" in run.problems[0]


def test_an_empty_log_beside_a_good_one_is_no_problem(tmp_path: Path) -> None:
    """A forked child that has just made its log has done nothing wrong."""
    logs.write_log(tmp_path)
    (tmp_path / "run-ab12cd34.here-3-1.txlog").touch()
    assert _read(tmp_path).problems == []


def test_a_directory_without_logs_or_none_at_all_is_unknown(tmp_path: Path) -> None:
    """No directory is an error; each has an overview with a problem."""
    (tmp_path / "empty").mkdir()
    assert _read(tmp_path / "empty").problems == ["no transaction log"]
    (problem,) = _read(tmp_path / "missing").problems
    assert problem == "the directory cannot be read: No such file or directory"


def test_files_are_listed_with_their_sizes(tmp_path: Path) -> None:
    """Files of a run are listed by path; links, which could lead out of it, are not."""
    (tmp_path / "files/media").mkdir(parents=True)
    (tmp_path / "files/media/b.png").write_bytes(b"12345")
    (tmp_path / "files/a.txt").write_bytes(b"1")
    (tmp_path / "files/link").symlink_to("/etc/passwd")
    (tmp_path / "files/out").symlink_to("/etc")
    os.mkfifo(tmp_path / "files/pipe")
    assert list_files(tmp_path) == [RunFile("a.txt", 1), RunFile("media/b.png", 5)]


def test_a_run_without_files_has_none(tmp_path: Path) -> None:
    """A run directory may lack its `files`."""
    assert list_files(tmp_path) == []
