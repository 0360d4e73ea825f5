"""Taking texts out of values, texts and bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

MARK: Final = "[scrubbed]"
"""Stands where a text was. It is always the same, so that copies of a log stay copies."""


class NewFile(NamedTuple):
    """What a file is that a record names, once something was taken out of it.

    Attributes:
        sha256: Its digest.
        size: Its size in bytes.
    """

    sha256: str
    size: int


class Scrubber:
    """Takes texts out of whatever may hold them.

    Args:
        texts: The texts, none of them empty.
        files: What files are by now that something was taken out of, by their old digests.
    """

    def __init__(self, texts: Sequence[str], files: Mapping[str, NewFile] | None = None) -> None:
        # The longest first: one may be part of another.
        self._texts = sorted(set(texts), key=len, reverse=True)
        self.files = {} if files is None else files

    def text(self, text: str) -> str:
        """Return a text without them."""
        for secret in self._texts:
            text = text.replace(secret, MARK)
        return text

    def plain(self, value: Any) -> Any:  # noqa: ANN401 - whatever a log holds
        """Return a value of a log without them; the same object if there were none in it."""
        if isinstance(value, str):
            text = self.text(value)
            return value if text == value else text
        if isinstance(value, list):
            items = [self.plain(item) for item in value]
            return items if any(map(_differ, items, value)) else value
        if isinstance(value, dict):
            return self._mapping(value)
        return value

    def _mapping(self, value: dict[Any, Any]) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for key, item in value.items():
            name = self.plain(key)
            while name in found:
                # Two names may have been told apart by nothing else.
                name += "*"
            found[name] = self.plain(item)
        digest = found.get("sha256")
        new = self.files.get(digest) if isinstance(digest, str) else None
        if new is not None:
            found["sha256"] = new.sha256
            if "size" in found:
                found["size"] = new.size
        if list(found) == list(value) and not any(map(_differ, found.values(), value.values())):
            return value
        return found

    def file(self, data: bytes) -> bytes:
        """Return what stands in a file without them, also where JSON has written them.

        What is no text keeps its size, so that nothing else in it moves.
        """
        try:
            data.decode()
        except UnicodeDecodeError:
            return self.raw(data)
        for variant in self._variants():
            data = data.replace(variant, MARK.encode())
        return data

    def raw(self, data: bytes) -> bytes:
        """Return bytes of the same number without them."""
        for variant in self._variants():
            data = data.replace(variant, b"x" * len(variant))
        return data

    def is_in(self, data: bytes) -> bool:
        """Tell whether one of them stands in bytes."""
        return any(variant in data for variant in self._variants())

    def _variants(self) -> Iterator[bytes]:
        for text in self._texts:
            written = (text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])
            yield from dict.fromkeys(one.encode("utf-8", "surrogatepass") for one in written)


def _differ(one: object, other: object) -> bool:
    return one is not other
