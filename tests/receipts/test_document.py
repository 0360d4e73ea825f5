"""The file of a receipt: what it carries, and what is refused."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.backends.cursor import Cursor, FileMark, Loss, RunKey
from airtape.backends.listing import WriterCursor
from airtape.backends.tally import Tally
from airtape.errors import LogFormatError
from airtape.receipts import document as documents
from airtape.receipts.document import (
    ReceiptDocument,
    decode_receipt,
    encode_receipt,
    is_receipt_name,
    read_receipt,
)
from airtape.txlog.seqset import SeqSet

FILE = Path("lab.receipt")
RUN = RunKey("ab12cd34", b"r" * 16)
CURSOR = Cursor(
    version=1,
    received=SeqSet([(0, 4), (7, 9)]),
    files={"run-ab12cd34.txlog": FileMark(100, 90, 5, 9, 110, 1)},
    losses=(Loss("run-ab12cd34.txlog", 50, 60, 5, 6, "torn"), Loss("a", 1, 2, None, None, "x")),
    ended=True,
    tally=Tally(100, 2**127),
)
A_RECEIPT = ReceiptDocument(
    "lab",
    "sqlite:/data/runs.db",
    1_795_169_472_000_000_000,
    [WriterCursor(RUN, b"w" * 16, CURSOR)],
    {RUN: frozenset({("files/a.txt", "0" * 64)})},
    ("b1", "b2"),
)

TEXTS = st.text(max_size=8)
NUMBERS = st.integers(0, 2**63 - 1)
UUIDS = st.binary(min_size=16, max_size=16)
SEQS = st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), max_size=4).map(SeqSet)
RUNS = st.builds(RunKey, TEXTS, UUIDS, TEXTS, TEXTS)
LOSSES = st.builds(Loss, TEXTS, NUMBERS, NUMBERS, st.none() | NUMBERS, st.none() | NUMBERS, TEXTS)
CURSORS = st.builds(
    Cursor,
    version=st.just(1),
    received=SEQS,
    files=st.dictionaries(TEXTS, st.builds(FileMark, *[NUMBERS] * 6), max_size=2),
    losses=st.lists(LOSSES, max_size=2).map(tuple),
    ended=st.booleans(),
    tally=st.none() | st.builds(Tally, NUMBERS, st.integers(0, 2**128 - 1)),
)
RECEIPTS = st.builds(
    ReceiptDocument,
    st.just("lab"),
    TEXTS,
    NUMBERS,
    st.dictionaries(st.tuples(RUNS, UUIDS), CURSORS, max_size=3).map(
        lambda said: [WriterCursor(*place, said[place]) for place in sorted(said)]
    ),
)


def _with(**changes: object) -> bytes:
    """Return a receipt that says something else, with a checksum that is right."""
    said = json.loads(encode_receipt(A_RECEIPT).partition(b"\n")[2])
    return _sealed(json.dumps({**said, **changes}).encode())


def _sealed(body: bytes) -> bytes:
    return b"airtape receipt 1 " + sha256(body).hexdigest().encode() + b"\n" + body


@pytest.mark.timeout(60)
@given(RECEIPTS)
def test_a_receipt_comes_back_as_it_was(receipt: ReceiptDocument) -> None:
    """Whatever names and numbers stand in it."""
    assert decode_receipt(encode_receipt(receipt), FILE) == receipt


def test_what_stands_in_a_receipt() -> None:
    """For each run and writer: records, bytes, digest, gaps and files, for whoever reads it."""
    said = json.loads(encode_receipt(A_RECEIPT).partition(b"\n")[2])
    (run,) = said["runs"]
    (writer,) = run["writers"]
    assert (said["name"], said["target"]) == ("lab", "sqlite:/data/runs.db")
    assert (run["run_id"], run["files"]) == ("ab12cd34", [["files/a.txt", "0" * 64]])
    assert (writer["records"], writer["bytes"], writer["received"]) == (8, 100, "0-4,7-9")
    assert writer["digest"] == f"{2**127:032x}"
    assert len(writer["gaps"]) == 2


@given(st.data())
def test_a_receipt_that_was_cut_or_changed_is_refused(data: st.DataObject) -> None:
    """Wherever it was."""
    whole = bytearray(encode_receipt(A_RECEIPT))
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        del whole[at:]
    else:
        whole[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(LogFormatError, match=r"cut or changed|no receipt|of version"):
        decode_receipt(bytes(whole), FILE)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "../lab"},
        {"name": 5},
        {"made_ns": True},
        {"made_ns": -1},
        {"made_ns": 2**63},
        {"target": None},
        {"runs": 5},
        {"runs": [{}]},
        {"runs": [{"run_id": "a", "root": "00", "entity": "", "project": "", "files": None}]},
        {"runs": [{"run_id": "a", "root": "zz", "entity": "", "project": "", "files": None}]},
    ],
)
def test_what_cannot_be_understood_is_refused(changes: dict[str, Any]) -> None:
    """Also with a checksum that is right."""
    with pytest.raises(LogFormatError, match="cannot be understood"):
        decode_receipt(_with(**changes), FILE)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"[" * 10**5, b'{"name": NaN}', b"\xff", b"9" * 10_000]
)
def test_hostile_json_is_refused(body: bytes) -> None:
    """Nesting and numbers that parsers choke on, too."""
    with pytest.raises(LogFormatError, match="cannot be understood"):
        decode_receipt(_sealed(body), FILE)


def test_a_later_version_is_named() -> None:
    """So that one knows what to install."""
    later = encode_receipt(A_RECEIPT).replace(b"receipt 1 ", b"receipt 2 ", 1)
    with pytest.raises(LogFormatError, match="of version 2"):
        decode_receipt(later, FILE)


def test_a_file_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused by its size."""
    path = tmp_path / "lab.receipt"
    path.write_bytes(encode_receipt(A_RECEIPT))
    assert read_receipt(path) == A_RECEIPT
    monkeypatch.setattr(documents, "LARGEST", path.stat().st_size - 1)
    with pytest.raises(LogFormatError, match="larger than"):
        read_receipt(path)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "A", "-a", "é", "a" * 65, "a\n"])
def test_names_that_no_target_has(name: str) -> None:
    """A name is part of a file's name."""
    assert not is_receipt_name(name)


def test_two_receipts_have_two_digests() -> None:
    """What a bundle names a receipt by."""
    other = ReceiptDocument("lab", A_RECEIPT.target, A_RECEIPT.made_ns + 1, A_RECEIPT.writers)
    assert other.digest != A_RECEIPT.digest
    assert A_RECEIPT.runs == [RUN]
