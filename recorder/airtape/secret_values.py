"""Which values are secrets because somebody says so: variables, and files of passwords.

The name of a variable tells whether its value may be secret. A value that is a switch, a number, a
path, a special token such as ``<pad>``, or a mere word where keys are words too, is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from airtape.regular_files import text_of

SHORTEST: Final = 8
"""Characters below which a value is no secret: too much would look like it."""

SHORTEST_KEY: Final = 16
"""The same for what is called a key only: of most of these the name is all that is secret."""

MAX_FILE: Final = 1 << 16
"""Bytes that are read of a file of passwords."""

_ALWAYS: Final = (
    *("PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "CREDENTIAL"),
    *("API_KEY", "APIKEY", "ACCESS_KEY", "PRIVATE_KEY", "AUTH_KEY"),
)
_AT_THE_END: Final = ("PWD", "PASS")
_KEY: Final = frozenset({"KEY", "AUTH", "PAT", "DSN"})
# Compiled when a name asks for it: most have none of the words above, and `init` is quick.
_HARMLESS: Final = r"(?is:(?:true|false|none|null|\s*|\d{1,11}|<[^<>]*>|\[[^\[\]]*\]|[.~]?/.*)$)"
_AWS_KEY: Final = r"(?=.*\d)(?=.*[A-Z])(?=.*[a-z])[A-Za-z0-9/+]{40}"
_WORD: Final = r"[a-z]+(?:[ _.:/-][a-z]+)*|[A-Z]+(?:[ _.:/-][A-Z]+)*|[A-Z][a-z]+"
_IN_ADDRESS: Final = r"://[^\s/@:]{0,200}:([^\s/@]{8,500})@"
_DASHES: Final = str.maketrans("", "", "-._~")
_NETRC: Final = ("password", "account")


def secret_values(environ: Mapping[str, str], home: Path | None) -> dict[str, str]:
    """Return secret values, each with what it is.

    Args:
        environ: The environment.
        home: The user's home, where ``.netrc`` and ``.pgpass`` may be.
    """
    known: dict[str, str] = {}
    for what, value in _said(environ, home):
        for form in _forms(value):
            if len(form) >= SHORTEST:
                known.setdefault(form, what)
    return known


def is_word(value: str) -> bool:
    """Tell whether a value could as well be a part of other words: nothing in it is random."""
    return re.fullmatch(_WORD, value) is not None


def _said(environ: Mapping[str, str], home: Path | None) -> Iterator[tuple[str, str]]:
    for name, value in environ.items():
        if is_secret(name, value):
            yield f"value of {_as_recorded(name)}", value
        elif "://" in value:
            for password in re.findall(_IN_ADDRESS, value):
                yield f"password of {_as_recorded(name)}", password
    for place in _places(environ.get("NETRC"), home, ".netrc", "_netrc"):
        for key, word in pairwise(text_of(place, MAX_FILE).split()):
            if key in _NETRC:
                yield "password of .netrc", word.strip("\"'")
    for place in _places(environ.get("PGPASSFILE"), home, ".pgpass"):
        for password in _pgpass_passwords(text_of(place, MAX_FILE)):
            yield "password of .pgpass", password


def _pgpass_passwords(text: str) -> Iterator[str]:
    for entry in text.splitlines():
        if not entry.startswith("#"):
            yield re.sub(r"\\(.)", r"\1", re.split(r"(?<!\\):", entry)[-1])


def is_secret(name: str, value: str) -> bool:
    """Tell whether the value of an environment variable is a secret."""
    upper = name.upper()
    parts = upper.split("_")
    is_always = parts[-1] in _AT_THE_END or any(word in upper for word in _ALWAYS)
    is_token, is_key = "TOKEN" in parts, not _KEY.isdisjoint(parts)
    if len(value) < SHORTEST or not (is_always or is_token or is_key):
        return False
    # These keys may begin with a slash, as paths do.
    is_aws = "SECRET" in upper and re.fullmatch(_AWS_KEY, value)
    if re.match(_HARMLESS, value) and not is_aws:
        return False
    if is_always:
        return True
    return not is_word(value) and (is_token or len(value) >= SHORTEST_KEY)


def _forms(value: str) -> Iterator[str]:
    """Yield a value as it stands in texts: plain, in JSON, in an address, line by line."""
    yield value
    if value.isascii() and value.translate(_DASHES).isalnum():
        return  # it stands like this everywhere
    import json  # noqa: PLC0415 - most secrets do without

    yield json.dumps(value)[1:-1]
    # Bytes that are no UTF-8 are lone surrogates in variables, and U+FFFD in what is recorded.
    yield quote(value, safe="", errors="surrogateescape")
    yield unquote(value)
    yield _as_recorded(value)
    if "\n" in value:
        lines = value.split("\n")
        yield from (line for line in lines if len(line) >= SHORTEST_KEY and "---" not in line)


def _as_recorded(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _places(named: str | None, home: Path | None, *names: str) -> list[Path]:
    if named:
        return [Path(named)]
    return [] if home is None else [home / name for name in names]
