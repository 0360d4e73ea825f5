"""Secrets are taken out of texts that are recorded without being asked for.

A secret is known by its value: by the shape of a token, or because a variable or the user's
``.netrc`` says that very value is one. Names do not count: ``max_tokens=512`` is no secret.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final

SHORTEST: Final = 8
"""Characters below which the value of a variable is no secret: too much would look like it."""

LONGEST_KEY: Final = 120
"""Lines that a private key takes at most."""

_CHUNK: Final = 1 << 14
"""Characters that are searched at a time, so that no other thread waits long."""

_SECRET_VARIABLE: Final = re.compile(
    r"(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|PAT|KEY|CREDENTIALS?|APIKEY|AUTH|DSN)(?:_|$)"
)
_NO_SECRET: Final = re.compile(r"(?:true|false|none|null|\d{1,11})$|[.~]?/", re.IGNORECASE)
"""What the value of such a variable is, or begins with: a switch, a number, a path."""

SHAPES: Final[Mapping[str, tuple[str, str]]] = {
    "GitHub token": ("gh", r"gh[opsur]_[A-Za-z0-9]{30,255}"),
    "GitHub fine-grained token": ("github_pat_", r"github_pat_[A-Za-z0-9_]{40,255}"),
    "GitLab token": ("gl", r"gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent)-[A-Za-z0-9_-]{16,}"),
    "AWS access key": ("A", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    "AWS secret key": (
        "aws_secret_access_key",
        r"(?<=aws_secret_access_key)['\"]?\s{0,9}[=:]\s{0,9}['\"]?[A-Za-z0-9/+]{40}",
    ),
    "Google API key": ("AIza", r"AIza[A-Za-z0-9_-]{35}"),
    "Google OAuth token": ("ya29.", r"ya29\.[A-Za-z0-9_-]{20,}"),
    "Google client secret": ("GOCSPX-", r"GOCSPX-[A-Za-z0-9_-]{24,}"),
    "Azure storage key": ("AccountKey=", r"(?<=AccountKey=)[A-Za-z0-9+/]{80,}={0,2}"),
    "Azure shared signature": ("sig=", r"(?<=[?&]sig=)[A-Za-z0-9%]{40,}"),
    "Slack token": ("xox", r"xox[abeoprs]-[A-Za-z0-9-]{10,}"),
    "Slack app token": ("xapp-", r"xapp-[A-Za-z0-9-]{20,}"),
    "Slack webhook": ("hooks.slack", r"(?<=hooks\.slack\.com/services/)[A-Za-z0-9/_-]{20,}"),
    "Discord webhook": ("/api/webhooks/", r"(?<=/api/webhooks/)\d{15,}/[A-Za-z0-9_-]{40,}"),
    "Telegram bot token": (":AA", r"\d{8,10}:AA[A-Za-z0-9_-]{32,}"),
    "OpenAI or Anthropic key": ("sk-", r"\bsk-[A-Za-z0-9_-]{20,}"),
    "Hugging Face token": ("hf_", r"\bhf_[A-Za-z0-9]{30,}"),
    "W&B key": ("wandb_v", r"wandb_v\d_[A-Za-z0-9_]{30,}"),
    "Replicate token": ("r8_", r"\br8_[A-Za-z0-9]{30,}"),
    "Databricks token": ("dapi", r"\bdapi[0-9a-f]{32}(?:-\d)?"),
    "PyPI token": ("pypi-", r"pypi-[A-Za-z0-9_-]{50,}"),
    "npm token": ("npm_", r"npm_[A-Za-z0-9]{36}"),
    "Docker token": ("dckr_", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}"),
    "Stripe key": ("k_", r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    "SendGrid key": ("SG.", r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    "Twilio key": ("SK", r"\bSK[0-9a-f]{32}\b"),
    "Shopify token": ("shp", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    "DigitalOcean token": ("_v1_", r"do[opr]_v1_[0-9a-f]{64}"),
    "Vault token": ("hv", r"\bhv[sb]\.[A-Za-z0-9_-]{24,}"),
    "Notion token": ("ntn_", r"ntn_[A-Za-z0-9]{40,}"),
    "JSON web token": ("eyJ", r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    "bearer token": ("earer ", r"(?<=[Bb]earer )[A-Za-z0-9._~+/-]{20,}=*"),
    "password in an address": ("://", r"(?<=://)[^\s/@:'\"]{0,200}:[^\s/@'\"]{1,500}(?=@)"),
}
"""What secrets look like: a text that is always in them or before them, and the pattern."""

_KEY_BEGINS: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----")
_KEY_ENDS: Final = re.compile(r"-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----")


class Redaction:
    """Takes secrets out of texts, and counts what it has taken out.

    Args:
        environ: The environment; some of its values are secrets.
        home: The user's home, where ``.netrc`` may be.

    Attributes:
        found: How often each sort of secret was found.
    """

    def __init__(self, environ: Mapping[str, str], home: Path | None = None) -> None:
        self.found: Counter[str] = Counter()
        known = {
            value: f"value of {name}"
            for name, value in environ.items()
            if _SECRET_VARIABLE.search(name.upper()) and _is_secret(value)
        }
        known |= dict.fromkeys(_netrc_passwords(environ, home), "password of .netrc")
        # The longest first: one secret may be the beginning of another.
        self._known = sorted(known.items(), key=lambda pair: -len(pair[0]))

    def __call__(self, text: str) -> str:
        """Return a short text without the secrets in it."""
        for secret, what in self._known:
            if secret in text:
                self.found[what] += text.count(secret)
                text = text.replace(secret, _mark(what))
        for what, (sign, pattern) in SHAPES.items():
            if sign in text:
                # Compiled when the first text asks for it: importing this must be quick.
                text = re.sub(pattern, partial(self._replaced, what), text)
        return text

    def lines(self, text: str) -> str:
        """Return a text of any length without the secrets in it, with as many lines."""
        kept: list[str] = []
        waiting: list[str] = []
        size = 0
        for line in self._without_keys(text.splitlines(keepends=True)):
            waiting.append(line)
            size += len(line)
            if size >= _CHUNK:
                kept.append(self("".join(waiting)))
                waiting, size = [], 0
        return "".join([*kept, self("".join(waiting))])

    def _without_keys(self, lines: Iterable[str]) -> Iterator[str]:
        """Yield lines; those of private keys, which have several, without what is in them."""
        left = 0
        for line in lines:
            if not left and _KEY_BEGINS.search(line):
                self.found["private key"] += 1
                left = LONGEST_KEY
            if not left:
                yield line
                continue
            left = 0 if _KEY_ENDS.search(line) else left - 1
            # The first column of a patch tells what became of the line.
            yield (line[0] if line[0] in "+- " else "") + _mark("private key") + "\n"

    def _replaced(self, what: str, _: re.Match[str]) -> str:
        self.found[what] += 1
        return _mark(what)


def _mark(what: str) -> str:
    return f"[redacted: {what}]"


def _is_secret(value: str) -> bool:
    return len(value) >= SHORTEST and not _NO_SECRET.match(value)


def _netrc_passwords(environ: Mapping[str, str], home: Path | None) -> list[str]:
    place = Path(environ["NETRC"]) if environ.get("NETRC") else home and home / ".netrc"
    text = ""
    if place:
        with suppress(OSError):
            text = place.read_text("utf-8", "replace")
    pairs = pairwise(text.split())
    return [word for key, word in pairs if key == "password" and len(word) >= SHORTEST]


def without_login(url: str) -> str:
    """Return an address without user name and password; the name that ssh needs stays."""
    return re.sub(r"^((?:[a-z]+\+)?https?://)[^/@]*@", r"\1", url, flags=re.IGNORECASE)
