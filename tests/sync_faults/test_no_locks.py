"""S11: the tests of the SQLite store once more, where every lock on its file is refused."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.table import SayRow
from tests.processes import unmeasured
from tests.shim.build import no_locks, on_path, shim_env
from tests.sync_faults.syncs import ROOT

pytestmark = [pytest.mark.sync_faults, pytest.mark.timeout(300)]

SUITE = ("tests/backends/test_backend_contract.py", "-k", "sqlite", "-m", "", "-o", "timeout=60")


def test_the_tests_of_the_store_where_locks_fail(shim: Path, tmp_path: Path, row: SayRow) -> None:
    """A network file system may refuse them: the store keeps all the same what targets promise."""
    place = tmp_path / "tests"
    refused = {**unmeasured(), **shim_env(shim, no_locks(), on_path(place))}
    refused.pop("PYTEST_ADDOPTS", None)
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *SUITE, "--rounds", "0.1", "--basetemp", str(place)],
        cwd=ROOT,
        env={name: said for name, said in refused.items() if not name.startswith("PYTEST_XDIST")},
        check=False,
        capture_output=True,
        text=True,
        timeout=240,
    )
    passed = re.search(r"(\d+) passed", done.stdout)
    failed = re.search(r"(\d+) (failed|error)", done.stdout)
    count = int(passed[1]) if passed else 0
    row(
        "S11",
        "sqlite, locks refused: the tests that every target has to pass",
        tries=count,
        result=f"{count} passed, {failed[1] if failed else 0} failed",
        passes="all passed",
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert count
