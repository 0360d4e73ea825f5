"""A pytest plugin: says at the end of ``make oracle`` how much of wandb's behaviour is there."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.oracle.allowed import load


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
    deliberate, later = map(sum, zip(*found, strict=True))
    equal = found.count([0, 0])
    partly = sum(1 for _, places in found if places)
    topics = Counter(allowed.later.values()).most_common()
    write = terminalreporter.write_line
    terminalreporter.section("compared with wandb 0.31")
    write(f"{equal:4} scenarios equal")
    write(f"{len(found) - equal - partly:4} deliberately different")
    write(f"{partly:4} partly not there yet")
    write(f"{len(allowed.later):4} not there yet: {', '.join(f'{t} {n}' for t, n in topics)}")
    write(
        f"{deliberate} places differ deliberately and {later} for now, beside the "
        f"{len(allowed.everywhere)} of every run: tests/oracle/differences.json"
    )
