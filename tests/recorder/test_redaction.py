from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.redaction import LONGEST_KEY, Redaction, without_login

LETTERS = "Ab3dEf6hIj9lMn2pQr5tUv8xYz1Bc4eFg7iJk0mNo3qRs6uVw9yZa2cDe5gHi8kLm1oPq4sTu7wXy0Ba3dEf6hI"
DIGITS = "0123456789abcdef" * 6
KEY_BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"

TOKENS = {
    "GitHub": f"ghp_{LETTERS[:36]}",
    "GitHub app": f"ghs_{LETTERS[:36]}",
    "GitHub fine-grained": f"github_pat_{LETTERS[:22]}_{LETTERS[:59]}",
    "GitLab": f"glpat-{LETTERS[:20]}",
    "AWS id": "AKIA" + "Q3EXAMPLE7ABCDEF",
    "AWS secret": f"aws_secret_access_key = {LETTERS[:40]}",
    "Google": f"AIza{LETTERS[:35]}",
    "Google OAuth": f"ya29.{LETTERS[:60]}",
    "Google client": f"GOCSPX-{LETTERS[:28]}",
    "Azure storage": f"AccountKey={LETTERS[:86]}==",
    "Azure signature": f"https://x.blob.core.windows.net/c?sv=2024&sig={LETTERS[:44]}",
    "Slack": f"xoxb-123456789012-{LETTERS[:24]}",
    "Slack app": f"xapp-1-A0123-{LETTERS[:40]}",
    "Slack webhook": f"https://hooks.slack.com/services/T0123/B0123/{LETTERS[:24]}",
    "Discord webhook": f"https://discord.com/api/webhooks/123456789012345678/{LETTERS[:60]}",
    "Telegram": f"123456789:AA{LETTERS[:33]}",
    "OpenAI": f"sk-proj-{LETTERS[:48]}",
    "Anthropic": f"sk-ant-api03-{LETTERS[:60]}",
    "Hugging Face": f"hf_{LETTERS[:34]}",
    "W&B": f"wandb_v1_{LETTERS[:60]}",
    "Replicate": f"r8_{LETTERS[:37]}",
    "Databricks": f"dapi{DIGITS[:32]}",
    "PyPI": f"pypi-AgEI{LETTERS[:80]}",
    "npm": f"npm_{LETTERS[:36]}",
    "Docker": f"dckr_pat_{LETTERS[:27]}",
    "Stripe": f"sk_live_{LETTERS[:24]}",
    "SendGrid": f"SG.{LETTERS[:22]}.{LETTERS[:43]}",
    "Twilio": f"SK{DIGITS[:32]}",
    "Shopify": f"shpat_{DIGITS[:32]}",
    "DigitalOcean": f"dop_v1_{DIGITS[:64]}",
    "Vault": f"hvs.{LETTERS[:30]}",
    "Notion": f"ntn_{LETTERS[:46]}",
    "JSON web token": f"eyJhbGciOiJI.eyJzdWIiOiIx.{LETTERS[:43]}",
    "bearer": f"Authorization: Bearer {LETTERS[:40]}",
    "address": f"postgresql://ada:{LETTERS[:16]}@db.example.org/runs",
}
"""Texts of the shape that tokens have, none of which was ever given out."""


@pytest.mark.parametrize("text", TOKENS.values(), ids=TOKENS)
def test_a_secret_is_known_by_its_shape(text: str) -> None:
    """Nothing of it stays, what stands around it does, and it is counted."""
    redaction = Redaction({})
    told = redaction.lines(f"--- before\n+x = '{text}' # after\n")
    assert told.startswith("--- before\n+x = '")
    assert told.endswith(" # after\n")
    assert "[redacted: " in told
    assert not any(text[at : at + 12] in told for at in range(len(text) - 12) if _random(text, at))
    assert redaction.found.total() == 1


def _random(text: str, at: int) -> bool:
    part = text[at : at + 12]
    return part in LETTERS or part in DIGITS


@pytest.mark.parametrize(
    "text",
    [
        "--max_tokens=512",
        "pad_token=<pad>",
        "tokenizer=hf_internal",
        "commit 6fd2f0f3a0b1c4d5e6f708192a3b4c5d6e7f8091",
        "sk-learn",
        "https://example.org/a:b/c@d",
        "git@example.org:team/repo.git",
        "risk-adjusted-return-on-capital-of-the-year",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    """Names and things that look a little like tokens are kept."""
    redaction = Redaction({"MAX_TOKENS": "512", "TOKENIZERS_PARALLELISM": "false"})
    assert redaction(text) == text
    assert not redaction.found


def test_values_of_secret_variables_are_secrets() -> None:
    """Wherever they stand; switches, numbers and paths are none."""
    redaction = Redaction(
        {
            "MY_SERVICE_TOKEN": "tuvwxyz-0123",
            "DB_PASSWORD": "correct horse",
            "SSH_AUTH_SOCK": "/tmp/agent",  # noqa: S108 - an example
            "USE_AUTH": "true",
            "TOKEN_COUNT": "12345678",
            "EDITOR": "some-editor",
        }
    )
    text = "run tuvwxyz-0123 'correct horse' /tmp/agent true 12345678 some-editor"
    assert redaction(text) == (
        "run [redacted: value of MY_SERVICE_TOKEN] '[redacted: value of DB_PASSWORD]' "
        "/tmp/agent true 12345678 some-editor"
    )


def test_passwords_of_netrc_are_secrets(tmp_path: Path) -> None:
    """Those of the user's file, or of the one that a variable names."""
    (tmp_path / ".netrc").write_text("machine a login ada password 0123456789abc\n")
    (tmp_path / "other").write_text("machine b\n  login ada\n  password zyxwvutsrq\n")
    assert Redaction({}, tmp_path)("0123456789abc") == "[redacted: password of .netrc]"
    redaction = Redaction({"NETRC": str(tmp_path / "other")}, tmp_path)
    assert redaction("zyxwvutsrq 0123456789abc") == "[redacted: password of .netrc] 0123456789abc"


def test_private_keys_keep_their_lines_only() -> None:
    """A patch with a key in it has as many lines afterwards, and goes on behind the key."""
    lines = ["+-----BEGIN RSA PRIVATE KEY-----", *["+" + KEY_BODY] * 5]
    lines += ["+-----END RSA PRIVATE KEY-----", "+after"]
    redaction = Redaction({})
    told = redaction.lines("\n".join(lines) + "\n").splitlines()
    assert told == ["+[redacted: private key]"] * 7 + ["+after"]
    assert redaction.found == {"private key": 1}


def test_the_beginning_of_a_key_alone_hides_little() -> None:
    """A program that looks for keys is no key: not all of its text goes."""
    text = "if '-----BEGIN PRIVATE KEY-----' in line:\n" + "x = 1\n" * 1000
    assert Redaction({}).lines(text).count("x = 1\n") == 1001 - LONGEST_KEY


@given(st.text())
def test_text_without_secrets_stays_as_it_is(text: str) -> None:
    """Whatever else is in it, line ends of all sorts included."""
    assert Redaction({}).lines(text) == text


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://user:pw@example.com/r.git", "https://example.com/r.git"),
        ("https://token@example.com/r.git", "https://example.com/r.git"),
        ("http://example.com/a@b.git", "http://example.com/a@b.git"),
        ("git@example.com:team/r.git", "git@example.com:team/r.git"),
        ("ssh://git@example.com/r.git", "ssh://git@example.com/r.git"),
        ("/srv/git/r.git", "/srv/git/r.git"),
    ],
)
def test_an_address_loses_its_login(url: str, told: str) -> None:
    """User names of web addresses may be tokens; that of ssh is none."""
    assert without_login(url) == told
