"""What is left of a run that was cleaned: it comes back as it was, or is refused."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from airtape import exactjson
from airtape.cleaned import Cleaned, cleaned_overview, encode_cleaned, read_cleaned, stub_path
from airtape.errors import LogFormatError
from airtape.fold.merge import Part
from airtape.overview import read_overview
from airtape.states import RunState, Vantage
from tests.logs import ended, run_dir_of, write_log
from tests.sync.runs import A_RUN

NOW = Vantage(0, "", "", lambda _pid, _ticks: True)


def _cleaned(tmp_path: Path) -> tuple[Cleaned, Path]:
    log = write_log(run_dir_of(tmp_path), *A_RUN, ended())
    overview = read_overview(log.parent, NOW)
    receipts = [{"target": "sqlite:x", "records": 9}]
    parts = [Part(*part) for part in overview.writers]
    return Cleaned("ab12cd34", overview.state, parts, 5, receipts, 900), log


def test_it_says_what_the_run_was(tmp_path: Path) -> None:
    """Values that JSON has no words for among it."""
    cleaned, log = _cleaned(tmp_path)
    before = read_overview(log.parent, NOW)
    log.unlink()
    stub_path(log.parent, "ab12cd34").write_bytes(encode_cleaned(cleaned))
    said = read_cleaned(stub_path(log.parent, "ab12cd34"))
    assert said._replace(parts=()) == cleaned._replace(parts=())
    after = cleaned_overview(log.parent, NOW)
    assert after is not None
    assert after.cleaned_ns == 5
    for name in ("state", "run_id", "name", "tags", "metrics", "traces", "last_step", "rows"):
        assert getattr(after, name) == getattr(before, name), name
    for name in ("config", "summary"):
        assert exactjson.dumps(getattr(after, name)) == exactjson.dumps(getattr(before, name))


def test_a_directory_without_one_is_none(tmp_path: Path) -> None:
    """Nor is one that is not there."""
    assert cleaned_overview(tmp_path, NOW) is None
    assert cleaned_overview(tmp_path / "no", NOW) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "finished"},
        {"state": ["running", ""]},
        {"writers": []},
        {"writers": [{"header": {}, "state": {}}]},
        {"writers": 5},
        {"cleaned_ns": None},
    ],
)
def test_what_is_impossible_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    """Also with a checksum that is right."""
    cleaned, _ = _cleaned(tmp_path)
    said = exactjson.loads(encode_cleaned(cleaned).partition(b"\n")[2])
    body = exactjson.dumps({**said, **changes}).encode()
    path = tmp_path / "run-x.cleaned"
    path.write_bytes(b"airtape cleaned 1 " + sha256(body).hexdigest().encode() + b"\n" + body)
    with pytest.raises(LogFormatError, match="something impossible"):
        read_cleaned(path)


def test_one_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """As a run of which nothing is known."""
    (tmp_path / "run-x.cleaned").touch()
    overview = cleaned_overview(tmp_path, NOW)
    assert overview is not None
    assert overview.state == RunState("unknown")
    with pytest.raises(LogFormatError, match="No such file"):
        read_cleaned(tmp_path / "no")
