"""What secrets look like: tokens by their form, passwords by what stands beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class Shape(NamedTuple):
    """How a sort of secret is known.

    Attributes:
        pattern: Matches it; if there is a group, what is in the group is the secret.
        signs: Texts of which one is always in it or beside it.
    """

    pattern: str
    signs: tuple[str, ...]


TOKENS: Final[Mapping[str, Shape]] = {
    "GitHub token": Shape(r"gh[opsur]_[A-Za-z0-9]{30,255}", ("gh",)),
    "GitHub fine-grained token": Shape(r"github_pat_[A-Za-z0-9_]{40,255}", ("github_pat_",)),
    "GitLab token": Shape(
        r"gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|oas|imt|ffct)-[A-Za-z0-9_.-]{16,}", ("gl",)
    ),
    "AWS access key": Shape(
        r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b", ("AKIA", "ASIA", "ABIA", "ACCA")
    ),
    "AWS secret key": Shape(
        r"(?i)secret_?access_?key['\"]?\s{0,9}[=:,]\s{0,9}['\"]?"
        r"([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+])",
        ("ecret", "ECRET"),
    ),
    "Google API key": Shape(r"AIza[A-Za-z0-9_-]{35}", ("AIza",)),
    "Google OAuth token": Shape(r"ya29\.[A-Za-z0-9_-]{20,}", ("ya29.",)),
    "Google client secret": Shape(r"GOCSPX-[A-Za-z0-9_-]{24,}", ("GOCSPX-",)),
    "Azure storage key": Shape(r"AccountKey=([A-Za-z0-9+/]{80,}={0,2})", ("AccountKey=",)),
    "Azure client secret": Shape(
        r"(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}", ("Q~",)
    ),
    "Slack token": Shape(r"xox[abeoprs]-[A-Za-z0-9-]{10,}", ("xox",)),
    "Slack app token": Shape(r"xapp-[A-Za-z0-9-]{20,}", ("xapp-",)),
    "Slack webhook": Shape(
        r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9/_-]{20,})", ("hooks.slack",)
    ),
    "Discord webhook": Shape(r"/api/webhooks/(\d{15,}/[A-Za-z0-9_-]{40,})", ("/api/webhooks/",)),
    "Telegram bot token": Shape(r"\d{8,10}:AA[A-Za-z0-9_-]{32,}", (":AA",)),
    "OpenAI or Anthropic key": Shape(r"\bsk-[A-Za-z0-9_-]{20,}", ("sk-",)),
    "Hugging Face token": Shape(r"\b(?:hf|api_org)_[A-Za-z0-9]{30,}", ("hf_", "api_org_")),
    "W&B key": Shape(r"wandb_v\d_[A-Za-z0-9_]{30,}|\blocal-[0-9a-f]{40}\b", ("wandb_v", "local-")),
    "Neptune token": Shape(r"\beyJhcGlf[A-Za-z0-9+/_-]{40,}={0,2}", ("eyJhcGlf",)),
    "Kaggle token": Shape(r"\bKGAT_[A-Za-z0-9]{28,}", ("KGAT_",)),
    "NVIDIA key": Shape(r"\bnvapi-[A-Za-z0-9_-]{40,}", ("nvapi-",)),
    "Groq key": Shape(r"\bgsk_[A-Za-z0-9]{40,}", ("gsk_",)),
    "xAI key": Shape(r"\bxai-[A-Za-z0-9]{40,}", ("xai-",)),
    "Perplexity key": Shape(r"\bpplx-[A-Za-z0-9]{40,}", ("pplx-",)),
    "LangSmith key": Shape(r"\blsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}", ("lsv2_",)),
    "Replicate token": Shape(r"\br8_[A-Za-z0-9]{30,}", ("r8_",)),
    "Databricks token": Shape(r"\bdapi[0-9a-f]{32}(?:-\d)?", ("dapi",)),
    "PyPI token": Shape(r"pypi-[A-Za-z0-9_-]{50,}", ("pypi-",)),
    "npm token": Shape(r"npm_[A-Za-z0-9]{36}", ("npm_",)),
    "conda token": Shape(r"/t/([A-Za-z]{2}-[0-9a-f-]{36,}|[0-9a-f-]{32,})/", ("/t/",)),
    "Docker token": Shape(r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}", ("dckr_",)),
    "Stripe key": Shape(r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,}", ("k_live_", "k_test_")),
    "SendGrid key": Shape(r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}", ("SG.",)),
    "Twilio key": Shape(r"\bSK[0-9a-f]{32}\b", ("SK",)),
    "Shopify token": Shape(r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}", ("shp",)),
    "DigitalOcean token": Shape(r"do[opr]_v1_[0-9a-f]{64}", ("_v1_",)),
    "Vault token": Shape(r"\bhv[sbr]\.[A-Za-z0-9_-]{24,}", ("hvs.", "hvb.", "hvr.")),
    "Notion token": Shape(r"ntn_[A-Za-z0-9]{40,}", ("ntn_",)),
    "Atlassian token": Shape(r"\bAT(?:ATT|CTT)3[A-Za-z0-9_=-]{40,}", ("ATATT3", "ATCTT3")),
    "Grafana token": Shape(
        r"\bglsa_[A-Za-z0-9]{32}_[0-9a-f]{8}|\bglc_[A-Za-z0-9+/]{32,}={0,2}", ("glsa_", "glc_")
    ),
    "Tailscale key": Shape(r"\btskey-[a-z]+-[A-Za-z0-9-]{20,}", ("tskey-",)),
    "age key": Shape(r"AGE-SECRET-KEY-1[A-Z0-9]{50,}", ("AGE-SECRET-KEY-1",)),
    "JSON web token": Shape(
        r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}", ("eyJ",)
    ),
}
"""Tokens and keys. Each of them has at least sixteen letters, digits, `_` or `-` in a row."""

CREDENTIALS: Final[Mapping[str, str]] = {
    "password in an address": r"://[^\s/@:'\"]{0,200}:([^\s/@'\"]{1,500})(?=@)",
    "login in an address": r"://([A-Za-z0-9_.~%-]{20,200})(?=@)",
    "key in an address": (
        r"(?i)(?<=[?&])(?:[a-z_-]{0,20}(?:token|api_?key|secret|signature|password)|key|sig)="
        r"([^\s&#'\"\\]{16,})"
    ),
    "password in a connection string": (
        r"(?i)\b(?:host|server|data source|user|user id|uid|username|dbname|database)\s?="
        r"[^;'\"\n]{1,200}?[;\s](?:password|pwd)\s?=\s?([^;\s'\"\[]{4,200})"
    ),
    "authorization": (
        r"(?i)authorization['\"]?\s{0,9}[:=,]\s{0,9}['\"]?(?:basic|token|digest|apikey)\s"
        r"([A-Za-z0-9._~+/=-]{8,})"
    ),
    "bearer token": r"(?i)bearer ([A-Za-z0-9._~+/-]{20,}=*)",
}
"""What stands in a text for a password, by what is around it; the group is the secret."""

CREDENTIAL_SIGNS: Final = ("://", "password", "pwd", "authorization", "bearer ", "sig=")
"""Texts, in lower case, of which one is in each text with such credentials."""

PRIVATE_KEY: Final = "private key"
KEY_SIGN: Final = "-----BEGIN "
KEY_BEGINS: Final = r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
KEY_ENDS: Final = r"-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
