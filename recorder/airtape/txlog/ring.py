"""The last frames of a log, kept in memory in case its file is lost.

They lie one after the other in a few chunks of bytes. Kept one by one instead, each of them would
take memory that has not been used for long, or never: then every tenth frame waits several times as
long as the others, for the kernel to find a page.
"""

from __future__ import annotations

from collections import deque

RING_BYTES = 4 << 20
"""How many bytes of the last frames are kept at least."""

CHUNK_BYTES = 256 << 10
"""How many bytes of frames there are, about, in a chunk; the oldest is forgotten as a whole."""


class FrameRing:
    """The last `RING_BYTES` of frames, and a chunk more at most.

    Attributes:
        newest: The chunk that frames are added to, ``newest += frame``; in one step, so that
            neither threads nor handlers of signals come in between.
    """

    __slots__ = ("_chunks", "newest")

    def __init__(self) -> None:
        self.newest = bytearray()
        self._chunks = deque([self.newest])

    def turn(self) -> None:
        """Begin another chunk, and forget those that are no longer needed."""
        self.newest = bytearray()
        self._chunks.append(self.newest)
        kept = sum(map(len, self._chunks))
        while kept - len(self._chunks[0]) >= RING_BYTES:
            kept -= len(self._chunks.popleft())

    def frames(self) -> list[bytes]:
        """Return the frames, whole, in pieces of several."""
        return [bytes(chunk) for chunk in self._chunks if chunk]
