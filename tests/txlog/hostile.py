"""Bytes that are made to cost a reader time or memory, and a process that reads them."""

from __future__ import annotations

import struct
from zlib import crc32

from airtape.txlog.format import CODE, MAX_BODY, UNSALTED, salt_of
from tests.txlog.bytes_of import HEADER

SALT = salt_of(HEADER.writer)

READ_IN_A_PROCESS = """
import json, re, sys, time
from pathlib import Path
from airtape.txlog.reader import Damage, LogReader

def memory(name):
    return int(re.search(name + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

began = time.process_time()
records = lost = 0
for item in LogReader(sys.argv[1]):
    if isinstance(item, Damage):
        lost += item.missing or 0
    else:
        records += 1
print(json.dumps([time.process_time() - began, memory("VmHWM"), records, lost]))
"""
"""Prints the seconds of CPU that reading takes, the most memory in KiB, records and lost ones."""

START = b"\x93\x01\x00"
HUGE = struct.pack(">I", MAX_BODY - 8)
BOMBS = {
    "lists, 100,000 deep": START + b"\x91" * 100_000 + b"\x90",
    "lists, 1,000 deep": START + b"\x91" * 1000 + b"\x90",
    "maps, 1,000 deep": START + b"\x81\xa0" * 1000 + b"\x90",
    "an array of four billion": START + b"\xdd\xff\xff\xff\xff",
    "a map of four billion": START + b"\xdf\xff\xff\xff\xff",
    "a string of four gigabytes": START + b"\xdb\xff\xff\xff\xff",
    "an ext object of four gigabytes": START + b"\xc9\xff\xff\xff\xff\x01",
    "arrays of a million in each other": START + (b"\xdd" + HUGE) * 1000,
    "an unknown ext object": START + b"\xd4\x05a",
    "digits that are none": START + b"\xd4\x01z",
    "a bad timestamp": START + b"\xd5\xff\x00\x00",
    "an integer as key": START + b"\x81\x01\x01",
    "a list as key": START + b"\x81\x90\x01",
    "text that is not UTF-8": START + b"\xa1\xff",
    "nothing": b"",
    "no array": b"\xc0",
    "a kind below zero": b"\x93\xff\x00\x01",
    "a kind that is text": b"\x93\xa1x\x00\x01",
    "a time that is none": b"\x93\x01\xc0\x01",
}
LARGE = {
    "a million lists": START + b"\xdd" + HUGE + b"\x90" * (MAX_BODY - 8),
    "a million maps": START + b"\xdd" + HUGE + b"\x80" * (MAX_BODY - 8),
    "maps of one": START
    + b"\xdd"
    + struct.pack(">I", MAX_BODY // 3 - 3)
    + b"\x81\xa0\x90" * (MAX_BODY // 3 - 3),
}


def head(length: int, seq: int, salt: int) -> bytes:
    """Return a head with a right checksum that announces any length."""
    checked = struct.pack(">IBQ", length, CODE, seq)
    return b"\xc9" + checked + struct.pack(">II", crc32(checked, salt), 7)


HEADS_OF_OURS = head(MAX_BODY + 16, 1, SALT)
HEADS_OF_HEADERS = head(MAX_BODY + 16, 1, UNSALTED)
PATTERNS = {
    "markers": b"\xc9",
    "huge lengths": b"\xc9\xff\xff\xff\xff\x41" + bytes(16),
    "zeros": b"\x00",
}
CRAFTED = {
    "possible lengths": b"\xc9\x00\x0f\xff\xff\x41" + bytes(16),
    "heads of ours": HEADS_OF_OURS,
    "short heads of ours": head(17, 1, SALT),
    "heads of headers": HEADS_OF_HEADERS,
    "heads of both": HEADS_OF_OURS + HEADS_OF_HEADERS,
}
