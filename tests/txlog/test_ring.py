"""What is kept of a log in memory."""

from __future__ import annotations

from airtape.txlog.ring import CHUNK_BYTES, RING_BYTES, FrameRing

FRAME = 1000


def fill(ring: FrameRing, count: int) -> None:
    """Add frames as a writer does."""
    for number in range(count):
        ring.newest.write(number.to_bytes(4, "big") * (FRAME // 4))
        if ring.newest.tell() > CHUNK_BYTES:
            ring.turn()


def test_the_last_frames_are_kept_in_order() -> None:
    """As many bytes as promised, and a chunk and a half more at most."""
    ring = FrameRing()
    count = 3 * RING_BYTES // FRAME
    fill(ring, count)
    kept = b"".join(ring.frames())
    numbers = [int.from_bytes(kept[at : at + 4], "big") for at in range(0, len(kept), FRAME)]
    assert numbers == list(range(count - len(numbers), count))
    assert RING_BYTES <= len(kept) <= RING_BYTES + 1.5 * CHUNK_BYTES


def test_a_short_log_is_kept_whole() -> None:
    """Without empty pieces."""
    ring = FrameRing()
    assert ring.frames() == []
    fill(ring, 3)
    assert list(map(len, ring.frames())) == [3 * FRAME]


def test_no_memory_is_asked_for_once_the_ring_is_full() -> None:
    """The oldest chunk becomes the newest; nothing of what it held is kept."""
    ring = FrameRing()
    fill(ring, 3 * RING_BYTES // FRAME)
    chunks = set(map(id, ring._chunks))  # noqa: SLF001 - only the chunks show whether memory is new
    fill(ring, 3 * RING_BYTES // FRAME)
    assert set(map(id, ring._chunks)) == chunks  # noqa: SLF001 - as above: the same memory


def test_the_room_of_a_large_frame_is_given_back() -> None:
    """Its chunk is forgotten as a whole."""
    ring = FrameRing()
    ring.newest.write(bytes(RING_BYTES))
    large = ring.newest
    ring.turn()
    fill(ring, 3 * RING_BYTES // FRAME)
    assert large not in ring._chunks  # noqa: SLF001 - its frames do not show what room it takes
    kept = b"".join(ring.frames())
    assert RING_BYTES <= len(kept) <= RING_BYTES + 1.5 * CHUNK_BYTES
