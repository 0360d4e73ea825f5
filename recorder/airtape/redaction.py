"""Secrets are taken out of texts before they are recorded.

A secret is known by its value: by the shape of a token, or because a variable or a file of
passwords says that very value is one. Names do not count: ``max_tokens=512`` is no secret. In its
place stands what it was, ``[redacted: GitHub token]``, and where something was taken out is listed.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Any, Final, TypeVar, cast

from airtape.errors import InvalidDataError
from airtape.records import Plain
from airtape.secret_shapes import (
    CREDENTIAL_SIGNS,
    CREDENTIALS,
    KEY_BEGINS,
    KEY_ENDS,
    KEY_SIGN,
    PRIVATE_KEY,
    SIGNS,
    TOKENS,
)

LONGEST_KEY: Final = 120
"""Lines that a private key takes at most."""

MAX_PLACES: Final = 200
"""Places that are listed by name."""

_LONGEST_PLACE: Final = 200
"""Characters of a place that are listed: names of keys may be of any length."""

ELSEWHERE: Final = "elsewhere"
"""Stands for all further places."""

_CHUNK: Final = 1 << 14
"""Characters that are searched at a time, so that no other thread waits long."""

_LONG_WORD: Final = re.compile(r"[A-Za-z0-9_-]{16}")
"""What each token has, and few other texts."""

_KEY_LINES: Final = ("-----BEGIN ", "-----END ")

_NO_TEXTS: Final[frozenset[type]] = frozenset({float, int, bool, type(None)})

T = TypeVar("T")


class Redaction:
    """Takes secrets out of texts, and keeps a list of what it has taken out where.

    It may be called from several threads, and costs some microseconds for a line without secrets.

    Args:
        environ: The environment; some of its values are secrets. Variables that are added later
            count as well.
        home: The user's home, where ``.netrc`` and ``.pgpass`` may be.
        wanted: Whether anything is taken out at all.
        on_news: Told the place and the sort of a secret, when it is the first there of its sort.

    Attributes:
        found: How often each sort of secret was found, by place.
        is_listed: Whether nothing was found since `listed` was called.
        has_news: Whether a sort of secret was found where none of it was listed yet.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        home: Path | None = None,
        *,
        wanted: bool = True,
        on_news: Callable[[str, str], None] | None = None,
    ) -> None:
        self._environ = environ
        self._home = home
        self._wanted = wanted
        self._on_news = on_news
        self._variables = -1
        self._known: list[tuple[str, str, str]] = []
        self.start_list()

    def start_list(self) -> None:
        """Forget what was found: a forked child has a list of its own."""
        # A signal's handler may call while its thread is counting.
        self._lock = RLock()
        self.found: dict[str, Counter[str]] = {}
        self.is_listed = True
        self.has_news = False

    def __call__(self, text: str, where: str) -> str:
        """Return a text without the secrets in it.

        Args:
            text: A text. A secret must be in it as a whole: of what comes in pieces give lines.
            where: What the text belongs to, for the list.
        """
        if not self._wanted:
            return text
        if KEY_SIGN in text:
            text = "".join(self._without_keys(text.splitlines(keepends=True), where))
        return self._searched(text, where)

    def lines(self, text: str, where: str) -> str:
        """Return a text of any length without the secrets in it, with as many lines."""
        if not self._wanted:
            return text
        kept: list[str] = []
        waiting: list[str] = []
        size = 0
        for line in self._without_keys(text.splitlines(keepends=True), where):
            waiting.append(line)
            size += len(line)
            if size >= _CHUNK:
                kept.append(self._searched("".join(waiting), where))
                waiting, size = [], 0
        return "".join([*kept, self._searched("".join(waiting), where)])

    def data(self, value: T, where: str) -> T:
        """Return plain data without the secrets in its texts; names stay as they are.

        Args:
            value: Plain data; not changed. The same object is returned when there is none in it.
            where: What it belongs to; names of a map are added to it.

        Raises:
            InvalidDataError: They are nested too deep for what is left of the stack.
        """
        if not self._wanted:
            return value
        try:
            return cast("T", self._without(value, where))
        except RecursionError as error:
            raise InvalidDataError(
                "The data are nested too deep for what is left of the stack",
                hint="Nest them less, or pass them from a call that is less deep.",
            ) from error

    def listed(self) -> dict[str, Plain]:
        """Return what was found so far, to be recorded: how often each sort, by place."""
        with self._lock:
            self.is_listed, self.has_news = True, False
            return {where: dict(found) for where, found in self.found.items()}

    def _without(self, value: Any, where: str) -> Any:  # noqa: ANN401 - plain data
        if isinstance(value, str):
            return self(value, where)
        if isinstance(value, dict):
            changed = {}
            for key, below in value.items():
                if type(below) not in _NO_TEXTS:
                    told = self._without(below, f"{where}.{key}")
                    if told is not below:
                        changed[key] = told
            return value | changed if changed else value
        if isinstance(value, list):
            if _NO_TEXTS.issuperset(map(type, value)):
                return value
            items = [self._without(item, where) for item in value]
            return items if any(map(_differ, items, value)) else value
        return value

    def _searched(self, text: str, where: str) -> str:
        if len(self._environ) != self._variables:
            self._learn()
        for secret, what, pattern in self._known:
            if secret in text:
                text = self._without_matches(text, pattern, what, where)
        lower = text.lower()
        for sign in CREDENTIAL_SIGNS:
            if sign in lower:
                for what, pattern in CREDENTIALS.items():
                    text = self._without_matches(text, pattern, what, where)
                break
        return self._without_tokens(text, where) if _LONG_WORD.search(text) else text

    def _without_tokens(self, text: str, where: str) -> str:
        possible = [what for sign, what in SIGNS if sign in text]
        for what in dict.fromkeys(possible):
            text = self._without_matches(text, TOKENS[what].pattern, what, where)
        return text

    def _without_matches(self, text: str, pattern: str, what: str, where: str) -> str:
        # Compiled when the first text asks for it: importing this must be quick.
        return re.sub(pattern, partial(self._hide, what, where), text)

    def _learn(self) -> None:
        """Find out which values are secret, anew since variables came or went."""
        # With the first text, not with the library: what it looks for has to be compiled.
        from airtape.secret_values import is_word, secret_values  # noqa: PLC0415 - see above

        variables = len(self._environ)
        try:
            known = secret_values(dict(self._environ), self._home)
        except (KeyError, RuntimeError):
            # Another thread changes the variables right now: the next text asks again.
            return
        self._known = [
            (value, what, _standing_alone(value) if is_word(value) else re.escape(value))
            # The longest first: one secret may be the beginning of another.
            for value, what in sorted(known.items(), key=lambda pair: -len(pair[0]))
        ]
        # Last, so that no other thread takes it for done.
        self._variables = variables

    def _without_keys(self, lines: Iterable[str], where: str) -> Iterator[str]:
        """Yield lines; those of private keys, which have several, without what is in them."""
        left = 0
        for line in lines:
            if not left and KEY_SIGN in line and re.search(KEY_BEGINS, line):
                self._count(PRIVATE_KEY, where)
                left = LONGEST_KEY
            if not left:
                yield line
                continue
            left = 0 if re.search(KEY_ENDS, line) else left - 1
            # The first column of a patch tells what became of the line.
            begin = line[0] if line[0] in "+- " and not line.startswith(_KEY_LINES) else ""
            yield begin + _mark(PRIVATE_KEY) + line[len(line.rstrip("\r\n")) :]

    def _hide(self, what: str, where: str, found: re.Match[str]) -> str:
        self._count(what, where)
        # Of a pattern with groups one is the secret; of one without them all is.
        whole, at, group = found[0], found.start(), found.lastindex or 0
        return whole[: found.start(group) - at] + _mark(what) + whole[found.end(group) - at :]

    def _count(self, what: str, where: str) -> None:
        where = where[:_LONGEST_PLACE]
        with self._lock:
            if where not in self.found and len(self.found) >= MAX_PLACES:
                where = ELSEWHERE
            found = self.found.setdefault(where, Counter())
            found[what] += 1
            self.is_listed = False
            is_first = found[what] == 1
            self.has_news |= is_first
        if is_first and self._on_news is not None:
            self._on_news(where, what)


def of_this_process(
    *, wanted: bool = True, on_news: Callable[[str, str], None] | None = None
) -> Redaction:
    """Return what takes the secrets of this process out of texts; see `Redaction`."""
    home = os.environ.get("HOME")
    return Redaction(os.environ, Path(home) if home else None, wanted=wanted, on_news=on_news)


def without_login(url: str) -> str:
    """Return an address without user name and password; the name that ssh needs stays."""
    return re.sub(r"^((?:[a-z]+\+)?https?://)[^/@]*@", r"\1", url, flags=re.IGNORECASE)


def _standing_alone(word: str) -> str:
    return rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])"


def _mark(what: str) -> str:
    return f"[redacted: {what}]"


def _differ(one: object, other: object) -> bool:
    return one is not other
