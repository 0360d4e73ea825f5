"""A log of some hundred kilobytes, damaged in place, and what a reader has to make of it.

A case leaves every byte where it was, so that it is known exactly which frames still stand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random

from airtape.txlog.format import HEAD_SIZE
from airtape.txlog.reader import LogContents
from tests.logs import CHECKPOINT, Said, log_row
from tests.plain_values import encoded
from tests.txlog.bytes_of import HEADER, Read, SmallLog, seqs, small_log

KIB = 1024
ROWS = 1500
ROWS_PER_CHECKPOINT = 100
SECTOR = 512
PAGE = 4 * KIB


def _said() -> Iterator[Said]:
    random = Random(1)
    for step in range(ROWS):
        text = "x" * random.choice([0, 10, 100, 700])
        yield log_row(step, loss=random.random(), epoch=step // 100, text=text)
        if step % ROWS_PER_CHECKPOINT == ROWS_PER_CHECKPOINT - 1:
            yield CHECKPOINT


LOG = small_log(*_said(), *(log_row(ROWS + step, loss=0.5) for step in range(3)))
DATA = LOG.data
COUNT = len(LOG.frames)


def wrong_records(log: SmallLog, contents: LogContents) -> int:
    """Count the records that were never written so, or are there twice, bit for bit."""
    wrong = len(contents.records) - len(set(seqs(contents)))
    for seq, kind, wall_ns, fields in contents.records:
        body = encoded([kind, wall_ns, *fields])
        wrong += not (seq < len(log.frames) and log.frames[seq][HEAD_SIZE:] == body)
    return wrong


def compared(log: SmallLog, data: bytes | bytearray, contents: LogContents) -> Counter[str]:
    """Compare what was read with the frames that still stand in their places."""
    places = zip(log.starts, log.starts[1:], log.frames, strict=False)
    stand = {seq for seq, (start, end, frame) in enumerate(places) if data[start:end] == frame}
    read = set(seqs(contents))
    lost = len(log.frames) - len(read)
    told = sum(damage.missing or 0 for damage in contents.damage)
    ends_badly = contents.incomplete or any(one.missing is None for one in contents.damage)
    if ends_badly:
        told += len(log.frames) - 1 - max(read)
    return +Counter(
        {
            "wrong": wrong_records(log, contents) + len(read - stand),
            "lost beyond the damaged": len(stand - read),
            "silent": max(0, lost - told),
            "told too much": max(0, told - lost),
            "without header": contents.header != HEADER,
        }
    )


def read_cut(read: Read, cut: int) -> Counter[str]:
    """Cut the log, and compare what is read with what stands before the cut."""
    contents = read(DATA[:cut])
    whole = sum(end <= cut for end in LOG.starts[1:])
    return +Counter(
        {
            "wrong": wrong_records(LOG, contents),
            "lost": len(set(range(whole)) - set(seqs(contents))),
            "called damaged": len(contents.damage),
            "not called incomplete": contents.incomplete != (cut not in LOG.starts),
        }
    )


def cut(random: Random, read: Read) -> Counter[str]:
    """The file ends anywhere."""
    return read_cut(read, random.randrange(len(DATA)))


def single_flip(random: Random, read: Read) -> Counter[str]:
    """One bit is another."""
    return _flipped(random, read, 1)


def multiple_flips(random: Random, read: Read) -> Counter[str]:
    """Some bits are others."""
    return _flipped(random, read, random.randint(2, 8))


def _flipped(random: Random, read: Read, bits: int) -> Counter[str]:
    data = bytearray(DATA)
    for bit in random.sample(range(8 * len(data)), bits):
        data[bit // 8] ^= 1 << bit % 8
    return compared(LOG, data, read(data))


def hole_of_4_kib(random: Random, read: Read) -> Counter[str]:
    """A page of the file is zeros."""
    return _overwritten(random, read, bytes(PAGE), PAGE)


def hole_of_64_kib(random: Random, read: Read) -> Counter[str]:
    """Sixteen pages of the file are zeros."""
    return _overwritten(random, read, bytes(64 * KIB), PAGE)


def garbage_of_512_bytes(random: Random, read: Read) -> Counter[str]:
    """A sector holds what somebody else wrote."""
    return _overwritten(random, read, random.randbytes(SECTOR), SECTOR)


def _overwritten(random: Random, read: Read, new: bytes, unit: int) -> Counter[str]:
    at = unit * random.randrange((len(DATA) - len(new)) // unit + 1)
    data = DATA[:at] + new + DATA[at + len(new) :]
    return compared(LOG, data, read(data))


def tail_of_zeros(random: Random, read: Read) -> Counter[str]:
    """The size of the file was written, but not the last of its data."""
    size = random.randint(1, 64 * KIB)
    start = len(DATA) - (size if random.random() < 0.5 else 0)
    data = DATA[:start] + bytes(size)
    return compared(LOG, data, read(data))
