from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from airtape.query.columns import ALIASES, COLUMNS, STATES
from airtape.query.filters import parse
from airtape.query.mappings import filter_of
from airtape.query.order import parse_order
from tests.query.conftest import MakeRun

DOCS = Path(__file__).parents[2] / "docs"
FILTERS = (DOCS / "FILTERS.md").read_text(encoding="utf-8")
API = (DOCS / "API_LOCAL.md").read_text(encoding="utf-8")


def _blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def test_every_filter_in_the_docs_is_understood() -> None:
    """The examples, those of the commands, and the dictionaries of W&B."""
    (examples,) = _blocks(FILTERS, "text")
    (commands,) = _blocks(FILTERS, "sh")
    (mappings,) = _blocks(FILTERS, "python")
    texts = [*examples.splitlines(), *re.findall(r"--filter '(.*?)'", commands)]
    prose = re.sub(r"```.*?```", "", FILTERS, flags=re.DOTALL)
    texts += re.findall(r"`((?:not )?\w+ !?[=<>]+ [^`\n]+)`", prose)
    assert len(texts) > 10
    for text in texts:
        parse(text)
    for line in mappings.splitlines():
        filter_of(ast.literal_eval(line))
    for order in ("created_at", "-summary.loss", "+config.lr", "-step"):
        assert order in FILTERS
        parse_order(order)


def test_every_column_is_in_the_docs() -> None:
    """Columns and states that can be asked for are described."""
    named = set(re.findall(r"`([\w.]+)`", FILTERS))
    assert set(COLUMNS) <= named
    assert named.issuperset(set(STATES) - {"preempting", "pending"})
    table = FILTERS.partition("## Columns")[2].partition("## Comparing")[0]
    written = {name for name in re.findall(r"`(\w+)`", table) if name not in COLUMNS}
    assert written - set(STATES) <= set(ALIASES)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_examples_of_the_api_run(make_run: MakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    """Reading and changing a run works as the page shows it."""
    make_run()
    reading, changing = _blocks(API, "python")
    names: dict[str, Any] = {}
    exec(reading.replace("val/acc", "eval/acc"), names)  # noqa: S102 - it is our own page
    exec(changing, names)  # noqa: S102 - it is our own page
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "lion-ab12cd34 0.1 4"
    assert len(shown) == 6
    run = names["api"].run("ab12cd34")
    assert (run.tags, run.config["dataset"]) == (["best", "best"], "v2")
    assert run.summary["test/acc"] == 0.91
