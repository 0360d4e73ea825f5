"""No secret of a program, its user or its code reaches the run directory, or a target."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.processes import RunPython, RunTracker
from tests.recording import only_log, read_back

LETTERS = "Zk7qWm2xVb9nRt4yPc8sLd3fGh6jKw5eQu1aXz0oBi"
DIGITS = "7c1e9a4f6b2d8053" * 6


def letters(number: int, size: int) -> str:
    """Return letters and digits that stand in no other text, of any length up to 84."""
    text = f"{number:02}" + LETTERS[number:] + LETTERS[:number] + LETTERS
    return text[:size]


VARIABLES = {
    "MY_SERVICE_TOKEN": letters(1, 24),
    "DB_PASSWORD": "horse-battery-1977",
    "WANDB_API_KEY": DIGITS[:40],
    "AWS_SECRET_ACCESS_KEY": "/" + letters(2, 39),
    "SIGNING_SECRET": "staple of the correct kind",
    "DATABASE_URL": f"postgresql://ada:{letters(3, 15)}@db.example.org/runs",
    "STORE_URL": f"https://store.example.org/data?access_token={letters(4, 30)}",
    "DEPLOY_PRIVATE_KEY": f"-----BEGIN X-----\n{letters(5, 60)}\n{letters(6, 60)}\n-----END X-----",
}
PASSWORDS = {"netrc": "hunter2-of-netrc", "pgpass": "hunter2-of-pgpass"}
TOKENS = {
    "github": f"ghp_{letters(7, 36)}",
    "gitlab": f"glpat-{letters(8, 20)}",
    "hugging face": f"hf_{letters(9, 34)}",
    "openai": f"sk-proj-{letters(10, 48)}",
    "slack": f"xoxb-123456789012-{letters(11, 24)}",
    "aws": f"AKIA{letters(12, 16).upper()}",
    "google": f"AIza{letters(13, 35)}",
    "stripe": f"sk_live_{letters(14, 24)}",
    "sendgrid": f"SG.{letters(15, 22)}.{letters(16, 43)}",
    "npm": f"npm_{letters(17, 36)}",
    "pypi": f"pypi-{letters(18, 80)}",
    "databricks": f"dapi{DIGITS[3:35]}",
    "replicate": f"r8_{letters(19, 37)}",
    "jwt": f"eyJ{letters(20, 20)}.eyJ{letters(21, 20)}.{letters(22, 40)}",
    "azure": f"AccountKey={letters(23, 80)}{letters(24, 6)}==",
    "webhook": f"https://hooks.slack.com/services/T01/B01/{letters(25, 24)}",
    "bearer": f"Authorization: Bearer {letters(26, 40)}",
    "basic": f"Authorization: Basic {letters(27, 24)}==",
    "connection": f"Server=db;User Id=ada;Password={letters(28, 14)};Encrypt=true",
    "address": f"mongodb://ada:{letters(29, 16)}@db.example.org",
    "private key": (
        f"-----BEGIN RSA PRIVATE KEY-----\n{letters(30, 60)}\n-----END RSA PRIVATE KEY-----"
    ),
}
CANARIES = {
    **VARIABLES,
    **PASSWORDS,
    **TOKENS,
    "DATABASE_URL": letters(3, 15),
    "STORE_URL": letters(4, 30),
    "DEPLOY_PRIVATE_KEY": letters(5, 60),
    "azure": letters(23, 80),
    "webhook": letters(25, 24),
    "bearer": letters(26, 40),
    "basic": letters(27, 24),
    "connection": letters(28, 14),
    "address": letters(29, 16),
    "private key": letters(30, 60),
}
"""What nobody may find, by the sort of secret that it is or stands in."""

HARMLESS = {
    "max_tokens": 512,
    "pad_token": "<|endoftext|>",
    "tokenizer": "bert-base-uncased",
    "key_metric": "validation_loss",
    "secret_sauce": "a little salt",
    "password_length": 12,
}
"""What has the names of secrets, and is none."""

PROGRAM = """\
import json, os, sys
import airtape as wandb

told = json.load(open(sys.argv[1]))
values = list(told["secrets"].values())
run = wandb.init(
    project="tests", mode="offline", save_code=True,
    config={"all": told["secrets"], "list": values, **told["harmless"]},
    notes=" ".join(values), tags=[values[3][:60]],
)
print("\\n".join(values))
for number, value in enumerate(values):
    run.log({"n": number, "text": value, "nested": {"texts": [value], "of": {"more": value}}})
run.config.update({"later": values[-1], "whole": json.dumps(told["secrets"])})
run.summary["text"] = "\\n".join(values)
run.alert("Secrets", "; ".join(values))
run.log_code(".", include_fn=lambda path: path.endswith((".py", ".ipynb", ".env")))
sys.stderr.write(" ".join(values) + "\\n")
"""


@pytest.fixture
def repo(workdir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a remote that has a password, and secrets in what is not committed."""
    repo = tmp_path_factory.mktemp("repo")
    for name in ("notebook.ipynb", "settings.env", "train.py"):
        (repo / name).write_text(PROGRAM if name == "train.py" else "")
    ada = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
    for command in (
        ["init", "--quiet"],
        ["remote", "add", "origin", f"https://ada:{CANARIES['github']}@example.org/r.git"],
        ["add", "."],
        [*ada, "commit", "--quiet", "--message=first"],
    ):
        subprocess.run(["git", *command], cwd=repo, check=True, timeout=30)
    texts = {**VARIABLES, **PASSWORDS, **TOKENS}
    cells = [{"cell_type": "code", "source": text.splitlines(keepends=True)} for text in texts]
    cells += [{"cell_type": "code", "source": [json.dumps(texts)]}]
    (repo / "notebook.ipynb").write_text(json.dumps({"cells": cells}, indent=1))
    (repo / "settings.env").write_text("".join(f"A_{n}={text}\n" for n, text in texts.items()))
    with (repo / "train.py").open("a") as file:
        file.writelines(f"# {line}\n" for text in texts.values() for line in text.splitlines())
    (workdir / "told.json").write_text(json.dumps({"secrets": texts, "harmless": HARMLESS}))
    return repo


@pytest.mark.timeout(60)
def test_no_canary_is_found(
    repo: Path, workdir: Path, run_python: RunPython, run_tracker: RunTracker
) -> None:
    """In variables, arguments, files of passwords, git, code, config, texts and output."""
    assert len(CANARIES) >= 30
    home = Path(os.environ["HOME"])
    (home / ".netrc").write_text(f"machine a login ada password {PASSWORDS['netrc']}\n")
    (home / ".pgpass").write_text(f"db:5432:runs:ada:{PASSWORDS['pgpass']}\n")
    environ = {**os.environ, **VARIABLES, "TRACKER_DIR": str(workdir), "MAX_TOKENS": "512"}
    arguments = [*VARIABLES.values(), *TOKENS.values(), "--max_tokens=512", "--pad_token=<pad>"]
    run_python(repo / "train.py", str(workdir / "told.json"), *arguments, cwd=repo, env=environ)
    run_tracker("sync", "wandb", cwd=workdir, env=environ)

    places = [path for path in (workdir / "wandb").rglob("*") if path.is_file()]
    for path in places:
        content = path.read_bytes()
        found = [name for name, value in CANARIES.items() if value.encode() in content]
        assert not found, path.relative_to(workdir)
    names = {path.name for path in places}
    assert names >= {"diff.patch", "notebook.ipynb", "settings.env", "train.py", "tracker.db"}

    fold = read_back(only_log(workdir)).fold
    assert HARMLESS.items() <= fold.config.items()
    assert fold.metadata["args"][-2:] == ["--max_tokens=512", "--pad_token=<pad>"]
    redacted = fold.metadata["redacted"]
    assert redacted["code/settings.env"]["GitHub token"] == 1
    assert redacted["diff.patch"]["password of .netrc"] >= 1
    assert redacted["metadata.args"]["private key"] == 1
    assert redacted["config.all.DB_PASSWORD"] == {"value of DB_PASSWORD": 1}
