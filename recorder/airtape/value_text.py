"""Values as short text: names, sizes, times, numbers."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Final

from airtape.large_values import is_large
from airtape.records import Plain
from airtape.terminal import clean, format_number

MAX_TEXT: Final = 60
_SIZES: Final = ("B", "kB", "MB", "GB", "TB")
_THOUSAND: Final = 1000


def shown(text: str) -> str:
    """Return text for a screen: nothing that it obeys instead of showing, nothing it lacks."""
    return clean(text).encode("utf-8", "replace").decode("utf-8")


def shortened(text: str, size: int = MAX_TEXT) -> str:
    """Return text for a screen of at most `size` characters."""
    text = shown(text)
    return text if len(text) <= size else text[: size - 1] + "…"


def size_text(size: int) -> str:
    """Return a number of bytes: ``12.3 kB``."""
    value, unit = float(size), 0
    while value >= _THOUSAND - 0.05 and unit < len(_SIZES) - 1:
        value, unit = value / _THOUSAND, unit + 1
    return f"{size} B" if unit == 0 else f"{value:.1f} {_SIZES[unit]}"


def span_text(seconds: float) -> str:
    """Return a time span in its two largest units: ``2 h 5 min``, ``3.2 s``."""
    minutes, rest = divmod(seconds, 60)
    if not minutes:
        return f"{seconds:.1f} s"
    hours, minutes = divmod(int(minutes), 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {int(rest)} s"


def local_time(wall_ns: int) -> str:
    """Return a wall clock as local time: ``2026-11-20 10:11:12 +0000``."""
    return moment(wall_ns).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")


def moment(wall_ns: int) -> datetime:
    """Return a wall clock, in nanoseconds since 1970, as a time in UTC."""
    # Through integers: a float of nanoseconds would be off by hundreds of them.
    seconds, rest = divmod(wall_ns, 1_000_000_000)
    return datetime.fromtimestamp(seconds, timezone.utc).replace(microsecond=rest // 1000)


def value_text(value: Plain, size: int = MAX_TEXT) -> str:
    """Return a value of config or summary on one line of about `size` characters at most."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (int, float)):
        return format_number(value)
    if isinstance(value, str):
        return shortened(value, size)
    if isinstance(value, dict) and "_type" in value:
        return shortened(_typed(value), size)
    return shortened(_listed(value, size), size)


def _typed(value: dict[str, Plain]) -> str:
    """Return a value that stands for a file or for something larger."""
    size = value.get("size")
    if is_large(value) and isinstance(size, int):
        return f"[large value, {size_text(size)}]"
    return f"[{value['_type']}] {value.get('path', '')}".rstrip()


def _listed(value: list[Plain] | dict[str, Plain], size: int) -> str:
    """Return a list or dictionary much like JSON, cut where it gets long."""
    if isinstance(value, dict):
        parts, ends = (f"{key}: {value_text(item)}" for key, item in value.items()), "{}"
    else:
        parts, ends = (value_text(item) for item in value), "[]"
    text = ""
    for part in parts:
        text += f", {part}" if text else part
        if len(text) > size:
            break
    return f"{ends[0]}{text}{ends[1]}"
