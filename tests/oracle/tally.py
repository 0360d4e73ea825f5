"""A pytest plugin: says at the end of ``make oracle`` how much of wandb's behaviour is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import chain

import pytest

from tests.oracle.allowed import EXPECTED_LATER, load


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many scenarios are equal, deliberately different, and not there yet."""
    found = [
        said
        for report in terminalreporter.getreports("passed")
        for name, said in report.user_properties
        if name == "oracle"
    ]
    if not found:
        return
    allowed = load()
    parts = [{topic for topics in later for topic in topics} for _, later in found]
    equal = sum(1 for deliberate, later in found if not deliberate and not later)
    partly = sum(map(bool, parts))
    write = terminalreporter.write_line
    terminalreporter.section("compared with wandb 0.31")
    write(f"{equal:4} scenarios equal")
    write(f"{len(found) - equal - partly:4} deliberately different")
    write(
        f"{len(allowed.missing - EXPECTED_LATER):4} topics missing, but for those that come later:"
    )
    write(f"{partly:4} scenarios lack a part: {_counted(chain.from_iterable(parts))}")
    write(f"{len(allowed.later):4} are not compared yet: {_counted(allowed.later.values())}")
    write(
        f"{sum(deliberate for deliberate, _ in found)} places differ deliberately and "
        f"{sum(len(later) for _, later in found)} for now, beside the {len(allowed.everywhere)} of "
        "every run: tests/oracle/differences.json"
    )


def _counted(topics: Iterable[str]) -> str:
    return ", ".join(f"{topic} {count}" for topic, count in Counter(topics).most_common())
