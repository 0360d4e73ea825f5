"""The last frames of a log, kept in memory in case its file is lost.

They lie one after the other in a few chunks of memory, which are used again and again. Kept one by
one, or in chunks that grow and are given back, they would take memory that has not been used for
long, or never: then every tenth frame waits several times as long as the others, for the kernel to
find a page.
"""

from __future__ import annotations

import threading
from collections import deque
from io import BytesIO

RING_BYTES = 4 << 20
"""How many bytes of the last frames are kept at least."""

CHUNK_BYTES = 256 << 10
"""How many bytes of frames there are, about, in a chunk; the oldest is forgotten as a whole."""

_ROOM = CHUNK_BYTES + (16 << 10)
"""Bytes that a chunk is made with: the frame that fills it goes beyond its end."""


class FrameRing:
    """The last `RING_BYTES` of frames, and a chunk more at most.

    Attributes:
        newest: The chunk that frames are added to, ``newest.write(frame)``; in one step, so that
            neither threads nor handlers of signals come in between. Its position is its end: what
            lies behind is left from what it held before.
    """

    __slots__ = ("_chunks", "_lock", "newest")

    def __init__(self) -> None:
        self.newest = _new_chunk()
        self._chunks = deque([self.newest])
        # For no chunk may begin anew while it is read.
        self._lock = threading.RLock()

    def turn(self) -> None:
        """Begin another chunk, and forget those that are no longer needed."""
        with self._lock:
            kept = sum(map(BytesIO.tell, self._chunks))
            oldest = None
            while kept - self._chunks[0].tell() >= RING_BYTES:
                oldest = self._chunks.popleft()
                kept -= oldest.tell()
            if oldest is None or oldest.tell() > _ROOM:
                # One that had a large frame takes too much room to be kept.
                chunk = _new_chunk()
            else:
                chunk = oldest
                chunk.seek(0)
            self._chunks.append(chunk)
            self.newest = chunk

    def frames(self) -> list[bytes]:
        """Return the frames, whole, in pieces of several."""
        with self._lock:
            return [chunk.getvalue()[: chunk.tell()] for chunk in self._chunks if chunk.tell()]


def _new_chunk() -> BytesIO:
    chunk = BytesIO(bytes(_ROOM))
    # Until then it shares the bytes that it was made with.
    chunk.write(b"\0")
    chunk.seek(0)
    return chunk
