from __future__ import annotations

import json
import os
from collections import UserDict
from collections.abc import Iterator
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.errors import InvalidDataError
from airtape.redaction import LONGEST_KEY, Redaction, without_login
from airtape.secret_shapes import TOKENS as TOKEN_SHAPES
from airtape.secret_values import is_secret

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
    "basic": f"Authorization: Basic {LETTERS[:24]}==",
    "header of a program": f"{{'Authorization': 'token {LETTERS[:40]}'}}",
    "login": f"https://{LETTERS[:40]}@example.org/r.git",
    "query": f"https://example.org/data?version=2&access_token={LETTERS[:24]}",
    "signed": f"https://x.s3.amazonaws.com/y?X-Amz-Signature={DIGITS[:64]}",
    "ADO": f"Server=db;User Id=ada;Password={LETTERS[:14]};Encrypt=true",
    "libpq": f"host=db user=ada password={LETTERS[:14]}",
    "AWS file": f"SecretAccessKey: {LETTERS[:40]}",
    "AWS file in JSON": f'"{{\\"SecretAccessKey\\": \\"{LETTERS[:40]}\\"}}"',
    "header in JSON": f'"{{\\"Authorization\\": \\"Basic {LETTERS[:24]}==\\"}}"',
    "kaggle.json in JSON": f'"{{\\"username\\": \\"ada\\", \\"key\\": \\"{DIGITS[:32]}\\"}}"',
    "Azure client": f"{LETTERS[:3]}8Q~{LETTERS[:34]}",
    "W&B server": f"local-{DIGITS[:40]}",
    "Neptune": f"eyJhcGlf{LETTERS[:60]}=",
    "Kaggle": f"KGAT_{DIGITS[:32]}",
    "NVIDIA": f"nvapi-{LETTERS[:64]}",
    "Groq": f"gsk_{LETTERS[:52]}",
    "xAI": f"xai-{LETTERS[:80]}",
    "Perplexity": f"pplx-{LETTERS[:48]}",
    "LangSmith": f"lsv2_pt_{DIGITS[:32]}_{DIGITS[:10]}",
    "conda": f"https://conda.anaconda.org/t/{LETTERS[:2].replace('3', 'x')}-{DIGITS[:36]}/ada",
    "Atlassian": f"ATATT3{LETTERS[:80]}",
    "Grafana": f"glsa_{LETTERS[:32]}_{DIGITS[:8]}",
    "Tailscale": f"tskey-auth-{LETTERS[:30]}",
    "age": f"AGE-SECRET-KEY-1{LETTERS[:58].upper()}",
    "address": f"postgresql://ada:{LETTERS[:16]}@db.example.org/runs",
    "address with an at sign": f"https://ada:{LETTERS[:12]}@{LETTERS[12:24]}@example.org/r.git",
    "GitHub app, stateless": f"ghs_123456_eyJ{LETTERS[:40]}.eyJ{LETTERS[:60]}.{LETTERS[:43]}",
    "GitLab runner": f"GR1348941{LETTERS[:20]}",
    "Bitbucket": f"ATBB{LETTERS[:32]}",
    "Azure DevOps": f"{LETTERS[:76]}AZDO{LETTERS[:4]}",
    "Azure service bus": f"SharedAccessKeyName=all;SharedAccessKey={LETTERS[:43]}=",
    "AWS session": f"aws_session_token = IQoJb3JpZ2luX2Vj{LETTERS * 2}==",
    "AWS session of old": f'"SessionToken": "FwoGZXIvYXdz{LETTERS * 2}"',
    "Gemini": f"AQ.{LETTERS[:50]}",
    "Google refresh": f"1//0{LETTERS[:60]}",
    "Slack rotated": f"xoxe.xoxp-1-{LETTERS[:80]}",
    "Slack browser": f"xoxd-{LETTERS[:60]}",
    "Cerebras": f"csk-{LETTERS[:48]}",
    "Voyage": f"pa-{LETTERS[:43]}",
    "Together": f"tgp_v1_{LETTERS[:43]}",
    "Fireworks": f"fw_{LETTERS[:24]}",
    "ElevenLabs": f"sk_{DIGITS[:48]}",
    "Pinecone": f"pcsk_{LETTERS[:60]}",
    "Modal": f"ak-{LETTERS[:22]}",
    "RunPod": f"rpa_{LETTERS[:44]}",
    "kaggle.json": f'{{"username":"ada","key":"{DIGITS[:32]}"}}',
    "npm file": f"//registry.npmjs.org/:_authToken={LETTERS[:36]}",
    "npm login": f"_auth={LETTERS[:28]}==",
    "RubyGems": f"rubygems_{DIGITS[:48]}",
    "crates.io": f"cio{LETTERS[:32]}",
    "NuGet": f"oy2{DIGITS[:43]}",
    "Docker login": f'{{"auths":{{"ghcr.io":{{"auth":"{LETTERS[:36]}=="}}}}}}',
    "JFrog": f"AKCp{LETTERS[:69]}",
    "Sonar": f"sqp_{DIGITS[:40]}",
    "CircleCI": f"CCIPAT_{LETTERS[:22]}_{DIGITS[:40]}",
    "Buildkite": f"bkua_{DIGITS[:40]}",
    "Prefect": f"pnu_{LETTERS[:36]}",
    "Pulumi": f"pul-{DIGITS[:40]}",
    "Terraform": f"{LETTERS[:14]}.atlasv1.{LETTERS[:67]}",
    "Heroku": f"HRKU-{LETTERS[:36]}",
    "Doppler": f"dp.pt.{LETTERS[:43]}",
    "Supabase": f"sbp_{DIGITS[:40]}",
    "PlanetScale": f"pscale_tkn_{LETTERS[:43]}",
    "Stripe webhook": f"whsec_{LETTERS[:32]}",
    "Stripe organisation": f"sk_org_live_{LETTERS[:24]}",
    "Square": f"sq0atp-{LETTERS[:22]}",
    "Mailgun": f"key-{DIGITS[:32]}",
    "Mailchimp": f"{DIGITS[:32]}-us12",
    "Notion of old": f"secret_{LETTERS[:43]}",
    "Linear": f"lin_api_{LETTERS[:40]}",
    "Airtable": f"pat{LETTERS[:14]}.{DIGITS[:64]}",
    "Figma": f"figd_{LETTERS[:40]}",
    "Postman": f"PMAK-{DIGITS[:24]}-{DIGITS[:34]}",
    "Mapbox": f"sk.eyJ{LETTERS[:60]}.{LETTERS[:22]}",
    "Adafruit": f"aio_{LETTERS[:28]}",
    "Facebook": f"EAA{LETTERS[:90]}",
    "Sentry": f"sntrys_{LETTERS[:80]}",
    "New Relic": f"NRAK-{LETTERS[:27].upper()}",
    "Dynatrace": f"dt0c01.{LETTERS[:24].upper()}.{LETTERS[:64].upper()}",
    "encrypted web token": (f"eyJhbGciOiJkaXIi..{LETTERS[:16]}.{LETTERS[:60]}.{LETTERS[:22]}"),
    "short bearer": f"Authorization: Bearer {LETTERS[:14]}",
    "header of a service": f"'X-Api-Key': '{LETTERS[:32]}'",
    "JDBC": f"jdbc:mysql://db/runs?user=ada&password={LETTERS[:12]}",
    "libpq, password first": f"password={LETTERS[:14]} host=db user=ada",
    "libpq, in quotes": f"host=db user=ada password={{{LETTERS[:14]};x}}",
    "netrc": f"machine example.org login ada password {LETTERS[:14]}",
}
"""Texts of the shape that tokens have, none of which was ever given out."""


@pytest.mark.parametrize("text", TOKENS.values(), ids=TOKENS)
def test_a_secret_is_known_by_its_shape(text: str) -> None:
    """Nothing of it stays, what stands around it does, and it is counted."""
    redaction = Redaction({})
    told = redaction.lines(f"--- before\n+x = '{text}' # after\n", "diff.patch")
    assert told.startswith("--- before\n+x = '")
    assert told.endswith(" # after\n")
    assert "[redacted: " in told
    assert not any(text[at : at + 12] in told for at in range(len(text) - 12) if _random(text, at))
    assert [found.total() for found in redaction.found.values()] == [1]
    assert redaction.lines(told, "again") == told


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
        "https://example.org/search?key=short&max_tokens=512",
        "ssh://git@example.org/r.git",
        "[PAD] <|endoftext|> validation_loss experiment-12",
        "password=hunter2hunter2",
        "git@example.org:team/repo.git",
        "risk-adjusted-return-on-capital-of-the-year",
        "pa-performance-attention-module-v2-of-the-next-year",
        "secret_" + "santa" * 9,
        "as-a-service key-value-store-of-attention-layers fw_forward_backward_latency",
        "model.pat_embed.proj.weight commit-us12 AQ.txt lin_probe aio_pika",
        '{"username": "ada", "key": "validation_loss"}',
        "https://example.org/login?user=ada&password=",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    """Names and things that look a little like tokens are kept."""
    redaction = Redaction(
        {
            "MAX_TOKENS": "512",
            "TOKENIZERS_PARALLELISM": "false",
            "PAD_TOKEN": "[PAD]",
            "EOS_TOKEN": "<|endoftext|>",
            "SORT_KEY": "validation_loss",
            "GROUP_KEY": "experiment-12",
        }
    )
    assert redaction(text, "args") == text
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
    assert redaction(text, "args") == (
        "run [redacted: value of MY_SERVICE_TOKEN] '[redacted: value of DB_PASSWORD]' "
        "/tmp/agent true 12345678 some-editor"
    )


def test_passwords_of_netrc_are_secrets(tmp_path: Path) -> None:
    """Those of the user's file, or of the one that a variable names."""
    (tmp_path / ".netrc").write_text("machine a login ada password 0123456789abc\n")
    (tmp_path / "other").write_text("machine b\n  login ada\n  password zyxwvutsrq\n")
    assert Redaction({}, tmp_path)("0123456789abc", "args") == "[redacted: password of .netrc]"
    redaction = Redaction({"NETRC": str(tmp_path / "other")}, tmp_path)
    told = redaction("zyxwvutsrq 0123456789abc", "args")
    assert told == "[redacted: password of .netrc] 0123456789abc"


def test_passwords_of_pgpass_are_secrets(tmp_path: Path) -> None:
    """The last part of each line, with what is escaped in it."""
    (tmp_path / ".pgpass").write_text("# db:5432:x:y:no-secret\n*:*:*:ada:a\\:b\\\\c-0123\n")
    (tmp_path / "other").write_text("db:5432:runs:ada:zyxwvutsrq\n")
    told = Redaction({}, tmp_path)("a:b\\c-0123 no-secret", "args")
    assert told == "[redacted: password of .pgpass] no-secret"
    redaction = Redaction({"PGPASSFILE": str(tmp_path / "other")}, tmp_path)
    assert redaction("zyxwvutsrq", "args") == "[redacted: password of .pgpass]"


def test_a_file_of_passwords_that_is_a_pipe_is_passed_over(tmp_path: Path) -> None:
    """Nobody waits for somebody to write into it."""
    os.mkfifo(tmp_path / ".netrc")
    assert Redaction({}, tmp_path)("text", "args") == "text"


def test_a_secret_is_found_as_programs_write_it() -> None:
    """In JSON, in an address, a line of it alone."""
    key = "-----BEGIN X-----\n" + KEY_BODY + "\n-----END X-----"
    redaction = Redaction({"DB_PASSWORD": 'ab"cd ef/12', "DEPLOY_PRIVATE_KEY": key})
    mark = "[redacted: value of DB_PASSWORD]"
    assert redaction(json.dumps({"p": 'ab"cd ef/12'}), "code") == f'{{"p": "{mark}"}}'
    assert redaction("x/ab%22cd%20ef%2F12/y", "code") == f"x/{mark}/y"
    assert redaction(f"+{KEY_BODY}", "code") == "+[redacted: value of DEPLOY_PRIVATE_KEY]"


def test_a_secret_of_any_bytes_is_found_as_it_is_recorded() -> None:
    """As it stands in variables, and with a mark for what is no text."""
    redaction = Redaction({"DB_PASSWORD\udcff": "p\udcffssword-123"})
    mark = "[redacted: value of DB_PASSWORD\ufffd]"
    told = redaction("p\udcffssword-123 p\ufffdssword-123 p%FFssword-123", "args")
    assert told == f"{mark} {mark} {mark}"


@given(st.binary(min_size=8).map(os.fsdecode), st.binary().map(os.fsdecode))
def test_no_value_of_a_variable_is_in_the_way(value: str, around: str) -> None:
    """Whatever it is made of: a text with a secret has it no more, another one stays."""
    environ = {"MY_PASSWORD": value}
    told = Redaction(environ)(f"{around} {value} {around}", "args")
    if is_secret("MY_PASSWORD", value):
        assert f" {value} " not in told
    else:
        assert told == f"{around} {value} {around}"


def test_the_list_has_no_long_names() -> None:
    """A list that fits into no record would be no list."""
    redaction = Redaction({})
    redaction.data({"k" * 10_000: TOKENS["npm"]}, "config")
    [where] = redaction.found
    assert len(where) == 200


def test_passwords_in_addresses_of_variables_are_secrets() -> None:
    """Also where they stand alone."""
    redaction = Redaction({"DATABASE_URL": "postgresql://ada:zyxw-0123@db/runs"})
    assert redaction("ada zyxw-0123", "args") == "ada [redacted: password of DATABASE_URL]"


def test_a_secret_that_is_a_word_is_found_as_a_word_only() -> None:
    """Texts that merely have it in them stay."""
    redaction = Redaction({"DB_PASSWORD": "postgres"})
    told = redaction("postgresql://db postgres, mypostgres", "args")
    assert told == "postgresql://db [redacted: value of DB_PASSWORD], mypostgres"


def test_a_variable_that_is_set_later_counts() -> None:
    """Programs read files of variables when they have started."""
    environ: dict[str, str] = {}
    redaction = Redaction(environ)
    assert redaction("tuvwxyz-0123", "args") == "tuvwxyz-0123"
    environ["MY_TOKEN"] = "tuvwxyz-0123"  # noqa: S105 - an example
    assert redaction("tuvwxyz-0123", "args") == "[redacted: value of MY_TOKEN]"


class Changing(UserDict[str, str]):
    """Variables that another thread changes while they are looked at, the first time."""

    looked = 0

    def __iter__(self) -> Iterator[str]:
        self.looked += 1
        if self.looked == 1:
            raise RuntimeError("dictionary changed size during iteration")
        return super().__iter__()


def test_variables_that_change_at_the_moment_are_asked_again() -> None:
    """Nobody's program ends for it."""
    environ = Changing({"MY_TOKEN": "tuvwxyz-0123"})
    redaction = Redaction(environ)
    assert redaction("text", "args") == "text"
    assert redaction("tuvwxyz-0123", "args") == "[redacted: value of MY_TOKEN]"


def test_keys_of_aws_may_look_like_paths() -> None:
    """They begin with a slash now and then; paths of variables are no secrets."""
    secret = "/" + LETTERS[:39]
    redaction = Redaction({"AWS_SECRET_ACCESS_KEY": secret, "SECRET_DIR": "/srv/secrets"})
    told = redaction(f"{secret} /srv/secrets", "args")
    assert told == "[redacted: value of AWS_SECRET_ACCESS_KEY] /srv/secrets"


def test_data_lose_the_secrets_in_their_texts_and_keep_their_names() -> None:
    """At any depth; what has none is the same object."""
    token = TOKENS["Hugging Face"]
    data = {"max_tokens": 512, "hub": {"auth": [1, token], token: "x"}, "lr": [0.1, 0.2]}
    redaction = Redaction({})
    told = redaction.data(data, "config")
    assert told == {**data, "hub": {"auth": [1, "[redacted: Hugging Face token]"], token: "x"}}
    assert told["lr"] is data["lr"]
    assert redaction.found == {"config.hub.auth": {"Hugging Face token": 1}}
    plain = {"a": [{"b": "text"}], "c": None}
    assert redaction.data(plain, "config") is plain


def test_data_nested_too_deep_are_refused() -> None:
    """With the error that a program gets for such data anyway."""
    data: list[object] = [1, "text"]
    for _ in range(5000):
        data = [data]
    with pytest.raises(InvalidDataError, match="nested too deep"):
        Redaction({}).data(data, "history")


def test_the_list_says_where_and_how_often() -> None:
    """News are told once; the list is complete when it was asked for."""
    news: list[tuple[str, str]] = []
    redaction = Redaction({}, on_news=lambda where, what: news.append((where, what)))
    assert redaction.is_listed
    for _ in range(3):
        redaction(TOKENS["npm"], "console")
    assert news == [("console", "npm token")]
    assert (redaction.is_listed, redaction.has_news) == (False, True)
    assert redaction.listed() == {"console": {"npm token": 3}}
    redaction(TOKENS["npm"], "console")
    assert (redaction.is_listed, redaction.has_news) == (False, False)


def test_the_list_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many places the first ones are listed by name."""
    monkeypatch.setattr("airtape.redaction.MAX_PLACES", 2)
    redaction = Redaction({})
    for place in "abcd":
        redaction(TOKENS["npm"], place)
    found = {place: sum(counts.values()) for place, counts in redaction.found.items()}
    assert found == {"a": 1, "b": 1, "elsewhere": 2}


def test_nothing_is_taken_out_where_nobody_wants_it() -> None:
    """Texts and data are returned as they are."""
    redaction = Redaction({}, wanted=False)
    token = TOKENS["npm"]
    assert redaction(token, "a") == redaction.lines(token, "a") == token
    assert redaction.data({"x": token}, "a") == {"x": token}


def test_private_keys_in_one_line_are_known() -> None:
    """As JSON and variables hold them."""
    key = f"-----BEGIN PRIVATE KEY-----\\n{KEY_BODY}\\n-----END PRIVATE KEY-----"
    assert Redaction({})(key, "config") == "[redacted: private key]"
    assert Redaction({})(key.replace("\\n", "\n"), "config").count(KEY_BODY) == 0


def test_private_keys_keep_their_lines_only() -> None:
    """A patch with a key in it has as many lines afterwards, and goes on behind the key."""
    lines = ["+-----BEGIN RSA PRIVATE KEY-----", *["+" + KEY_BODY] * 5]
    lines += ["+-----END RSA PRIVATE KEY-----", "+after"]
    redaction = Redaction({})
    told = redaction.lines("\n".join(lines) + "\n", "diff.patch").splitlines()
    assert told == ["+[redacted: private key]"] * 7 + ["+after"]
    assert redaction.found == {"diff.patch": {"private key": 1}}


def test_the_beginning_of_a_key_alone_hides_little() -> None:
    """A program that looks for keys is no key: not all of its text goes."""
    text = "if '-----BEGIN PRIVATE KEY-----' in line:\n" + "x = 1\n" * 1000
    assert Redaction({}).lines(text, "code").count("x = 1\n") == 1001 - LONGEST_KEY


@given(st.text())
def test_text_without_secrets_stays_as_it_is(text: str) -> None:
    """Whatever else is in it, line ends of all sorts included."""
    assert Redaction({}).lines(text, "code") == text
    assert Redaction({})(text, "config") == text


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


@pytest.mark.timeout(60)
def test_no_text_takes_longer_than_its_length() -> None:
    """Whatever a program logs, nobody waits for the search: it takes linear time."""
    redaction = Redaction({})
    signs = sorted({sign for shape in TOKEN_SHAPES.values() for sign in shape.signs})
    parts = [sign + tail for sign in signs for tail in ("", "0." + "A" * 20)]
    parts += ["://a:", "://", "host=a password=", "user=password=", "?token=", "bearer ", "&a_"]
    parts += [
        "machine a login ",
        "password=a ",
        "?password=",
        "x-api-key:",
        "password={",
        "eyJ000..",
    ]
    for part in parts:
        text = part * (20_000 // len(part)) + " password authorization: basic ://"
        assert any(_seconds(redaction, text) < 0.05 for _ in range(3)), part


def _seconds(redaction: Redaction, text: str) -> float:
    began = process_time()
    redaction(text, "history")
    return process_time() - began
