from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
USER_CODE = HERE / "user_code.py"
MYPY = ["-m", "mypy", "--strict", str(USER_CODE)]
PYRIGHT = ["-m", "pyright", "--pythonpath", sys.executable, "--project", str(HERE)]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("checker", [MYPY, PYRIGHT], ids=["mypy", "pyright"])
def test_user_code_type_checks(checker: list[str]) -> None:
    """Ordinary code passes a strict checker, and mistakes in it do not."""
    done = subprocess.run(
        [sys.executable, *checker], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
