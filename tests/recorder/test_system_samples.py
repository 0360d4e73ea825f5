from __future__ import annotations

from pathlib import Path

import pytest

from airtape.errors import LogFormatError
from airtape.system_samples import SystemSample, last_values, read_system, series_of
from tests import logs

BEGAN = logs.BEGAN_NS / 1e9


def _samples(run_dir: Path) -> tuple[list[SystemSample], list[str]]:
    reported: list[str] = []
    return list(read_system(run_dir, reported.append)), reported


def test_samples_come_with_their_times_and_exact_values(tmp_path: Path) -> None:
    """Whatever else is recorded between them, and checkpoints, are passed over."""
    logs.write_log(
        tmp_path,
        logs.system(**{"system.cpu": 12.5}),
        logs.log_row(0, loss=1.0),
        logs.CHECKPOINT,
        logs.system(**{"system.cpu": 0.1, "system.gpu.0.gpu": 99}),
    )
    assert _samples(tmp_path) == (
        [
            SystemSample(BEGAN + 1, 1.0, "", {"system.cpu": 12.5}),
            SystemSample(BEGAN + 4, 4.0, "", {"system.cpu": 0.1, "system.gpu.0.gpu": 99}),
        ],
        [],
    )


def test_samples_of_several_writers_are_one_course_in_time(tmp_path: Path) -> None:
    """Each says which writer measured it, and a series of numbers is that writer's."""
    for number, label in enumerate((None, "rank-1")):
        logs.write_log(
            tmp_path,
            logs.system(a=number),
            logs.system(a=number + 10, b="text", c=True),
            name="run-ab12cd34.txlog" if label is None else "run-ab12cd34.here-2-1.txlog",
            writer=bytes([number]) * 16,
            label=label,
        )
    samples, _ = _samples(tmp_path)
    assert [(sample.runtime, sample.writer) for sample in samples] == [
        (1.0, ""),
        (1.0, "rank-1"),
        (2.0, ""),
        (2.0, "rank-1"),
    ]
    assert series_of(samples) == {"a": [(1.0, 0), (2.0, 10)], "rank-1 a": [(1.0, 1), (2.0, 11)]}
    assert [sample.as_row().get("_label") for sample in samples[:2]] == [None, "rank-1"]
    assert last_values(samples[:3]) == {"a": 10, "b": "text", "c": True}


def test_a_record_that_says_something_else_is_passed_over(tmp_path: Path) -> None:
    """It costs nothing but itself."""
    logs.write_log(tmp_path, (11, []), (11, ["text", 1]), logs.system(a=1))
    assert [sample.values for sample in _samples(tmp_path)[0]] == [{"a": 1}]


def test_damage_is_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    """A damaged record costs itself; its place in the file is told."""
    said = [logs.system(a=number) for number in range(3)]
    frames = logs.frames_of(*said)
    frames[2] = frames[2][:-1] + bytes([frames[2][-1] ^ 1])
    path = logs.write_log(tmp_path, *said)
    path.write_bytes(b"".join(frames))
    samples, reported = _samples(tmp_path)
    assert [sample.values["a"] for sample in samples] == [0, 2]
    assert len(reported) == 1
    assert path.name in reported[0]


def test_files_that_are_no_logs_are_named(tmp_path: Path) -> None:
    """Beside a readable log they are reported; alone they are an error."""
    (tmp_path / "run-ab12cd34.txlog").write_bytes(b"no log at all" * 99)
    with pytest.raises(LogFormatError, match="cannot be read"):
        _samples(tmp_path)
    logs.write_log(tmp_path, logs.system(a=1), name="run-ab12cd34.here-2-1.txlog")
    samples, reported = _samples(tmp_path)
    assert [sample.values for sample in samples] == [{"a": 1}]
    assert "run-ab12cd34.txlog" in reported[0]
