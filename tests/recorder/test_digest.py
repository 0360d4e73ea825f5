"""The SHA-256 of files and large values."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.digest import SHORT, sha256_hex
from tests.processes import RunPython


@pytest.mark.parametrize("has_own", [True, False])
@given(data=st.binary() | st.integers(SHORT - 1, SHORT + 1).map(bytes))
def test_it_is_the_same_whoever_computes_it(data: bytes, *, has_own: bool) -> None:
    """Python's own, for few bytes, where there is one, or OpenSSL's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, "hashlib")
        if not has_own:
            for name in ("_sha2", "_sha256"):
                patch.setitem(sys.modules, name, None)
        assert sha256_hex(data) == hashlib.sha256(data).hexdigest()


def test_one_of_pythons_own_is_there() -> None:
    """Where Python renames it, somebody has to look."""
    assert any(importlib.util.find_spec(name) for name in ("_sha2", "_sha256"))


def test_a_plain_run_does_without_openssl(run_python: RunPython) -> None:
    """It takes as much memory as the last records that are kept."""
    loaded = run_python(
        """
import json, sys, time
from pathlib import Path

before = set(sys.modules)
import airtape

run = airtape.init(mode="offline", settings={"silent": True})
run.log({"loss": 0.5})
while not Path(run.sync_dir, "files", "requirements.txt").exists():
    time.sleep(0.01)
run.finish()
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    )
    assert "_hashlib" not in json.loads(loaded.stdout)
