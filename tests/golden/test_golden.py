from __future__ import annotations

from pathlib import Path

import pytest

from airtape.exactjson import dumps, loads
from airtape.fold.fold import Fold
from airtape.fold.observers import history
from airtape.txlog.format import header_from_fields
from airtape.txlog.reader import read_log
from tests.golden.written import NAME, write_golden
from tests.plain_values import encoded

GOLDEN = Path(__file__).parent
LOGS = sorted(GOLDEN.glob("*.txlog"))


def described(log: Path) -> dict[str, object]:
    """Return everything that this version makes of a log."""
    contents = read_log(log)
    fold = Fold()
    for record in contents.records:
        fold.apply(record)
    fold.close_row()
    return {
        "records": [[r.seq, int(r.kind), r.wall_ns, *r.fields] for r in contents.records],
        "damage": [str(damage) for damage in contents.damage],
        "rows": [
            [
                row.step,
                row.timestamp,
                row.runtime,
                [[list(_path(k)), v] for k, v in row.data.items()],
            ]
            for row in history(contents.records)
        ],
        "config": fold.config,
        "summary": fold.summary,
        "run": fold.run,
        "exit": fold.exit,
        "unknown": fold.unknown,
        "malformed": fold.malformed,
    }


def _path(key: str | tuple[str, ...]) -> tuple[str, ...]:
    return (key,) if isinstance(key, str) else key


def test_this_version_has_a_golden_log() -> None:
    """Every version that is released leaves one behind."""
    assert GOLDEN / f"{NAME}.txlog" in LOGS


def test_a_log_is_written_byte_for_byte(tmp_path: Path) -> None:
    """The same run makes the same bytes as when the format was released."""
    write_golden(tmp_path / "log")
    assert (tmp_path / "log").read_bytes() == (GOLDEN / f"{NAME}.txlog").read_bytes()


@pytest.mark.parametrize("log", LOGS, ids=[log.stem for log in LOGS])
def test_logs_of_all_versions_say_what_they_always_said(log: Path) -> None:
    """Records, rows, summary and state are those that stand beside the log, exactly."""
    expected = loads(log.with_suffix(".json").read_text(encoding="utf-8"))
    assert encoded(loads(dumps(described(log)))) == encoded(expected)


@pytest.mark.parametrize("log", LOGS, ids=[log.stem for log in LOGS])
def test_logs_of_all_versions_have_a_header(log: Path) -> None:
    """It is known whose they are."""
    contents = read_log(log)
    assert contents.header is not None
    assert header_from_fields(contents.records[0].fields[0]) == contents.header
