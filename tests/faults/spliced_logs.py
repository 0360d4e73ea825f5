"""Small logs whose ranges are repeated, moved, taken out or mixed with those of another log.

A case tells beforehand whose the spliced file is and which of its frames a reader must find: those
that stand whole and are not part of a value of another one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

from airtape.txlog.format import CODE, HEAD_SIZE, MARKER, encode_frame, salt_of, seq_of
from airtape.txlog.reader import LogContents
from tests.faults.broken_logs import wrong_records
from tests.logs import BEGAN_NS, CHECKPOINT, config, log_row
from tests.plain_values import encoded
from tests.txlog.bytes_of import HEADER, OTHER, Read, SmallLog, seqs, small_log

SALT = salt_of(HEADER.writer)
FOREIGN = small_log(header=OTHER)
PLAIN = small_log()
_BEGINNING = [config(lr=0.1), log_row(0, loss=1.0), CHECKPOINT, log_row(1, text="x" * 50)]
_COPY = b"copy" + small_log(*_BEGINNING).data
WITH_COPIES = small_log(
    *_BEGINNING,
    log_row(2, of_this_log=_COPY),
    log_row(3, of_another=b"copy" + FOREIGN.data),
    log_row(4, torn=FOREIGN.data[7:-7], loss=0.5),
    CHECKPOINT,
    log_row(5, loss=0.25),
)
"""Values hold whole frames: of this log, such as it has, and of another."""

_FORGED = b"".join(
    encode_frame(seq, encoded([1, BEGAN_NS, seq, 0, {"forged": seq}]), SALT) for seq in range(12)
)
WITH_FORGERIES = small_log(
    *_BEGINNING,
    log_row(2, forged=_FORGED),
    log_row(3, mixed=FOREIGN.data + _FORGED + PLAIN.data),
    CHECKPOINT,
    log_row(4, loss=0.5),
)
"""Values hold frames that this log's writer could have written, and has not."""

Owned = tuple[SmallLog, set[int]]


def spliced_frames(random: Random, read: Read) -> Counter[str]:
    """Whole frames are repeated, moved or taken out, and another log is put between them."""
    log = random.choice([PLAIN, WITH_COPIES, WITH_FORGERIES])
    frames = list(log.frames)
    for _ in range(random.randint(1, 4)):
        random.choice([_repeat, _move, _delete, _insert_frames])(frames, random)
    data = b"".join(frames)
    return judged(log, data, read(data))


def _range(random: Random, size: int) -> tuple[int, int]:
    """Return a range behind the header, mostly a short one."""
    start = random.randrange(1, size)
    return start, min(size, start + random.randint(1, 4))


def _repeat(frames: list[bytes], random: Random) -> None:
    start, end = _range(random, len(frames))
    place = random.randint(1, len(frames))
    frames[place:place] = frames[start:end]


def _move(frames: list[bytes], random: Random) -> None:
    start, end = _range(random, len(frames))
    moved = frames[start:end]
    del frames[start:end]
    place = random.randint(1, len(frames))
    frames[place:place] = moved


def _delete(frames: list[bytes], random: Random) -> None:
    start, end = _range(random, len(frames))
    if end - start < len(frames) - 1:
        del frames[start:end]


def _insert_frames(frames: list[bytes], random: Random) -> None:
    start, end = sorted(random.sample(range(len(FOREIGN.frames) + 1), 2))
    place = random.randint(1, len(frames))
    frames[place:place] = FOREIGN.frames[start:end]


def spliced_bytes(random: Random, read: Read) -> Counter[str]:
    """The same with any range of bytes; bits are flipped and bytes made up, of the header too."""
    log = random.choice([PLAIN, WITH_COPIES])
    data = bytearray(log.data)
    low = 0 if random.random() < 0.2 else len(log.frames[0])
    for _ in range(random.randint(1, 4)):
        _change(data, random, low)
    return judged(log, bytes(data), read(data))


def _change(data: bytearray, random: Random, low: int) -> None:
    start = random.randint(min(low, len(data)), len(data))
    end = min(len(data), start + random.choice([1, 20, 200, 1000]))
    place = random.randint(min(low, len(data)), len(data))
    match random.randrange(7):
        case 0:
            data[place:place] = data[start:end]
        case 1:
            del data[start:end]
        case 2:
            moved = data[start:end]
            del data[start:end]
            data[place:place] = moved
        case 3:
            data[place:place] = _foreign(random)
        case 4:
            data[start:end] = _foreign(random)[: end - start]
        case 5 if start < len(data):
            data[start] ^= 1 << random.randrange(8)
        case _:
            data[place:place] = _made_up(random)


def _foreign(random: Random) -> bytes:
    """Return another log, some of its frames, or any of its bytes."""
    places: Callable[[], int] = (
        (lambda: random.choice(FOREIGN.starts))
        if random.random() < 0.5
        else (lambda: random.randint(0, len(FOREIGN.data)))
    )
    start, end = sorted((places(), places()))
    return FOREIGN.data if start == end else FOREIGN.data[start:end]


def _made_up(random: Random) -> bytes:
    """Return bytes that look like the beginning of a frame."""
    length = random.choice([16, 40, 2000, 1 << 20, 2**32 - 1])
    head = bytes([MARKER]) + length.to_bytes(4, "big") + bytes([CODE])
    return head + random.randbytes(random.choice([0, 16, 40]))


def judged(log: SmallLog, data: bytes, contents: LogContents) -> Counter[str]:
    """Compare what was read of a spliced log with what stands in it."""
    owned = owner(log, data)
    if owned is None:
        return +Counter({"forged": len(contents.records) + (contents.header is not None)})
    whose, stand = owned
    read = set(seqs(contents))
    top = max(read, default=-1)
    told = sum(damage.missing or 0 for damage in contents.damage)
    return +Counter(
        {
            "forged": wrong_records(whose, contents),
            "untouched missed": len(stand - read),
            "silent": max(0, top + 1 - len(read) - told),
            "of another log": contents.header != (OTHER if whose is FOREIGN else HEADER),
        }
    )


def owner(log: SmallLog, data: bytes) -> Owned | None:
    """Return whose file this is and which of its frames stand, None if nothing says whose it is.

    The frame at its start says it, if that is a header or a checkpoint; else the first whole record
    does, as long as a header or a checkpoint of that log is anywhere.
    """
    found = {id(one): places_of(one, data) for one in (log, FOREIGN)}
    known = [one for one in (log, FOREIGN) if any(carries(f) and f in data for f in one.frames)]
    for one in known:
        if any(at == 0 and carries(frame) for at, frame in found[id(one)]):
            return one, {seq_of(frame) for _, frame in found[id(one)]}
    firsts = [
        (min((at for at, frame in found[id(one)] if not carries(frame)), default=len(data)), one)
        for one in (log, FOREIGN)
    ]
    at, whose = min(firsts, key=lambda first: first[0])
    if at == len(data) and known:
        first_known = [
            (min(at for at, frame in found[id(one)] if carries(frame)), one) for one in known
        ]
        whose = min(first_known, key=lambda first: first[0])[1]
    if whose not in known:
        return None
    return whose, {seq_of(frame) for _, frame in found[id(whose)]}


def carries(frame: bytes) -> bool:
    """Tell whether the body of a frame is that of a header (kind 0) or a checkpoint (kind 6)."""
    return frame[HEAD_SIZE + 1] in {0, 6}


def places_of(log: SmallLog, data: bytes) -> list[tuple[int, bytes]]:
    """Return where frames of a log stand, without those inside another one."""
    spans = []
    for frame in log.frames:
        at = data.find(frame)
        while at >= 0:
            spans.append((at, frame))
            at = data.find(frame, at + 1)
    spans.sort()
    outer, end = [], 0
    for at, frame in spans:
        if at >= end:
            outer.append((at, frame))
            end = at + len(frame)
    return outer
