"""What secrets look like: tokens by their form, passwords by what stands beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

_QUOTE: Final = r"\\{0,3}['\"]?"
"""A quotation mark, if there is one, as it stands in a text or in JSON of it."""


class Shape(NamedTuple):
    """How a sort of secret is known.

    Attributes:
        pattern: Matches it; if there is a group, what is in the group is the secret.
        signs: Texts of which one is always in it or beside it.
    """

    pattern: str
    signs: tuple[str, ...]


TOKENS: Final[Mapping[str, Shape]] = {
    "GitHub token": Shape(
        r"gh[opsur]_(?:[A-Za-z0-9]{30,255}|\d{1,20}_eyJ[A-Za-z0-9_.-]{30,})",
        ("gho_", "ghp_", "ghs_", "ghu_", "ghr_"),
    ),
    "GitHub fine-grained token": Shape(r"github_pat_[A-Za-z0-9_]{40,255}", ("github_pat_",)),
    "GitLab token": Shape(
        r"gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|oas|imt|ffct)-[A-Za-z0-9_.-]{16,}"
        r"|\bGR1348941[A-Za-z0-9_-]{20,}",
        ("gl", "GR1348941"),
    ),
    "Bitbucket token": Shape(r"\bATBB[A-Za-z0-9]{28,}", ("ATBB",)),
    "Azure DevOps token": Shape(r"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}", ("AZDO",)),
    "AWS access key": Shape(
        r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b", ("AKIA", "ASIA", "ABIA", "ACCA")
    ),
    "AWS secret key": Shape(
        rf"(?i)secret_?access_?key{_QUOTE}\s{{0,9}}[=:,]\s{{0,9}}{_QUOTE}"
        r"([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+])",
        ("ecret", "ECRET"),
    ),
    "AWS session token": Shape(
        r"\b(?:IQoJb3JpZ2lu|FwoGZXIvYXdz|FQoGZXIvYXdz)[A-Za-z0-9/+%_-]{100,}={0,2}",
        ("IQoJb3JpZ2lu", "oGZXIvYXdz"),
    ),
    "Google API key": Shape(r"AIza[A-Za-z0-9_-]{35}|\bAQ\.[A-Za-z0-9_-]{40,}", ("AIza", "AQ.")),
    "Google OAuth token": Shape(
        r"ya29\.[A-Za-z0-9_-]{20,}|\b1//0[A-Za-z0-9_-]{30,}", ("ya29.", "1//0")
    ),
    "Google client secret": Shape(r"GOCSPX-[A-Za-z0-9_-]{24,}", ("GOCSPX-",)),
    "Azure storage key": Shape(
        r"(?:AccountKey|SharedAccessKey)=([A-Za-z0-9+/]{40,}={0,2})",
        ("AccountKey=", "SharedAccessKey="),
    ),
    "Azure client secret": Shape(
        r"(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}", ("Q~",)
    ),
    "Slack token": Shape(r"xox[abcdeoprs][-.][A-Za-z0-9.%-]{10,}", ("xox",)),
    "Slack app token": Shape(r"xapp-[A-Za-z0-9-]{20,}", ("xapp-",)),
    "Slack webhook": Shape(
        r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9/_-]{20,})", ("hooks.slack",)
    ),
    "Discord webhook": Shape(r"/api/webhooks/(\d{15,}/[A-Za-z0-9_-]{40,})", ("/api/webhooks/",)),
    "Telegram bot token": Shape(r"\d{8,10}:AA[A-Za-z0-9_-]{32,}", (":AA",)),
    "OpenAI or Anthropic key": Shape(r"\bsk-[A-Za-z0-9_-]{20,}", ("sk-",)),
    "Cerebras key": Shape(r"\bcsk-[A-Za-z0-9]{40,}", ("csk-",)),
    "Voyage key": Shape(
        r"\bpa-(?=[A-Za-z_-]{0,42}\d)(?=[a-z\d_-]{0,42}[A-Z])[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])",
        ("pa-",),
    ),
    "Together key": Shape(r"\btgp_v\d_[A-Za-z0-9_-]{40,}", ("tgp_v",)),
    "Fireworks key": Shape(r"\bfw_[A-Za-z0-9]{22,}\b", ("fw_",)),
    "ElevenLabs key": Shape(r"\bsk_[0-9a-f]{48}\b", ("sk_",)),
    "Pinecone key": Shape(r"\bpcsk_[A-Za-z0-9_]{40,}", ("pcsk_",)),
    "Modal token": Shape(r"\ba[ks]-[A-Za-z0-9]{22}\b", ("ak-", "as-")),
    "RunPod key": Shape(r"\brpa_[A-Za-z0-9]{40,}", ("rpa_",)),
    "Hugging Face token": Shape(r"\b(?:hf|api_org)_[A-Za-z0-9]{30,}", ("hf_", "api_org_")),
    "W&B key": Shape(r"wandb_v\d_[A-Za-z0-9_]{30,}|\blocal-[0-9a-f]{40}\b", ("wandb_v", "local-")),
    "Neptune token": Shape(r"\beyJhcGlf[A-Za-z0-9+/_-]{40,}={0,2}", ("eyJhcGlf",)),
    "Kaggle token": Shape(
        r"\bKGAT_[A-Za-z0-9]{28,}"
        rf"|{_QUOTE}username{_QUOTE}:\s{{0,9}}{_QUOTE}[^\"\s]{{1,80}}{_QUOTE},\s{{0,9}}"
        rf"{_QUOTE}key{_QUOTE}:\s{{0,9}}{_QUOTE}([0-9a-f]{{32}})(?![0-9a-f])",
        ("KGAT_", '"username'),
    ),
    "NVIDIA key": Shape(r"\bnvapi-[A-Za-z0-9_-]{40,}", ("nvapi-",)),
    "Groq key": Shape(r"\bgsk_[A-Za-z0-9]{40,}", ("gsk_",)),
    "xAI key": Shape(r"\bxai-[A-Za-z0-9]{40,}", ("xai-",)),
    "Perplexity key": Shape(r"\bpplx-[A-Za-z0-9]{40,}", ("pplx-",)),
    "LangSmith key": Shape(r"\blsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}", ("lsv2_",)),
    "Replicate token": Shape(r"\br8_[A-Za-z0-9]{30,}", ("r8_",)),
    "Databricks token": Shape(r"\bdapi[0-9a-f]{32}(?:-\d)?", ("dapi",)),
    "PyPI token": Shape(r"pypi-[A-Za-z0-9_-]{50,}", ("pypi-",)),
    "npm token": Shape(r"npm_[A-Za-z0-9]{36}", ("npm_",)),
    "npm login": Shape(r"_auth(?:Token)?=([A-Za-z0-9+/=-]{20,})", ("_auth",)),
    "RubyGems key": Shape(r"\brubygems_[0-9a-f]{48}", ("rubygems_",)),
    "crates.io token": Shape(r"\bcio[A-Za-z0-9]{32}\b", ("cio",)),
    "NuGet key": Shape(r"\boy2[a-z0-9]{43}\b", ("oy2",)),
    "conda token": Shape(r"/t/([A-Za-z]{2}-[0-9a-f-]{36,}|[0-9a-f-]{32,})/", ("/t/",)),
    "Docker token": Shape(r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}", ("dckr_",)),
    "Docker login": Shape(
        rf"\"auth{_QUOTE}:\s{{0,9}}{_QUOTE}([A-Za-z0-9+/]{{16,}}={{0,2}})", ('"auth',)
    ),
    "JFrog key": Shape(r"\bAKCp[A-Za-z0-9]{60,}", ("AKCp",)),
    "Sonar token": Shape(r"\bsq[apu]_[0-9a-f]{40}\b", ("sqa_", "sqp_", "squ_")),
    "CircleCI token": Shape(r"\bCCIP(?:AT|RJ)_[A-Za-z0-9_]{40,}", ("CCIP",)),
    "Buildkite token": Shape(r"\bbk(?:ua|aa|ct)_[0-9a-f]{40}\b", ("bkua_", "bkaa_", "bkct_")),
    "Prefect key": Shape(r"\bpn[bu]_[A-Za-z0-9]{36}\b", ("pnb_", "pnu_")),
    "Pulumi token": Shape(r"\bpul-[0-9a-f]{40}\b", ("pul-",)),
    "Terraform token": Shape(r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,}", (".atlasv1.",)),
    "Heroku key": Shape(r"\bHRKU-[A-Za-z0-9_-]{30,}", ("HRKU-",)),
    "Doppler token": Shape(r"\bdp\.[a-z]{2,5}\.[A-Za-z0-9._-]{40,}", ("dp.",)),
    "Supabase key": Shape(
        r"\bsbp_[0-9a-f]{40}|\bsb_secret_[A-Za-z0-9_-]{20,}", ("sbp_", "sb_secret_")
    ),
    "PlanetScale token": Shape(r"\bpscale_[a-z]{2,6}_[A-Za-z0-9_.=-]{32,}", ("pscale_",)),
    "Stripe key": Shape(
        r"[rs]k_(?:org_)?(?:live|test)_[A-Za-z0-9]{16,}|\bwhsec_[A-Za-z0-9+/]{24,}={0,2}",
        ("k_live_", "k_test_", "k_org_", "whsec_"),
    ),
    "Square token": Shape(r"\bsq0(?:atp|csp|idp)-[A-Za-z0-9_-]{22,}", ("sq0",)),
    "SendGrid key": Shape(r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}", ("SG.",)),
    "Mailgun key": Shape(r"\bkey-[0-9a-f]{32}\b", ("key-",)),
    "Mailchimp key": Shape(r"\b[0-9a-f]{32}-us\d{1,2}\b", ("-us",)),
    "Twilio key": Shape(r"\bSK[0-9a-f]{32}\b", ("SK",)),
    "Shopify token": Shape(r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}", ("shp",)),
    "DigitalOcean token": Shape(r"do[opr]_v1_[0-9a-f]{64}", ("_v1_",)),
    "Vault token": Shape(r"\bhv[sbr]\.[A-Za-z0-9_-]{24,}", ("hvs.", "hvb.", "hvr.")),
    "Notion token": Shape(
        r"ntn_[A-Za-z0-9]{40,}|\bsecret_(?=[A-Za-z]{0,42}\d)[A-Za-z0-9]{43}\b", ("ntn_", "secret_")
    ),
    "Linear key": Shape(r"\blin_(?:api|oauth)_[A-Za-z0-9]{32,}", ("lin_",)),
    "Airtable token": Shape(r"\bpat[A-Za-z0-9]{14}\.[0-9a-f]{64}\b", ("pat",)),
    "Figma token": Shape(r"\bfig[dour]_[A-Za-z0-9_-]{40,}", ("figd_", "figo_", "figu_", "figr_")),
    "Postman key": Shape(r"\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}", ("PMAK-",)),
    "Mapbox token": Shape(r"\bsk\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}", ("sk.eyJ",)),
    "Adafruit key": Shape(r"\baio_[A-Za-z0-9]{28}\b", ("aio_",)),
    "Facebook token": Shape(r"\bEAA[A-Za-z0-9]{80,}", ("EAA",)),
    "Sentry token": Shape(r"\bsntry[su]_[A-Za-z0-9+/=_-]{40,}", ("sntry",)),
    "New Relic key": Shape(r"\bNRAK-[A-Z0-9]{27}\b", ("NRAK-",)),
    "Dynatrace token": Shape(r"\bdt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64}\b", ("dt0",)),
    "Atlassian token": Shape(r"\bAT(?:ATT|CTT)3[A-Za-z0-9_=-]{40,}", ("ATATT3", "ATCTT3")),
    "Grafana token": Shape(
        r"\bglsa_[A-Za-z0-9]{32}_[0-9a-f]{8}|\bglc_[A-Za-z0-9+/]{32,}={0,2}", ("glsa_", "glc_")
    ),
    "Tailscale key": Shape(r"\btskey-[a-z]+-[A-Za-z0-9-]{20,}", ("tskey-",)),
    "age key": Shape(r"AGE-SECRET-KEY-1[A-Z0-9]{50,}", ("AGE-SECRET-KEY-1",)),
    "JSON web token": Shape(
        r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\."
        r"(?:eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"
        r"|[A-Za-z0-9_-]{0,2000}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,})",
        ("eyJ",),
    ),
}
"""Tokens and keys. Each of them has at least sixteen letters, digits, `_` or `-` in a row."""

SIGNS: Final = tuple((sign, what) for what, shape in TOKENS.items() for sign in shape.signs)
"""What tells that a text may have a token, each with the sort that it tells of."""

CREDENTIALS: Final[Mapping[str, str]] = {
    "password in an address": r"://[^\s/@:'\"]{0,200}:([^\s/'\"]{1,500})(?=@)",
    "login in an address": r"://([A-Za-z0-9_.~%-]{20,200})(?=@)",
    "password in the parameters of an address": (
        r"(?i)(?<=[?&])(?:password|passwd|pwd)=([^\s&#'\"\\\[]{4,200})"
    ),
    "key in an address": (
        r"(?i)(?<=[?&])(?:[a-z_-]{0,20}(?:token|api_?key|secret|signature|password)|key|sig)="
        r"([^\s&#'\"\\]{16,})"
    ),
    "password in a connection string": (
        r"(?i)\b(?:host|server|data source|user|user id|uid|username|dbname|database)\s?="
        r"[^;'\"\n]{1,200}?[;\s](?:password|pwd)\s?=\s?"
        r"('[^'\n\[]{4,200}'|\{[^}\n\[]{4,200}\}|[^;\s'\"\[{]{4,200})"
        r"|\b(?:password|pwd)\s?=\s?([^;\s'\"\[{]{4,200})"
        r"(?=[;\s]\s?(?:host|server|user|user id|uid|dbname|database)\s?=)"
    ),
    "password in a line of .netrc": (
        r"\bmachine\s{1,9}\S{1,200}\s{1,9}login\s{1,9}\S{1,200}\s{1,9}password\s{1,9}([^\s\[]{4,200})"
    ),
    "authorization": (
        rf"(?i)authorization{_QUOTE}\s{{0,9}}[:=,]\s{{0,9}}{_QUOTE}"
        r"(?:basic|bearer|token|digest|apikey)\s"
        r"([A-Za-z0-9._~+/=-]{8,})"
    ),
    "key in a header": (
        r"(?i)\b(?:x-api-key|x-auth-token|private-token|job-token|api-key)"
        rf"{_QUOTE}\s{{0,9}}[:,]\s{{0,9}}{_QUOTE}([A-Za-z0-9._~+/=-]{{16,}})"
    ),
    "bearer token": r"(?i)bearer ([A-Za-z0-9._~+/-]{20,}=*)",
}
"""What stands in a text for a password, by what is around it; the group is the secret."""

CREDENTIAL_SIGNS: Final = (
    *("://", "passw", "pwd", "authorization", "bearer ", "sig="),
    *("api-key", "auth-token", "private-token", "job-token"),
)
"""Texts, in lower case, of which one is in each text with such credentials."""

PRIVATE_KEY: Final = "private key"
KEY_SIGN: Final = "-----BEGIN "
KEY_BEGINS: Final = r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
KEY_ENDS: Final = r"-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
