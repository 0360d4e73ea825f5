"""What needs no server: URLs of PostgreSQL targets, and servers that are not there."""

from __future__ import annotations

import sys
import traceback

import pytest

from airtape.backends.postgres_arrays import unwrapped, wrapped
from airtape.backends.postgres_entry import compact_store, init_store
from airtape.backends.postgres_values import as_said, decode, encode, storable
from airtape.backends.registry import open_backend
from airtape.errors import TargetError, TransientError, UsageError

CANARY = "s3cret"
NOBODY = "127.0.0.1:1"
"""Where no server listens."""


def test_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is one line to install; the password is not shown."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(TargetError) as failed:
        open_backend(f"postgresql://ann:{CANARY}@host/runs")
    assert "pip install 'airtape[postgres]'" in str(failed.value)
    assert CANARY not in str(failed.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_a_server_that_is_not_there_may_come(scheme: str) -> None:
    """A sync asks it again; the password is shown neither in the error nor in what led to it."""
    with pytest.raises(TransientError) as failed:
        open_backend(f"{scheme}://ann:{CANARY}@{NOBODY}/runs")
    assert CANARY not in "".join(traceback.format_exception(failed.value))
    assert NOBODY in str(failed.value)


@pytest.mark.parametrize(
    "place",
    ["host/runs?nonsense=1", "[host/runs", "ho%zzst/runs"],
)
def test_what_is_no_url_is_refused_without_its_password(place: str) -> None:
    """The client quotes the URL, and is not quoted."""
    with pytest.raises(TargetError) as failed:
        open_backend(f"postgresql://ann:{CANARY}@{place}")
    assert not isinstance(failed.value, TransientError)
    assert CANARY not in "".join(traceback.format_exception(failed.value))


def test_other_targets_need_no_owner() -> None:
    """Only stores in PostgreSQL are made and compacted."""
    with pytest.raises(UsageError):
        init_store("sqlite:runs.db", [])
    with pytest.raises(UsageError):
        compact_store("jsonl:runs")


@pytest.mark.parametrize("text", ["", "plain", "\x00", "a\x1b0000b", "\x1b", "\ud800x", "ä\x00ö"])
def test_any_text_can_be_stored(text: str) -> None:
    """What PostgreSQL refuses is escaped, and comes back."""
    assert as_said(storable(text)) == text
    assert "\x00" not in storable(text)
    assert decode(*encode(text)) == text
    storable(text).encode()


def test_large_numbers_of_records_are_kept() -> None:
    """Integers without a sign fit into those that have one."""
    seqs = [0, 2**63 - 1, 2**63, 2**64 - 1]
    assert [unwrapped(seq) for seq in wrapped(seqs)] == seqs
