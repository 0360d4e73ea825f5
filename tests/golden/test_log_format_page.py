from __future__ import annotations

import re
from pathlib import Path

from airtape.records import MAX_DEPTH, HistoryFlag, Kind
from airtape.txlog.format import LENGTH_EXTRA, MAX_BODY, Header, decode_head, salt_of
from tests.golden.written import HEADER, RECORDS

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "LOG_FORMAT.md").read_text(encoding="utf-8")
GOLDEN = (ROOT / "tests" / "golden" / "v1_0.txlog").read_bytes()


def test_the_example_in_hex_stands_in_the_golden_log() -> None:
    """Every byte of the page is there, at the offset that it says."""
    match = re.search(
        r"At offset (\d+) it has the (\d+) bytes.*?```text\n(.*?)```", PAGE, re.DOTALL
    )
    assert match is not None
    offset, size = int(match[1]), int(match[2])
    lines = [re.match(r"(?:[0-9a-f]{2} ?)+", line) for line in match[3].splitlines()]
    example = bytes.fromhex(" ".join(line[0] for line in lines if line is not None))
    assert GOLDEN[offset : offset + size] == example
    assert decode_head(example, 0, salt_of(HEADER.writer)) is not None


def test_the_example_is_what_it_says() -> None:
    """Writer, salt and record are those of the golden log."""
    assert f"`{HEADER.writer.hex()}`" in PAGE
    assert f"`{salt_of(HEADER.writer):08x}`" in PAGE
    assert RECORDS[7] == [Kind.HISTORY, 8, HistoryFlag.COMMIT_GIVEN, {"loss": 0.25}]


def test_every_kind_is_on_the_page() -> None:
    """With its number and name."""
    rows = re.findall(r"^\| (\d+) \| ([A-Z_]+) \|", PAGE, re.MULTILINE)
    assert [(int(number), name) for number, name in rows] == [(k.value, k.name) for k in Kind]


def test_every_field_of_the_header_is_on_the_page() -> None:
    """In the table of the header."""
    table = PAGE[PAGE.index("### The header") : PAGE.index("## Reading")]
    cells = re.findall(r"^\| ([a-z_, ]+) \|", table, re.MULTILINE)
    names = {name for cell in cells for name in cell.split(", ")} - {"name"}
    assert names == set(Header("x", bytes(16)).to_fields())


def test_the_limits_are_on_the_page() -> None:
    """As the code has them."""
    assert f"length ({LENGTH_EXTRA} to {MAX_BODY + LENGTH_EXTRA:,})" in PAGE
    assert f"nested at most {MAX_DEPTH} deep" in PAGE
