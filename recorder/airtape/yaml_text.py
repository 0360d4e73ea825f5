"""Plain values as YAML that every parser reads back as the same values.

Written here because it is needed at the end of every run, and loading a library for it would take
longer than the rest of that end.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Final

from airtape.records import Plain

_BARE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"})
_ESCAPED: Final = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_LONGEST_KEY: Final = 1000
"""Characters of a key that may stand before its colon; parsers look no further."""

_DECIMAL_BITS: Final = 13_000
"""Integers of more bits are written in hexadecimal, for Python makes no decimals of them."""


def yaml_text(values: dict[str, Plain]) -> str:
    """Return a dictionary as a YAML document."""
    return "\n".join(_mapping(values, "")) + "\n" if values else "{}\n"


def _mapping(values: dict[str, Plain], indent: str) -> Iterator[str]:
    for key, value in values.items():
        name = _scalar(key)
        if len(name) > _LONGEST_KEY:
            yield f"{indent}? {name}"
            name = ""
        yield from _entry(f"{indent}{name}:", value, indent)


def _sequence(values: list[Plain], indent: str) -> Iterator[str]:
    for value in values:
        yield from _entry(f"{indent}-", value, indent)


def _entry(head: str, value: Plain, indent: str) -> Iterator[str]:
    if isinstance(value, dict) and value:
        yield head
        yield from _mapping(value, indent + "  ")
    elif isinstance(value, list) and value:
        yield head
        yield from _sequence(value, indent + "  ")
    else:
        yield f"{head} {_scalar(value)}"


def _scalar(value: Plain) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if value.bit_length() <= _DECIMAL_BITS else hex(value)
    return json.dumps(value)


def _text(value: str) -> str:
    if _BARE.fullmatch(value) and value.lower() not in _WORDS:
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def _float(value: float) -> str:
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    digits, exponent, power = repr(value).partition("e")
    # Parsers of YAML 1.1 take 1e-05 for text.
    return (digits if "." in digits else f"{digits}.0") + exponent + power
